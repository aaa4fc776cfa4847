"""Explains a scenario: the request, and the expected response."""

import json
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape

from harness.explain.lines import show_lines
from harness.matrix.bundled import FILE_NAME
from harness.matrix.scenarios import Scenario
from harness.simulate.recordings import recording
from harness.words import translated

_CONTEXT = 30
_WIDTH = 240
_LABEL = 10


def explain_scenario(scenario: Scenario, console: Console) -> None:
    """Print all of a scenario."""
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
    show_lines(_of_scenario(scenario), console, _LABEL)


def _of_scenario(scenario: Scenario) -> Iterator[tuple[str, str]]:
    on = "on (each provider has its own switch: thinking in {file})"
    off = "off (each provider has its own switch: thinking in {file})"
    if scenario.dialect == "chat":
        yield "thinking", translated(on if scenario.thinking else off).format(file=FILE_NAME)
    if scenario.key != "own":
        yield "key", translated("an invalid one")
    joined = translated(" or ").join(map(str, sorted(scenario.statuses)))
    yield "expects", translated("status {statuses}").format(statuses=joined)
    if scenario.tested_parameter:
        yield "tries", scenario.tested_parameter
    if scenario.needs:
        yield "needs", ", ".join(scenario.needs)


def _cut(value: Any) -> Any:
    """Return a request with its very long texts truncated."""
    if isinstance(value, dict):
        return {key: _cut(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cut(inner) for inner in value]
    long = isinstance(value, str) and len(value) > _WIDTH
    if not long:
        return value
    return f"{value[:_CONTEXT]}… ({translated('{count:,} characters').format(count=len(value))})"
