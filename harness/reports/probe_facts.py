"""What a probe tells beside findings: what it cost, how fast streams came, and which client code will survive the endpoint."""

from collections.abc import Iterator

from rich.console import Console

from harness.reports.failures import show_wrapped
from harness.reports.shown import shown
from harness.results import Cost, ProbeSummary, Speed
from harness.words import translated
from harness.words.padding import padded

_LABEL = 8


def show(probe: ProbeSummary, console: Console) -> None:
    """Print a line of each."""
    for label, text in _facts(shown(probe)):
        show_wrapped(text, console, label=padded(label, _LABEL), indent=0)


def render(probe: ProbeSummary) -> str:
    """Return the same as Markdown."""
    return "".join(f"* {label}: {text}\n" for label, text in _facts(shown(probe)))


def _facts(probe: ProbeSummary) -> Iterator[tuple[str, str]]:
    if probe.cost:
        yield translated("cost"), _cost(probe.cost)
    if probe.speed:
        yield translated("speed"), _speed(probe.speed)


def _cost(cost: Cost) -> str:
    told = translated("requests: {requests:,}; tokens reported: {prompt:,} prompt, {completion:,} completion")
    said = told.format(requests=cost.requests, prompt=cost.prompt_tokens, completion=cost.completion_tokens)
    silent = translated("; responses without usage: {count:,}").format(count=cost.without_usage)
    return f"{said}{silent if cost.without_usage else ''}"


def _speed(speed: Speed) -> str:
    told = translated("first token after {median:g} s (median of {streams} streams, longest {longest:g} s)")
    said = told.format(median=speed.first_token_median, streams=speed.streams, longest=speed.first_token_max)
    if speed.tokens_per_second is None:
        return said
    return said + translated("; {rate:g} tokens per second").format(rate=speed.tokens_per_second)
