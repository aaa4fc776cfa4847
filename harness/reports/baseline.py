"""Renders the result for a baseline: how many entries are known, stale or not judged, and which are the latter two."""

from rich.console import Console
from rich.markup import escape

from harness.markdown import cell, padded_table
from harness.reports.failures import show_wrapped
from harness.reports.shown import shown
from harness.results import BaselineEntry, BaselineSummary
from harness.words import translated

_COLOURS = {"stale": "bold magenta", "not judged": "cyan"}
_NAMES = 5


def show(baseline: BaselineSummary, console: Console) -> None:
    """Print the counts, then each entry that is stale or was not judged."""
    baseline = shown(baseline)
    console.print(f"\n[bold]{escape(_counts(baseline))}[/]", highlight=False, soft_wrap=True)
    for entry in (*baseline.of("stale"), *baseline.of("not judged")):
        place = f"{baseline.path}:{entry.line}"
        word = translated("stale" if entry.state == "stale" else "not judged")
        console.print(
            f"[{_COLOURS[entry.state]}]{word}[/] {escape(place)} [bold]{entry.check}[/]",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
        show_wrapped(_why(entry), console)


def render(baseline: BaselineSummary) -> str:
    """Return the same as Markdown."""
    baseline = shown(baseline, cell)
    told = [*baseline.of("stale"), *baseline.of("not judged")]
    rows = [[one.state, f"{baseline.path}:{one.line}", one.check, _why(one)] for one in told]
    table = f"\n\n{padded_table(['state', 'entry', 'check', 'what'], rows)}" if rows else ""
    return f"## {_counts(baseline)}{table}\n"


def _counts(baseline: BaselineSummary) -> str:
    known, stale, unjudged = (len(baseline.of(state)) for state in ("known", "stale", "not judged"))
    told = translated("Baseline {path}: {known} known, {stale} stale, {unjudged} not judged")
    return told.format(path=baseline.path, known=known, stale=stale, unjudged=unjudged)


def _why(entry: BaselineEntry) -> str:
    if entry.state == "not judged":
        return entry.why
    names = ", ".join(entry.scenarios[:_NAMES])
    more = translated("and {count} more").format(count=len(entry.scenarios) - _NAMES)
    where = f"{names} {more}" if len(entry.scenarios) > _NAMES else names
    said = translated("no longer seen in {scenarios}; delete it there, or the entry: {message}")
    return said.format(scenarios=where, message=entry.message)
