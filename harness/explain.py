"""
What ``harness explain`` shows of a check, a scenario, a fault, a client, a provider or a cell.

What is needed for a check is imported with this; what the others need, when they are asked for.
"""

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from harness.checks import CHECKS, Check, advice_on
from harness.errors import UnknownName, unknown
from harness.matrix.scenarios import KINDS, SCENARIOS, Scenario
from harness.simulate.ideal import recording
from harness.simulate.reference import REFERENCES
from harness.wire.exchange import Exchange

if TYPE_CHECKING:
    from harness.matrix.providers import Model, Provider
    from harness.results import Deviation
    from harness.simulate.faults import Fault

_CELL_PARTS = 4
_CONTEXT = 30
_WIDTH = 240
_LINES_SHOWN = 6


def explain(name: str, root: Path, console: Console) -> None:
    """
    Print all that is known of ``name``.

    Raises:
        UnknownName: it is no check, scenario, fault, client, provider or cell of the project at ``root``.
    """
    if name in CHECKS:
        _explain_check(CHECKS[name], console)
    elif name in SCENARIOS:
        _explain_scenario(SCENARIOS[name], console)
    else:
        _explain_other(name, root, console)


def _explain_other(name: str, root: Path, console: Console) -> None:
    from harness.clients.catalogue import CLIENTS
    from harness.matrix.project import project_matrix
    from harness.simulate.faults import FAULTS

    client, _, answer = name.partition("/")
    if client in CLIENTS:
        from harness.clients.explaining import explain_client, explain_client_cell  # it brings a server

        explain_client_cell(CLIENTS[client], answer, root, console) if answer else explain_client(
            CLIENTS[client], console
        )
    elif name in FAULTS:
        _explain_fault(FAULTS[name], console)
    elif name.count("/") == _CELL_PARTS - 1:
        _explain_cell(name, root, console)
    else:
        providers = project_matrix(root).providers
        called = next((one for one in providers if name in {one.id, *one.aliases}), None)
        if called is None:
            known = [*CHECKS, *SCENARIOS, *FAULTS, *CLIENTS, *(one.id for one in providers)]
            raise unknown("check, scenario, fault, client, provider or cell", name, known)
        _explain_provider(called, root, console)


def _explain_check(check: Check, console: Console) -> None:
    console.print(f"[bold]{check.id}[/]  {check.level.value}")
    console.print(f"{escape(check.title)}\n")
    console.print(f"breaks   {escape(check.impact)}", highlight=False)
    console.print(f"instead  {escape(check.workaround)}", highlight=False)
    console.print(f"source   {check.source}", soft_wrap=True)
    if check.depends_on:
        console.print(f"needs    {', '.join(check.depends_on)}")
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
        f"thinking  {'on' if scenario.thinking else 'off'} (each provider has its own switch: thinking in providers.yaml)"
    )
    if scenario.key != "own":
        console.print("key       one that is none")
    console.print(f"expects   status {' or '.join(map(str, sorted(scenario.statuses)))}")
    if scenario.tested_parameter:
        console.print(f"tries     {escape(scenario.tested_parameter)}")
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


def _explain_fault(fault: "Fault", console: Console) -> None:
    console.print(f"[bold]{fault.id}[/]  {escape(fault.title)}\n")
    console.print(f"on       the reference answer of {fault.on}")
    console.print(f"caught   {fault.rule}: {escape(CHECKS[fault.rule].title)}", highlight=False)
    console.print(f"source   {fault.source or CHECKS[fault.rule].source}\n", soft_wrap=True)
    _show_change(fault.reference(), fault.apply(), console)


def _explain_provider(provider: "Provider", root: Path, console: Console) -> None:
    from harness.judging.deviations import folder_of, load_deviations

    console.print(f"[bold]{provider.id}[/]  {escape(provider.name)}\n", highlight=False)
    for label, text in _of_provider(provider):
        console.print(f"{label:<11}{escape(text)}", soft_wrap=True, highlight=False)
    for model in provider.models:
        console.print(f"\n[bold]{provider.id}/{model.id}[/]", highlight=False)
        for label, text in _of_model(model):
            console.print(f"{label:<11}{escape(text)}", soft_wrap=True, highlight=False)
    console.print()
    for label, text in _evidence(provider):
        console.print(f"{label:<11}{escape(text)}", soft_wrap=True, highlight=False)
    for one in load_deviations(folder_of(provider, root)):
        where = ", ".join((*one.models, *_named(one.scenarios)))
        console.print(f"\n[bold]known[/]      {one.check}{f' ({where})' if where else ''}", highlight=False)
        for label, text in _of_deviation(one):
            console.print(f"{label:<11}{escape(text)}", soft_wrap=True, highlight=False)


def _named(scenarios: tuple[str, ...]) -> tuple[str, ...]:
    """Return scenarios by the name of their kind, where they are all of it."""
    return next(((name,) for name, meant in KINDS.items() if meant == scenarios), scenarios)


def _of_deviation(one: "Deviation") -> Iterator[tuple[str, str]]:
    gone = f", gone since {one.until}" if one.until else ""
    yield "", f"seen {one.seen}{gone}: {one.reason}"
    yield "breaks", one.breaks or CHECKS[one.check].impact
    yield "instead", one.instead or CHECKS[one.check].workaround
    yield "source", f"{one.source} ({one.kind})"
    if one.fault:
        yield "shown by", f"harness explain {one.fault}"


def _of_provider(provider: "Provider") -> Iterator[tuple[str, str]]:
    yield "address", provider.base_url
    for name, variable in provider.fills.items():
        yield "", f"{{{name}}} is filled from {variable}"
    for other in provider.other_urls:
        yield "also", f"{other.url}: {other.what}"
    for suffix in provider.host_suffixes:
        yield "also", f"hosts that end in {suffix}"
    if provider.aliases:
        yield "called", f"in recordings also {', '.join(provider.aliases)}"
    yield "key", provider.key_env
    yield "docs", provider.docs
    if provider.lacks:
        yield "lacks", ", ".join(provider.lacks)
    if provider.note:
        yield "note", provider.note


def _of_model(model: "Model") -> Iterator[tuple[str, str]]:
    if model.name:
        yield "sent as", model.name
    if model.aliases:
        yield "also", ", ".join(model.aliases)
    if model.base_url:
        yield "address", model.base_url
    if model.valid:
        yield "valid", f"{model.valid.at}, {model.valid.how} {model.valid.source or 'here'}"
    if model.retired:
        yield "retired", str(model.retired)
    yield "thinking", f"on {_switch(model.thinking.enable)}, off {_switch(model.thinking.disable)}"
    if model.lacks:
        yield "lacks", ", ".join(model.lacks)
    if model.note:
        yield "note", model.note


def _switch(added: dict[str, Any] | None) -> str:
    if added is None:
        return "not possible"
    return f"by {json.dumps(added)}" if added else "unasked"


def _evidence(provider: "Provider") -> Iterator[tuple[str, str]]:
    for gone in provider.retired_models:
        instead = f", instead {gone.instead}" if gone.instead else ""
        yield "retired", f"{gone.name} on {gone.at}{instead}: {gone.source}"
    if provider.confidence:
        yield "confidence", ", ".join(f"{topic} {trust}" for topic, trust in provider.confidence)
    for source in provider.sources:
        yield "source", f"{source.url} ({', '.join((*source.about, *([source.at] if source.at else [])))})"


def _explain_cell(name: str, root: Path, console: Console) -> None:
    from harness.judging.deviations import folder_of, load_deviations
    from harness.judging.runner import Selection, plan, run_case
    from harness.matrix.project import project_matrix
    from harness.reports.terminal import show_finding

    provider, model, scenario, check = name.split("/")
    selection = Selection((provider,), (model,), (scenario,), (check,))
    cases = plan(project_matrix(root), root, selection)
    if not cases:
        raise UnknownName(f"no cell {name!r}: {provider} has no model {model}; see: harness providers")
    for finding in run_case(cases[0], selection.chosen()):
        show_finding(finding, console)
        listed = load_deviations(folder_of(cases[0].target.provider, root))
        for deviation in (d for d in listed if d.covers(finding.check, scenario, model) and not d.fault):
            console.print(f"known    seen {deviation.seen}: {escape(deviation.reason)}")
            console.print(f"         {deviation.source} ({deviation.kind})", soft_wrap=True)
        if finding.check in CHECKS:
            advice = advice_on(finding)
            console.print(f"breaks   {escape(advice.breaks)}", highlight=False)
            console.print(f"instead  {escape(advice.instead)}", highlight=False)
        console.print(
            f"again    harness run --provider {provider} --model {model} --scenario {scenario} --check {check}"
        )
