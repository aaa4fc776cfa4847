"""Renders the compatibility tables and notable findings, in colour for a terminal."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from harness.reports import baseline, probe_facts
from harness.reports.addresses import page_of
from harness.reports.failures import (
    COLOURS,
    TellOf,
    counted,
    most_of,
    show_groups,
    show_wrapped,
)
from harness.reports.shown import shown
from harness.reports.summary import (
    FEATURES,
    LEGEND,
    SYNTHESISED,
    Cell,
    by_provider,
    coverage,
    families,
    family_cells,
    feature_cell,
    recorded,
    replays,
    unrecorded,
)
from harness.reports.tally import ProviderTally, Tally
from harness.results import UNEXPECTED, Evidence, Finding, Level, Outcome, Results
from harness.words import translated
from harness.words.padding import padded
from harness.words.problems import translated_problem
from harness.words.values import translated_value

_PROVIDERS_SHOWN = 40
_BETWEEN = " | "  # separator of the values that an observation saw in one recording
_LEVELS = {
    Level.MUST: "failures of rules that the specification sets",
    Level.SHOULD: "failures of other rules that clients rely on",
}
_MEANINGS = {
    Outcome.OBSERVED: "a fact noted, without a verdict",
    Outcome.NA: "the check is about something else, such as streams or tools",
    Outcome.BLOCKED: "not judged, since a check it builds on failed",
    Outcome.INCONCLUSIVE: "no response that could be judged",
    Outcome.KNOWN: "a listed deviation, as expected",
    Outcome.FIXED: "listed as a deviation, but passes now",
    Outcome.CHANGED: "listed as a deviation, but fails differently",
    Outcome.BROKEN: "a bug of this tool; please report it",
}
_PROVIDER_COLUMNS = ("provider", "exchanges", "streamed", "MUST ✗", "SHOULD ✗", "known", "blocked", "broken")
_FAMILY_COLUMNS = ("family", "pass", "MUST ✗", "SHOULD ✗", "blocked", "inconclusive")

_BORDERS = 3  # a bar and a space on either side of a cell
_NARROW = 24  # a cell up to this width is never wrapped
_WRAPPED = 40  # the width that a longer one may take before it is


def show(results: Results, console: Console) -> None:
    """Print the tables, the legend, and every unexpected outcome."""
    results = shown(results)
    _show_families(results, console)
    _show_features(results, console)
    if unrecorded(results):
        console.print(unrecorded(results, translated))
    console.print(translated(LEGEND), style="dim")
    if any(one.provenance == "synthesised" for one in results.findings):
        console.print(translated(SYNTHESISED), style="dim")
    for finding in results.unexpected:
        show_finding(finding, console)
    console.print(_totals(results.outcomes))


def _made(finding: Finding) -> str:
    """Return a word for a finding whose provenance is not a recording."""
    return translated(", reconstructed") if finding.provenance == "reconstructed" else ""


def show_finding(finding: Finding, console: Console) -> None:
    """Print one finding with its evidence."""
    finding = shown(finding)
    colour = COLOURS[finding.outcome]
    console.print(
        f"[{colour}]{finding.outcome.value:8}[/] {escape(finding.cell)} [dim]{finding.level.value}{_made(finding)}[/]"
    )
    if finding.message or finding.value:
        console.print(
            f"         {escape(translated_problem(finding.message) or translated_value(finding.value or ''))}"
        )
    for evidence in finding.evidence:
        pointer = f" {evidence.pointer}" if evidence.pointer else ""
        console.print(
            f"         [dim]{place_of(evidence)}{escape(pointer)}:[/] {escape(evidence.excerpt)}",
            soft_wrap=True,
        )


def place_of(evidence: Evidence) -> str:
    """Return the event, if any, and the byte of a problem."""
    byte = translated("byte {offset}").format(offset=evidence.offset)
    event = "" if evidence.event is None else translated("event {number}, ").format(number=evidence.event)
    return f"{event}{byte}"


def show_audit(tally: Tally, console: Console, *, unjudged: str = "", whole: bool = False) -> None:
    """
    Print a line per provider, then each failing rule, legal values that break clients, and the meaning of the
    words.

    ``unjudged`` is a line about exchanges in no supported dialect; long lists are shortened unless ``whole``.
    """
    _show_providers(tally, console, whole=whole)
    _show_groups(tally, console, whole=whole)
    if unjudged:
        console.print(escape(unjudged), highlight=False, soft_wrap=True)
    _show_totals(tally, console)


def show_probe(results: Results, console: Console, tell_of: TellOf, *, whole: bool = False) -> None:
    """Print failing rules, then a line per family, the choices that the rules leave open, and what was not judged."""
    results = shown(results)
    tally = Tally.of(results, tell_of)
    if replayed := replays(results):
        show_wrapped(replayed, console, indent=0)
        console.print()
    _show_groups(tally, console, whole=whole, own=results.baseline is not None)
    _show_family_counts(results, console)
    for name, check in FEATURES.items():
        seen = (one.value.split(_BETWEEN) for one in results.findings if one.check == check and one.value)
        if values := dict.fromkeys(value for values in seen for value in values):
            show_wrapped(
                _BETWEEN.join(map(translated_value, values)), console, label=padded(translated(name), 30), indent=0
            )
    _show_unasked(results, console, whole=whole)
    if results.baseline:
        baseline.show(results.baseline, console)
    if results.probe:
        console.print()
        probe_facts.show(results.probe, console)
    _show_totals(tally, console)


def _show_groups(tally: Tally, console: Console, *, whole: bool, own: bool = False) -> None:
    """Print the groups of findings; ``own`` is whether known ones come from a baseline."""
    groups, listed = tally.groups.failing(), tally.groups.known()
    if groups:
        head = translated(
            "Rules that fail, and are not in the baseline"
            if own
            else "Rules that fail, and are not listed for the provider"
            if listed
            else "Rules that fail"
        )
        console.print(f"[bold]{head}[/]")
    if not groups and tally.nothing_judged is None:
        none = translated(
            "No rule fails that is not in the baseline."
            if own
            else "No rule fails that is not listed for the provider."
            if listed
            else "No rule fails."
        )
        console.print(none)
    show = partial(show_groups, mode=tally.run.mode, console=console, providers=len(tally.providers) > 1, whole=whole)
    show(groups)
    if listed:
        console.print(
            f"\n[bold]{translated('Known: in the baseline' if own else 'Known deviations of the provider')}[/]"
        )
        show(listed)
    if seen := tally.groups.harmful():
        console.print(f"\n[bold]{translated('Legal, but breaks some client code')}[/]")
        show(seen)


def _show_providers(tally: Tally, console: Console, *, whole: bool) -> None:
    """Print a line per provider, those with most failures first; empty columns are left out."""
    counts = [(name, _audit_counts(of_provider)) for name, of_provider in tally.providers.items()]
    counts.sort(key=lambda item: -sum(item[1][2:4]))
    rows: list[list[Any]] = [[name, *numbers] for name, numbers in counts]
    most = len(rows) if whole else _PROVIDERS_SHOWN
    _show_counts(_PROVIDER_COLUMNS, rows[:most], console)
    if rest := rows[most:]:
        console.print(translated("and {count} more providers; --all shows them").format(count=len(rest)))
    if tally.made:
        said = translated("{count:,} reconstructed from cited facts, which is not evidence about a provider")
        show_wrapped(said.format(count=tally.made), console, indent=0)
        console.print()


def _show_family_counts(results: Results, console: Console) -> None:
    """Print a line for each family with a verdict."""
    rows = [[name, *counts] for name, counts in _family_counts(results).items() if any(counts)]
    if rows:
        console.print()
        _show_counts(_FAMILY_COLUMNS, rows, console)


def _show_counts(names: tuple[str, ...], rows: list[list[Any]], console: Console) -> None:
    """Print an unsplit table of counts: no column of zeros, and no zero."""
    table = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    columns = [n for n in range(len(names)) if any(row[n] for row in rows)]
    for n in columns:
        table.add_column(translated(names[n]), justify="right" if n else "left", overflow="fold", no_wrap=bool(n))
    for row in rows:
        table.add_row(*(Text(f"{row[n]:,}" if n and row[n] else str(row[n] or "")) for n in columns))
    console.print(table)


def _show_unasked(results: Results, console: Console, *, whole: bool) -> None:
    """Print why scenarios were not judged, grouped by reason."""
    reasons: dict[tuple[Outcome, str], Counter[str]] = defaultdict(Counter)
    for finding in results.findings:
        if finding.family == "recording":
            reasons[finding.outcome, finding.message][finding.scenario] += 1
    for (outcome, message), names in reasons.items():
        told = translated("{what}: {values}").format(
            what=most_of(names, whole=whole), values=translated_problem(message)
        )
        line = f"[{COLOURS[outcome]}]{outcome.value:8}[/] {escape(told)}"
        console.print(line, highlight=False, soft_wrap=True)


def _family_counts(results: Results) -> dict[str, list[int]]:
    counts: dict[str, list[int]] = {}
    judged = dict.fromkeys(one.family for one in results.findings if one.outcome is not Outcome.NA)
    for family in (name for name in judged if name != "recording"):
        found = [finding for finding in results.findings if finding.family == family]
        outcomes = Counter(finding.outcome for finding in found)
        red = Counter(finding.level for finding in found if finding.outcome in UNEXPECTED)
        counts[family] = [
            outcomes[Outcome.PASS] + outcomes[Outcome.OBSERVED], red[Level.MUST], red[Level.SHOULD],
            outcomes[Outcome.BLOCKED], outcomes[Outcome.INCONCLUSIVE],
        ]  # fmt: skip
    return counts


def _audit_counts(provider: ProviderTally) -> list[int]:
    failures, outcomes = provider.failures, provider.outcomes
    counts = [provider.recordings, provider.streams, failures[Level.MUST], failures[Level.SHOULD]]
    return [*counts, outcomes[Outcome.KNOWN], outcomes[Outcome.BLOCKED], outcomes[Outcome.BROKEN]]


def _show_families(results: Results, console: Console) -> None:
    names, cells, standing = families(results), family_cells(results), by_provider(results)
    rows = []
    for provider in recorded(results):
        shown = [cells.get((provider, name), Cell()) for name in names]
        coloured = [Text(cell.text, "" if cell.made else COLOURS[cell.outcome]) for cell in shown]
        rows.append([Text(provider), Text(coverage(standing[provider])), *coloured])
    _show_table([translated("provider"), translated("recordings"), *names], rows, console)


def _show_features(results: Results, console: Console) -> None:
    standing = by_provider(results)
    rows = [
        [
            Text(provider),
            *(Text(feature_cell(standing[provider], check, translated_value)) for check in FEATURES.values()),
        ]
        for provider in recorded(results)
    ]
    _show_table([translated("provider"), *map(translated, FEATURES)], rows, console)


def _show_table(header: list[str], rows: list[list[Text]], console: Console) -> None:
    """Print a table of the terminal's width; columns that do not fit go into further tables below it."""
    widths = [max(map(cell_len, [name, *(row[n].plain for row in rows)])) for n, name in enumerate(header)]
    for group in _groups(widths, console.width):
        table = Table(header_style="bold")
        for column in group:
            table.add_column(header[column], no_wrap=widths[column] <= _NARROW)
        for row in rows:
            table.add_row(*(row[column] for column in group))
        console.print(table)


def _groups(widths: list[int], room: int) -> Iterator[list[int]]:
    """Yield the columns of each table, each led by the first column."""
    group, used = [0], widths[0] + _BORDERS
    for column, width in enumerate(widths[1:], 1):
        needed = min(width, _WRAPPED) + _BORDERS
        if used + needed >= room and len(group) > 1:
            yield group
            group, used = [0], widths[0] + _BORDERS
        group.append(column)
        used += needed
    yield group


def _show_totals(tally: Tally, console: Console) -> None:
    """Print the number of each outcome, and the meaning of the words above."""
    live = tally.run.mode == "live"
    console.print()
    told = translated("{checks} checks × {recordings}: ").format(
        checks=len(tally.checks), recordings=counted(tally.recordings, tally.run.mode)
    )
    show_wrapped(f"{told if tally.checks else ''}{_totals(tally.outcomes)}", console, indent=0)
    red, words = tally.red, set(tally.outcomes)
    unit = "scenario: what is sent, in one request or several" if live else "exchange: one request and its response"
    legend = [translated(unit)]
    meaning = translated("{word}: {meaning}")
    legend += [
        meaning.format(word=f"{level} ✗", meaning=translated(said)) for level, said in _LEVELS.items() if level in red
    ]
    legend += [
        meaning.format(word=outcome, meaning=translated(said))
        for outcome, said in _MEANINGS.items()
        if outcome in words
    ]
    page = page_of("ID")
    more = translated("harness explain ID: a rule in full")
    legend += [translated("{said}; also at {page}").format(said=more, page=page) if page else more]
    show_wrapped(" · ".join(legend), console, indent=0, style="dim")


def _totals(outcomes: dict[str, int]) -> str:
    return " · ".join(f"{count:,} {outcome}" for outcome, count in outcomes.items())
