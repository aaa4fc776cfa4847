"""Renders the compatibility tables as Markdown."""

from collections.abc import Collection

from harness.markdown import cell, padded_table, table
from harness.reports.shown import shown
from harness.reports.summary import (
    FEATURES,
    LEGEND,
    SYNTHESISED,
    Cell,
    CellPart,
    by_provider,
    coverage,
    families,
    family_cells,
    feature_cell,
    providers,
    recorded,
    unrecorded,
)
from harness.results import UNEXPECTED, Outcome, Results

OWN = r"(# Compatibility\n\n)?\| provider +\| recordings "
"""Pattern of the beginning of a file of these tables."""

BEGIN, END = "<!-- compatibility tables: begin -->", "<!-- compatibility tables: end -->"


def render(results: Results) -> str:
    """Return both tables, the legend, and the problems behind the cells."""
    results = shown(results, cell)
    return "\n".join([_tables(results), _problems(results)])


def tables(results: Results, featured: Collection[str] = ()) -> str:
    """Return both tables and the legend; the features of the ``featured`` providers, by default of all."""
    return _tables(shown(results, cell), featured)


def _tables(results: Results, featured: Collection[str] = ()) -> str:
    made = any(one.provenance == "synthesised" for one in results.findings)
    legend = f"{LEGEND} {SYNTHESISED}" if made else LEGEND
    parts = [family_table(results), feature_table(results, featured), unrecorded(results), legend]
    return "\n\n".join(part for part in parts if part) + "\n"


def family_table(results: Results) -> str:
    """Return providers × families of escaped results: the worst outcome, counts, provenance and date."""
    names, cells, standing = families(results), family_cells(results), by_provider(results)
    rows = [
        [provider, coverage(standing[provider]), *(cells.get((provider, name), Cell()).text for name in names)]
        for provider in providers(results)
    ]
    return padded_table(["provider", "recordings", *names], rows)


def feature_table(results: Results, featured: Collection[str] = ()) -> str:
    """Return recorded providers × features of escaped results: the choices that the rules leave open."""
    standing = by_provider(results)
    rows = [
        [provider, *(feature_cell(standing[provider], check) for check in FEATURES.values())]
        for provider in recorded(results)
        if not featured or provider in featured
    ]
    return padded_table(["provider", *FEATURES], rows)


def _problems(results: Results) -> str:
    shown = [f for f in results.findings if f.outcome in UNEXPECTED | {Outcome.KNOWN}]
    if not shown:
        return ""
    rows = [
        [
            f.outcome.value, f"{f.provider}/{f.model}/{f.scenario}", CellPart(f.provenance, (f,)).basis, f.check, f.level.value,
            f.message,
        ]
        for f in shown
    ]  # fmt: skip
    header = ["outcome", "cell", "rests on", "check", "level", "problem"]
    return f"## Problems\n\n{table(header, rows)}\n"


def replace_between_markers(text: str, content: str) -> str | None:
    """Return ``text`` with the part between the markers replaced; None without markers."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    return f"{head}{begin}\n{content}{end}{tail}" if begin and end else None
