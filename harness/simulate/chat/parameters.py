"""The parameters of a request that a provider may take, ignore or refuse, by name."""

from typing import Any

from harness.matrix.scenarios import SCENARIOS, Scenario, request_body
from harness.wire.shapes import Json

_EVERY_REQUEST = {"model", "messages", "stream", "stream_options", "tools"}


def parameters_of(scenario: Scenario, model: str = "", switch: Json | None = None) -> set[str]:
    """
    Return the parameters that ``scenario`` depends on, besides those of every request.

    Where the value decides, it is part of the name: ``tool_choice.required``, ``response_format.json_object``.
    A scenario that tries something else names that: ``developer role``.
    """
    body = request_body(scenario, model, switch or {})
    given = {name: value for name, value in body.items() if name not in _EVERY_REQUEST and name not in (switch or {})}
    names = {_refined(name, value) for name, value in given.items()}
    return (
        names
        if scenario.tested_parameter is None or scenario.tested_parameter in given
        else {*names, scenario.tested_parameter}
    )


def _refined(name: str, value: Any) -> str:
    if name == "tool_choice":
        return f"{name}.{value if isinstance(value, str) else 'named'}"
    return f"{name}.{value['type']}" if name == "response_format" else name


def without(body: Json, ignored: set[str]) -> Json:
    """Return a request without the parameters that are ignored."""
    return {name: value for name, value in body.items() if name not in ignored and _refined(name, value) not in ignored}


PARAMETERS = tuple(sorted(set().union(*(parameters_of(scenario) for scenario in SCENARIOS.values()))))
"""All that scenarios depend on."""
