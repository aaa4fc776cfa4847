"""Names the parameters of a request that a provider may accept, ignore or reject."""

from collections.abc import Collection, Iterator
from typing import Any

from harness.matrix.scenarios import SCENARIOS, Scenario, request_body
from harness.simulate.chat.prompts import messages_of
from harness.wire.shapes import Json

_EVERY_REQUEST = {"model", "messages", "stream", "stream_options", "tools"}


def parameters_of(scenario: Scenario, model: str = "", switch: Json | None = None) -> set[str]:
    """
    Return the parameters that ``scenario`` depends on, besides those of every request.

    Where the value decides, it is part of the name: ``tool_choice.required``, ``response_format.json_object``. A
    scenario that tests something else names that: ``developer role``.
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
    return f"{name}.{value.get('type')}" if name == "response_format" and isinstance(value, dict) else name


def given_in(body: Json) -> set[str]:
    """Return the parameters of a request, by the names that ``parameters_of`` gives them."""
    given = {
        name: value for name, value in body.items() if name not in _EVERY_REQUEST and not _says_nothing(name, value)
    }
    only_streams = {"stream_options"} if body.get("stream_options") and not body.get("stream") else set()
    return {_refined(name, value) for name, value in given.items()} | only_streams


def _says_nothing(name: str, value: Any) -> bool:
    """Return whether a value is the default."""
    return value is None or (name, value) in (("n", 1), ("logprobs", False), ("tool_choice", "auto"))


def forms_in(body: Json, *, thinks: bool) -> Iterator[str]:
    """Yield what scenarios test besides parameters, as far as the messages of a request have it."""
    for message in messages_of(body):
        role = message.get("role")
        if isinstance(message.get("content"), list):
            yield "content as parts"
        if role == "developer":
            yield "developer role"
        elif role == "assistant":
            yield from _of_turn(message, thinks=thinks)
        elif role == "tool":
            yield "a tool's result"


def _of_turn(message: Json, *, thinks: bool) -> Iterator[str]:
    """Yield what is tested by sending back a message of the model."""
    yield "an earlier answer"
    if message.get("reasoning_content"):
        yield "reasoning sent back"
    elif thinks and message.get("tool_calls"):  # a plain completion is accepted without it
        yield "reasoning left out"
    if message.get("tool_calls") and message.get("content", "") in (None, ""):
        yield "content null" if message.get("content", "") is None else 'content ""'


def without(body: Json, ignored: Collection[str]) -> Json:
    """Return a request without the ignored parameters; itself if there are none."""
    if not ignored:
        return body
    return {name: value for name, value in body.items() if name not in ignored and _refined(name, value) not in ignored}


PARAMETERS = tuple(sorted(set().union(*(parameters_of(scenario) for scenario in SCENARIOS.values()))))
"""All parameters that scenarios depend on."""
