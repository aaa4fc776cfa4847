"""
Implements ``harness explain`` for a client, and for one response in it: the code, the event that broke it, what to
do.

The event is found by replaying the response truncated after each of its events: the first after which the user's
result differs from what the events so far add up to.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from harness.checks import CHECKS
from harness.clients.answer_server import AnswerServer
from harness.clients.catalogue import ENVIRONMENTS
from harness.clients.client import REASONING, TEXT, Client
from harness.clients.client_runner import ClientRunner
from harness.clients.due import due_of, expected_handling
from harness.clients.oracle import ClientOutput, judge_client
from harness.clients.trials import Trial, deviation_trials, is_tried, reference_trials, transplant
from harness.clients.workarounds import remedy
from harness.errors import UnknownName, unknown
from harness.matrix.project import project_matrix
from harness.printable import printable
from harness.results import ClientOutcome
from harness.serve.recording_index import REFERENCE, RecordingIndex
from harness.simulate.faults import EVERY_FAULT
from harness.simulate.reference import with_body
from harness.wire.dialect import DIALECTS, DialectName
from harness.words import translated
from harness.words.padding import padded
from harness.words.values import translated_outcome

_MOST_EVENTS = 300
_SHOWN = 300
_LABEL = 9
_SURVIVE: dict[DialectName, tuple[str, str]] = {
    "chat": ("openai.reference", "requests.reference"),
    "messages": ("anthropic.reference", "httpx.messages-reference"),
    "completions": ("openai.completions-reference", "requests.completions-reference"),
}
"""The idioms that handle it."""


def explain_client(client: Client, console: Console) -> None:
    """Print a client's description, and its code."""
    environment = ENVIRONMENTS[client.env]
    console.print(f"[bold]{client.id}[/]  {escape(translated(client.title))}\n", highlight=False)
    console.print(escape(translated(client.about)), soft_wrap=True, highlight=False)
    versions = ", ".join(f"{name} {version}" for name, version in environment.versions.items())
    rows = (
        (translated("reads"), ", ".join(sorted(client.reads))),
        (
            translated("runs in"),
            f"{environment.name} ({versions}){'' if environment.installed else ', ' + environment.how}",
        ),
        (translated("source"), client.source or translated("no public place known")),
    )
    for label, text in rows:
        _show_line(label, text, console)
    _show_code(client, console)
    _show_line(translated("tried"), f"harness clients run --client {client.id}", console)


def _show_line(label: str, text: str, console: Console) -> None:
    console.print(f"{padded(label, _LABEL)}{escape(text)}", soft_wrap=True, highlight=False)


def explain_client_cell(client: Client, name: str, root: Path, console: Console) -> None:
    """
    Print how a client handles a response, named by a fault or as ``provider/model/scenario``.

    Raises:
        UnknownName: there is no such response.
    """
    trial = _trial(name, root)
    with AnswerServer() as answer_server, ClientRunner(answer_server, ENVIRONMENTS[client.env]) as runner:
        output = runner.run(client, trial)
        fate, message = judge_client(client, trial.exchange, output)
        source = trial.exchange.source
        basis = f"{source.provenance}, {source.at or translated('no date')}"
        tried = translated("{client} with {answer}").format(client=client.id, answer=trial.id)
        headline = f"[bold]{escape(fate.value)}[/]  {escape(tried)} ({basis})"
        console.print(
            f"{headline}\n         {escape(printable(translated_outcome(message)))}\n", soft_wrap=True, highlight=False
        )
        _show_user(client, trial, output, console)
        number = _event(client, trial, output, fate, runner) if fate.bad else None
    if number is not None:
        _show_event(trial, number, console)
    _show_code(client, console, output.failure.line if output.failure else None)
    if fate.bad:
        _show_remedy(trial, fate, number, console)
    serve = f"reference --fault {trial.fault}" if trial.fault else f"{trial.provider}/{trial.model}"
    command = translated("harness serve {what}, and send the header x-harness-scenario: {scenario}")
    _show_line(translated("yours"), command.format(what=serve, scenario=trial.scenario), console)


def _trial(name: str, root: Path) -> Trial:
    fault, _, asked = name.partition("@")
    found = next((one for one in deviation_trials() if one.id == fault), None)
    if found and not asked:
        return found
    if found:
        to = next((one for one in reference_trials() if one.request_id == asked), None)
        put = transplant(found, to) if to else None
        if put:
            return put
        raise UnknownName(
            f"{fault} does not fit a response to {asked!r}; it fits responses such as those to {found.request_id}"
        )
    return _recorded(name, root)


def _recorded(name: str, root: Path) -> Trial:
    provider = name.partition("/")[0]
    known = project_matrix(root)
    if provider not in {REFERENCE, *(one.id for one in known.providers)}:
        raise unknown(
            "fault, variant or provider",
            provider,
            [*(one.id for one in deviation_trials()), *(one.id for one in known.providers)],
        )
    index = RecordingIndex(known, root)
    held = [one for dialect in DIALECTS for one in index.answers(provider, dialect) if is_tried(one.exchange)]
    trials = [Trial(provider, one.target.partition("/")[2], one.scenario.id, one.exchange) for one in held]
    found = next((one for one in trials if one.id == name), None)
    if found is None:
        raise unknown("recorded answer", name, [one.id for one in trials])
    return found


def _show_user(client: Client, trial: Trial, output: ClientOutput, console: Console) -> None:
    wanted = due_of(trial.exchange)
    for label, got, due in ((TEXT, output.text, wanted.text), (REASONING, output.reasoning, wanted.reasoning)):
        if label not in client.reads:
            continue
        if got or due:
            console.print(f"{padded(translated(label), 10)}{escape(_cut(got))}", soft_wrap=True, highlight=False)
        if got != due:
            console.print(f"{padded(translated('was'), 10)}{escape(_cut(due))}", soft_wrap=True, highlight=False)


def _event(client: Client, trial: Trial, output: ClientOutput, fate: ClientOutcome, runner: ClientRunner) -> int | None:
    """Return the number of the event after which the user's result is wrong; None if no event shows it."""
    exchange = trial.exchange
    parser = exchange.reading.parser
    if parser is None or not len(parser.events) or len(parser.events) > _MOST_EVENTS or output.env:
        return None
    if fate is ClientOutcome.SILENT:
        errors = [one.chunk for one in exchange.columns.errors] + [one.event for one in exchange.message.errors]
        broken = [number for number, _ in exchange.reading.not_json]
        return next(iter([*errors, *broken]), len(parser.events) - 1)
    for number, part in enumerate(_beginnings(trial)):
        got = runner.run(client, part)
        if output.failure and got.failure and got.failure.message == output.failure.message:
            return number
        if not output.failure and _differs(part, got):
            return number
    return len(parser.events) - 1


def _beginnings(trial: Trial) -> Iterator[Trial]:
    """Yield the response truncated after each of its events."""
    parser = trial.exchange.reading.parser
    for event in parser.events if parser else ():
        yield replace(trial, exchange=with_body(trial.exchange, trial.exchange.response.body[: event.end]))


def _differs(part: Trial, got: ClientOutput) -> bool:
    due = due_of(part.exchange)
    return (got.text, got.reasoning) != (due.text, due.reasoning) and expected_handling(part.exchange) != "error"


def _show_event(trial: Trial, number: int | None, console: Console) -> None:
    if number is None:
        return
    parser = trial.exchange.reading.parser
    assert parser is not None  # noqa: S101 - a number is one of its events
    event = parser.events[number]
    raw = trial.exchange.response.content[event.start : event.end].decode("utf-8", "backslashreplace")
    place = translated("{number} of {count}, byte {offset}")
    _show_line(translated("event"), place.format(number=number, count=len(parser.events), offset=event.start), console)
    console.print(f"         {escape(_cut(raw.strip()))}\n", soft_wrap=True, highlight=False)


def _show_code(client: Client, console: Console, at: str | None = None) -> None:
    console.print()
    for line in client.code.splitlines():
        mark = "[red]>[/]" if at and line.strip() == at.strip() else " "
        console.print(f"  {mark} {escape(line)}", soft_wrap=True, highlight=False)
    console.print()


def _show_remedy(trial: Trial, fate: ClientOutcome, number: int | None, console: Console) -> None:
    """Print what to write instead, and the impact of a fault by its rule."""
    said = remedy(fate, trial.exchange.chunk(number or 0))
    if said:
        _show_line(translated("instead"), translated(said), console)
    if trial.fault in EVERY_FAULT:
        check = CHECKS[EVERY_FAULT[trial.fault].rule]
        _show_line(translated("rule"), f"{check.id}: {translated(check.workaround)}", console)
    whole = ", ".join(f"harness explain {name}" for name in _SURVIVE[trial.exchange.dialect])
    _show_line(translated("whole"), whole, console)


def _cut(text: str) -> str:
    shown = text.replace("\r", "␍").replace("\n", "⏎")
    return (
        shown
        if len(shown) <= _SHOWN
        else f"{shown[:_SHOWN]} … ({translated('{count:,} characters').format(count=len(text))})"
    )
