"""What is shown of a provider, and of a cell: one check on one recording of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from harness.checks import CHECKS, advice_on, told_of
from harness.errors import UnknownName
from harness.judging.deviations import folder_of, load_deviations
from harness.judging.runner import Selection, plan, run_case
from harness.matrix.project import project_matrix
from harness.matrix.providers import Model, Provider
from harness.matrix.scenarios import KINDS
from harness.reports.failures import show_wrapped
from harness.reports.terminal import show_finding
from harness.results import Deviation, Finding, Outcome, read_results

_ELSEWHERE = "--results FILE shows it as that file has it, and the rule is shown by: harness explain"
_LINES_SHOWN = 6


def explain_provider(provider: Provider, root: Path, console: Console) -> None:
    """Print all that is known of a provider of the project at ``root``."""
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


def _of_deviation(one: Deviation) -> Iterator[tuple[str, str]]:
    gone = f", gone since {one.until}" if one.until else ""
    yield "", f"seen {one.seen}{gone}: {one.reason}"
    yield "breaks", one.breaks or CHECKS[one.check].impact
    yield "instead", one.instead or CHECKS[one.check].workaround
    yield "source", f"{one.source} ({one.kind})"
    if one.fault:
        yield "shown by", f"harness explain {one.fault}"


def _of_provider(provider: Provider) -> Iterator[tuple[str, str]]:
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
    yield "thinking", f"on {_switch(model.thinking.enable)}, off {_switch(model.thinking.disable)}"
    if model.lacks:
        yield "lacks", ", ".join(model.lacks)
    if model.note:
        yield "note", model.note


def _switch(added: dict[str, Any] | None) -> str:
    if added is None:
        return "not possible"
    return f"by {json.dumps(added)}" if added else "unasked"


def _evidence(provider: Provider) -> Iterator[tuple[str, str]]:
    for gone in provider.retired_models:
        instead = f", instead {gone.instead}" if gone.instead else ""
        yield "retired", f"{gone.name} on {gone.at}{instead}: {gone.source}"
    if provider.confidence:
        yield "confidence", ", ".join(f"{topic} {trust}" for topic, trust in provider.confidence)
    for source in provider.sources:
        yield "source", f"{source.url} ({', '.join((*source.about, *([source.at] if source.at else [])))})"


def explain_cell(name: str, root: Path, results: Path | None, console: Console) -> None:
    """Print what one check finds in one recording, PROVIDER/MODEL/SCENARIO/CHECK; raises UnknownName for one that is not there."""
    provider, _, rest = name.partition("/")
    model, scenario, check = rest.rsplit("/", 2)  # a model's name can hold slashes
    if results:
        _explain_kept(name, results, console)
        return
    if scenario.startswith("audit."):
        raise UnknownName(f"{name!r} is of recordings that were audited: {_ELSEWHERE} {check}")
    selection = Selection((provider,), (model,), (scenario,), (check,))
    matrix = project_matrix(root)
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
            one for one in load_deviations(folder_of(cases[0].target.provider, root))
            if one.covers(finding.check, scenario, model) and not one.fault
        ]  # fmt: skip
        _show_cell(finding, listed, console)
        if finding.check == check:
            console.print(f"again    harness run {chosen} --check {check}", soft_wrap=True)
        elif finding.outcome is Outcome.MISSING:
            console.print(f"record   harness record {chosen.replace('--provider ', '')}", soft_wrap=True)
            console.print(f"rule     harness explain {check}")


def _explain_kept(name: str, results: Path, console: Console) -> None:
    """Show what a results file holds of a cell: of recordings that were audited there can be several."""
    found = [finding for finding in read_results(results).findings if finding.cell == name]
    if not found:
        raise UnknownName(f"{results}: it holds no finding {name!r}; see: harness report {results}")
    for finding in found[:_LINES_SHOWN]:
        _show_cell(finding, [], console)
    if len(found) > _LINES_SHOWN:
        console.print(f"and {len(found) - _LINES_SHOWN} more of this name")


def _show_cell(finding: Finding, listed: list[Deviation], console: Console) -> None:
    """Show a finding, the deviations listed for it, and what its form breaks, where it breaks something."""
    show_finding(finding, console)
    for one in listed:
        show_wrapped(f"seen {one.seen}: {one.reason}", console, label="known", indent=0)
        console.print(f"         {one.source} ({one.kind})", soft_wrap=True)
    if finding.check not in CHECKS:
        return
    show_wrapped(CHECKS[finding.check].title, console, label="rule", indent=0)
    told = told_of(finding)
    if told or finding.outcome is Outcome.KNOWN:
        advice = told.advice if told else advice_on(finding)
        own = next((one for one in listed if finding.outcome is Outcome.KNOWN and one.expects(finding.message)), None)
        show_wrapped((own and own.breaks) or advice.breaks, console, label="breaks", indent=0)
        show_wrapped((own and own.instead) or advice.instead, console, label="instead", indent=0)
