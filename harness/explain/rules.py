"""What is shown of a check, a family of them and a fault, with what is changed in the bytes."""

import difflib
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from harness.checks import Check, family_of
from harness.checks.registry import CannotJudge
from harness.reports.failures import show_wrapped
from harness.results import Advice, Level, Problem
from harness.simulate.reference import REFERENCES
from harness.wire.exchange import Exchange

if TYPE_CHECKING:
    from harness.simulate.faults import Fault

_CONTEXT = 30
_WIDTH = 240
_LINES_SHOWN = 6


def explain_family(name: str, console: Console) -> None:
    """Print the checks of a family, each with what it breaks."""
    found = family_of(name)
    rules = sum(check.level is not Level.OBSERVE for check in found)
    others = len(found) - rules
    counts = f"{rules} rule{'' if rules == 1 else 's'}, {others} observation{'' if others == 1 else 's'}"
    console.print(f"[bold]{name}[/]  {counts}; harness explain ID tells all of one\n")
    for check in found:
        console.print(f"{check.level.value:8} [bold]{check.id}[/]", highlight=False)
        show_wrapped(check.title, console)
        show_wrapped(check.impact, console, label="breaks")


def explain_check(check: Check, console: Console) -> None:
    """Print all of a check: what it says, its source, and the examples that it catches."""
    console.print(f"[bold]{check.id}[/]  {check.level.value}")
    console.print(f"{escape(check.title)}\n")
    show_wrapped(check.impact, console, label="breaks", indent=0)
    show_wrapped(check.workaround, console, label="instead", indent=0)
    console.print(f"source   {check.source}", soft_wrap=True)
    if check.depends_on:
        console.print(f"needs    {', '.join(check.depends_on)}")
    reference = check.good[0]
    if check.observe:
        console.print(f"example  {escape(_seen(check, reference))}: the reference")
    for exchange in check.bad:
        console.print(f"\n[bold]{'other' if check.observe else 'caught'}[/]  {escape(_verdict(check, exchange))}")
        _show_change(_nearest(check, exchange), exchange, console)
        for advice in dict.fromkeys(_forms(check, exchange)):
            show_wrapped(advice.breaks, console, label="breaks", indent=2)
            show_wrapped(advice.instead, console, label="instead", indent=2)


def _forms(check: Check, exchange: Exchange) -> Iterator[Advice]:
    """Yield what is told of the form that an example has, where the words of the check do not fit it."""
    yield from (problem.advice for problem in _problems(check, exchange) if problem.advice)
    own = check.harm_of(_seen(check, exchange)) if check.observe else None
    if own and own.breaks != check.impact:
        yield own


def _show_change(reference: Exchange, exchange: Exchange, console: Console) -> None:
    for line in _changed(reference, exchange):
        colour = "red" if line[0] == "-" else "green"
        console.print(f"  [{colour}]{escape(line)}[/]", soft_wrap=True, highlight=False)


def _nearest(check: Check, exchange: Exchange) -> Exchange:
    """Return the good answer that an example was most likely made from."""
    lines = set(_lines(exchange))
    return max([*check.good, *REFERENCES.values()], key=lambda good: len(lines.intersection(_lines(good))))


def _verdict(check: Check, exchange: Exchange) -> str:
    if check.observe:
        return check.observe(exchange)
    return (
        "; ".join(problem.message for problem in _problems(check, exchange)) or "can't be shown without the OpenAI SDK"
    )


def _seen(check: Check, exchange: Exchange) -> str:
    """Return what an observation sees in an example, or why it can't."""
    try:
        return check.observe(exchange) if check.observe else ""
    except CannotJudge as reason:
        return str(reason)


def _problems(check: Check, exchange: Exchange) -> list[Problem]:
    """Return what a check finds in an example; nothing where it can't judge here, as without the OpenAI SDK."""
    with suppress(CannotJudge):
        return list(check.find(exchange))
    return []


def _changed(reference: Exchange, exchange: Exchange) -> list[str]:
    """Return the lines of the exchange that differ from the reference, cut around what differs in them."""
    before, after = _lines(reference), _lines(exchange)
    shown: list[str] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            old, new = "\n".join(before[a:b]), "\n".join(after[c:d])
            start, end = _alike(old, new), _alike(old[::-1], new[::-1])
            shown += [f"{sign} {_around(text, start, end)}" for sign, text in (("-", old), ("+", new)) if text]
    return shown[:_LINES_SHOWN]


def _alike(one: str, other: str) -> int:
    """Return how many characters two texts begin with in common."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _around(text: str, start: int, end: int) -> str:
    """Return ``text`` from a little before ``start`` to a little before its end, on one line."""
    begin, stop = max(0, start - _CONTEXT), min(len(text), max(len(text) - end, start) + _CONTEXT)
    piece = text[begin:stop]
    piece = piece if len(piece) <= _WIDTH else f"{piece[:_WIDTH]} …"
    return f"{'… ' if begin else ''}{piece}{' …' if stop < len(text) else ''}".replace("\n", "⏎").replace("\r", "␍")


def _lines(exchange: Exchange) -> list[str]:
    response = exchange.response
    head = [f"{response.status}", *(f"{name}: {value}" for name, value in response.headers.pairs)]
    asked = [f"request: {json.dumps(exchange.request.json, ensure_ascii=False)}"]
    return asked + head + response.content.decode("utf-8", "backslashreplace").split("\n")


def explain_fault(fault: "Fault", console: Console) -> None:
    """Print all of a fault: the rule that catches it, its source, and the bytes."""
    from harness.checks import CHECKS

    console.print(f"[bold]{fault.id}[/]  {escape(fault.title)}\n")
    console.print(f"on       the reference answer of {fault.on}")
    console.print(f"caught   {fault.rule}: {escape(CHECKS[fault.rule].title)}", highlight=False)
    console.print(f"source   {fault.source or CHECKS[fault.rule].source}\n", soft_wrap=True)
    _show_change(fault.reference(), fault.apply(), console)
