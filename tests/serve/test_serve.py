"""The replay server over real sockets: what it sends, rejects and logs, and how it starts and stops."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import pytest
from click.testing import CliRunner
from parted import parted

from harness.cli import main
from harness.clients.answer_server import AnswerServer
from harness.errors import NotRecorded
from harness.matrix.providers import load_matrix
from harness.recording.pacing import headers_of
from harness.recording.replayed import NOTE
from harness.serve.app import application
from harness.serve.playback import PlaybackOptions, changed
from harness.serve.recording_index import REFERENCE, RecordingIndex
from harness.serve.server import Background
from harness.simulate.faults import FAULTS, VARIANTS
from harness.simulate.reference import BODY, STREAM, with_body, with_header
from harness.wire.exchange import NO_ANSWER, Exchange, Headers, Response

ROOT = Path(__file__).resolve().parents[2]
HELLO = {"messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def server() -> Iterator[Background]:
    index = RecordingIndex(load_matrix(ROOT / "providers.yaml"), ROOT)
    with Background(application(index, PlaybackOptions())) as server:
        yield server


@pytest.fixture(scope="module")
def http(server: Background) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=10) as client:
        yield client


def ask(http: httpx2.Client, provider: str = REFERENCE, **headers: str) -> httpx2.Response:
    named = {f"x-harness-{name}": value for name, value in headers.items()}
    return http.post(f"/{provider}/v1/chat/completions", json=HELLO | {"stream": True}, headers=named)


def raw_answer(http: httpx2.Client, scenario: str, fault: str, *, stream: bool) -> tuple[int, Headers, bytes, bool]:
    """Return status, headers, the body as it came, and whether it came to its end."""
    headers = {"x-harness-scenario": scenario, "x-harness-fault": fault, "Accept-Encoding": "identity"}
    body = HELLO | ({"stream": True} if stream else {})
    with http.stream("POST", f"/{REFERENCE}/v1/chat/completions", json=body, headers=headers) as answer:
        came, whole = b"", True
        try:
            for piece in answer.iter_raw():
                came += piece
        except httpx2.TransportError:
            whole = False
        return answer.status_code, Headers(tuple(answer.headers.multi_items())), came, whole


CHECKS_OF_FRAMING = "http.framing"
"""The rule whose faults harness's server can't send: a length beside chunks, two lengths."""


def answers() -> dict[str, tuple[str, Exchange]]:
    """Return each fault and variant that the replay server can put into the last answer to its scenario."""
    made = {one.id: (one.on, one.apply()) for one in (*FAULTS.values(), *VARIANTS.values())}
    return {
        name: (on, x)
        for name, (on, x) in made.items()
        if not x.is_models_request
        and x.response.status != NO_ANSWER
        and getattr(FAULTS.get(name), "rule", "") != CHECKS_OF_FRAMING
    }


def test_every_fault_and_variant_comes_as_it_was_made(http: httpx2.Client) -> None:
    compared = 0
    for name, (on, made) in answers().items():
        status, headers, came, whole = raw_answer(http, on, name, stream=bool(made.request.get("stream")))
        if len(made.earlier) or headers.get(NOTE, "").partition(";")[0] != f"{REFERENCE}/gpt-4o-mini/{on}":
            continue
        if came != made.response.body and status != made.response.status:
            continue
        compared += 1
        assert status == made.response.status, name
        assert came == made.response.body, name
        assert whole == made.response.eof, name
        missing = [pair for pair in headers_of(made.response) if headers.get(pair[0]) is None]
        assert [name for name, _ in missing if name.lower() not in {"connection", "trailer", "date"}] == [], name
    assert compared > 450


def test_no_header_is_added_that_would_be_taken_for_the_providers(http: httpx2.Client) -> None:
    _, headers, _, _ = raw_answer(http, "chat.stream-usage", "media-type-none-for-stream", stream=True)
    assert "content-type" not in headers
    assert "server" not in headers


def test_a_client_reads_a_provider_as_if_it_were_there(server: Background) -> None:
    client = openai.OpenAI(base_url=f"{server.url}/deepseek/v1", api_key="none", max_retries=0)
    said = ""
    for chunk in client.chat.completions.create(
        model="deepseek-reasoner", messages=[{"role": "user", "content": "hello"}], stream=True
    ):
        said += chunk.choices[0].delta.content or "" if chunk.choices else ""
    assert said
    assert [model.id for model in client.models.list()][:1] == ["deepseek-flash"]
    assert client.models.retrieve("deepseek-reasoner").owned_by == "deepseek"
    with pytest.raises(
        openai.NotFoundError, match="harness serve: there is no recorded response of deepseek for the model 'gpt-9'"
    ):
        client.chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": "hello"}])


def test_a_request_says_what_it_wants_other_than_the_rest(http: httpx2.Client) -> None:
    assert ask(http, scenario="error.bad-key").status_code == 401
    noted = ask(http, fault="think-tags")
    assert noted.headers[NOTE] == "reference/gpt-4o-mini/chat.stream; provenance=reconstructed; fault=think-tags"
    assert b"<think>" in noted.content
    assert b"\r\n\r\n" in ask(http, reframe="crlf").content
    begun = time.monotonic()
    ask(http, reframe="events", pace="0.05")
    assert time.monotonic() - begun > 0.2


def test_a_fault_has_no_place_in_an_answer_that_is_too_deep_to_be_changed() -> None:
    deep = with_body(
        STREAM, STREAM.response.body.replace(b'"choices"', b'"x":' + b"[" * 1000 + b"]" * 1000 + b',"choices"')
    )
    with pytest.raises(NotRecorded, match=r"the fault refusal-false does not fit this response"):
        changed(deep, "refusal-false")


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({"scenario": "chat.strem"}, 400, "unknown scenario 'chat.strem'; try chat.stream"),
        ({"fault": "think-tag"}, 400, "unknown fault 'think-tag'; try think-tags"),
        ({"fault": "call-index-shared-by-whole-calls"}, 404, "does not fit this response"),
        ({"reframe": "lines"}, 400, "unknown way to cut 'lines'"),
        ({"pace": "fast"}, 400, "unknown pace 'fast'; try none, recorded, 0.05"),
        ({"pace": "-1"}, 400, "unknown pace"),
        ({"pace": "nan"}, 400, "unknown pace"),
    ],
)  # fmt: skip
def test_what_it_can_not_want_is_refused_in_words(
    http: httpx2.Client, headers: dict[str, str], status: int, said: str
) -> None:
    answer = ask(http, **headers)
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]


@pytest.mark.parametrize("fault", ["empty-body", "error-for-body", "body-cut", "html-for-body"])
def test_a_fault_in_a_recording_that_tells_its_length_tells_its_own(http: httpx2.Client, fault: str) -> None:
    wanted = {"x-harness-fault": fault, "x-harness-scenario": "chat.nonstream"}
    answer = http.post("/mlx-lm/v1/chat/completions", json=HELLO, headers=wanted, timeout=5)
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers[NOTE].endswith(f"fault={fault}")


def test_a_length_that_is_more_than_what_comes_ends_with_the_connection() -> None:
    with AnswerServer() as answer_server:
        answer_server.set_responses("x", with_header(BODY, "Content-Length", str(len(BODY.response.body) + 9)))
        with pytest.raises(httpx2.RemoteProtocolError):
            httpx2.post(f"{answer_server.base_url('x')}/chat/completions", json=HELLO, timeout=5)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-harness-fault": ""}, 400),
        ({"x-harness-reframe": "random:" + "1" * 5000}, 400),
        ({"Content-Encoding": "gzip"}, 400),
        ({"Host": "a b:c"}, 421),
    ],
)
def test_odd_headers_are_answered(http: httpx2.Client, headers: dict[str, str], status: int) -> None:
    assert http.post("/reference/v1/chat/completions", json=HELLO, headers=headers).status_code == status
    assert http.get("/", headers={"Host": "a b:c"}).status_code == 421


def test_a_connection_that_ends_after_an_answer_is_said_to(http: httpx2.Client) -> None:
    asked = {"headers": {"Content-Encoding": "gzip"}, "json": HELLO}
    assert http.post("/reference/v1/chat/completions", **asked).headers["Connection"] == "close"  # type: ignore[arg-type]


def test_a_line_of_the_log_stays_one(http: httpx2.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "harness.serve"):
        http.get("/%0a23:59:59%20POST%20/fake%20200%1b[31mRED")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "harness.serve"]
    assert "\\n23:59:59" in line
    assert "\x1b" not in line


def test_other_addresses_and_methods_are_told_where_to_go(http: httpx2.Client) -> None:
    assert str(http.base_url.join("/deepseek/v1")) in http.get("/").text
    lost = http.get("/deepseek/v1/embeddings")
    assert (lost.status_code, lost.json()["error"]["message"]) == (
        404, "harness serve: GET /deepseek/v1/embeddings: Not Found; see /",
    )  # fmt: skip
    wrong = http.get("/deepseek/v1/chat/completions")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert "several providers are served" in http.post("/v1/chat/completions", json=HELLO).json()["error"]["message"]
    assert http.get("/deepseek/v1/models/none").status_code == 404
    assert http.post("/reference/v1/chat/completions", content=b"{").status_code == 400, "as the reference refuses it"


def test_a_request_that_is_too_large_is_refused(http: httpx2.Client) -> None:
    answer = http.post("/reference/v1/chat/completions", content=b" " * (16 * 1024 * 1024 + 1))
    assert answer.status_code == 413
    assert "larger than 16,777,216 bytes" in answer.json()["error"]["message"]


def test_the_only_provider_needs_no_name() -> None:
    index = RecordingIndex(load_matrix(ROOT / "providers.yaml"), ROOT, [REFERENCE])
    with Background(application(index, PlaybackOptions(fault="think-tags"))) as server:
        answer = httpx2.post(f"{server.url}/v1/chat/completions", json=HELLO | {"stream": True})
        assert b"<think>" in answer.content
        assert httpx2.get(f"{server.url}/v1/models").json()["data"][0]["id"] == "gpt-4o-mini"


def test_the_log_tells_of_a_request_and_of_no_secret(http: httpx2.Client, caplog: pytest.LogCaptureFixture) -> None:
    secret = "sk-" + "0" * 20 + "a" * 12
    with caplog.at_level(logging.INFO, "harness.serve"):
        http.post(
            f"/{REFERENCE}/v1/chat/completions?key={secret}",
            json=HELLO | {"user": secret},
            headers={"Authorization": f"Bearer {secret}"},
        )
        http.get(f"/{secret}/v1/models")
    assert "POST /reference/v1/chat/completions 200" in caplog.text
    assert "reference/gpt-4o-mini/chat.nonstream" in caplog.text
    assert secret not in caplog.text


def test_what_the_recording_took_is_what_playing_takes() -> None:
    index = RecordingIndex(load_matrix(ROOT / "providers.yaml"), ROOT, ["aimock"])
    held = max(index.answers("aimock"), key=_takes)
    with Background(application(index, PlaybackOptions("recorded"))) as server:
        begun = time.monotonic()
        httpx2.post(
            f"{server.url}/v1/chat/completions",
            content=held.exchange.request.body,
            headers={"x-harness-scenario": held.scenario.id},
        )
        assert time.monotonic() - begun >= _takes(held)


def _takes(held: object) -> float:
    response: Response = held.exchange.response  # type: ignore[attr-defined]
    return sum(response.reads.dt_us) / 1e6 if response.reads else 0.0


def test_a_taken_port_and_wrong_options_are_a_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = CliRunner().invoke(main, ["serve", "--root", str(ROOT), "--port", port])
        assert (told.exit_code, told.stderr) == (
            2, f"harness: port {port} is in use; choose another with --port, or 0 for any free port\n",
        )  # fmt: skip
    for options, said in (
        (["deepsek"], "unknown provider or model 'deepsek'"),
        (["--fault", "x"], "unknown fault 'x'"),
        (["--pace", "x"], "unknown pace 'x'"),
        (["--reframe", "x"], "unknown way to cut 'x'"),
        (["--root", "/nowhere"], "/nowhere/providers.yaml"),
    ):
        told = CliRunner().invoke(main, ["serve", "--root", str(ROOT), "--port", "0", *options])
        assert (told.exit_code, told.stderr.count("\n"), said in told.stderr) == (2, 1, True), told.stderr


@pytest.mark.parametrize("sign", parted([signal.SIGINT, signal.SIGTERM], {signal.SIGTERM}))
def test_it_says_where_it_is_and_stops_when_told(sign: signal.Signals) -> None:
    command = [sys.executable, "-m", "harness", "serve", "llamacpp", "groq", "--port", "0", "--root", str(ROOT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        urls = [process.stdout.readline().strip() for _ in range(2)]
        assert [url.rpartition("/127.0.0.1:")[2].partition("/")[2] for url in urls] == ["groq/v1", "llamacpp/v1"]
        assert httpx2.get(f"{urls[1]}/models").json()["data"][0]["id"] == "tiny-chat"
        os.kill(process.pid, sign)
        assert process.wait(10) in {0, -sign, 128 + sign}
        assert process.stderr
        assert "Traceback" not in process.stderr.read()
