"""A real endpoint behind the server: forwarded as it arrives, recorded, and replayed the next time."""

import gc
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.recording.cassette import read_cassette
from harness.recording.replayed import NOTE
from harness.serve.embedded import ReplayServer
from harness.serve.upstream import RecordMode, Upstream

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-" + "made-up-key-of-a-test-" + "3" * 16
ASKED = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def real() -> Iterator[ReplayServer]:
    with ReplayServer("reference", root=ROOT) as server:
        yield server


def behind(real: ReplayServer, folder: Path, mode: RecordMode = "missing", **options: Any) -> ReplayServer:
    upstream = Upstream(real.base_url("reference", **options), folder, mode)
    return ReplayServer("reference", root=ROOT, upstream=upstream)


def post(server: ReplayServer, **body: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {KEY}"}
    return httpx2.post(f"{server.url}/v1/chat/completions", json=ASKED | body, headers=headers, timeout=10)


def test_what_is_not_kept_is_asked_once_and_then_answered_from_what_is_kept(real: ReplayServer, tmp_path: Path) -> None:
    real.forget()
    with behind(real, tmp_path) as server:
        first, again = post(server, stream=True), post(server, stream=True)
        reordered = httpx2.post(f"{server.url}/v1/chat/completions", json={"stream": True, **ASKED}, timeout=10)
        assert first.content == again.content == reordered.content
        assert first.headers[NOTE].endswith("asked now")
        assert not again.headers[NOTE].endswith("asked now")
        assert post(server).json()["choices"][0]["message"]["content"]
        assert httpx2.get(f"{server.url}/v1/models", timeout=10).json()["object"] == "list"
    assert len(real.requests) == 3
    kept = sorted(tmp_path.glob("*.yaml"))
    assert [path.name.rpartition("-")[0] for path in kept] == ["get", "gpt-4o-mini", "gpt-4o-mini"]
    assert all(KEY not in path.read_text() for path in kept)
    assert {read_cassette(path)[0].response.body for path in kept} >= {first.content}
    with behind(real, tmp_path, "none") as server:
        assert post(server, stream=True).content == first.content
        lost = post(server, user="another")
        assert (lost.status_code, "no response is saved" in lost.json()["error"]["message"]) == (404, True)


def test_all_asks_anew_and_pass_keeps_nothing(real: ReplayServer, tmp_path: Path) -> None:
    real.forget()
    with behind(real, tmp_path, "pass") as server:
        assert post(server).status_code == 200
    assert list(tmp_path.iterdir()) == []
    with behind(real, tmp_path, "all") as server:
        assert [post(server).status_code for _ in range(2)] == [200, 200]
    assert (len(real.requests), len(list(tmp_path.iterdir()))) == (3, 1)


def test_what_a_replay_server_answers_is_kept_as_what_it_is(real: ReplayServer, tmp_path: Path) -> None:
    with behind(real, tmp_path) as server:
        first, again = post(server), post(server)
    said = real.requests[-1]["answer"]
    (kind,) = {one for one in ("reconstructed", "synthesised") if f"provenance={one}" in said}
    assert all(f"provenance={kind}" in one.headers[NOTE] for one in (first, again)), "nor is it told as recorded"
    (kept,) = tmp_path.glob("*.yaml")
    assert read_cassette(kept)[0].source.provenance == kind


def test_an_answer_streams_through_as_it_comes(tmp_path: Path) -> None:
    with ReplayServer("reference", root=ROOT, pace="0.2", reframe="events") as slow, behind(slow, tmp_path) as server:
        begun = time.monotonic()
        with httpx2.stream(
            "POST", f"{server.url}/v1/chat/completions", json=ASKED | {"stream": True}, timeout=10
        ) as came:
            times = [time.monotonic() - begun for _ in came.iter_raw()]
        assert len(times) > 3
        assert times[-1] - times[0] > 0.5
    (kept,) = tmp_path.glob("*.yaml")  # it is there when the server has ended
    reads = read_cassette(kept)[0].response.reads
    assert reads
    assert sum(reads.dt_us) > 500_000


def test_a_broken_answer_and_one_that_a_retry_may_mend_are_not_kept(real: ReplayServer, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "rules: [{answers: [{error: 429}, {text: hello there, socket: half-closed}, {text: whole}]}]"
    )
    with (
        ReplayServer("reference", root=ROOT, script=tmp_path / "s.yaml") as odd,
        behind(odd, tmp_path / "kept") as server,
    ):
        assert post(server).status_code == 429
        with pytest.raises(httpx2.TransportError):
            post(server)
        assert not (tmp_path / "kept").exists()
        assert post(server).json()["choices"][0]["message"]["content"] == "whole"
        assert post(server).json()["choices"][0]["message"]["content"] == "whole"
    upstream = Upstream("http://127.0.0.1:9/v1", tmp_path / "kept")
    with ReplayServer("reference", root=ROOT, upstream=upstream) as server:
        lost = post(server, user="x")
        assert (lost.status_code, lost.json()["error"]["code"]) == (502, "no_upstream")
    assert real.url


def test_an_endpoint_that_fails_after_the_client_left_is_no_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        upstream = Upstream(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", tmp_path)
        with ReplayServer("reference", root=ROOT, upstream=upstream) as server:
            with pytest.raises(httpx2.ReadTimeout):
                httpx2.post(f"{server.url}/v1/chat/completions", json=ASKED, timeout=0.3)
            listening.accept()[0].close()
            time.sleep(0.3)
            gc.collect()
    assert not [one for one in caplog.records if one.name == "asyncio"]


def test_the_sdk_goes_through_it(real: ReplayServer, tmp_path: Path) -> None:
    for _ in range(2):
        with behind(real, tmp_path) as server:
            client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0)
            with client.chat.completions.stream(
                model="gpt-4o-mini", messages=[{"role": "user", "content": "x"}]
            ) as stream:
                assert stream.get_final_completion().choices[0].message.content


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--upstream", "https://x.example/v1"], "--upstream and --record go together"),
        (["--record", "kept"], "--upstream and --record go together"),
        (["--upstream", "x.example", "--record", "kept"], "'x.example' is not a base URL; begin it with https://"),
    ],
)
def test_wrong_options_are_a_line(options: list[str], said: str) -> None:
    told = CliRunner().invoke(main, ["serve", "reference", "--root", str(ROOT), "--port", "0", *options])
    assert told.exit_code == 2
    assert said in told.stderr
