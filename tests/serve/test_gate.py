"""Over real sockets: which origins and hosts the replay server admits, what it logs, and a client that leaves."""

import logging
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from click.testing import CliRunner
from parted import parted

from harness.cli import main
from harness.clients.answer_server import AnswerServer
from harness.matrix.providers import load_matrix
from harness.recording.replayed import NOTE
from harness.serve import app as routes
from harness.serve import recording_index as index_module
from harness.serve.app import application
from harness.serve.gate import Gate
from harness.serve.playback import PlaybackOptions
from harness.serve.recording_index import REFERENCE, RecordingIndex
from harness.serve.server import Background
from harness.simulate.reference import BODY, with_header

ROOT = Path(__file__).resolve().parents[2]
CHAT = f"/{REFERENCE}/v1/chat/completions"
HELLO = {"messages": [{"role": "user", "content": "hello"}], "stream": True}
OURS, OTHER = "http://localhost:3000", "https://example.org"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.fixture(scope="module")
def index() -> RecordingIndex:
    return RecordingIndex(load_matrix(ROOT / "providers.yaml"), ROOT)


@pytest.fixture(scope="module")
def closed(index: RecordingIndex) -> Iterator[httpx2.Client]:
    with (
        Background(application(index, PlaybackOptions())) as server,
        httpx2.Client(base_url=server.url, timeout=10) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def opened(index: RecordingIndex) -> Iterator[httpx2.Client]:
    gate = Gate.of([OURS, "HTTPS://App.Example"], ["Harness.internal"])
    app = application(index, PlaybackOptions(), gate)
    with Background(app) as server, httpx2.Client(base_url=server.url, timeout=10) as client:
        yield client


def cors(answer: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


def all_kinds(http: httpx2.Client, origin: str) -> list[httpx2.Response]:
    """Return a recorded answer, a list, a refusal, an address that is none, and the index."""
    said = {"Origin": origin}
    return [
        http.post(CHAT, json=HELLO, headers=said),
        http.get(f"/{REFERENCE}/v1/models", headers=said),
        http.post(CHAT, json=HELLO, headers=said | {"x-harness-fault": "none such"}),
        http.get("/nowhere", headers=said),
        http.get("/", headers=said),
    ]


def test_no_page_may_read_unless_its_origin_is_named(closed: httpx2.Client, opened: httpx2.Client) -> None:
    for answer in (*all_kinds(closed, OURS), *all_kinds(opened, OTHER), opened.post(CHAT, json=HELLO)):
        assert cors(answer) == {}
        assert "origin" not in answer.headers.get("Vary", "").lower()


@pytest.mark.parametrize("origin", [OURS, "https://app.example"])
def test_a_page_of_a_named_origin_may_read_each_answer(opened: httpx2.Client, origin: str) -> None:
    for answer in all_kinds(opened, origin):
        assert cors(answer) == {"access-control-allow-origin": origin, "access-control-expose-headers": NOTE}
        assert "Origin" in answer.headers["Vary"]


def test_a_preflight_is_answered_or_refused_in_a_line(closed: httpx2.Client, opened: httpx2.Client) -> None:
    asked = opened.options(CHAT, headers=PREFLIGHT | {"Origin": OURS})
    assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (204, OURS)
    assert asked.headers["Access-Control-Allow-Headers"] == "authorization,content-type", "a star covers no key"
    for http, origin in ((closed, OURS), (opened, OTHER), (opened, f"{OURS}0"), (opened, "null")):
        refused = http.options(CHAT, headers=PREFLIGHT | {"Origin": origin})
        assert (refused.status_code, cors(refused), refused.text.count("\n")) == (403, {}, 0)
        assert "--allow-origin" in refused.json()["error"]["message"]


FORM = {"Content-Type": "text/plain"}
"""What a page may post without a preflight."""


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program
        ({"sec-fetch-mode": "cors"}, 200),  # fetch of Node.js
        ({"Origin": OTHER}, 403),  # a browser before 2023
        ({"Origin": OTHER, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://localhost:1", "Sec-Fetch-Site": "same-site"}, 403),  # another port
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),  # a page in a sandboxed frame
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": OTHER, "Sec-Fetch-Site": "none"}, 200),  # an extension, or the user
        ({"Origin": "HERE", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "HERE"}, 200),
        ({"Origin": OURS, "Sec-Fetch-Site": "same-site"}, "200 where named"),
        ({"Origin": OURS}, "200 where named"),
    ],
)
def test_what_a_page_of_another_origin_posts_is_refused_before_it_runs(
    closed: httpx2.Client, opened: httpx2.Client, headers: dict[str, str], status: int | str
) -> None:
    for http in (closed, opened):
        said = {name: value.replace("HERE", str(http.base_url).rstrip("/")) for name, value in headers.items()}
        answer = http.post(CHAT, content=orjson.dumps(HELLO), headers=FORM | said)
        wanted = status if isinstance(status, int) else 200 if http is opened else 403
        assert answer.status_code == wanted
        if wanted == 403:
            assert NOTE not in answer.headers
            assert "--allow-origin" in answer.json()["error"]["message"]


def test_any_origin_is_allowed_to_who_asks_for_it(index: RecordingIndex) -> None:
    with Background(application(index, PlaybackOptions(), Gate.of(["*"]))) as server:
        answer = httpx2.post(server.url + CHAT, json=HELLO, headers={"Origin": OTHER})
        asked = httpx2.options(server.url + CHAT, headers=PREFLIGHT | {"Origin": OTHER})
        blind = httpx2.post(server.url + CHAT, json=HELLO, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.headers["Access-Control-Allow-Origin"] == asked.headers["Access-Control-Allow-Origin"] == "*"
    assert blind.status_code == 200


def test_what_a_provider_allowed_is_not_played() -> None:
    made = with_header(with_header(BODY, "Access-Control-Allow-Origin", "*"), "Access-Control-Allow-Headers", "*")
    with AnswerServer() as answer_server:
        answer_server.set_responses("x", made)
        answer = httpx2.post(f"{answer_server.base_url('x')}/chat/completions", json=HELLO, headers={"Origin": OTHER})
    assert answer.content == BODY.response.body
    assert cors(answer) == {}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "LOCALHOST:80", "[::1]", "[::1]:9", "127.0.0.1:1", "localhost.", "Localhost.:8484",
        "[::ffff:127.0.0.1]", "[::FFFF:7f00:1]:80", "[0:0:0:0:0:0:0:1]",
    ],
)  # fmt: skip
def test_loopback_is_asked_by_its_names(closed: httpx2.Client, host: str) -> None:
    assert closed.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8484",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "localhost@evil",
        "",
        "::1",
        "localhost..",
        "[::ffff:8.8.8.8]",
        "[::]",
        "0.0.0.0",
        "2130706433",
    ],
)
def test_another_host_is_refused_in_a_line(closed: httpx2.Client, opened: httpx2.Client, host: str) -> None:
    for http in (closed, opened):
        for answer in (http.post(CHAT, json=HELLO, headers={"Host": host}), http.get("/", headers={"Host": host})):
            assert (answer.status_code, answer.text.count("\n")) == (421, 0)
            assert "--allow-host" in answer.json()["error"]["message"]


def test_a_named_host_is_served(closed: httpx2.Client, opened: httpx2.Client) -> None:
    for host in ("harness.internal", "harness.internal:8080"):
        assert opened.get("/", headers={"Host": host}).status_code == 200
        assert closed.get("/", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize(
    "options",
    [
        ["--allow-origin", "localhost"],
        ["--allow-origin", f"{OURS}/"],
        ["--allow-host", "a:80"],
        ["--allow-host", "a b"],
    ],
)
def test_what_can_not_be_allowed_is_a_line(options: list[str]) -> None:
    told = CliRunner().invoke(main, ["serve", "--root", str(ROOT), "--port", "0", *options])
    assert (told.exit_code, told.stderr.count("\n"), options[1] in told.stderr) == (2, 1, True), told.stderr


def test_no_request_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "_REMEMBERED", 3)
    index = RecordingIndex(load_matrix(ROOT / "providers.yaml"), ROOT, [REFERENCE])
    with Background(application(index, PlaybackOptions())) as server, httpx2.Client(base_url=server.url) as http:
        for number in (0, 1, 2, 0, 3, 4):
            assert http.post(CHAT, json=HELLO | {"user": f"secret {number}"}).status_code == 200
    kept = index._answers  # noqa: SLF001 - what it holds is what is asked
    assert len(kept) == 3
    assert "secret" not in repr(list(kept))
    assert all(len(digest) == 32 for _, digest, *_ in kept)


def leave(port: int) -> None:
    """Ask for a slow stream, read its beginning, and break the connection off."""
    body = b'{"messages": [{"role": "user", "content": "hello"}], "stream": true}'
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(
            f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        assert connection.recv(64).startswith(b"HTTP/1.1 200")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("pace", parted(["0.05", "0.0001"], {"0.05"}))
def test_a_client_that_leaves_is_a_line_of_the_log(pace: str) -> None:
    command = [sys.executable, "-m", "harness", "serve", REFERENCE, "--port", "0", "--pace", pace, "--reframe", "bytes"]
    process = subprocess.Popen(
        [*command, "--root", str(ROOT)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        url = process.stdout.readline().strip()
        leave(int(url.rpartition(":")[2].partition("/")[0]))
        time.sleep(0.3)
        assert httpx2.get(f"{url}/models").status_code == 200, "it goes on"
        process.terminate()
        _, said = process.communicate(timeout=10)
    assert f"POST {CHAT} client left" in said
    assert "Traceback" not in said
    assert "Error" not in said


def test_the_servers_own_stop_is_not_told_as_a_client_that_left(
    index: RecordingIndex, caplog: pytest.LogCaptureFixture
) -> None:
    body = orjson.dumps(HELLO)
    app = application(index, PlaybackOptions(pace=60, reframe="bytes"))
    with socket.socket() as connection, caplog.at_level(logging.INFO, "harness.serve"), Background(app) as server:
        connection.settimeout(10)
        connection.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
        connection.sendall(
            f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        assert connection.recv(64).startswith(b"HTTP/1.1 200")
    assert [record.getMessage() for record in caplog.records] == [f"POST {CHAT} the server stopped"]


@pytest.mark.asyncio
async def test_an_answer_that_breaks_off_as_it_is_written_ends_in_a_line_and_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken_off(_: web.Request) -> web.StreamResponse:
        raise ConnectionResetError("Cannot write to closing transport")

    with caplog.at_level(logging.INFO, "harness.serve"):
        await routes._logged(make_mocked_request("POST", CHAT), broken_off)  # noqa: SLF001 - seldom over a socket
    assert [record.getMessage() for record in caplog.records] == [f"POST {CHAT} client left"]
