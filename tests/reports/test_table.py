"""The tables: the content of cells, and the alignment of Chinese text."""

import io
from dataclasses import replace

import pytest
from rich.console import Console
from wcwidth import wcswidth

from harness.reports import badge, table, terminal
from harness.reports.summary import LEGEND, Cell, coverage, feature_cell, recorded
from harness.results import Finding, Level, Outcome, Results, Run

RUN = Run("0", "now", "replay")


def finding(check: str, outcome: Outcome, provider: str = "acme", **more: object) -> Finding:
    level = Level.OBSERVE if outcome is Outcome.OBSERVED else Level.MUST
    basis = {"provenance": "recorded", "recorded_at": "2026-03-04"} if outcome is not Outcome.MISSING else {}
    told = {"scenario": "chat.stream", **basis, **more}
    return Finding(provider, "small", check=check, level=level, outcome=outcome, **told)  # type: ignore[arg-type]


FINDINGS = [
    finding("usage.sum", Outcome.PASS),
    finding("usage.once", Outcome.KNOWN, message="twice | thrice", recorded_at="2026-05-01"),
    finding("usage.place", Outcome.OBSERVED, value="own chunk"),
    finding("chunk.id", Outcome.FAIL, message="id is 空"),
    finding("chunk.model", Outcome.NA),
    finding("usage.sum", Outcome.PASS, "供应商"),
    finding("recording.present", Outcome.MISSING, "无录制", message="no recording"),
]
RESULTS = Results(RUN, FINDINGS)


def shown(width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width)
    terminal.show(RESULTS, console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_a_cell_says_worst_outcome_counts_and_basis() -> None:
    assert Cell(FINDINGS[:3]).text == "~ 1/2 R 2026-05"
    assert Cell(FINDINGS[:1]).text == "✓ 1 R 2026-03"
    assert Cell([FINDINGS[3]]).text == "✗ 1/1 R 2026-03"
    both = [finding("x.y", Outcome.PASS), finding("x.z", Outcome.KNOWN, provenance="published", recorded_at="2024-11")]
    assert Cell(both).text == "✓ 1 R 2026-03 · ~ 1/1 P 2024-11", "each kind has its own count and date"
    assert Cell(both).outcome is Outcome.KNOWN
    assert Cell().text == "-"


def test_every_outcome_has_a_symbol_in_the_legend() -> None:
    for outcome in set(Outcome) - {Outcome.NA, Outcome.OBSERVED}:
        text = Cell([finding("x.y", outcome)]).text
        assert f"{text.split()[0]} " in LEGEND, outcome


def test_the_family_table() -> None:
    lines = table.family_table(RESULTS).splitlines()
    assert [cell.strip() for cell in lines[0].split("|")[1:-1]] == ["provider", "recordings", "usage", "chunk"]
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        "acme",
        "1/1: R 1 2026-05",
        "~ 1/2 R 2026-05",
        "✗ 1/1 R 2026-03",
    ]
    assert [cell.strip() for cell in lines[3].split("|")[1:-1]] == ["供应商", "1/1: R 1 2026-03", "✓ 1 R 2026-03", "-"]
    assert [cell.strip() for cell in lines[4].split("|")[1:-1]] == ["无录制", "0/1", "-", "-"]


def test_columns_align_with_chinese_text() -> None:
    for rendered in (table.family_table(RESULTS), table.feature_table(RESULTS)):
        assert len({wcswidth(line) for line in rendered.splitlines()}) == 1


def test_a_feature_says_what_it_rests_on() -> None:
    assert feature_cell(FINDINGS, "usage.place") == "own chunk (R 1 2026-03)"
    assert feature_cell(FINDINGS, "sse.end") == "-"


def test_a_chat_model_does_not_blur_where_reasoning_is() -> None:
    both = [finding("reasoning.place", Outcome.OBSERVED, value=value) for value in ("none", "reasoning_content")]
    assert feature_cell(both, "reasoning.place") == "reasoning_content (R 1 2026-03)"


def test_coverage_counts_cases_that_apply() -> None:
    extra = [
        Finding("acme", "small", "reasoning.stream", "recording.present", Level.MUST, Outcome.NA),
        Finding("acme", "large", "chat.stream", "recording.present", Level.MUST, Outcome.MISSING),
    ]
    own = [one for one in FINDINGS if one.provider == "acme"]
    assert coverage(own + extra) == "1/2: R 1 2026-05"
    published = finding("usage.sum", Outcome.PASS, scenario="published.2025-04-body", provenance="published")
    assert coverage([*own, *extra, published]) == "1/2: R 1 2026-05, P 1 2026-03"
    assert coverage([published]) == "P 1 2026-03", "of a provider of whom nothing is asked"


def test_problems_are_listed_below() -> None:
    rendered = table.render(RESULTS)
    assert "twice \\| thrice" in rendered
    assert "id is 空" in rendered
    assert table.render(Results(RUN, FINDINGS[:1])).count("## Problems") == 0


def test_the_terminal_shows_tables_and_what_is_unexpected() -> None:
    text = shown()
    assert "✗ 1/1 R 2026-03" in text
    assert "fail     acme/small/chat.stream/chunk.id MUST" in text
    assert "id is 空" in text
    assert "usage.once" not in text, "a known deviation is in the table, not in the alarm"
    assert "1 fail · 1 known · 1 missing · 2 pass · 1 observed · 1 n/a" in text


def test_the_terminal_table_aligns_too() -> None:
    rows = [line for line in shown().splitlines() if line[:1] in "┃│┏└┡"]
    first = rows[: next(n for n, row in enumerate(rows) if row[0] == "└") + 1]
    assert len(first) == 6
    assert len({wcswidth(row) for row in first}) == 1


def test_a_narrow_terminal_gets_more_tables_and_loses_nothing() -> None:
    wide, narrow = shown(200), shown(60)
    assert max(map(wcswidth, narrow.splitlines())) <= 60
    assert narrow.count("┏") > wide.count("┏")
    assert all(
        cell in narrow
        for cell in ("1/1: R 1 2026-05", "~ 1/2 R 2026-05", "✗ 1/1 R 2026-03", "finish_reason before the end")
    )


def test_providers_without_recordings_are_named_in_a_line() -> None:
    assert "No recordings yet of 无录制." in shown()
    assert "No recordings yet of 无录制." in table.tables(RESULTS)
    assert table.feature_table(RESULTS).count("无录制") == 0


def test_markers() -> None:
    text = f"a\n{table.BEGIN}\nold\n{table.END}\nb\n"
    assert table.replace_between_markers(text, "new\n") == f"a\n{table.BEGIN}\nnew\n{table.END}\nb\n"
    assert table.replace_between_markers("a", "new") is None
    assert table.replace_between_markers(table.BEGIN, "new") is None


def test_a_reconstruction_is_never_shown_as_a_recording() -> None:
    made = [replace(one, provenance="reconstructed") if one.provenance else one for one in FINDINGS]
    passed = [finding for finding in made if finding.outcome is Outcome.PASS]
    assert Cell(passed).text.startswith("○ ")
    assert Cell(passed).text.endswith("C 2026-03")
    assert Cell([*passed, FINDINGS[0]]).text.startswith("✓ "), "something was recorded"
    results = Results(RESULTS.run, made)
    assert badge.render(results) == {}
    problems = table.render(results).partition("## Problems")[2]
    assert [row.split("|")[3].strip()[:2] for row in problems.splitlines() if "acme/" in row] == ["C "] * 2
    assert "✓" not in table.family_table(results)
    assert coverage(results.findings[:5]) == "0/1: C 1 2026-05"
    assert Cell(made[:2]).text == "○~ 1/2 C 2026-05"
    assert Cell(made[:2]).made


def test_features_can_be_those_of_some_only() -> None:
    names = recorded(RESULTS)
    shown = table.feature_table(RESULTS, names[:1]).splitlines()
    assert len(shown) == 3
    assert len(table.feature_table(RESULTS).splitlines()) == 2 + len(names)


def test_what_was_synthesised_has_its_letter_in_the_legend() -> None:
    made = [replace(one, provenance="synthesised") for one in FINDINGS]
    assert "S synthesised by harness serve" in table.render(Results(RUN, made))
    assert "S synthesised" not in table.render(RESULTS)


def test_a_badge_leads_to_the_page_of_its_provider_where_the_site_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    results = Results(RUN, [finding("usage.sum", Outcome.PASS, "deepseek")])
    monkeypatch.delenv("HARNESS_SITE_URL", raising=False)
    assert "<a " not in badge.render(results)["deepseek"]
    monkeypatch.setenv("HARNESS_SITE_URL", "https://compat.example/x/")
    linked = badge.render(results)["deepseek"]
    assert '<a href="https://compat.example/x/providers/deepseek/">' in linked
    assert linked.count("</a>") == 1
