"""Commands run only the checks named, by id or family, and reject unknown names."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.recording.cassette import write_cassette
from harness.results import read_results
from harness.simulate.reference import STREAM, replace_in_body

FAULTY = replace_in_body(STREAM, '"object":"chat.completion.chunk",', "")


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_cassette(tmp_path / "mine/a.yaml", [FAULTY])
    write_cassette(tmp_path / "mine/b.yaml", [STREAM])
    return tmp_path


def harness(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env={"COLUMNS": "200"})


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_audit_by_a_check_and_a_family(recordings: Path, jobs: str) -> None:
    chosen = ("--check", "chunk.object", "--check", "usage", "--jobs", jobs)
    told = harness("audit", "mine", *chosen, "--results", "out.jsonl")
    assert told.exit_code == 1
    assert "chunk.object" in told.stdout
    found = {finding.check for finding in read_results(recordings / "out.jsonl").findings}
    assert "chunk.object" in found
    assert {check.partition(".")[0] for check in found} == {"chunk", "usage"}
    assert found - {"chunk.object"} == {check for check in found if check.startswith("usage.")}


def test_audit_by_a_check_that_holds(recordings: Path) -> None:
    told = harness("audit", "mine", "--check", "sse.done", "--format", "json")
    assert told.exit_code == 0
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    assert [(row["check"], row["outcome"]) for row in rows] == [("sse.done", "pass")] * 2
    assert (recordings / "mine").exists()


@pytest.mark.parametrize("command", [("audit", "mine"), ("run", "--provider", "llamacpp")])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--check", "usage.som"), "unknown check 'usage.som'; try usage.sum"),
        (("--check", "sse.framing", "--level", "must"), "no check of sse.framing has level MUST or above"),
    ],
)
def test_what_names_no_check_is_refused(
    recordings: Path, command: tuple[str, ...], options: tuple[str, ...], said: str
) -> None:
    told = harness(*command, *options)
    assert (told.exit_code, told.stdout) == (2, "")
    assert said in told.stderr
    assert recordings.exists()


def test_a_probe_by_checks_of_another_dialect_asks_nothing() -> None:
    told = harness("probe", "http://127.0.0.1:9/v1", "-m", "m", "--check", "messages")
    assert (told.exit_code, told.stderr) == (
        2,
        "harness: no check of messages has level OBSERVE or above in the dialect chat\n",
    )
