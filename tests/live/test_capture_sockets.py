"""Any server behaviour on the wire is captured in bounded time, and is a finding, never a crash."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from itertools import accumulate

import openai
import pytest
from judging import findings
from scripted import (
    IDEAL,
    NO_HTTP,
    RETRY_AFTER,
    SILENT,
    End,
    Framing,
    Received,
    Script,
    Server,
    big_header,
    cut_chunk,
    endless,
    endless_line,
    gzip_bomb,
    html_error,
    http10,
    ideal,
    ideal_answer,
    interim,
    plays,
    redirects,
    refuses,
    resets,
    slow,
    slow_head,
    stale,
    stalls,
    too_many,
    wrong_length,
)

from harness.live.asking import Endpoint, ScenarioSender
from harness.live.capture import AsyncCapture, Limits
from harness.matrix.scenarios import SCENARIOS
from harness.recording.http_backend import sdk_backend
from harness.results import Outcome
from harness.simulate.reference import STREAM, with_body
from harness.wire.exchange import NO_ANSWER, Exchange
from harness.wire.limits import Sizes

QUICK = Limits(connect=2, idle=0.4, total=1.5, size=2_000_000, drain=0.5)


def asker_of(server: Server, limits: Limits = QUICK) -> ScenarioSender:
    return ScenarioSender(Endpoint(server.base_url, "good", "gpt-4o-mini", {}, {}), limits)


def asked(server: Server, scenario: str = "chat.stream", limits: Limits = QUICK) -> Exchange:
    with closing(asker_of(server, limits)) as sender:
        return sender.ask(SCENARIOS[scenario])[-1]


def judged(exchange: Exchange) -> dict[str, Outcome]:
    found = findings(exchange)
    assert not [finding for finding in found.values() if finding.outcome is Outcome.BROKEN]
    return {name: finding.outcome for name, finding in found.items()}


WHOLE: dict[str, Script] = {
    "as it is": IDEAL,
    "one byte at a time": slow(IDEAL, pace=0.0),
    "after 100 Continue": interim(IDEAL, 100),
    "after 103 Early Hints": interim(IDEAL, 103, ("Link", "</x>")),
    "headers line by line": slow_head(IDEAL, pace=0.02),
    "HTTP/1.0, closed at the end": http10(ideal_answer),
    "a connection that closes after it": stale(IDEAL),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_is_whole(name: str) -> None:
    with Server(WHOLE[name]) as server:
        exchange = asked(server, limits=Limits(idle=5))
        assert exchange.response.body == ideal_answer(server.requests[0]).response.body
    assert exchange.response.eof, exchange.response.error
    assert judged(exchange)["http.complete"] is Outcome.PASS


CUT: dict[str, Callable[[], Script]] = {
    "a reset in the body": lambda: resets(IDEAL, 700, body=True),
    "a chunk cut short": lambda: cut_chunk(IDEAL),
    "a length that promises more": lambda: wrong_length(ideal_answer, 100),
    "a stall in the body": lambda: stalls(IDEAL, 700, body=True),
    "a stream without end": lambda: endless(pace=0.001),
    "a line without end": lambda: endless_line(pace=0.001),
}


@pytest.mark.parametrize("name", CUT)
def test_an_answer_that_breaks_off_or_has_no_end_is_a_finding(name: str) -> None:
    with Server(CUT[name]()) as server:
        exchange = asked(server)
    assert exchange.response.status == 200
    assert not exchange.response.eof
    assert exchange.response.error
    assert exchange.response.body
    assert judged(exchange)["http.complete"] is Outcome.FAIL


NONE: dict[str, Script] = {
    "closed before a byte": SILENT,
    "no HTTP": NO_HTTP,
    "a reset before the head is whole": resets(IDEAL, 20),
    "a stall before the head is whole": stalls(IDEAL, 20),
    "a header of a megabyte": big_header(IDEAL),
}


@pytest.mark.parametrize("name", NONE)
def test_no_answer_is_no_verdict(name: str) -> None:
    with Server(NONE[name]) as server:
        exchange = asked(server)
    assert exchange.response.status == NO_ANSWER
    assert exchange.response.error
    assert set(judged(exchange).values()) == {Outcome.INCONCLUSIVE}


SMALL = with_body(STREAM, STREAM.response.body[:300] + "你好".encode() + STREAM.response.body[-200:])


def unchunked(sent: bytes) -> bytes:
    """Return the content of a chunked body, whose last chunk may be truncated."""
    body = b""
    while b"\r\n" in sent:
        size, _, sent = sent.partition(b"\r\n")
        body, sent = body + sent[: int(size, 16)], sent[int(size, 16) + 2 :]
    return body


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
@pytest.mark.thorough
def test_a_reset_after_each_byte_loses_nothing_that_came(framing: Framing) -> None:
    script = plays(SMALL, framing=framing)
    with Server() as server, closing(asker_of(server)) as sender:
        sender.ask(SCENARIOS["chat.stream"])
        wire = b"".join(step for step in script(server.requests[0]) if isinstance(step, bytes))
        start = wire.index(b"\r\n\r\n") + 4
        for size in range(len(wire) + 1):
            server.answers(resets(script, size))
            (exchange,) = sender.ask(SCENARIOS["chat.stream"])
            response, came = exchange.response, wire[start:size]
            # Where the end of the connection is that of the body, a reset is none, however late it comes.
            whole = size == len(wire) and framing != "close"
            assert response.status == (200 if size >= start else NO_ANSWER)
            assert response.body == (unchunked(came) if framing == "chunked" else came)
            assert (response.eof, response.error is None) == (whole, whole), size
            verdict = judged(exchange)["http.complete"]
            assert verdict is (Outcome.PASS if whole else Outcome.FAIL if size >= start else Outcome.INCONCLUSIVE)
    assert len(server.requests) == len(wire) + 2


def test_a_bomb_is_unpacked_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.wire.limits._sizes", Sizes(body=1_000_000))
    with Server(gzip_bomb(50)) as server:
        exchange = asked(server)
    assert len(exchange.response.content) <= 1_000_000
    assert judged(exchange)["http.too-large"] is Outcome.FAIL
    assert judged(exchange)["http.encoding"] is Outcome.BLOCKED


def test_a_redirect_is_kept_and_not_followed() -> None:
    with Server(IDEAL) as stranger, Server(redirects(stranger.base_url + "/chat/completions")) as server:
        exchange = asked(server)
        assert stranger.requests == [], "the key has not gone to another server"
    assert exchange.response.status == 307
    assert judged(exchange)["http.status"] is Outcome.FAIL


@pytest.mark.parametrize("form", RETRY_AFTER)
def test_a_limit_is_no_verdict_in_any_form(form: str) -> None:
    with Server(too_many(form)) as server:
        exchange = asked(server)
    assert exchange.response.status == 429
    assert len(server.requests) == 1, "nothing is asked twice inside a measured call"
    outcomes = judged(exchange)
    del outcomes["http.retry-after-form"]  # how long to wait is told by the limit itself
    assert set(outcomes.values()) == {Outcome.INCONCLUSIVE}


@pytest.mark.parametrize("script", [html_error(502), refuses(500), refuses(529)], ids=["502", "500", "529"])
def test_a_server_error_is_no_verdict(script: Script) -> None:
    with Server(script) as server:
        assert set(judged(asked(server)).values()) == {Outcome.INCONCLUSIVE}


def test_ipv6() -> None:
    with Server(IDEAL, host="::1") as server:
        assert asked(server).response.status == 200


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    with Server(IDEAL, tls=True) as server:
        exchange = asked(server)
        server.errors.clear()  # the handshake that the client breaks off
    assert exchange.response.status == NO_ANSWER
    assert "ertificate" in str(exchange.response.error)


def test_certificates_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def again(**_: object) -> None:
        raise AssertionError("the certificates of the system are read a second time")

    with Server(IDEAL) as server:
        asked(server)
        monkeypatch.setattr("httpcore2.default_ssl_context", again)
        assert asked(server).response.eof


def test_the_mark_that_closes_is_read_to_the_end() -> None:
    def late(request: Received) -> object:
        yield from IDEAL(request)
        yield End.CLOSE

    with Server(late) as server:  # type: ignore[arg-type]
        exchange = asked(server)
    assert exchange.response.body.endswith(b"data: [DONE]\n\n")
    assert exchange.response.eof


def question(number: int) -> str:
    return f"How much is {number} and {number}?"


def assert_nothing_is_mixed(kept: list[Exchange], server: Server, count: int) -> None:
    """Each exchange holds its own request, and the response to that one."""
    asked = [str((exchange.request.json or {})["messages"][0]["content"]) for exchange in kept]
    assert sorted(asked) == sorted(map(question, range(count)))
    by_body = {request.body: request for request in server.requests}
    for exchange in kept:
        assert exchange.response.eof, exchange.response.error
        request = by_body[exchange.request.body or b""]
        assert exchange.response.body == ideal_answer(request).response.body
    opened = [(connection.opened, 1) for connection in server.connections]
    closed = [(connection.closed or 0.0, -1) for connection in server.connections]
    assert max(accumulate(change for _, change in sorted(opened + closed))) >= 8, "they were asked at once"


def test_threads_at_once_do_not_mix_over_sockets() -> None:
    with Server(ideal(pace=0.002)) as server, closing(asker_of(server, Limits(idle=5))) as sender:

        def ask(number: int) -> Exchange:
            (exchange,) = sender.ask(replace(SCENARIOS["chat.stream"], prompt=question(number)))
            assert (exchange.request.json or {})["messages"][0]["content"] == question(number), (
                "each thread gets its own"
            )
            return exchange

        with ThreadPoolExecutor(16) as pool:
            kept = list(pool.map(ask, range(60)))
    assert_nothing_is_mixed(kept, server, 60)


@pytest.mark.asyncio
async def test_tasks_at_once_do_not_mix_over_sockets() -> None:
    kept: list[Exchange] = []

    async def ask(client: openai.AsyncOpenAI, number: int) -> None:
        stream = await client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": question(number)}], stream=True
        )
        async for _ in stream:
            if number % 3 == 0:
                break  # and what is left is read when the stream is closed
        await stream.close()

    async def ask_all(server: Server) -> None:
        network = sdk_backend()  # openai 2 is given clients of httpx, openai 3 of httpx2
        transport = AsyncCapture(kept.append, network.AsyncHTTPTransport())
        http = network.AsyncClient(transport=transport, trust_env=False)
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="good", http_client=http) as client:
            await asyncio.gather(*(ask(client, number) for number in range(60)))

    with Server(ideal(pace=0.002)) as server:
        await ask_all(server)
    assert_nothing_is_mixed(kept, server, 60)
