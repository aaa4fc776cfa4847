"""Renders a probe's other results: cost, speed of streams, and which client code works with the endpoint."""

from collections.abc import Iterator

from rich.console import Console

from harness.reports.failures import show_wrapped
from harness.reports.shown import shown
from harness.results import ClientForecast, Cost, ProbeSummary, Speed
from harness.words import translated
from harness.words.padding import padded

_LABEL = 8
_NAMES = 6


def show(probe: ProbeSummary, console: Console) -> None:
    """Print a line for each."""
    for label, text in _facts(shown(probe)):
        show_wrapped(text, console, label=padded(label, _LABEL), indent=0)


def render(probe: ProbeSummary) -> str:
    """Return the same as Markdown."""
    lines = (f"* {label}: {text}\n" if label else f"  * {text}\n" for label, text in _facts(shown(probe)))
    return "".join(lines)


def _facts(probe: ProbeSummary) -> Iterator[tuple[str, str]]:
    if probe.cost:
        yield translated("cost"), _cost(probe.cost)
    if probe.speed:
        yield translated("speed"), _speed(probe.speed)
    if probe.clients:
        yield translated("clients"), _clients(probe.clients)
        yield from _suffering(probe.clients)


def _cost(cost: Cost) -> str:
    told = translated("requests: {requests:,}; tokens reported: {prompt:,} prompt, {completion:,} completion")
    said = told.format(requests=cost.requests, prompt=cost.prompt_tokens, completion=cost.completion_tokens)
    silent = translated("; responses without usage: {count:,}").format(count=cost.without_usage)
    return f"{said}{silent if cost.without_usage else ''}"


def _speed(speed: Speed) -> str:
    told = translated("first token after {median:g} s (median of {streams} streams, longest {longest:g} s)")
    if speed.streams == 1:
        told = translated("first token after {median:g} s (1 stream)")
    said = told.format(median=speed.first_token_median, streams=speed.streams, longest=speed.first_token_max)
    if speed.tokens_per_second is None:
        return said
    return said + translated("; {rate:g} tokens per second").format(rate=speed.tokens_per_second)


def _clients(clients: tuple[ClientForecast, ...]) -> str:
    """Return how many of the clients read the endpoint like OpenAI."""
    told = translated("{kept} of {all} clients handle every response as well as OpenAI's (predicted, not run)")
    return told.format(kept=sum(one.cause is None for one in clients), all=len(clients))


def _suffering(clients: tuple[ClientForecast, ...]) -> Iterator[tuple[str, str]]:
    """Yield a line for each problem of client code: outcome, cause, scenario, and clients."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for one in clients:
        if one.cause and one.scenario:
            groups.setdefault((one.fate, one.cause, one.scenario), []).append(one.client)
    for (fate, cause, scenario), names in groups.items():
        more = translated("and {count} more").format(count=len(names) - _NAMES)
        who = translated(", ").join(names[:_NAMES]) + (f" {more}" if len(names) > _NAMES else "")
        yield (
            "",
            translated("{fate}, from {cause} in {scenario}: {clients}").format(
                fate=fate, cause=cause, scenario=scenario, clients=who
            ),
        )
