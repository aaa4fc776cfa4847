"""What ``harness explain`` shows of a check, a family, a scenario, a fault, a client, a provider or a cell."""

import difflib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from harness.checks import CHECKS, FAMILIES, Check, advice_on, told_of
from harness.clients.catalogue import CLIENTS
from harness.errors import UnknownName
from harness.judging.deviations import load_deviations
from harness.judging.runner import Selection, plan, run_case
from harness.matrix.providers import FILE_NAME, Model, Provider, load_matrix
from harness.matrix.scenarios import KINDS, SCENARIOS, Scenario
from harness.reports.failures import show_advice, show_wrapped
from harness.reports.terminal import show_finding
from harness.results import Advice, Deviation, Finding, Level, Outcome, read_results
from harness.simulate.faults import FAULTS, Fault
from harness.simulate.ideal import recording
from harness.simulate.reference import REFERENCES
from harness.wire.exchange import Exchange
from harness.words import translated
from harness.words.padding import padded

_ELSEWHERE = "--results FILE shows it as that file has it, and the rule is shown by: harness explain"
_CELL_PARTS = 4
_LABEL = 9
_WIDE_LABEL = 11
_CONTEXT = 30
_WIDTH = 240
_LINES_SHOWN = 6


def explain(name: str, root: Path, console: Console, results: Path | None = None) -> None:
    """
    Print all that is known of ``name``; of a cell, as the file ``results`` has it if there is one.

    Raises:
        UnknownName: it is no check, family, scenario, fault, client, provider or cell of the project at ``root``.
    """
    client, _, answer = name.partition("/")
    if client in CLIENTS:
        from harness.clients.explaining import explain_client, explain_client_cell  # it brings a server

        explain_client_cell(CLIENTS[client], answer, root, console) if answer else explain_client(
            CLIENTS[client], console
        )
    elif name in CHECKS:
        _explain_check(CHECKS[name], console)
    elif name in FAMILIES:
        _explain_family(name, console)
    elif name in SCENARIOS:
        _explain_scenario(SCENARIOS[name], console)
    elif name in FAULTS:
        _explain_fault(FAULTS[name], console)
    elif name.count("/") >= _CELL_PARTS - 1:
        _explain_cell(name, root, results, console)
    else:
        providers = load_matrix(root / FILE_NAME).providers if (root / FILE_NAME).exists() else ()
        called = next((one for one in providers if name in {one.id, *one.aliases}), None)
        if called is None:
            raise _unknown(name, [one.id for one in providers])
        _explain_provider(called, root, console)


def _unknown(name: str, providers: list[str]) -> UnknownName:
    """Return the error for a name that nothing has, with those that are nearest, or where the names are listed."""
    known = [*FAMILIES, *CHECKS, *SCENARIOS, *FAULTS, *CLIENTS, *providers]
    near = difflib.get_close_matches(name.lower().replace(" ", "-"), known, 3)
    said = f"unknown check, family, scenario, fault, client, provider or cell {name!r}"
    if near:
        hint = f"; try {', '.join(near)}"
    elif "/" in name:
        hint = "; a cell is PROVIDER/MODEL/SCENARIO/CHECK"
    else:
        hint = "; see: harness checks, harness scenarios, harness clients --help, harness providers"
    return UnknownName(
        f"{said}{hint}{'' if providers else f'; of providers none is known without {FILE_NAME}: use --root'}"
    )


def _explain_family(name: str, console: Console) -> None:
    found = [check for check in CHECKS.values() if check.family == name]
    rules = sum(check.level is not Level.OBSERVE for check in found)
    others = len(found) - rules
    ruled = translated("{count} rule" if rules == 1 else "{count} rules").format(count=rules)
    observed = translated("{count} observation" if others == 1 else "{count} observations").format(count=others)
    head = translated("{rules}, {observations}; harness explain ID tells all of one")
    console.print(f"[bold]{name}[/]  {head.format(rules=ruled, observations=observed)}\n")
    for check in found:
        console.print(f"{check.level.value:8} [bold]{check.id}[/]", highlight=False)
        show_wrapped(translated(check.title), console)
        show_wrapped(translated(check.impact), console, label=translated("breaks"))


def _explain_check(check: Check, console: Console) -> None:
    console.print(f"[bold]{check.id}[/]  {check.level.value}")
    console.print(f"{escape(translated(check.title))}\n")
    show_advice(Advice(check.impact, check.workaround), console, indent=0)
    _show_line(translated("source"), check.source, console)
    if check.depends_on:
        _show_line(translated("needs"), ", ".join(check.depends_on), console)
    if check.observe:
        value = check.observe(check.good[0])
        _show_line(translated("example"), translated("{value}: the reference").format(value=value), console)
    for exchange in check.bad:
        label = translated("other" if check.observe else "caught")
        console.print(f"\n[bold]{label}[/]  {escape(_verdict(check, exchange))}")
        _show_change(_nearest(check, exchange), exchange, console)
        for advice in dict.fromkeys(_forms(check, exchange)):
            show_advice(advice, console, indent=2)


def _show_line(label: str, text: str, console: Console, width: int = _LABEL) -> None:
    """Print a text in one piece, however long, with a label before it."""
    console.print(f"{padded(label, width)}{escape(text)}", soft_wrap=True, highlight=False)


def _forms(check: Check, exchange: Exchange) -> Iterator[Advice]:
    """Yield what is told of the form that an example has, where the words of the check do not fit it."""
    for problem in check.find(exchange):
        if problem.advice:
            yield problem.advice
    own = check.harm_of(check.observe(exchange)) if check.observe else None
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
    console.print(f"[bold]{scenario.id}[/]  {escape(translated(scenario.title))}\n")
    for number, exchange in enumerate(recording(scenario), 1):
        if scenario.requests > 1:
            follows = "request {number}, as it follows the reference answer"
            console.print(translated("request {number}" if number == 1 else follows).format(number=number))
        if exchange.request.json is None:
            console.print(f"  {(exchange.request.body or b'').decode()}", highlight=False)
        else:
            # The switch for thinking is the ideal provider's own.
            shown = {key: value for key, value in exchange.request.json.items() if key != "reasoning_effort"}
            console.print_json(json.dumps(_cut(shown), ensure_ascii=False))
    for label, text in _of_scenario(scenario):
        _show_line(translated(label), text, console, _WIDE_LABEL - 1)


def _of_scenario(scenario: Scenario) -> Iterator[tuple[str, str]]:
    on = "on (each provider has its own switch: thinking in {file})"
    off = "off (each provider has its own switch: thinking in {file})"
    yield "thinking", translated(on if scenario.thinking else off).format(file=FILE_NAME)
    if scenario.key != "own":
        yield "key", translated("one that is none")
    joined = translated(" or ").join(map(str, sorted(scenario.statuses)))
    yield "expects", translated("status {statuses}").format(statuses=joined)
    if scenario.tested_parameter:
        yield "tries", scenario.tested_parameter
    if scenario.needs:
        yield "needs", ", ".join(scenario.needs)


def _cut(value: Any) -> Any:
    """Return a request with its very long texts cut."""
    if isinstance(value, dict):
        return {key: _cut(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cut(inner) for inner in value]
    long = isinstance(value, str) and len(value) > _WIDTH
    if not long:
        return value
    return f"{value[:_CONTEXT]}… ({translated('{count:,} characters').format(count=len(value))})"


def _explain_fault(fault: Fault, console: Console) -> None:
    console.print(f"[bold]{fault.id}[/]  {escape(fault.title)}\n")
    _show_line(translated("on"), translated("the reference answer of {scenario}").format(scenario=fault.on), console)
    _show_line(translated("caught"), f"{fault.rule}: {translated(CHECKS[fault.rule].title)}", console)
    _show_line(translated("source"), f"{fault.source or CHECKS[fault.rule].source}\n", console)
    _show_change(fault.reference(), fault.apply(), console)


def _explain_provider(provider: Provider, root: Path, console: Console) -> None:
    console.print(f"[bold]{provider.id}[/]  {escape(provider.name)}\n", highlight=False)
    _show_lines(_of_provider(provider), console)
    for model in provider.models:
        console.print(f"\n[bold]{provider.id}/{model.id}[/]", highlight=False)
        _show_lines(_of_model(model), console)
    console.print()
    _show_lines(_evidence(provider), console)
    for one in load_deviations(root / "cassettes" / provider.id):
        where = ", ".join((*one.models, *_named(one.scenarios)))
        head = f"[bold]{padded(translated('known'), _WIDE_LABEL)}[/]{one.check}{f' ({where})' if where else ''}"
        console.print(f"\n{head}", highlight=False)
        _show_lines(_of_deviation(one), console)


def _show_lines(lines: Iterable[tuple[str, str]], console: Console) -> None:
    for label, text in lines:
        _show_line(translated(label), text, console, _WIDE_LABEL)


def _named(scenarios: tuple[str, ...]) -> tuple[str, ...]:
    """Return scenarios by the name of their kind, where they are all of it."""
    return next(((name,) for name, meant in KINDS.items() if meant == scenarios), scenarios)


def _of_deviation(one: Deviation) -> Iterator[tuple[str, str]]:
    gone = translated(", gone since {day}").format(day=one.until) if one.until else ""
    yield "", translated("seen {when}{gone}: {reason}").format(when=_when(one), gone=gone, reason=one.reason)
    yield "breaks", translated(one.breaks or CHECKS[one.check].impact)
    yield "instead", translated(one.instead or CHECKS[one.check].workaround)
    yield "source", f"{one.source} ({one.kind})"
    if one.fault:
        yield "shown by", f"harness explain {one.fault}"


def _when(one: Deviation) -> str:
    """Return when a deviation was seen: once, or first and last."""
    if one.last_seen in {None, one.first_seen}:
        return one.first_seen
    return translated("{first} to {last}").format(first=one.first_seen, last=one.last_seen)


def _of_provider(provider: Provider) -> Iterator[tuple[str, str]]:
    yield "address", provider.base_url
    for name, variable in provider.fills.items():
        filled = translated("{name} is filled from {variable}")
        yield "", filled.format(name=f"{{{name}}}", variable=variable)
    for other in provider.other_urls:
        yield "also", f"{other.url}: {other.what}"
    for suffix in provider.host_suffixes:
        yield "also", translated("hosts that end in {suffix}").format(suffix=suffix)
    if provider.aliases:
        yield "called", translated("in recordings also {names}").format(names=", ".join(provider.aliases))
    yield "key", provider.key_env
    yield "docs", provider.docs
    if provider.lacks:
        yield "lacks", ", ".join(provider.lacks)
    if provider.note:
        yield "note", provider.note


def _of_model(model: Model) -> Iterator[tuple[str, str]]:
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
    switches = translated("on {on}, off {off}")
    yield "thinking", switches.format(on=_switch(model.thinking.enable), off=_switch(model.thinking.disable))
    if model.lacks:
        yield "lacks", ", ".join(model.lacks)
    if model.note:
        yield "note", model.note


def _switch(added: dict[str, Any] | None) -> str:
    if added is None:
        return translated("not possible")
    return translated("by {added}").format(added=json.dumps(added)) if added else translated("unasked")


def _evidence(provider: Provider) -> Iterator[tuple[str, str]]:
    for gone in provider.retired_models:
        instead = translated(", instead {model}").format(model=gone.instead) if gone.instead else ""
        retired = translated("{model} on {day}{instead}: {source}")
        yield "retired", retired.format(model=gone.name, day=gone.at, instead=instead, source=gone.source)
    if provider.confidence:
        yield "confidence", ", ".join(f"{topic} {trust}" for topic, trust in provider.confidence)
    for source in provider.sources:
        yield "source", f"{source.url} ({', '.join((*source.about, *([source.at] if source.at else [])))})"


def _explain_cell(name: str, root: Path, results: Path | None, console: Console) -> None:
    provider, _, rest = name.partition("/")
    model, scenario, check = rest.rsplit("/", 2)  # a model's name can hold slashes
    if results:
        _explain_kept(name, results, console)
        return
    if scenario.startswith("audit."):
        raise UnknownName(f"{name!r} is of recordings that were audited: {_ELSEWHERE} {check}")
    selection = Selection((provider,), (model,), (scenario,), (check,))
    matrix = load_matrix(root / FILE_NAME)
    try:
        cases = plan(matrix, root, selection)
    except UnknownName as error:
        known = any(provider == one.id for one in matrix.providers)
        raise error if known else UnknownName(f"{error}; was it probed or audited? {_ELSEWHERE} {check}") from None
    if not cases:
        raise UnknownName(f"no cell {name!r}: {provider} has no model {model}; see: harness providers")
    chosen = f"--provider {provider} --model {model} --scenario {scenario}"
    for finding in run_case(cases[0], selection.chosen()):
        listed = [
            one for one in load_deviations(cases[0].cassette.parent.parent)
            if one.covers(finding.check, scenario, model) and not one.fault
        ]  # fmt: skip
        _show_cell(finding, listed, console)
        if finding.check == check:
            _show_line(translated("again"), f"harness run {chosen} --check {check}", console)
        elif finding.outcome is Outcome.MISSING:
            _show_line(translated("record"), f"harness record {chosen.replace('--provider ', '')}", console)
            _show_line(translated("rule"), f"harness explain {check}", console)


def _explain_kept(name: str, results: Path, console: Console) -> None:
    """Show what a results file holds of a cell: of recordings that were audited there can be several."""
    found = [finding for finding in read_results(results).findings if finding.cell == name]
    if not found:
        raise UnknownName(f"{results}: it holds no finding {name!r}; see: harness report {results}")
    for finding in found[:_LINES_SHOWN]:
        _show_cell(finding, [], console)
    if len(found) > _LINES_SHOWN:
        console.print(translated("and {count} more of this name").format(count=len(found) - _LINES_SHOWN))


def _show_cell(finding: Finding, listed: list[Deviation], console: Console) -> None:
    """Show a finding, the deviations listed for it, and what its form breaks, where it breaks something."""
    show_finding(finding, console)
    for one in listed:
        seen = translated("seen {when}{gone}: {reason}").format(when=_when(one), gone="", reason=one.reason)
        show_wrapped(seen, console, label=translated("known"), indent=0)
        console.print(f"         {one.source} ({one.kind})", soft_wrap=True)
    if finding.check not in CHECKS:
        return
    show_wrapped(translated(CHECKS[finding.check].title), console, label=translated("rule"), indent=0)
    told = told_of(finding)
    if told or finding.outcome is Outcome.KNOWN:
        advice = told.advice if told else advice_on(finding)
        own = next((one for one in listed if finding.outcome is Outcome.KNOWN and one.expects(finding.message)), None)
        own_words = Advice((own and own.breaks) or advice.breaks, (own and own.instead) or advice.instead)
        show_advice(own_words, console, indent=0)
