"""What is shown of a scenario: what is asked, and what is expected."""

import json
from typing import Any

from rich.console import Console
from rich.markup import escape

from harness.matrix.bundled import FILE_NAME
from harness.matrix.scenarios import Scenario
from harness.simulate.ideal import recording

_CONTEXT = 30
_WIDTH = 240


def explain_scenario(scenario: Scenario, console: Console) -> None:
    """Print all of a scenario."""
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
