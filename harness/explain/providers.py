"""Explains a provider, and a cell: one check on one of its recordings."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from harness.checks import CHECKS, advice_on, told_of
from harness.errors import UnknownName, unknown
from harness.explain.lines import WIDE, show_line, show_lines
from harness.judging.deviations import KnownProblems, folder_of, load_deviations
from harness.judging.published import published_cases, run_published
from harness.judging.runner import Case, Selection, plan, run_case
from harness.matrix.project import project_matrix
from harness.matrix.providers import Model, Provider
from harness.matrix.scenarios import KINDS
from harness.recording.cassette import read_cassette
from harness.reports.failures import reason_known, show_advice, show_wrapped
from harness.reports.terminal import show_finding
from harness.results import Advice, Deviation, Finding, Outcome, read_results
from harness.results.basis import PUBLISHED
from harness.words import translated
from harness.words.padding import padded

_ELSEWHERE = "--results FILE shows it as that file has it, and the rule is shown by: harness explain"
_LINES_SHOWN = 6
_KEY_IN = {"both": "x-api-key, Authorization: Bearer", "bearer": "Authorization: Bearer", "x-api-key": "x-api-key"}


def explain_provider(provider: Provider, root: Path, console: Console) -> None:
    """Print all that is known of a provider of the project at ``root``."""
    console.print(f"[bold]{provider.id}[/]  {escape(translated(provider.name))}\n", highlight=False)
    show_lines(_of_provider(provider), console)
    for model in provider.models:
        console.print(f"\n[bold]{provider.id}/{model.id}[/]", highlight=False)
        show_lines(_of_model(model), console)
    console.print()
    show_lines(_evidence(provider), console)
    for one in load_deviations(folder_of(provider, root)):
        where = ", ".join((*one.models, *_named(one.scenarios)))
        label = padded(translated("known"), WIDE)
        console.print(f"\n[bold]{label}[/]{one.check}{f' ({where})' if where else ''}", highlight=False)
        show_lines(_of_deviation(one), console)


def _named(scenarios: tuple[str, ...]) -> tuple[str, ...]:
    """Return the name of the kind of some scenarios, if they are exactly that kind."""
    return next(((name,) for name, meant in KINDS.items() if meant == scenarios), scenarios)


def _of_deviation(one: Deviation) -> Iterator[tuple[str, str]]:
    gone = translated(", gone since {day}").format(day=one.until) if one.until else ""
    yield (
        "",
        translated("seen {when}{gone}: {reason}").format(when=_when(one), gone=gone, reason=translated(one.reason)),
    )
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
        yield "also", f"{other.url}: {translated(other.what)}"
    for suffix in provider.host_suffixes:
        yield "also", translated("hosts that end in {suffix}").format(suffix=suffix)
    if provider.called:
        yield "called", ", ".join(provider.called)
    if provider.aliases:
        yield (
            "" if provider.called else "called",
            translated("also called {names} in recordings").format(names=", ".join(provider.aliases)),
        )
    yield "key", provider.key_env
    yield "docs", provider.docs
    yield from _of_dialects(provider)
    if provider.lacks:
        yield "lacks", ", ".join(provider.lacks)
    if provider.note:
        yield "note", translated(provider.note)


def _of_dialects(provider: Provider) -> Iterator[tuple[str, str]]:
    for dialect, at in provider.dialects:
        if at is None:
            continue
        keys = _KEY_IN[at.key_header]
        yield dialect, translated("{url}, key in {header}").format(url=at.base_url, header=keys)
        yield "", f"{at.valid.at}, {at.valid.how} {at.valid.source or 'here'}"
        if at.models is not None:
            names = ", ".join(at.models) or translated("none")
            yield "", translated("models asked there: {names}").format(names=names)
        if at.note:
            yield "", translated(at.note)


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
        yield "note", translated(model.note)


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


def explain_cell(name: str, root: Path, results: Path | None, console: Console) -> None:
    """Print the result of one check on one recording, PROVIDER/MODEL/SCENARIO/CHECK; raise UnknownName if none."""
    provider, _, rest = name.partition("/")
    model, scenario, check = rest.rsplit("/", 2)  # a model's name can hold slashes
    if results:
        _explain_kept(name, results, console)
        return
    if scenario.startswith("audit."):
        raise UnknownName(f"{name!r} is of recordings that were audited: {_ELSEWHERE} {check}")
    if scenario.startswith(f"{PUBLISHED}."):
        _explain_published(provider, model, scenario, check, root, console)
        return
    selection = Selection((provider,), (model,), (scenario,), (check,))
    case = _case_of(name, selection, root)
    chosen = f"--provider {provider} --model {model} --scenario {scenario}"
    for finding in run_case(case, selection.chosen()):
        listed = [
            one for one in load_deviations(folder_of(case.target.provider, root))
            if one.covers(finding.check, scenario, model) and not one.fault
        ]  # fmt: skip
        _show_cell(finding, listed, console)
        if finding.check == check:
            show_line(translated("again"), f"harness run {chosen} --check {check}", console)
        elif finding.outcome is Outcome.MISSING:
            show_line(translated("record"), f"harness record {chosen.replace('--provider ', '')}", console)
            show_line(translated("rule"), f"harness explain {check}", console)


def _case_of(name: str, selection: Selection, root: Path) -> Case:
    """Return the case of a cell of the matrix; raise UnknownName if there is none."""
    (provider,), (model,), (check,) = selection.providers, selection.models, selection.checks
    matrix = project_matrix(root)
    try:
        cases = plan(matrix, root, selection)
    except UnknownName as error:
        known = any(provider == one.id for one in matrix.providers)
        raise error if known else UnknownName(f"{error}; was it probed or audited? {_ELSEWHERE} {check}") from None
    if not cases:
        raise UnknownName(f"no cell {name!r}: {provider} has no model {model}; see: harness providers")
    return cases[0]


def _explain_published(provider: str, model: str, scenario: str, check: str, root: Path, console: Console) -> None:  # noqa: PLR0913, PLR0917 - the parts of a cell
    """Print a check's result on a published recording, and its URL; raise UnknownName if there is none."""
    selection = Selection((provider,), (model,), (PUBLISHED,), (check,))
    plan(project_matrix(root), root, selection)  # reports the unknown name
    cases = {case.scenario: case for case in published_cases(root, selection)}
    if scenario not in cases:
        raise unknown(f"published recording of {provider}/{model}", scenario, list(cases))
    for finding in run_published(cases[scenario], selection.chosen(), KnownProblems(root)):
        _show_cell(finding, [], console)
        if finding.known:
            show_wrapped(reason_known(finding.known), console, label=translated("known"), indent=0)
            console.print(f"         {finding.source}", soft_wrap=True)
        show_line(translated("where"), read_cassette(cases[scenario].cassette)[0].source.url or "", console)


def _explain_kept(name: str, results: Path, console: Console) -> None:
    """Print a cell from a results file: an audit can have several recordings in one."""
    found = [finding for finding in read_results(results).findings if finding.cell == name]
    if not found:
        raise UnknownName(f"{results}: it has no finding {name!r}; see: harness report {results}")
    for finding in found[:_LINES_SHOWN]:
        _show_cell(finding, [], console)
    if len(found) > _LINES_SHOWN:
        console.print(translated("and {count} more of this name").format(count=len(found) - _LINES_SHOWN))


def _show_cell(finding: Finding, listed: list[Deviation], console: Console) -> None:
    """Print a finding, the deviations listed for it, and the impact of its form, if any."""
    show_finding(finding, console)
    for one in listed:
        seen = translated("seen {when}{gone}: {reason}").format(when=_when(one), gone="", reason=translated(one.reason))
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
