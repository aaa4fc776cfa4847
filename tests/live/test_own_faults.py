"""Local failures are never blamed on a provider, and end only what they affect."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import httpx2
import pytest
from click.testing import CliRunner
from scripted import IDEAL, Server

from harness.cli import main
from harness.errors import HarnessError, NotAsked
from harness.live import asking, capture
from harness.live.asking import Endpoint, ScenarioSender
from harness.live.capture import Capture
from harness.live.record import environment_of
from harness.matrix.addresses import check_address
from harness.matrix.scenarios import SCENARIOS
from harness.recording.scrub import scrub
from harness.results import Outcome, read_results
from harness.wire.exchange import Exchange

BODY = bytes(range(256)) * 2000
PIECES = [BODY[at : at + 1000] for at in range(0, len(BODY), 1000)]


def missing(**_: Any) -> IO[bytes]:
    raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")


def filling_up(after: int) -> Callable[..., IO[bytes]]:
    """Return a file factory on a disk of so many bytes in total, where the last write is partial."""
    left = after

    class File:
        def __init__(self) -> None:
            self._file: Any = TemporaryFile(buffering=0)  # noqa: SIM115 - closed by whoever uses it

        def write(self, data: memoryview) -> int:
            nonlocal left
            taken = min(len(data), left)
            if data and not taken:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            left -= taken
            return int(self._file.write(data[:taken]))

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

    return lambda **_: File()  # type: ignore[return-value]  # it does what is asked of one


@pytest.mark.parametrize(
    "temporary",
    [missing, filling_up(0), filling_up(12_345), filling_up(123_456)],
    ids=["no folder", "full at once", "full early", "full late"],
)
def test_an_answer_is_whole_where_there_is_no_room_to_set_it_aside(
    monkeypatch: pytest.MonkeyPatch, temporary: Callable[..., IO[bytes]]
) -> None:
    monkeypatch.setattr(capture, "_IN_MEMORY", 10_000)
    monkeypatch.setattr(capture, "TemporaryFile", temporary)
    kept: list[Exchange] = []
    network = httpx2.MockTransport(lambda _: httpx2.Response(200, content=iter(PIECES)))
    with httpx2.Client(transport=Capture(kept.append, network)) as client:
        assert client.get("https://api.example/v1").content == BODY
    (exchange,) = kept
    assert exchange.response.body == BODY
    assert exchange.response.reads
    assert exchange.response.reads.sizes == tuple(map(len, PIECES))
    assert (exchange.response.eof, exchange.response.error) == (True, None)


def asked(base_url: str, key: str = "good", model: str = "gpt-4o-mini") -> ScenarioSender:
    return ScenarioSender(Endpoint(base_url, key, model, {}, {}))


def test_what_our_capture_raises_is_named_and_no_fault_of_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no scrubbing of good today")

    monkeypatch.setattr(asking, "scrub", broken)
    with Server(IDEAL) as server, pytest.raises(NotAsked, match="ValueError: no scrubbing of") as told:
        asked(server.base_url).ask(SCENARIOS["chat.stream"])
    assert "SDK" not in str(told.value)


def test_a_scenario_that_can_not_be_asked_is_inconclusive_and_the_rest_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:

    def broken(exchange: Exchange, *more: Any) -> Exchange:
        if not exchange.is_stream:
            raise OSError(errno.EIO, "our own fault")
        return scrub(exchange, *more)

    monkeypatch.setattr(asking, "scrub", broken)
    path = tmp_path / "results.jsonl"
    with Server(IDEAL) as server:
        options = ["probe", server.base_url, "-m", "gpt-4o-mini", "--results", str(path), "--root", str(tmp_path)]
        run = CliRunner().invoke(
            main,
            [*options, "--scenario", "chat.stream", "--scenario", "chat.nonstream"],
            env={"OPENAI_API_KEY": "good"},
        )
    assert run.exit_code == 0, run.output
    by_scenario = {name: [f for f in read_results(path).findings if f.scenario == name] for name in ("chat.stream", "chat.nonstream")}  # fmt: skip
    assert len(by_scenario["chat.stream"]) > 100
    (finding,) = by_scenario["chat.nonstream"]
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "our own fault" in finding.message


@pytest.mark.parametrize("key", ["good\n", "go\x1bod", "schlüssel", "go\u200bod"])
def test_a_key_that_no_header_takes_is_told_in_one_line_without_it(key: str) -> None:
    run = CliRunner().invoke(main, ["probe", "http://127.0.0.1:9/v1", "-m", "m"], env={"OPENAI_API_KEY": key})
    assert run.exit_code == 2
    assert (
        run.stderr.splitlines()[-1]
        == "harness: the API key contains a character that a header cannot contain; copy it again"
    )
    assert key not in run.output


@pytest.mark.parametrize(
    "address",
    ["http://a\nb/v1", "http://a\x1b[31m/v1", "http://a\t/v1", "http://a b/v1", "http://a:99999/v1", "http://:80/v1",
     "http://a\u200b/v1", "http://a\x7f/v1", "http://[::1/v1", "http://a\r/v1", "http:///v1"],
    ids=ascii,
)  # fmt: skip
def test_an_address_that_none_can_ask_is_refused(address: str) -> None:
    with pytest.raises(HarnessError, match="not an address"):
        check_address(address)


def test_an_environment_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"KEY=a\nNAME=\xff\n")
    with pytest.raises(HarnessError, match=r"\.env: byte 11 is not UTF-8; save it as UTF-8"):
        environment_of(tmp_path)


def test_an_environment_that_is_not_ours_to_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").touch()

    def refuse(_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("dotenv.dotenv_values", refuse)
    with pytest.raises(HarnessError, match=r"\.env: Permission denied; let it be read, or move it away"):
        environment_of(tmp_path)


@pytest.mark.thorough
def test_recording_goes_on_when_nobody_reads_what_is_told(tmp_path: Path) -> None:
    entry = "  - {{id: acme, name: Acme, base_url: {url}, key_env: ACME_KEY, docs: https://acme.example, models: [{{id: m, name: gpt-4o-mini, thinking: {{disable: {{}}}}}}]}}\n"
    scenarios = ["chat.stream", "chat.nonstream", "tools.auto"]
    chosen = " ".join(f"--scenario {name}" for name in scenarios)
    for end in ("| true", "> /dev/full" if Path("/dev/full").exists() else ">&-", ">&-"):
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        root.mkdir()
        with Server(IDEAL) as server:
            (root / "providers.yaml").write_text("providers:\n" + entry.format(url=server.base_url))
            subprocess.run(
                ["bash", "-c", f"{sys.executable} -m harness record --root {root} {chosen} {end}"],
                env=os.environ | {"ACME_KEY": "good"}, check=False, capture_output=True,
            )  # fmt: skip
        assert {path.stem for path in root.rglob("*.yaml")} == {"providers", *scenarios}
