"""What is wrong with a request, whatever provider it goes to: what no answer can be right to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.simulate.chat.prompts import object_of
from harness.simulate.chat.speaking import tool_names
from harness.wire.shapes import Json

_NUMBERS = {"temperature": (0, 2), "top_p": (0, 1), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)}
_WHOLE = {"n": (1, 128), "max_tokens": (1, None), "max_completion_tokens": (1, None), "top_logprobs": (0, 20)}
_BOOLEANS = ("stream", "logprobs", "parallel_tool_calls", "store")
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_FORMS = ("text", "json_object", "json_schema")
_NONE = re.compile(
    r"(?:^|[^a-z])(?:no[-_ ]?such|non[-_ ]?existent|not[-_ ]?exist|does[-_ ]?not|invalid|unknown|not[-_ ]a)",
    re.IGNORECASE,
)

UNKNOWN_MODEL, NO_MESSAGES, NOT_JSON = "error.unknown-model", "error.missing-messages", "error.malformed-json"
WRONG_TYPE, NO_TOKENS = "error.wrong-type", "error.no-tokens"


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong: the scenario that tries the like, what to say, the parameter, and OpenAI's code for it."""

    scenario: str
    message: str
    param: str | None = None
    code: str | None = None
    status: int = 400


def wrong_with(body: Json | None) -> Wrong | None:
    """Return what is wrong with the body of a request, None where nothing is; a body of None is no JSON object."""
    if body is None:
        return Wrong(NOT_JSON, "The body is not a JSON object.")
    return next(_faults(body), None)


def _faults(body: Json) -> Iterator[Wrong]:
    yield from _of_model(body.get("model"))
    yield from _of_messages(body)
    yield from _of_numbers(body)
    yield from _of_tools(body)
    yield from _of_form(body.get("response_format"))
    if body.get("stream_options") and not body.get("stream"):
        yield Wrong("params.stream-options", "'stream_options' is for streams only.", "stream_options")
    if body.get("top_logprobs") and not body.get("logprobs"):
        yield Wrong(WRONG_TYPE, "'top_logprobs' needs 'logprobs'.", "top_logprobs")


def _of_model(model: Any) -> Iterator[Wrong]:
    if model is None:
        return  # the server says which one then
    if not isinstance(model, str) or not model:
        yield Wrong(WRONG_TYPE, "'model' names no model.", "model", "invalid_type")
    elif _NONE.search(model):
        yield Wrong(UNKNOWN_MODEL, f"There is no model {model[:80]!r}.", None, "model_not_found", 404)


def _of_messages(body: Json) -> Iterator[Wrong]:
    said = body.get("messages")
    if said is None:
        yield Wrong(NO_MESSAGES, "Missing: 'messages'.", "messages", "missing_required_parameter")
    elif not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
        yield Wrong(WRONG_TYPE, "'messages' is no list of objects.", "messages", "invalid_type")
    elif not said:
        yield Wrong(NO_MESSAGES, "'messages' is empty.", "messages", "empty_array")
    else:
        yield from _of_turns(said)


def _of_turns(messages: list[Json]) -> Iterator[Wrong]:
    """Yield what is wrong with the order of messages: each result of a tool belongs to a call before it."""
    open_calls: set[Any] = set()
    for number, message in enumerate(messages):
        place, role = f"messages[{number}]", message.get("role")
        if role not in _ROLES:
            yield Wrong(WRONG_TYPE, f"'{place}.role' is none of {', '.join(_ROLES)}.", f"{place}.role", "invalid_value")
        elif role == "tool" and message.get("tool_call_id") not in open_calls:
            yield Wrong(WRONG_TYPE, f"'{place}' has the result of a call that no message before it made.", place)
        elif role == "user" and not isinstance(message.get("content"), str | list):
            yield Wrong(WRONG_TYPE, f"'{place}.content' is no text.", f"{place}.content", "invalid_type")
        calls = message.get("tool_calls") or ()
        open_calls |= {call.get("id") for call in calls if isinstance(call, dict) and isinstance(call.get("id"), str)}


def _of_numbers(body: Json) -> Iterator[Wrong]:
    for name, (least, most) in (_NUMBERS | _WHOLE).items():
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int if name in _WHOLE else (int, float)):
            yield Wrong(WRONG_TYPE, f"{name!r} is not a number.", name, "invalid_type")
        elif value < least:
            kind = NO_TOKENS if name.startswith("max") else WRONG_TYPE
            yield Wrong(kind, f"{name!r} is {value}: too small.", name, "integer_below_min_value")
        elif most is not None and value > most:
            yield Wrong(WRONG_TYPE, f"{name!r} is {value}: too large.", name, "integer_above_max_value")
    for name in _BOOLEANS:
        if not isinstance(body.get(name), bool | None):
            yield Wrong(WRONG_TYPE, f"{name!r} is neither true nor false.", name, "invalid_type")


def _of_tools(body: Json) -> Iterator[Wrong]:
    tools, names, choice = body.get("tools"), tool_names(body), body.get("tool_choice")
    if tools is not None and (not isinstance(tools, list) or len(names) != len(tools)):
        yield Wrong(WRONG_TYPE, "'tools' is no list of functions with names.", "tools", "invalid_type")
    elif choice not in {None, "none", "auto"} if isinstance(choice, str | None) else True:
        named = object_of(choice.get("function")).get("name") if isinstance(choice, dict) else None
        if not names:
            yield Wrong(WRONG_TYPE, "'tool_choice' needs 'tools'.", "tool_choice")
        elif named is not None and named not in names:
            yield Wrong(WRONG_TYPE, f"'tool_choice' names {str(named)[:80]!r}, which is not in 'tools'.", "tool_choice")
        elif isinstance(choice, str) and choice not in {"required", "any"}:
            yield Wrong(WRONG_TYPE, "'tool_choice' is none of none, auto, required.", "tool_choice", "invalid_value")


def _of_form(form: Any) -> Iterator[Wrong]:
    if form is None:
        return
    if not isinstance(form, dict) or form.get("type") not in _FORMS:
        yield Wrong(
            WRONG_TYPE,
            f"'response_format.type' is none of {', '.join(_FORMS)}.",
            "response_format.type",
            "invalid_value",
        )
    elif form["type"] == "json_schema" and not isinstance(object_of(form.get("json_schema")).get("name"), str):
        place = "response_format.json_schema.name"
        yield Wrong(WRONG_TYPE, f"Missing: '{place}'.", place, "missing_required_parameter")
