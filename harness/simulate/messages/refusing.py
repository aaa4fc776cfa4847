"""Finds what is wrong in a request of Messages: what Anthropic rejects with 400, or 404 for an unknown model."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.simulate.chat.refusing import names_no_model
from harness.simulate.frames import of_frame
from harness.simulate.known_parameters import unknown_to_anthropic
from harness.simulate.messages.asking import client_tools, thinks
from harness.wire.shapes import Json, as_object, objects_in

_ROLES = ("user", "assistant", "system")
_RANGES = {"temperature": (0, 1), "top_p": (0, 1)}
_LEAST_BUDGET = 1024
_CHOICES = ("auto", "any", "tool", "none")
_NOT_FOUND = 404
_NO_JSON = "The request body is not valid JSON"
_NO_CAP, _NO_MESSAGES = "max_tokens: Field required", "messages: Field required"
_SCENARIOS = {
    _NO_JSON: "messages.malformed-json",
    _NO_CAP: "messages.no-cap",
    _NO_MESSAGES: "messages.no-messages",
}
UNKNOWN_MODEL, WRONG_TYPE = "messages.unknown-model", "messages.wrong-type"


@dataclass(frozen=True, slots=True)
class WrongMessages:
    """An error in a request: the message, the status, and its code for programs."""

    message: str
    status: int = 400
    error_code: str | None = None

    @property
    def reason(self) -> tuple[str | None, ...]:
        """The key that two requests share which are wrong in the same way."""
        return self.scenario, self.message

    @property
    def scenario(self) -> str:
        """The scenario that tests the same."""
        return (
            UNKNOWN_MODEL
            if self.message.startswith("model: ") and self.status == _NOT_FOUND
            else _SCENARIOS.get(self.message, WRONG_TYPE)
        )


def wrong_with_messages(body: Json | None, *, counts: bool = False) -> WrongMessages | None:
    """
    Return what is wrong with the body of a request, None if nothing.

    A body of None is not a JSON object; ``counts`` is whether it only counts tokens.
    """
    if body is None:
        return WrongMessages(_NO_JSON)
    if as_object(body.get("thread")).get("type") == "continue":
        what = "thread: the conversation that it continues is not kept here; send the whole of it"
        return WrongMessages(what, _NOT_FOUND, "thread_not_found")
    found = next(_faults(body, counts=counts), None) or (_wrong_frame(body) if not counts else _wrong_count(body))
    if found:
        return WrongMessages(found)
    model = str(body["model"])
    return WrongMessages(f"model: {model[:80]}", _NOT_FOUND) if names_no_model(model) else None


def wrong_for_anthropic(body: Json | None, *, counts: bool = False) -> WrongMessages | None:
    """Return what is wrong with a request, None if nothing; parameters that Anthropic does not know included."""
    unknown = None if body is None or counts else unknown_to_anthropic(body)
    return wrong_with_messages(body, counts=counts) or (WrongMessages(unknown) if unknown else None)


def _faults(body: Json, *, counts: bool) -> Iterator[str]:
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "model: Field required" if body.get("model") is None else "model: Input should be a valid string"
    yield from () if counts else _of_cap(body.get("max_tokens"))
    yield from _of_turns(body.get("messages"))


def _faults_around(body: Json, *, counts: bool) -> Iterator[str]:
    yield from _of_numbers(body)
    yield from _of_tools(body)
    yield from _of_thought(body, counts=counts)


@of_frame
def _wrong_frame(body: Json) -> str | None:
    return next(_faults_around(body, counts=False), None)


@of_frame
def _wrong_count(body: Json) -> str | None:
    return next(_faults_around(body, counts=True), None)


def _of_cap(cap: Any) -> Iterator[str]:
    if cap is None:
        yield _NO_CAP
    elif type(cap) is not int:
        yield "max_tokens: Input should be a valid integer"
    elif cap < 1:
        yield "max_tokens: Input should be greater than or equal to 1"


def _of_turns(messages: Any) -> Iterator[str]:
    if messages is None:
        yield _NO_MESSAGES
    elif not isinstance(messages, list):
        yield "messages: Input should be a valid list"
    elif not messages:
        yield "messages: at least one message is required"
    else:
        for number, message in enumerate(messages):
            yield from _of_turn(f"messages.{number}", message)
        yield from _of_results(messages)


def _of_turn(place: str, message: Any) -> Iterator[str]:
    if not isinstance(message, dict):
        yield f"{place}: Input should be an object"
        return
    if message.get("role") not in _ROLES:
        yield f"{place}.role: Input should be 'user' or 'assistant'"
    content = message.get("content")
    if not isinstance(content, str | list):
        what = "Field required" if content is None else "Input should be a valid list or string"
        yield f"{place}.content: {what}"
    elif message.get("role") == "user" and not content:
        yield f"{place}: user messages must have non-empty content"
    for number, block in enumerate(content if isinstance(content, list) else ()):
        yield from _of_block(f"{place}.content.{number}", block)


def _of_block(place: str, block: Any) -> Iterator[str]:
    kind = as_object(block).get("type")
    if not isinstance(kind, str):
        yield f"{place}.type: Field required"
    elif kind == "text" and not isinstance(block.get("text"), str):
        yield f"{place}.text.text: Field required"
    elif kind == "text" and not block["text"]:
        yield "messages: text content blocks must be non-empty"


def _of_results(messages: list[Any]) -> Iterator[str]:
    """Yield errors in results: each follows its call at once, and each call has one."""
    called: set[str] = set()
    for number, message in enumerate(messages):
        blocks = objects_in(as_object(message).get("content"))
        given = {str(one.get("tool_use_id")) for one in blocks if one.get("type") == "tool_result"}
        for name in sorted(called - given):
            yield f"messages.{number}: `tool_use` ids were found without `tool_result` blocks immediately after: {name}"
        for name in sorted(given - called):
            yield f"messages.{number}: unexpected `tool_use_id` found in `tool_result` blocks: {name}"
        called = {str(one.get("id")) for one in blocks if one.get("type") == "tool_use"}


def _of_numbers(body: Json) -> Iterator[str]:
    for name, (least, most) in _RANGES.items():
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{name}: Input should be a valid number"
        elif not least <= value <= most:
            yield f"{name}: range: {least}..{most}"
    if not isinstance(body.get("stream"), bool | None):
        yield "stream: Input should be a valid boolean"
    if not isinstance(body.get("stop_sequences"), list | None):
        yield "stop_sequences: Input should be a valid list"


def _of_tools(body: Json) -> Iterator[str]:
    tools = body.get("tools")
    if tools is not None and (not isinstance(tools, list) or len(objects_in(tools)) != len(tools)):
        yield "tools: Input should be a valid list of objects"
        return
    for number, tool in enumerate(objects_in(tools)):
        if not isinstance(tool.get("name"), str):
            yield f"tools.{number}.name: Field required"
        elif tool.get("type") in (None, "custom") and not isinstance(tool.get("input_schema"), dict):
            yield f"tools.{number}.input_schema: Field required"
    names = [one["name"] for one in objects_in(tools) if isinstance(one.get("name"), str)]
    if len(set(names)) != len(names):
        yield "tools: Tool names must be unique."
    yield from _of_choice(body, names)


def _of_choice(body: Json, names: list[str]) -> Iterator[str]:
    choice = body.get("tool_choice")
    if choice is None:
        return
    kind = as_object(choice).get("type")
    if kind not in _CHOICES:
        yield f"tool_choice: Input should be an object whose type is one of {', '.join(_CHOICES)}"
    elif kind != "none" and not names:
        yield "tool_choice: may only be specified while providing tools."
    elif kind == "tool" and choice.get("name") not in names:
        yield f"Tool '{str(choice.get('name'))[:80]}' not found in provided tools"


def _of_thought(body: Json, *, counts: bool) -> Iterator[str]:
    thought = as_object(body.get("thinking"))
    if not thinks(body):
        return
    budget = thought.get("budget_tokens")
    if thought["type"] == "enabled":
        if type(budget) is not int:
            yield "thinking.enabled.budget_tokens: Field required"
        elif budget < _LEAST_BUDGET:
            yield f"thinking.enabled.budget_tokens: Input should be greater than or equal to {_LEAST_BUDGET}"
        elif not counts and budget >= body["max_tokens"]:
            yield "`max_tokens` must be greater than `thinking.budget_tokens`"
    if client_tools(body) and as_object(body.get("tool_choice")).get("type") in ("any", "tool"):
        yield "Thinking may not be enabled when tool_choice forces tool use."
