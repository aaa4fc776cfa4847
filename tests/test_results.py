"""Outcomes and the results file."""

import errno
import os
from pathlib import Path

import orjson
import pytest

from harness.errors import BadResults, Unwritable
from harness.results import (
    Deviation,
    Evidence,
    Finding,
    Level,
    Outcome,
    Problem,
    Results,
    Run,
    judge,
    read_results,
    write_results,
)

KNOWN = Deviation("usage.sum", "why", "https://example.org", "2025", "9 + * is not [*]", ("chat.stream",), ("small",))
FINDING = Finding(
    "acme", "small", "chat.stream", "usage.sum", Level.MUST, Outcome.KNOWN, "9 + 1 is not [12]",
    (Evidence(0, 3, 812, "/usage", "…"), Evidence(0, None, 5, None, "x")), None, "recorded", "2026-01-02", "https://example.org", "c.yaml",
)  # fmt: skip
OTHER = Finding("acme", "small", "chat.stream", "role.pattern", Level.OBSERVE, Outcome.OBSERVED, value="first")
RESULTS = Results(Run("0.1.0", "2026-01-02T03:04:05+00:00", "replay", "openai 3"), [FINDING, OTHER])


@pytest.mark.parametrize(
    ("messages", "deviation", "outcome", "said"),
    [
        ([], None, Outcome.PASS, ""),
        (["a", "b"], None, Outcome.FAIL, "a (and 1 more)"),
        (["9 + 1 is not [12]"], KNOWN, Outcome.KNOWN, "9 + 1 is not [12]"),
        (["9 + 1 is not [12]", "x"], KNOWN, Outcome.CHANGED, "x (and 1 more); expected: 9 + * is not [*]"),
        (["9 + 1 is not [12]", "9 + 2 is not [1]"], KNOWN, Outcome.KNOWN, "9 + 1 is not [12] (and 1 more)"),
        (["9 + 1 is not 12"], KNOWN, Outcome.CHANGED, "9 + 1 is not 12; expected: 9 + * is not [*]"),
        ([], KNOWN, Outcome.FIXED, "no longer seen, delete its line from deviations.yaml: 9 + * is not [*]"),
    ],
)
def test_judge(messages: list[str], deviation: Deviation | None, outcome: Outcome, said: str) -> None:
    assert judge([Problem(message) for message in messages], [deviation] if deviation else []) == (outcome, said)


def test_what_shows_at_times_only_is_known_when_it_shows_and_not_fixed_when_it_does_not() -> None:
    at_times = Deviation("usage.sum", "why", "https://example.org", "2025", "x", sometimes=True)
    assert judge([Problem("x")], [at_times])[0] is Outcome.KNOWN
    assert judge([], [at_times]) == (Outcome.PASS, "")
    assert judge([Problem("y")], [at_times])[0] is Outcome.CHANGED
    assert judge([], [at_times, KNOWN])[0] is Outcome.FIXED


def test_each_of_two_deviations_expects_its_own() -> None:
    other = Deviation("usage.sum", "why", "https://example.org", "2025", "x")
    assert judge([Problem("x"), Problem("9 + 1 is not [12]")], [KNOWN, other])[0] is Outcome.KNOWN


def test_a_deviation_covers_what_it_names() -> None:
    assert KNOWN.covers("usage.sum", "chat.stream", "small")
    assert not KNOWN.covers("usage.sum", "chat.nonstream", "small")
    assert not KNOWN.covers("usage.sum", "chat.stream", "large")
    assert not KNOWN.covers("usage.once", "chat.stream", "small")
    assert Deviation("usage.sum", "", "", "", "").covers("usage.sum", "any", "any")


def test_results_come_back(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    write_results(path, RESULTS)
    assert read_results(path) == RESULTS
    assert len(path.read_text().splitlines()) == 4


def test_a_finding_names_its_cell() -> None:
    assert FINDING.cell == "acme/small/chat.stream/usage.sum"
    assert FINDING.family == "usage"
    assert RESULTS.outcomes == {"known": 1, "observed": 1}


def test_only_unexpected_outcomes_are_red() -> None:
    findings = [Finding("a", "b", "c", "d", Level.MUST, outcome) for outcome in Outcome]
    assert {finding.outcome.value for finding in Results(RESULTS.run, findings).unexpected} == {
        "broken",
        "fail",
        "changed",
        "fixed",
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines[:-1], ":3: no end line, so the run was interrupted"),
        (lambda lines: lines[1:], ":1: no run line"),
        (lambda lines: [lines[0], lines[1], lines[3]], ":3: the end line counts 2 findings, the file holds 1"),
        (lambda lines: [*lines[:2], "{", lines[3]], ":3: not JSON"),
        (lambda lines: [*lines[:2], "[]", lines[3]], ":3: not an object"),
        (lambda lines: [*lines[:2], '{"kind":"x"}', lines[3]], ":3: not a finding"),
        (
            lambda lines: [lines[0].replace('"schema":2', '"schema":9'), *lines[1:]],
            ":1: schema 9, this version reads 2",
        ),
        (
            lambda lines: [*lines[:3], lines[3].replace('"known":1', '"pass":1')],
            ":4: the end line counts other outcomes",
        ),
        (
            lambda lines: [lines[0].replace('"mode":"replay"', '"mode":5'), *lines[1:]],
            ":1: the run line has no 'mode'; run",
        ),
        (lambda lines: [lines[0].replace('"mode"', '"mood"'), *lines[1:]], ":1: the run line has no 'mode'; "),
        (lambda lines: [lines[0], lines[1].replace('"known"', '"fine"'), *lines[2:]], ":2: outcome: "),
        (lambda lines: [lines[0], lines[1].replace('"message"', '"massage"'), *lines[2:]], ":2: massage: "),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, change: object, said: str) -> None:
    path = tmp_path / "results.jsonl"
    write_results(path, RESULTS)
    path.write_text("\n".join(change(path.read_text().splitlines())))  # type: ignore[operator]
    with pytest.raises(BadResults) as caught:
        read_results(path)
    assert str(caught.value).startswith(f"{path}{said}")
    assert "\n" not in str(caught.value)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").touch()
    with pytest.raises(BadResults, match=":1: no run line"):
        read_results(tmp_path / "results.jsonl")


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadResults, match="make one with: harness run"):
        read_results(tmp_path / "none.jsonl")


def test_what_passes_shares_a_line_and_comes_back_in_order(tmp_path: Path) -> None:
    outcomes = [Outcome.PASS, Outcome.NA, Outcome.FAIL, Outcome.PASS, Outcome.OBSERVED, Outcome.NA, Outcome.PASS]
    findings = [
        Finding("acme", "small", scenario, f"chunk.c{n}", Level.MUST, outcome, "why" if outcome is Outcome.NA else "")
        for scenario in ("chat.stream", "chat.nonstream")
        for n, outcome in enumerate(outcomes)
    ]
    write_results(tmp_path / "r.jsonl", Results(RESULTS.run, findings))
    assert read_results(tmp_path / "r.jsonl").findings == findings
    rows = [orjson.loads(line) for line in (tmp_path / "r.jsonl").read_bytes().splitlines()]
    assert [row["kind"] for row in rows] == ["run", *["finding", "finding", "findings", "findings"] * 2, "end"]
    assert rows[3]["checks"] == {"chunk.c0": "MUST", "chunk.c3": "MUST", "chunk.c6": "MUST"}
    assert (rows[4]["outcome"], rows[4]["message"]) == ("n/a", "why")
    assert rows[-1]["findings"] == len(findings)


def test_a_file_that_may_not_be_looked_at_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text("mine")

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(Unwritable, match=r"results\.jsonl: Permission denied; name another file"):
        write_results(path, Results(Run("0", "2026", "replay")))
