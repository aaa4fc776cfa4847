"""The text forms of a comparison: their content, and that outside text is shown verbatim."""

import io
from typing import Any

import orjson
import pytest
from rich.console import Console

from harness.reports import diff as report
from harness.reports.changes import Diff, Kind
from harness.reports.pairing import compare
from harness.results import Evidence, Finding, Level, Outcome, Results, Run

OLD = Run("1.0", "2026-05-01T10:11:12+00:00", "replay", "3.52")
NEW = Run("1.0", "2026-06-01T10:11:12+00:00", "replay", "3.52")
PLACE = Evidence(0, 3, 120, "/usage", '"usage":{"x":"[bold]`空`[/]"}')
SHAPE = Evidence(0, 0, 6, "/x", '"x":1')


def finding(check: str, outcome: Outcome, scenario: str = "chat.stream", **more: Any) -> Finding:
    level = Level.OBSERVE if outcome is Outcome.OBSERVED else Level.MUST
    return Finding("acme", "small", scenario, check, level, outcome, provenance="recorded", **more)


def run(run: Run, at: str, *findings: Finding) -> Results:
    for one in findings:
        one.recorded_at = at
    return Results(run, list(findings))


def example() -> Diff:
    old = run(
        OLD, "2026-05-01",
        finding("usage.sum", Outcome.PASS), finding("usage.sum", Outcome.PASS, "chat.stop"),
        finding("a.one", Outcome.PASS, evidence=(PLACE,)), finding("a.two", Outcome.PASS),
        finding("shape./x@finish", Outcome.OBSERVED, value="missing", evidence=(SHAPE,)),
        finding("shape./x@content", Outcome.OBSERVED, value="missing", evidence=(SHAPE,)),
        finding("asked.seed", Outcome.OBSERVED, value="1"),
        finding("http.utf8", Outcome.FAIL, message="no", evidence=(PLACE,)),
        finding("a.same", Outcome.PASS),
    )  # fmt: skip
    new = run(
        NEW, "2026-06-01",
        finding("usage.sum", Outcome.FAIL, message="it is 空 and `12`", evidence=(PLACE,)), finding("usage.sum", Outcome.FAIL, "chat.stop", message="it is 3"),
        finding("a.one", Outcome.NA, message="no tool was called"), finding("a.two", Outcome.NA, message="no tool was called"),
        finding("shape./x@finish", Outcome.OBSERVED, value="text", evidence=(SHAPE,)),
        finding("shape./x@content", Outcome.OBSERVED, value="text", evidence=(SHAPE,)),
        finding("asked.seed", Outcome.OBSERVED, value="2"),
        finding("http.utf8", Outcome.PASS),
        finding("a.same", Outcome.PASS),
    )  # fmt: skip
    return compare((old, new), ("old.jsonl", "new.jsonl"))


def shown(diff: Diff) -> list[str]:
    console = Console(file=io.StringIO(), width=60)
    report.show(diff, console)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


def test_the_terminal_shows_everything() -> None:
    by = "      by: another question: recorded anew 2026-06-01 (before: 2026-05-01)"
    assert shown(example()) == [
        "old  old.jsonl: replay 2026-05-01 10:11, harness 1.0, SDK 3.52",
        "new  new.jsonl: replay 2026-06-01 10:11, harness 1.0, SDK 3.52",
        "",
        "Regressions",
        "  pass → fail  acme  usage.sum MUST",
        "      it is 空 and `12`",
        "      in: acme/small/chat.stream/usage.sum",
        '      event 3, byte 120 /usage: "usage":{"x":"[bold]`空`[/]"}',
        by,
        "  pass → fail  acme  usage.sum MUST",
        "      it is 3",
        "      in: acme/small/chat.stop/usage.sum",
        "      by: provider: recorded anew 2026-06-01 (before: 2026-05-01)",
        "",
        "Asked otherwise",
        "  1 → 2  acme  seed",
        "      in: acme/small/chat.stream",
        by,
        "",
        "Rules that apply now, or no longer",
        "  pass → n/a  acme  2 rules",
        "      no tool was called",
        "      first: acme/small/chat.stream/a.one",
        by,
        "",
        "Changed shape",
        "  missing → text  acme  /x (finish, content chunks)",
        "      first: acme/small/chat.stream",
        '      old event 0, byte 6 /x: "x":1',
        '      new event 0, byte 6 /x: "x":1',
        by,
        "",
        "Improvements",
        "  fail → pass  acme  http.utf8 MUST",
        "      no",
        "      in: acme/small/chat.stream/http.utf8",
        '      was event 3, byte 120 /usage: "usage":{"x":"[bold]`空`[/]"}',
        by,
        "",
        "2 regressions · 1 change of the question · 2 changes of what applies · 2 changes of shape · 1 improvement · 1 the same",
    ]


def test_nothing_changed_is_said() -> None:
    same = run(OLD, "2026-05-01", finding("a.b", Outcome.PASS))
    assert shown(compare((same, same)))[-1] == "nothing changed · 1 the same"


def test_markdown_shows_what_was_sent_word_for_word() -> None:
    text = report.render(example())
    assert text.startswith("**2 regressions · ")
    assert "### Regressions\n\n* `pass → fail` `acme usage.sum MUST`\n  * `` it is 空 and `12` ``\n" in text
    assert '  * was event 3, byte 120 /usage: `` "usage":{"x":"[bold]`空`[/]"} ``' in text


@pytest.mark.parametrize("told", ["``", "a ``` b ` c", "two\nlines"])
def test_no_text_breaks_out_of_its_code(told: str) -> None:
    old = run(OLD, "2026-05-01", finding("a.b", Outcome.PASS))
    new = run(NEW, "2026-05-01", finding("a.b", Outcome.FAIL, message=told))
    (line,) = [line for line in report.render(compare((old, new))).splitlines() if " ".join(told.split()) in line]
    fence = line.removeprefix("  * ").split(" ")[0].rstrip("abtwo")
    assert line.endswith(fence)
    assert line.count(fence) == 2


def test_json_lines_hold_every_cell_of_both_sides() -> None:
    rows = [orjson.loads(orjson.dumps(row)) for row in report.rows(example())]
    assert rows[0]["old"] == {"name": "old.jsonl", "harness": "1.0", "started": OLD.started, "mode": "replay", "sdk": "3.52"}  # fmt: skip
    assert [row["change"] for row in rows[1:-1]].count(Kind.WORSE) == 2
    first = rows[1]["cells"][0]
    assert (first["scenario"], first["check"], first["recording"]) == ("chat.stream", "usage.sum", None)
    assert (first["old"]["outcome"], first["new"]["outcome"]) == ("pass", "fail")
    assert first["new"]["evidence"][0]["offset"] == 120
    assert first["new"]["recorded_at"] == "2026-06-01"
    assert rows[-1] == {
        "kind": "end",
        "regression": True,
        "same": 1,
        "changes": {"regression": 2, "change of the question": 1, "change of what applies": 2, "change of shape": 2, "improvement": 1},
    }  # fmt: skip


def test_many_are_counted() -> None:
    names = ["chat.stream", "chat.stop", "chat.n2"]
    old = run(OLD, "2026-05-01", *(finding("a.b", Outcome.PASS, name) for name in names))
    new = run(NEW, "2026-05-01", *(finding("a.b", Outcome.FAIL, name) for name in names))
    lines = shown(compare((old, new)))
    assert "  pass → fail  acme  a.b MUST ×3" in lines
    assert "      first: acme/small/chat.stream/a.b" in lines
