"""The table at the top of a README: one mark and one word per cell, and no pass by a reconstruction."""

from dataclasses import replace

import pytest

from harness.reports.start_table import start_table, with_start_tables
from harness.results import Finding, Level, Outcome, Results, Run


def observed(value: str, check: str = "sse.end", **more: str) -> Finding:
    basis = {"provenance": "recorded", "recorded_at": "2026-03-04", **more}
    return Finding("acme", "small", "chat.stream", check, Level.OBSERVE, Outcome.OBSERVED, value=value, **basis)  # type: ignore[arg-type]


def judged(outcome: Outcome, check: str = "sse.done", **more: str) -> Finding:
    basis = {"provenance": "recorded", "recorded_at": "2026-03-04", **more}
    return Finding("acme", "small", "chat.stream", check, Level.MUST, outcome, **basis)  # type: ignore[arg-type]


def cells(*findings: Finding, language: str = "en") -> list[str]:
    text = start_table(Results(Run("0", "now", "replay"), list(findings)), (), language)  # type: ignore[arg-type]
    return [one.strip().replace("\u00a0", " ") for one in text.splitlines()[-1].split("|")[2:-1]]


END = 1


@pytest.mark.parametrize(
    ("outcome", "provenance", "shown"),
    [
        (Outcome.PASS, "recorded", "✓ [DONE]<sup>R</sup>"),
        (Outcome.PASS, "published", "✓ [DONE]<sup>P</sup>"),
        (Outcome.PASS, "reconstructed", "○ [DONE]<sup>C</sup>"),
        (Outcome.FIXED, "reconstructed", "○ [DONE]<sup>C</sup>"),
        (Outcome.KNOWN, "reconstructed", "○~ [DONE]<sup>C</sup>"),
        (Outcome.KNOWN, "recorded", "~ [DONE]<sup>R</sup>"),
        (Outcome.FAIL, "reconstructed", "✗ [DONE]<sup>C</sup>"),
        (Outcome.BROKEN, "recorded", "✗ [DONE]<sup>R</sup>"),
    ],
)
def test_a_mark_says_what_the_rules_say_and_on_what_it_rests(outcome: Outcome, provenance: str, shown: str) -> None:
    found = (observed("[DONE]", provenance=provenance), judged(outcome, provenance=provenance))
    assert cells(*found)[END] == shown


def test_a_pass_of_another_recording_lends_a_reconstruction_nothing() -> None:
    made = {"provenance": "reconstructed"}
    elsewhere = replace(judged(Outcome.PASS, "tool_calls.type"), scenario="chat.nonstream")
    found = (
        observed("in pieces", "tool_calls.pieces", **made),
        judged(Outcome.PASS, "tool_calls.id", **made),
        elsewhere,
    )
    assert cells(*found)[4] == "○ pieces<sup>C</sup>"


MADE = {"provenance": "reconstructed"}


def test_what_evidence_answers_a_reconstruction_does_not() -> None:
    claim = [
        replace(one, scenario="chat.nonstream") for one in (observed("no [DONE]", **MADE), judged(Outcome.PASS, **MADE))
    ]
    assert cells(observed("[DONE]"), judged(Outcome.PASS), *claim)[END] == "✓ [DONE]<sup>R</sup>"


def test_a_listed_deviation_that_only_a_reconstruction_shows_is_told_beside_the_evidence() -> None:
    claim = [
        replace(one, scenario="chat.nonstream") for one in (observed("[DONE]", **MADE), judged(Outcome.KNOWN, **MADE))
    ]
    assert cells(observed("[DONE]"), judged(Outcome.PASS), *claim)[END] == "✓ [DONE]<sup>R</sup> ○~<sup>C</sup>"
    assert cells(observed("[DONE]"), judged(Outcome.KNOWN), *claim)[END] == "~ [DONE]<sup>R</sup>"


def test_nothing_that_was_seen_is_a_dash() -> None:
    assert cells(judged(Outcome.PASS))[END] == "–"
    for told in ("none (not asked)", "none (request unknown)"):
        assert cells(observed(told, "usage.place"), judged(Outcome.PASS, "usage.once"))[0] == "–"
    known = observed("every chunk (request unknown)", "usage.place"), judged(Outcome.PASS, "usage.once")
    assert cells(*known)[0] == "✓ every<sup>R</sup>"


def test_models_that_differ_vary() -> None:
    other = replace(observed("no [DONE]"), model="large")
    assert cells(observed("[DONE]"), other, judged(Outcome.PASS))[END] == "✓ varies<sup>R</sup>"


def test_words_of_the_language_that_the_marker_names() -> None:
    assert (
        cells(observed("every chunk", "usage.place"), judged(Outcome.KNOWN, "usage.once"), language="zh")[0]
        == "~ 每块<sup>R</sup>"
    )
    results = Results(Run("0", "now", "replay"), [observed("[DONE]"), judged(Outcome.PASS)])
    text = "# x\n<!-- start table: begin -->\n<!-- start table: end -->\n<!-- start table: begin zh -->\nold\n<!-- start table: end -->\nend\n"
    filled = with_start_tables(text, results) or ""
    assert "| provider " in filled
    assert "| 服务商 " in filled
    assert "old" not in filled
    assert with_start_tables(filled, results) == filled
    assert with_start_tables("no markers", results) is None


def test_what_comes_from_outside_makes_no_cell_and_no_tag() -> None:
    hostile = "a|b<script>\x1b[31m"
    cell = start_table(Results(Run("0", "now", "replay"), [observed(hostile), judged(Outcome.PASS)]))
    assert "<script" not in cell
    assert "\x1b" not in cell
    assert len({line.replace("\\|", "").count("|") for line in cell.splitlines()}) == 1
