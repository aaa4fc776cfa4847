"""Finds what is wrong with a request for every provider."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from harness.simulate.chat.prompts import object_of
from harness.simulate.chat.speaking import tool_names
from harness.simulate.frames import of_frame
from harness.wire.shapes import Json, objects_in

_NUMBERS = {"temperature": (0, 2), "top_p": (0, 1), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)}
_WHOLE = {
    "n": (1, 128), "max_tokens": (1, None), "max_completion_tokens": (1, None), "top_logprobs": (0, 20),
    "seed": (-(2**63), 2**63 - 1),
}  # fmt: skip
_BOOLEANS = ("stream", "logprobs", "parallel_tool_calls", "store")
_KINDS: dict[str, tuple[type, str]] = {
    "logit_bias": (dict, "an object"), "metadata": (dict, "an object"), "stream_options": (dict, "an object"),
    "audio": (dict, "an object"), "prediction": (dict, "an object"), "web_search_options": (dict, "an object"),
    "modalities": (list, "an array"), "user": (str, "a string"), "service_tier": (str, "a string"),
    "reasoning_effort": (str, "a string"), "verbosity": (str, "a string"), "prompt_cache_key": (str, "a string"),
    "safety_identifier": (str, "a string"),
}  # fmt: skip
_MOST_STOPS = 16
_MOST_BIAS = 100
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_PLAIN_ROLES = ("system", "developer", "user", "assistant")
_FORMS = ("text", "json_object", "json_schema")
_NONE = re.compile(
    r"(?:^|[^a-z])(?:no[-_ ]?such|non[-_ ]?existent|not[-_ ]?exist|does[-_ ]?not|invalid|unknown|not[-_ ]a)",
    re.IGNORECASE,
)

UNKNOWN_MODEL, NO_MESSAGES, NOT_JSON = "error.unknown-model", "error.missing-messages", "error.malformed-json"
WRONG_TYPE, NO_TOKENS = "error.wrong-type", "error.no-tokens"


_RANGES = _NUMBERS | _WHOLE


@dataclass(frozen=True, slots=True)
class Wrong:
    """An error in a request: the scenario that tests the same, the message, the parameter, and OpenAI's code."""

    scenario: str
    message: str
    param: str | None = None
    code: str | None = None
    status: int = 400

    @property
    def reason(self) -> tuple[str | None, ...]:
        """The key that two requests share which are wrong in the same way."""
        return self.scenario, self.param, self.code


def wrong_with(body: Json | None) -> Wrong | None:
    """Return what is wrong with the body of a request, None if nothing; a body of None is not a JSON object."""
    if body is None:
        return Wrong(NOT_JSON, "The body is not a JSON object.")
    wrong = _of_model(body.get("model")) or (None if _are_plain(body) else next(_of_messages(body), None))
    return wrong or _wrong_frame(body)


def _are_plain(body: Json) -> bool:
    """Return whether all messages are texts of roles that may come in any order, so that nothing is wrong with them."""
    messages = body.get("messages")
    return isinstance(messages, list) and bool(messages) and all(map(_is_plain, messages))


def _is_plain(message: Any) -> bool:
    return (
        isinstance(message, dict)
        and message.get("role") in _PLAIN_ROLES
        and isinstance(message.get("content"), str)
        and "tool_calls" not in message
    )


@of_frame
def _wrong_frame(body: Json) -> Wrong | None:
    return next(_faults(body), None)


def _faults(body: Json) -> Iterator[Wrong]:
    yield from _of_numbers(body)
    yield from _of_kinds(body)
    yield from _of_stops(body.get("stop"))
    yield from _of_tools(body)
    yield from _of_form(body.get("response_format"))
    if body.get("stream_options") is not None and not body.get("stream"):
        yield Wrong("params.stream-options", "'stream_options' is for streams only.", "stream_options")
    if body.get("top_logprobs") and not body.get("logprobs"):
        yield Wrong(WRONG_TYPE, "'top_logprobs' needs 'logprobs'.", "top_logprobs")


@lru_cache(1024)
def names_no_model(model: str) -> bool:
    """Return whether a name is one that tests use for a nonexistent model."""
    return _NONE.search(model) is not None


def _of_model(model: Any) -> Wrong | None:
    if model is None:
        return None  # the server says which one then
    if not isinstance(model, str) or not model:
        return Wrong(WRONG_TYPE, "'model' names no model.", "model", "invalid_type")
    if names_no_model(model):
        return Wrong(UNKNOWN_MODEL, f"There is no model {model[:80]!r}.", None, "model_not_found", 404)
    return None


def _of_messages(body: Json) -> Iterator[Wrong]:
    said = body.get("messages")
    if said is None:
        yield Wrong(NO_MESSAGES, "Missing: 'messages'.", "messages", "missing_required_parameter")
    elif not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
        yield Wrong(WRONG_TYPE, "'messages' is not an array of objects.", "messages", "invalid_type")
    elif not said:
        yield Wrong(NO_MESSAGES, "'messages' is empty.", "messages", "empty_array")
    else:
        yield from _of_turns(said)


def _of_turns(messages: list[Json]) -> Iterator[Wrong]:
    """Yield errors in the order of messages: each tool result needs an earlier call, and the reverse."""
    open_calls: list[str] = []
    for number, message in enumerate(messages):
        role = message.get("role")
        if open_calls and role != "tool":
            yield _unanswered(open_calls, number)
        yield from _of_message(message, number, open_calls)
        if role == "tool":
            open_calls = [name for name in open_calls if name != message.get("tool_call_id")]
        ids = [call.get("id") for call in objects_in(message.get("tool_calls"))]
        open_calls += [name for name in ids if isinstance(name, str)]
    if open_calls:
        yield _unanswered(open_calls, len(messages))


def _unanswered(calls: list[str], number: int) -> Wrong:
    return Wrong(
        WRONG_TYPE,
        f"'messages[{number}]' has to have the results of the calls before it; missing: {', '.join(calls)[:200]}.",
        f"messages.[{number}].role",
    )


def _of_message(message: Json, number: int, open_calls: list[str]) -> Iterator[Wrong]:
    place, role, content = f"messages[{number}]", message.get("role"), message.get("content")
    if role not in _ROLES:
        yield Wrong(WRONG_TYPE, f"'{place}.role' is none of {', '.join(_ROLES)}.", f"{place}.role", "invalid_value")
    elif role == "tool" and message.get("tool_call_id") not in open_calls:
        what = f"'{place}' has the result of a call that no message before it made."
        yield Wrong(WRONG_TYPE, what, f"messages.[{number}].role")
    elif (role == "user" and not isinstance(content, str | list)) or not isinstance(content, str | list | None):
        yield Wrong(WRONG_TYPE, f"'{place}.content' is not a string.", f"{place}.content", "invalid_type")
    for at, part in enumerate(content if isinstance(content, list) else ()):
        yield from _of_part(part, f"{place}.content[{at}]")
    if "tool_calls" in message and not _is_objects(message["tool_calls"]):
        yield Wrong(
            WRONG_TYPE, f"'{place}.tool_calls' is not an array of tool calls.", f"{place}.tool_calls", "invalid_type"
        )


def _is_objects(value: Any) -> bool:
    return value is None or (isinstance(value, list) and len(objects_in(value)) == len(value))


def _of_part(part: Any, place: str) -> Iterator[Wrong]:
    if not isinstance(part, dict):
        yield Wrong(WRONG_TYPE, f"'{place}' is not an object.", place, "invalid_type")
    elif not isinstance(part.get("type"), str):
        yield Wrong(WRONG_TYPE, f"Missing: '{place}.type'.", f"{place}.type", "missing_required_parameter")
    elif part["type"] == "text" and not isinstance(part.get("text"), str):
        code = "invalid_type" if "text" in part else "missing_required_parameter"
        yield Wrong(WRONG_TYPE, f"'{place}.text' is not a string.", f"{place}.text", code)
    elif part["type"] == "image_url" and not isinstance(part.get("image_url"), dict):
        code = "invalid_type" if "image_url" in part else "missing_required_parameter"
        yield Wrong(WRONG_TYPE, f"'{place}.image_url' is not an object.", f"{place}.image_url", code)


def _of_numbers(body: Json) -> Iterator[Wrong]:
    for name, (least, most) in _RANGES.items():
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int if name in _WHOLE else (int, float)):
            yield Wrong(WRONG_TYPE, f"{name!r} is not a number.", name, "invalid_type")
        elif value < least:
            kind = NO_TOKENS if name.startswith("max") else WRONG_TYPE
            yield Wrong(kind, f"{name!r} is {value}: too small.", name, f"{_number(name)}_below_min_value")
        elif most is not None and value > most:
            yield Wrong(WRONG_TYPE, f"{name!r} is {value}: too large.", name, f"{_number(name)}_above_max_value")
    for name in _BOOLEANS:
        if not isinstance(body.get(name), bool | None):
            yield Wrong(WRONG_TYPE, f"{name!r} is neither true nor false.", name, "invalid_type")


def _of_kinds(body: Json) -> Iterator[Wrong]:
    for name, (kind, word) in _KINDS.items():
        if not isinstance(body.get(name), kind | None):
            yield Wrong(WRONG_TYPE, f"{name!r} is not {word}.", name, "invalid_type")
    for token, bias in object_of(body.get("logit_bias")).items():
        place = f"logit_bias.{token[:40]}"
        if isinstance(bias, bool) or not isinstance(bias, int | float):
            yield Wrong(WRONG_TYPE, f"'{place}' is not a number.", place, "invalid_type")
        elif abs(bias) > _MOST_BIAS:
            yield Wrong(WRONG_TYPE, f"'{place}' is {bias}: not from -100 to 100.", place, "invalid_value")


def _number(name: str) -> str:
    return "integer" if name in _WHOLE else "decimal"


def _of_stops(stop: Any) -> Iterator[Wrong]:
    listed = stop if isinstance(stop, list) else [stop]
    if stop is not None and not all(isinstance(one, str) for one in listed):
        yield Wrong(WRONG_TYPE, "'stop' is neither a text nor a list of texts.", "stop", "invalid_type")
    elif len(listed) > _MOST_STOPS:
        what = f"'stop' has {len(listed)} texts: {_MOST_STOPS} are allowed."
        yield Wrong(WRONG_TYPE, what, "stop", "array_above_max_length")


def _of_tools(body: Json) -> Iterator[Wrong]:
    tools, names = body.get("tools"), tool_names(body)
    custom = [name for one in objects_in(tools) if isinstance(name := object_of(one.get("custom")).get("name"), str)]
    if tools is not None and (not isinstance(tools, list) or len(names) + len(custom) != len(tools)):
        yield Wrong(WRONG_TYPE, "'tools' is not an array of functions with names.", "tools", "invalid_type")
    elif body.get("tool_choice") not in (None, "none", "auto"):
        yield from _of_choice(body["tool_choice"], [*names, *custom])


def _of_choice(choice: Any, names: list[str]) -> Iterator[Wrong]:
    named = object_of(choice.get("function")).get("name") if isinstance(choice, dict) else None
    if not isinstance(choice, str | dict):
        yield Wrong(WRONG_TYPE, "'tool_choice' is neither a text nor an object.", "tool_choice", "invalid_type")
    elif not names:
        yield Wrong(WRONG_TYPE, "'tool_choice' needs 'tools'.", "tool_choice")
    elif isinstance(choice, str) and choice not in {"required", "any"}:
        yield Wrong(WRONG_TYPE, "'tool_choice' is none of none, auto, required.", "tool_choice", "invalid_value")
    elif isinstance(choice, dict) and choice.get("type") == "function" and named not in names:
        yield Wrong(WRONG_TYPE, f"'tool_choice' names {str(named)[:80]!r}, which is not in 'tools'.", "tool_choice")


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
