"""`probe --baseline`: listed problems are known, new ones fail, and so do stale entries."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from faulty import DONE, OBJECT, UNASKED, faulty
from scripted import IDEAL, Server

from harness.cli import main

STREAMS = ("--scenario", "chat.stream", "--scenario", "chat.nonstream", "--scenario", "chat.unicode")
CLOCK = ("--check", "chunk", "--check", "sse", "--check", "usage")
"""Families of rules, without the one about the clock, which the ideal provider's stopped clock breaks."""


def probe(server: Server, *options: str) -> Result:
    command = ["probe", server.base_url, "-m", "gpt-4o-mini", "--key-env", "PROBE_KEY", *STREAMS, *CLOCK, *options]
    return CliRunner().invoke(main, command, env={"PROBE_KEY": "good", "COLUMNS": "200"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "baseline.yaml"


def drafted(file: Path, *edits: tuple[str, str]) -> list[dict[str, Any]]:
    """Draft a baseline of a server with these faults, and give each entry its reason."""
    with Server(faulty(*edits)) as server:
        result = probe(server, "--write-baseline", str(file))
    assert result.exit_code == 0, result.output
    entries: list[dict[str, Any]] = yaml.safe_load(file.read_text())["deviations"]
    save(file, [entry | {"reason": "It never sends one."} for entry in entries])
    return entries


def save(file: Path, entries: list[dict[str, Any]]) -> None:
    file.write_text(yaml.safe_dump({"deviations": entries}, sort_keys=False))


def test_it_goes_0_then_1_on_a_new_fault_then_1_on_a_stale_entry(file: Path) -> None:
    (entry,) = drafted(file, OBJECT)
    assert (entry["check"], entry["reason"]) == ("chunk.object", "")
    assert entry["scenarios"] == ["chat.stream", "chat.unicode"]
    with Server(faulty(OBJECT)) as server:
        known = probe(server, "--baseline", str(file))
        server.answers(faulty(OBJECT, DONE))
        new = probe(server, "--baseline", str(file))
        server.answers(IDEAL)
        stale = probe(server, "--baseline", str(file))
    assert [known.exit_code, new.exit_code, stale.exit_code] == [0, 1, 1]
    assert "It never sends one." in known.stdout
    assert "1 known, 0 stale, 0 not judged" in known.stdout
    assert "not in the baseline" in new.stdout
    assert "sse.done" in new.stdout
    assert f"{file}:2 chunk.object" in " ".join(stale.stdout.split()), "where the line is that is to go"


def test_a_draft_is_refused_until_its_reasons_are_written(file: Path) -> None:
    with Server(faulty(OBJECT)) as server:
        drafted_only = probe(server, "--write-baseline", str(file))
        assert "entries without a reason: 1; write it for each" in drafted_only.stderr
        result = probe(server, "--baseline", str(file))
        assert len(server.requests) == 3, "it is refused before anything is asked"
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].endswith("reason: empty; fill it in")


def test_a_should_that_is_new_fails_with_a_baseline_and_not_without(file: Path) -> None:
    save(file, [])
    with Server(faulty(UNASKED)) as server:
        alone = probe(server)
        told = probe(server, "--baseline", str(file))
        lenient = probe(server, "--baseline", str(file), "--fail-on", "must")
    assert [alone.exit_code, told.exit_code, lenient.exit_code] == [0, 1, 0]
    assert "usage.not-unasked" in told.stdout


def test_writing_again_keeps_reasons_and_drops_what_is_gone(file: Path) -> None:
    (entry,) = drafted(file, OBJECT)
    kept = entry | {"reason": "It never sends one.", "source": "https://example.org/issues/7"}
    save(file, [kept, kept | {"check": "sse.done", "message": "*", "reason": "Gone since."}])
    written = f"# Ours.\n{file.read_text()}# To be mended in June.\n"
    file.write_text(written.replace("  source:", "  # of last year\n  source:", 1))
    with Server(faulty(OBJECT, UNASKED)) as server:
        result = probe(server, "--write-baseline", str(file))
    assert result.exit_code == 0, result.output
    assert file.read_text().startswith("# Ours.\n")
    assert "  # of last year\n  source:" in file.read_text()
    assert file.read_text().endswith("# To be mended in June.\n")
    entries = yaml.safe_load(file.read_text())["deviations"]
    assert entries[0] == kept
    assert [(one["check"], one["reason"]) for one in entries[1:]] == [("usage.not-unasked", "")]


def test_an_entry_that_one_of_its_scenarios_no_longer_shows_is_stale_there(file: Path) -> None:
    (entry,) = drafted(file, OBJECT)
    save(file, [entry | {"reason": "So.", "scenarios": ["streams"]}])
    with Server(faulty(OBJECT)) as server:
        result = probe(server, "--baseline", str(file))
        assert result.exit_code == 0, "of all streams, those that were asked"
        server.answers(faulty(OBJECT, of="用一句话"))
        gone = probe(server, "--baseline", str(file))
        assert gone.exit_code == 1
        assert "no longer seen in chat.unicode; delete it there" in gone.stdout
        save(file, [entry | {"reason": "So.", "scenarios": ["streams"], "sometimes": True}])
        assert probe(server, "--baseline", str(file)).exit_code == 0


def test_what_was_not_asked_or_not_answered_is_neither_known_nor_stale(file: Path) -> None:
    (entry,) = drafted(file, OBJECT)
    save(file, [entry | {"reason": "So.", "scenarios": ["tools.auto"]}])
    with Server(IDEAL) as server:
        result = probe(server, "--baseline", str(file))
    assert result.exit_code == 0
    assert "0 known, 0 stale, 1 not judged" in result.stdout
    assert "not selected" in result.stdout


def test_an_entry_of_another_model_is_of_no_concern(file: Path) -> None:
    (entry,) = drafted(file, OBJECT)
    save(file, [entry | {"reason": "So.", "models": ["another"]}])
    with Server(IDEAL) as server:
        assert probe(server, "--baseline", str(file)).exit_code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file or directory; draft one with --write-baseline"),
        ("", "not a mapping; begin with `deviations:`"),
        ("providers: []\n", "providers: unknown key; use one of deviations"),
        ("deviations:\n- {check: sse.dome}\n", "unknown check"),
        ("deviations: [\n", "not YAML"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_baseline_is_refused_in_a_line(file: Path, text: str | None, said: str) -> None:
    if text is not None:
        file.write_text(text)
    with Server(IDEAL) as server:
        result = probe(server, "--baseline", str(file))
        assert not server.requests
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert said in line
    assert str(file) in line


def test_the_two_are_not_meant_together(file: Path) -> None:
    with Server(IDEAL) as server:
        result = probe(server, "--baseline", str(file), "--write-baseline", str(file))
    assert (result.exit_code, "use only one of them" in result.stderr) == (2, True)


def test_a_fault_of_some_answers_is_told_as_often_as_it_came(file: Path) -> None:
    one = ("--scenario", "chat.stream")
    command = ["probe", "", "-m", "gpt-4o-mini", "--key-env", "PROBE_KEY", *one, *CLOCK, "--repeat", "4"]
    with Server(faulty(OBJECT, every=2)) as server:
        command[1] = server.base_url
        first = CliRunner().invoke(main, command, env={"PROBE_KEY": "good", "COLUMNS": "200"})
        again = [*command, "--write-baseline", str(file)]
        assert CliRunner().invoke(main, again, env={"PROBE_KEY": "good"}).exit_code == 0
        assert len(server.requests) == 8
    assert first.exit_code == 1
    assert "2 of 4" in first.stdout
    (entry,) = yaml.safe_load(file.read_text())["deviations"]
    assert (entry["check"], entry["sometimes"]) == ("chunk.object", True)
