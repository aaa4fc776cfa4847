"""The compatibility tables and what stands out, in colour for a terminal."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from harness.reports.shown import shown
from harness.reports.summary import (
    FEATURES,
    LEGEND,
    Cell,
    coverage,
    families,
    family_cells,
    feature_cell,
    recorded,
    unrecorded,
)
from harness.results import UNEXPECTED, Finding, Level, Outcome, Results

_BORDERS = 3  # a bar and a space on either side of a cell
_NARROW = 24  # a cell up to this width is never wrapped
_WRAPPED = 40  # the width that one with more text may take before it is

_COLOURS = {
    Outcome.PASS: "green",
    Outcome.OBSERVED: "green",
    Outcome.KNOWN: "yellow",
    Outcome.FAIL: "bold red",
    Outcome.CHANGED: "bold red",
    Outcome.FIXED: "bold magenta",
    Outcome.BROKEN: "bold white on red",
    Outcome.BLOCKED: "red",
    Outcome.INCONCLUSIVE: "cyan",
    Outcome.MISSING: "dim",
    Outcome.NA: "dim",
}


def show(results: Results, console: Console) -> None:
    """Print the tables, the legend, and every unexpected outcome."""
    results = shown(results)
    _show_families(results, console)
    _show_features(results, console)
    if unrecorded(results):
        console.print(unrecorded(results))
    console.print(LEGEND, style="dim")
    for finding in results.unexpected:
        show_finding(finding, console)
    console.print(_totals(results))


def _made(finding: Finding) -> str:
    """Return a word where a finding is of no recording."""
    return ", reconstructed" if finding.provenance == "reconstructed" else ""


def show_finding(finding: Finding, console: Console) -> None:
    """Print one finding with its evidence."""
    finding = shown(finding)
    colour = _COLOURS[finding.outcome]
    console.print(
        f"[{colour}]{finding.outcome.value:8}[/] {escape(finding.cell)} [dim]{finding.level.value}{_made(finding)}[/]"
    )
    if finding.message or finding.value:
        console.print(f"         {escape(finding.message or finding.value or '')}")
    for evidence in finding.evidence:
        place = "" if evidence.event is None else f"event {evidence.event}, "
        pointer = f" {evidence.pointer}" if evidence.pointer else ""
        console.print(
            f"         [dim]{place}byte {evidence.offset}{escape(pointer)}:[/] {escape(evidence.excerpt)}",
            soft_wrap=True,
        )


def show_audit(results: Results, console: Console) -> None:
    """Print a line a provider, then each provider's failing rules with how often and where first."""
    results = shown(results)
    by_provider: dict[str, list[Finding]] = defaultdict(list)
    for finding in results.findings:
        by_provider[finding.provider].append(finding)
    header = ["provider", "exchanges", "streams", "judged", "MUST ✗", "SHOULD ✗", "blocked", "broken"]
    rows = [[Text(name), *(Text(str(n)) for n in _audit_counts(found))] for name, found in by_provider.items()]
    _show_table(header, rows, console)
    for provider, findings in by_provider.items():
        _show_failures(provider, findings, console)
    console.print(_totals(results))


def show_probe(results: Results, console: Console) -> None:
    """Print a line a family, how it does what the rules leave open, what was not asked, and each failing rule."""
    results = shown(results)
    header = ["family", "pass", "MUST ✗", "SHOULD ✗", "blocked", "inconclusive"]
    rows = [[Text(name), *(Text(str(n)) for n in counts)] for name, counts in _family_counts(results).items()]
    _show_table(header, rows, console)
    for name, check in FEATURES.items():
        value = feature_cell(results.findings, check)
        console.print(f"[dim]{name:30}[/] {escape(value.replace(' (R)', ''))}", highlight=False)
    for finding in results.findings:
        if finding.family == "recording":
            colour = _COLOURS[finding.outcome]
            line = f"[{colour}]{finding.outcome.value:8}[/] {finding.scenario}  {escape(finding.message)}"
            console.print(line, highlight=False, soft_wrap=True)
    for provider in dict.fromkeys(finding.provider for finding in results.findings):
        _show_failures(provider, results.findings, console)
    console.print(_totals(results))


def _family_counts(results: Results) -> dict[str, list[int]]:
    counts: dict[str, list[int]] = {}
    for family in families(results):
        found = [finding for finding in results.findings if finding.family == family]
        outcomes = Counter(finding.outcome for finding in found)
        red = Counter(finding.level for finding in found if finding.outcome in UNEXPECTED)
        counts[family] = [
            outcomes[Outcome.PASS] + outcomes[Outcome.OBSERVED], red[Level.MUST], red[Level.SHOULD],
            outcomes[Outcome.BLOCKED], outcomes[Outcome.INCONCLUSIVE],
        ]  # fmt: skip
    return counts


def _audit_counts(findings: list[Finding]) -> list[int]:
    exchanges = {f.cassette for f in findings}
    streams = {f.cassette for f in findings if f.scenario == "audit.stream"}
    red = Counter(f.level for f in findings if f.outcome is Outcome.FAIL)
    outcomes = Counter(f.outcome for f in findings)
    judged = len(findings) - outcomes[Outcome.NA]
    counts = [len(exchanges), len(streams), judged, red[Level.MUST], red[Level.SHOULD]]
    return [*counts, outcomes[Outcome.BLOCKED], outcomes[Outcome.BROKEN]]


def _show_failures(provider: str, findings: list[Finding], console: Console) -> None:
    failing: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.outcome in UNEXPECTED:
            failing[finding.check].append(finding)
    if not failing:
        return
    console.print(f"\n[bold]{escape(provider)}[/]")
    for check, found in sorted(failing.items(), key=lambda item: -len(item[1])):
        first = found[0]
        colour = _COLOURS[first.outcome]
        console.print(
            f"  [{colour}]{len(found):4}[/] {check} [dim]{first.level.value}[/]  {escape(first.message)}",
            highlight=False,
            soft_wrap=True,
        )
        if first.evidence:
            at = first.evidence[0]
            console.print(
                f"       [dim]{escape(first.cassette or first.scenario)} byte {at.offset}: {escape(at.excerpt[:90])}[/]",
                highlight=False,
                soft_wrap=True,
            )


def _show_families(results: Results, console: Console) -> None:
    names, cells = families(results), family_cells(results)
    rows = []
    for provider in recorded(results):
        shown = [cells.get((provider, name), Cell()) for name in names]
        coloured = [Text(cell.text, _COLOURS[cell.outcome]) for cell in shown]
        rows.append([Text(provider), Text(coverage(results, provider)), *coloured])
    _show_table(["provider", "recordings", *names], rows, console)


def _show_features(results: Results, console: Console) -> None:
    rows = []
    for provider in recorded(results):
        findings = [finding for finding in results.findings if finding.provider == provider]
        rows.append([Text(provider), *(Text(feature_cell(findings, check)) for check in FEATURES.values())])
    _show_table(["provider", *FEATURES], rows, console)


def _show_table(header: list[str], rows: list[list[Text]], console: Console) -> None:
    """Print a table as wide as the terminal; columns that do not fit go into further tables below it."""
    widths = [max(map(cell_len, [name, *(row[n].plain for row in rows)])) for n, name in enumerate(header)]
    for group in _groups(widths, console.width):
        table = Table(header_style="bold")
        for column in group:
            table.add_column(header[column], no_wrap=widths[column] <= _NARROW)
        for row in rows:
            table.add_row(*(row[column] for column in group))
        console.print(table)


def _groups(widths: list[int], room: int) -> Iterator[list[int]]:
    """Yield the columns of each table, the first column leading them all."""
    group, used = [0], widths[0] + _BORDERS
    for column, width in enumerate(widths[1:], 1):
        needed = min(width, _WRAPPED) + _BORDERS
        if used + needed >= room and len(group) > 1:
            yield group
            group, used = [0], widths[0] + _BORDERS
        group.append(column)
        used += needed
    yield group


def _totals(results: Results) -> str:
    return " · ".join(f"{count} {outcome}" for outcome, count in results.outcomes.items())
