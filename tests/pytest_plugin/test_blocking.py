"""The network block for tests: what is allowed, and the error otherwise."""

import socket
import sys
from urllib.parse import urlsplit

import pytest
from scripted import IDEAL, Server

import harness.sdk.clients  # noqa: F401 - pytester forgets what a run imports, and asyncio stands no second time

pytest_plugins = ["pytester"]

REACHING = """
    import socket, urllib.request
    import pytest

    def reach(url):
        asked = urllib.request.Request(url, headers={"Authorization": "Bearer good"})
        return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=10).status

    def test_local():
        assert reach("URL/models") == 200

    def test_name():
        socket.getaddrinfo("compat.invalid", 443)

    def test_own_server(compat_server):
        assert reach(compat_server.base_url("reference") + "/models") == 200

    def test_no_network():
        left, right = socket.socketpair()
        left.send(b"x")
        assert right.recv(1) == b"x"
        left.close()
        right.close()

    async def test_async():
        import httpx2
        async with httpx2.AsyncClient(trust_env=False) as client:
            await client.get("URL/models")
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    options = ("-p", "no:hypothesispytest", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto")
    return pytester.runpytest_inprocess(*options, "-o", "asyncio_default_fixture_loop_scope=function", *arguments)


def outcomes(told: pytest.RunResult) -> dict[str, str]:
    lines = [line.split() for line in told.outlines if "::test_" in line and line.split()[-2:-1]]
    return {line[0].rpartition("::test_")[2]: line[1] for line in lines if line[1] in {"PASSED", "FAILED"}}


def test_a_blocked_test_reaches_the_replay_server_and_no_other(pytester: pytest.Pytester) -> None:
    with Server(IDEAL) as server:
        pytester.makepyfile(REACHING.replace("URL", server.base_url))
        free = outcomes(run(pytester, "-v", "-k", "not name"))
        told = run(pytester, "-v", "--compat-block-network")
        asked = len(server.requests)
        allowed = outcomes(run(pytester, "-v", "--compat-block-network", "--compat-allowed-hosts", r"x, 127\.0\.0\.1"))
    assert set(free.values()) == {"PASSED"}
    assert asked == 2, "those of the free run"
    assert outcomes(told) == {
        "local": "FAILED", "name": "FAILED", "own_server": "PASSED", "no_network": "PASSED", "async": "FAILED",
    }  # fmt: skip
    text = told.stdout.str()
    for host in ("127.0.0.1", "compat.invalid"):
        assert f"the network is blocked in tests, and this one connects to {host}; use the client's transport" in text
    assert allowed == {**outcomes(told), "local": "PASSED", "async": "PASSED"}
    assert "guard" not in repr(socket.socket.connect), "what was put before it is gone"


def test_a_marker_blocks_one_test(pytester: pytest.Pytester) -> None:
    with Server(IDEAL) as server:
        pytester.makepyfile(
            f"""
            import socket, pytest
            from harness.pytest.blocking import NetworkBlocked
            PLACE = ("127.0.0.1", {urlsplit(server.base_url).port})

            @pytest.mark.block_network
            def test_blocked():
                with pytest.raises(NetworkBlocked):
                    socket.create_connection(PLACE)

            @pytest.mark.block_network(allowed_hosts=["localhost", "127[.]0[.]0[.]1"])
            def test_allowed():
                socket.create_connection(PLACE).close()

            @pytest.mark.block_network(allowed_hosts="localhost")
            def test_allowed_by_a_name_that_is_looked_up():
                socket.create_connection(("localhost", PLACE[1])).close()

            def test_free():
                socket.create_connection(PLACE).close()
            """
        )
        run(pytester, "--strict-markers").assert_outcomes(passed=4)


def test_a_recorder_that_records_is_let_through_and_one_that_replays_is_not(pytester: pytest.Pytester) -> None:
    with Server(IDEAL) as server:
        pytester.makepyfile(
            f"""
            ASKED = dict(json={{"model": "gpt-4o-mini", "messages": [{{"role": "user", "content": "hi"}}]}})
            URL = "{server.base_url}/chat/completions"

            def test_recorded(compat_recorder):
                with compat_recorder.http_client() as client:
                    assert client.post(URL, headers={{"Authorization": "Bearer good"}}, **ASKED).status_code == 200

            def test_beside(compat_recorder):
                import httpx2
                httpx2.post(URL, **ASKED, trust_env=False)
            """
        )
        first = run(pytester, "-v", "--compat-block-network", "--compat-record=missing", "-k", "recorded")
        assert outcomes(first) == {"recorded": "PASSED"}
        asked = len(server.requests)
        again = run(pytester, "-v", "--compat-block-network")
        assert outcomes(again) == {"recorded": "PASSED", "beside": "FAILED"}
        assert len(server.requests) == asked == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--compat-block-network", "--compat-allowed-hosts", "*.example.com"], r"no regular expression: nothing to repeat"),
        (["--compat-block-network", "--compat-live"], "--compat-live needs the network, which --compat-block-network blocks"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_a_line(pytester: pytest.Pytester, arguments: list[str], said: str) -> None:
    pytester.makepyfile("def test_it(): ...")
    told = run(pytester, *arguments)
    assert told.ret == pytest.ExitCode.USAGE_ERROR
    assert said in told.stderr.str() + told.stdout.str()
    assert "Traceback" not in told.stderr.str() + told.stdout.str()


IN_LOOPS = """
    import asyncio, socket
    import pytest

    def connect(loop):
        return loop.create_connection(asyncio.Protocol, HOST, PORT)

    def connect_found(loop):
        async def found():
            addresses = await loop.getaddrinfo("localhost", PORT, type=socket.SOCK_STREAM)
            await loop.create_connection(asyncio.Protocol, addresses[0][-1][0], PORT)
        return found()

    def datagrams(loop):
        return loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(HOST, PORT))

    def lookup(loop):
        return loop.getaddrinfo("compat.invalid", 443)

    def by_socket(loop):
        async def connected():
            with socket.socket() as own:
                own.setblocking(False)
                await loop.sock_connect(own, (HOST, PORT))
        return connected()

    @pytest.mark.parametrize("ask", [connect, connect_found, datagrams, lookup, by_socket])
    def test_uvloop(ask):
        import uvloop
        async def asked():
            await ask(asyncio.get_running_loop())
        uvloop.run(asked())

    def test_trio():
        import trio
        async def asked():
            await (await trio.open_tcp_stream(HOST, PORT)).aclose()
        trio.run(asked)

    def test_anyio():
        import anyio
        async def asked():
            await (await anyio.connect_tcp(HOST, PORT)).aclose()
        anyio.run(asked, backend="asyncio", backend_options={"use_uvloop": True})

    def test_own_server(compat_server):
        import urllib.parse, uvloop
        async def asked():
            port = urllib.parse.urlsplit(compat_server.url).port
            answer, asking = await asyncio.open_connection("127.0.0.1", port)
            asking.write(b"GET / HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\n\\r\\n")
            assert await answer.read()
            asking.close()
            await asking.wait_closed()
        uvloop.run(asked())
"""


def test_other_event_loops_are_blocked_as_well(pytester: pytest.Pytester) -> None:
    """An unknown name is not looked up even if all of 127.0.0.1 is allowed."""
    for module in ("uvloop", "trio"):
        pytest.importorskip(module)
    with Server(IDEAL) as server:
        port = urlsplit(server.base_url).port
        pytester.makepyfile(IN_LOOPS.replace("HOST", "'127.0.0.1'").replace("PORT", str(port)))
        loose = ("-W", "ignore", "--compat-block-network")  # what was opened in a run that fails is left open
        told = run(pytester, "-v", *loose)
        allowed = outcomes(run(pytester, "-v", *loose, "--compat-allowed-hosts", r"127\.0\.0\.1|localhost"))
    ways = [f"uvloop[{way}]" for way in ("connect", "connect_found", "datagrams", "lookup", "by_socket")]
    assert outcomes(told) == {**dict.fromkeys([*ways, "trio", "anyio"], "FAILED"), "own_server": "PASSED"}
    assert told.stdout.str().count("NetworkBlocked: the network is blocked in tests, and this one connects to") >= len(
        ways
    )
    assert allowed == {**dict.fromkeys(outcomes(told), "PASSED"), "uvloop[lookup]": "FAILED"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="what Windows makes a pair of sockets of is private before 3.12")
def test_a_pair_of_sockets_that_is_made_of_a_connection_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.pytest.blocking import blocked

    monkeypatch.setattr(socket, "socketpair", socket._fallback_socketpair)  # type: ignore[attr-defined]  # noqa: SLF001
    with blocked([]):
        for one in socket.socketpair():
            one.close()
