"""Explains a check, a family of checks, and a fault with the bytes it changes."""

import difflib
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from harness.checks import Check, check_named, family_of
from harness.checks.registry import CannotJudge
from harness.explain.lines import show_line
from harness.reports.failures import show_advice, show_wrapped
from harness.results import Advice, Level, Problem
from harness.simulate.reference import REFERENCES
from harness.wire.exchange import Exchange
from harness.words import translated
from harness.words.problems import translated_problem
from harness.words.values import translated_value

if TYPE_CHECKING:
    from harness.simulate.faults import Fault

_CONTEXT = 30
_WIDTH = 240
_LINES_SHOWN = 6


def explain_family(name: str, console: Console) -> None:
    """Print the checks of a family, each with its impact."""
    found = family_of(name)
    rules = sum(check.level is not Level.OBSERVE for check in found)
    others = len(found) - rules
    ruled = translated("{count} rule" if rules == 1 else "{count} rules").format(count=rules)
    observed = translated("{count} observation" if others == 1 else "{count} observations").format(count=others)
    head = translated("{rules}, {observations}; harness explain ID shows one in full")
    console.print(f"[bold]{name}[/]  {head.format(rules=ruled, observations=observed)}\n")
    for check in found:
        console.print(f"{check.level.value:8} [bold]{check.id}[/]", highlight=False)
        show_wrapped(translated(check.title), console)
        show_wrapped(translated(check.impact), console, label=translated("breaks"))


def explain_check(check: Check, console: Console, page: str | None = None) -> None:
    """Print all of a check: its text, its source, its page, and the examples that it catches."""
    console.print(f"[bold]{check.id}[/]  {check.level.value}")
    console.print(f"{escape(translated(check.title))}\n")
    show_advice(Advice(check.impact, check.workaround), console, indent=0)
    show_line(translated("source"), translated(check.source), console)
    if page:
        show_line(translated("page"), page, console)
    if check.depends_on:
        show_line(translated("needs"), ", ".join(check.depends_on), console)
    if check.observe:
        value = _seen(check, check.good[0])
        show_line(
            translated("example"), translated("{value}: the reference").format(value=translated_value(value)), console
        )
    for exchange in check.bad:
        label = translated("other" if check.observe else "caught")
        console.print(f"\n[bold]{label}[/]  {escape(_verdict(check, exchange))}")
        _show_change(_nearest(check, exchange), exchange, console)
        for advice in dict.fromkeys(_forms(check, exchange)):
            show_advice(advice, console, indent=2)


def _forms(check: Check, exchange: Exchange) -> Iterator[Advice]:
    """Yield the advice on the form of an example, if the check's own does not fit it."""
    yield from (problem.advice for problem in _problems(check, exchange) if problem.advice)
    own = check.harm_of(_seen(check, exchange)) if check.observe else None
    if own and own.breaks != check.impact:
        yield own


def _show_change(reference: Exchange, exchange: Exchange, console: Console) -> None:
    for line in _changed(reference, exchange):
        colour = "red" if line[0] == "-" else "green"
        console.print(f"  [{colour}]{escape(line)}[/]", soft_wrap=True, highlight=False)


def _nearest(check: Check, exchange: Exchange) -> Exchange:
    """Return the good example that a bad one was most likely made from."""
    lines = set(_lines(exchange))
    return max([*check.good, *REFERENCES.values()], key=lambda good: len(lines.intersection(_lines(good))))


def _verdict(check: Check, exchange: Exchange) -> str:
    if check.observe:
        return translated_value(check.observe(exchange))
    found = "; ".join(translated_problem(problem.message) for problem in _problems(check, exchange))
    return found or translated("can't be shown without the OpenAI SDK")


def _seen(check: Check, exchange: Exchange) -> str:
    """Return the observed value of an example, or why there is none."""
    try:
        return check.observe(exchange) if check.observe else ""
    except CannotJudge as reason:
        return str(reason)


def _problems(check: Check, exchange: Exchange) -> list[Problem]:
    """Return the problems that a check finds in an example; none if it can't run here, as without the OpenAI SDK."""
    with suppress(CannotJudge):
        return check.problems(exchange)[0]
    return []


def _changed(reference: Exchange, exchange: Exchange) -> list[str]:
    """Return the lines of the exchange that differ from the reference, truncated around the difference."""
    before, after = _lines(reference), _lines(exchange)
    shown: list[str] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            old, new = "\n".join(before[a:b]), "\n".join(after[c:d])
            start, end = _alike(old, new), _alike(old[::-1], new[::-1])
            shown += [f"{sign} {_around(text, start, end)}" for sign, text in (("-", old), ("+", new)) if text]
    return shown[:_LINES_SHOWN]


def _alike(one: str, other: str) -> int:
    """Return the length of the common beginning of two texts."""
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
    rule = check_named(fault.rule)
    assert rule, fault.rule  # noqa: S101 - the proof holds each fault to a rule

    console.print(f"[bold]{fault.id}[/]  {escape(translated(fault.title))}\n")
    show_line(translated("on"), translated("the reference answer of {scenario}").format(scenario=fault.on), console)
    show_line(translated("caught"), f"{rule.id}: {translated(rule.title)}", console)
    show_line(translated("source"), f"{fault.source or rule.source}\n", console)
    _show_change(fault.reference(), fault.apply(), console)
