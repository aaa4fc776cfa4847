"""Renders the comparison of two runs for a terminal, for a pull request, and as JSON lines."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.markup import escape

from harness.markdown import cell, code
from harness.printable import printable
from harness.reports.changes import Change, Diff, Group, Kind, State
from harness.results import Evidence, Run

HEADINGS = {
    Kind.WORSE: "Regressions",
    Kind.FAILS: "New failures, where nothing was judged before",
    Kind.LOST: "Lost coverage: judged before, and not now",
    Kind.ASKED: "Asked otherwise",
    Kind.LISTED: "Newly listed deviations",
    Kind.APPLIES: "Rules that apply now, or no longer",
    Kind.SHAPE: "Changed shape",
    Kind.BEHAVIOUR: "Changed behaviour",
    Kind.BETTER: "Improvements",
    Kind.GAINED: "New coverage",
}

_COLOURS = {Kind.WORSE: "bold red", Kind.FAILS: "bold red", Kind.LOST: "red", Kind.BETTER: "green", Kind.GAINED: "green"}  # fmt: skip
_NEUTRAL = "yellow"
_UNCOUNTED = {Kind.LOST: "lost", Kind.GAINED: "newly covered"}


def show(diff: Diff, console: Console) -> None:
    """Print the differences, regressions first, each with its first place and with who changed."""
    for side, run in (("old", diff.old), ("new", diff.new)):
        console.print(f"[dim]{side}  {_plain(_run(*run))}[/]", soft_wrap=True)
    for kind, groups in groupby(diff.groups, key=lambda group: group.kind):
        colour = _COLOURS.get(kind, _NEUTRAL)
        console.print(f"\n[{colour}]{HEADINGS[kind]}[/]")
        for group in groups:
            console.print(f"  [{colour}]{_plain(group.transition)}[/]  {_plain(_subject(group))}", soft_wrap=True)
            for label, text in _details(group):
                console.print(f"      [dim]{label}[/]{_plain(text)}", soft_wrap=True)
    console.print(f"\n{summary(diff)}", soft_wrap=True)


def render(diff: Diff) -> str:
    """Return the differences as Markdown: a list for each kind of change."""
    lines = [f"**{summary(diff)}**", "", f"* old: {cell(_run(*diff.old))}", f"* new: {cell(_run(*diff.new))}", ""]
    for kind, groups in groupby(diff.groups, key=lambda group: group.kind):
        lines += [f"### {HEADINGS[kind]}", ""]
        for group in groups:
            lines.append(f"* {code(group.transition)} {code(_subject(group))}")
            lines += [f"  * {label}{code(text)}" for label, text in _details(group)]
        lines.append("")
    return "\n".join(lines)


def rows(diff: Diff) -> Iterator[dict[str, Any]]:
    """Yield the objects of the JSON lines: both runs, then each group with all its cells, then the counts."""
    yield {
        "kind": "diff",
        **{side: {"name": name, **asdict(run)} for side, (name, run) in (("old", diff.old), ("new", diff.new))},
    }
    for group in diff.groups:
        yield {
            "kind": "change",
            "change": group.kind.value,
            "regression": group.kind.regression,
            "provider": group.provider,
            "checks": group.checks,
            "level": group.level,
            "by": group.first.by,
            "cells": [_cell(change) for change in group.changes],
        }
    yield {
        "kind": "end",
        "regression": bool(diff.regressions),
        "same": diff.same,
        "changes": {kind.value: count for kind, count in diff.counts.items()},
    }


def summary(diff: Diff) -> str:
    """Return the number of cells per kind of change, in a line."""
    counts = [f"{count:,} {_name(kind, count)}" for kind, count in diff.counts.items()]
    return " · ".join([*(counts or ["nothing changed"]), f"{diff.same:,} the same"])


def _name(kind: Kind, count: int) -> str:
    """Return the word for ``count`` cells of one kind of change."""
    if kind in _UNCOUNTED:
        return _UNCOUNTED[kind]
    noun, of, rest = kind.value.partition(" of ")
    return f"{noun}{'s' if count > 1 else ''}{of}{rest}"


def _run(name: str, run: Run) -> str:
    sdk = f", SDK {run.sdk}" if run.sdk else ""
    when = f" {run.started[:16].replace('T', ' ')}" if run.mode != "recordings" else ""
    return f"{name}: {run.mode}{when}, harness {run.harness}{sdk}"


def _subject(group: Group) -> str:
    """Return whose responses changed, in which rule, and how often."""
    checks, places = group.checks, len(group.recordings)
    if len(checks) > 1:
        where = f" of {places} recordings" if places > 1 else ""
        return f"{group.provider}  {len(checks)} rules{where}"
    ruled = group.kind not in {Kind.SHAPE, Kind.ASKED}
    what = f"{checks[0]} {group.level.value}" if ruled else checks[0].partition(".")[2]
    phases = f" ({', '.join(group.phases)} chunks)" if group.phases else ""
    return f"{group.provider}  {what}{phases}{f' ×{places}' if places > 1 else ''}"


def _details(group: Group) -> Iterator[tuple[str, str]]:
    """Yield the reason, the first place with its excerpt, and who changed; each with its label."""
    first = group.first
    if group.reason:
        yield "", group.reason
    yield "first: " if len(group.changes) > 1 else "in: ", first.place
    for name, state in _shown(first):
        for evidence in state.evidence[:1]:
            yield f"{name}{_where(evidence)}: ", evidence.excerpt
    if first.by:
        yield "by: ", first.by


def _shown(change: Change) -> list[tuple[str, State]]:
    """
    Return the sides whose evidence is shown: both for a shape; else the one with a problem, if that is new or
    gone.
    """
    if change.kind is Kind.SHAPE:
        return [("old ", change.old), ("new ", change.new)]
    if change.kind in {Kind.LOST, Kind.APPLIES, Kind.GAINED}:
        return []
    return [("", change.new)] if change.new.evidence else [("was ", change.old)]


def _where(evidence: Evidence) -> str:
    event = "" if evidence.event is None else f"event {evidence.event}, "
    return f"{event}byte {evidence.offset}{f' {evidence.pointer}' if evidence.pointer else ''}"


def _cell(change: Change) -> dict[str, Any]:
    (provider, model, scenario, recording), check = change.cell
    cell = {"provider": provider, "model": model, "scenario": scenario, "check": check}
    return cell | {"recording": recording or None, "old": _side(change.old), "new": _side(change.new)}


def _side(state: State) -> dict[str, Any]:
    row: dict[str, Any] = {"outcome": state.outcome, "value": state.value, "message": state.reason}
    found = state.finding
    row |= {"provenance": found and found.provenance, "recorded_at": found and found.recorded_at}
    return row | {"evidence": [asdict(evidence) for evidence in state.evidence]}


def _plain(text: str) -> str:
    return escape(printable(text))
