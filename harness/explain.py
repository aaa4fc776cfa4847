"""What ``harness explain`` shows of a check, a scenario or a cell."""

import difflib
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from harness.checks import CHECKS, Check
from harness.deviations import load_deviations
from harness.errors import UnknownName, unknown
from harness.matrix.providers import FILE_NAME, load_matrix
from harness.matrix.scenarios import SCENARIOS, Scenario
from harness.reports.terminal import show_finding
from harness.runner import Selection, plan, run_case
from harness.simulate.faults import FAULTS, Fault
from harness.simulate.ideal import recording
from harness.simulate.reference import REFERENCES
from harness.wire.exchange import Exchange

_CELL_PARTS = 4
_CONTEXT = 30
_WIDTH = 240
_LINES_SHOWN = 6


def explain(name: str, root: Path, console: Console) -> None:
    """
    Print all that is known of ``name``.

    Raises:
        UnknownName: it is no check, scenario, fault or cell of the project at ``root``.
    """
    if name in CHECKS:
        _explain_check(CHECKS[name], console)
    elif name in SCENARIOS:
        _explain_scenario(SCENARIOS[name], console)
    elif name in FAULTS:
        _explain_fault(FAULTS[name], console)
    elif name.count("/") == _CELL_PARTS - 1:
        _explain_cell(name, root, console)
    else:
        raise unknown("check, scenario, fault or cell", name, [*CHECKS, *SCENARIOS, *FAULTS])


def _explain_check(check: Check, console: Console) -> None:
    console.print(f"[bold]{check.id}[/]  {check.level.value}")
    console.print(f"{escape(check.title)}\n")
    console.print(f"breaks   {escape(check.breaks)}", highlight=False)
    console.print(f"instead  {escape(check.workaround)}", highlight=False)
    console.print(f"source   {check.source}", soft_wrap=True)
    if check.needs:
        console.print(f"needs    {', '.join(check.needs)}")
    reference = check.good[0]
    if check.observe:
        console.print(f"example  {escape(check.observe(reference))}: the reference")
    for exchange in check.bad:
        console.print(f"\n[bold]{'other' if check.observe else 'caught'}[/]  {escape(_verdict(check, exchange))}")
        _show_change(_nearest(check, exchange), exchange, console)


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
    return "; ".join(problem.message for problem in check.find(exchange))


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


def _explain_scenario(scenario: Scenario, console: Console) -> None:
    console.print(f"[bold]{scenario.id}[/]  {escape(scenario.title)}\n")
    for number, exchange in enumerate(recording(scenario), 1):
        if scenario.requests > 1:
            console.print(f"request {number}, as it follows the reference answer" if number > 1 else "request 1")
        if exchange.request.json is None:
            console.print(f"  {(exchange.request.body or b'').decode()}", highlight=False)
        else:
            # The switch for thinking is the ideal provider's own.
            shown = {key: value for key, value in exchange.request.json.items() if key != "reasoning_effort"}
            console.print_json(json.dumps(_cut(shown), ensure_ascii=False))
    console.print(
        f"thinking  {'on' if scenario.thinking else 'off'} (each provider has its own switch: thinking in {FILE_NAME})"
    )
    if scenario.key != "own":
        console.print("key       one that is none")
    console.print(f"expects   status {' or '.join(map(str, sorted(scenario.statuses)))}")
    if scenario.tries:
        console.print(f"tries     {escape(scenario.tries)}")
    if scenario.needs:
        console.print(f"needs     {', '.join(scenario.needs)}")


def _cut(value: Any) -> Any:
    """Return a request with its very long texts cut."""
    if isinstance(value, dict):
        return {key: _cut(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cut(inner) for inner in value]
    long = isinstance(value, str) and len(value) > _WIDTH
    return f"{value[:_CONTEXT]}… ({len(value):,} characters)" if long else value


def _explain_fault(fault: Fault, console: Console) -> None:
    console.print(f"[bold]{fault.id}[/]  {escape(fault.title)}\n")
    console.print(f"on       the reference answer of {fault.on}")
    console.print(f"caught   {fault.rule}: {escape(CHECKS[fault.rule].title)}", highlight=False)
    console.print(f"source   {fault.source or CHECKS[fault.rule].source}\n", soft_wrap=True)
    _show_change(fault.reference(), fault.apply(), console)


def _explain_cell(name: str, root: Path, console: Console) -> None:
    provider, model, scenario, check = name.split("/")
    selection = Selection((provider,), (model,), (scenario,), (check,))
    cases = plan(load_matrix(root / FILE_NAME), root, selection)
    if not cases:
        raise UnknownName(f"no cell {name!r}: {provider} has no model {model}; see: harness providers")
    for finding in run_case(cases[0], selection.chosen()):
        show_finding(finding, console)
        listed = load_deviations(cases[0].cassette.parent.parent)
        for deviation in (d for d in listed if d.covers(finding.check, scenario, model)):
            console.print(f"known    since {deviation.since}: {escape(deviation.reason)}")
            console.print(f"         {deviation.source}", soft_wrap=True)
        if finding.check in CHECKS:
            console.print(f"breaks   {escape(CHECKS[finding.check].breaks)}", highlight=False)
            console.print(f"instead  {escape(CHECKS[finding.check].workaround)}", highlight=False)
        console.print(
            f"again    harness run --provider {provider} --model {model} --scenario {scenario} --check {check}"
        )
