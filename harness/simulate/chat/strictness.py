"""Finds what only OpenAI rejects: names, schemas that are not strict as claimed, parameters that require another."""

import re
from collections.abc import Iterator
from typing import Any

from harness.simulate.chat.prompts import messages_of, object_of, text_of
from harness.simulate.chat.refusing import WRONG_TYPE, Wrong
from harness.simulate.frames import of_frame
from harness.wire.dumping import json_text
from harness.wire.shapes import Json, objects_in

_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_LONGEST_NAME = 64
_MOST_STOPS, _MOST_TOOLS = 4, 128
_PARTS = ("text", "image_url", "input_audio", "refusal", "audio", "file")
_DEEPEST = 20
_MODALITIES = ("text", "audio")
_WORDS = {
    "reasoning_effort": ("none", "minimal", "low", "medium", "high", "xhigh"),
    "verbosity": ("low", "medium", "high"),
    "service_tier": ("auto", "default", "flex", "scale", "priority"),
}
_REASONS = re.compile(r"o\d|gpt-5(?!.*chat)")
"""Reasoning models, which reject max_tokens: https://github.com/continuedev/continue/issues/7052."""
_MOST_METADATA, _LONGEST_KEY, _LONGEST_VALUE = 16, 64, 512


def refused_by_openai(body: Json) -> Wrong | None:
    """Return what only OpenAI rejects in a well-formed request; None if nothing."""
    return next(_of_parts(body), None) or _refused_frame(body) or _without_json(body)


@of_frame
def _refused_frame(body: Json) -> Wrong | None:
    return next(_faults(body), None)


def _without_json(body: Json) -> Wrong | None:
    """Return the error if a JSON object is requested and no message mentions JSON."""
    if object_of(body.get("response_format")).get("type") != "json_object":
        return None
    if any("json" in text_of(one.get("content")).lower() for one in messages_of(body)):
        return None
    what = "'messages' has to contain the word 'json' for a 'response_format' of type 'json_object'."
    return Wrong(WRONG_TYPE, what, "messages")


def _faults(body: Json) -> Iterator[Wrong]:
    stop = body.get("stop")
    if isinstance(stop, list) and len(stop) > _MOST_STOPS:
        yield Wrong(WRONG_TYPE, f"'stop' has {len(stop)} texts: too many.", "stop", "array_above_max_length")
    if body.get("parallel_tool_calls") is not None and not body.get("tools"):
        yield Wrong(WRONG_TYPE, "'parallel_tool_calls' needs 'tools'.", "parallel_tool_calls")
    if len(objects_in(body.get("tools"))) > _MOST_TOOLS:
        what = f"'tools' has {len(body['tools'])} tools: at most {_MOST_TOOLS} are allowed."
        yield Wrong(WRONG_TYPE, what, "tools", "array_above_max_length")
    if body.get("tools") == []:
        yield Wrong(WRONG_TYPE, "'tools' is empty.", "tools", "empty_array")
    yield from _of_metadata(object_of(body.get("metadata")))
    yield from _of_words(body)
    functions = [(number, one) for number, one in enumerate(objects_in(body.get("tools"))) if "function" in one]
    for number, tool in functions:
        yield from _of_function(object_of(tool.get("function")), f"tools[{number}].function")
    yield from _of_form(body)


def _of_metadata(metadata: Json) -> Iterator[Wrong]:
    if len(metadata) > _MOST_METADATA:
        yield Wrong(
            WRONG_TYPE, f"'metadata' has {len(metadata)} keys: too many.", "metadata", "object_above_max_length"
        )
    for key, value in metadata.items():
        place = f"metadata.{key[:_LONGEST_KEY]}"
        if not isinstance(value, str):
            yield Wrong(WRONG_TYPE, f"'{place}' is not a string.", place, "invalid_type")
        elif len(key) > _LONGEST_KEY or len(value) > _LONGEST_VALUE:
            yield Wrong(WRONG_TYPE, f"'{place}' is too long.", place, "string_above_max_length")


def _of_words(body: Json) -> Iterator[Wrong]:
    """Yield errors in enumerated parameters."""
    modalities = body.get("modalities") or []
    for name, words in _WORDS.items():
        if body.get(name) is not None and body[name] not in words:
            yield Wrong(WRONG_TYPE, f"'{name}' is none of {', '.join(words)}.", name, "invalid_value")
    if body.get("max_tokens") is not None and _REASONS.match(str(body.get("model"))):
        what = "'max_tokens' is not supported with this model; use 'max_completion_tokens' instead."
        yield Wrong(WRONG_TYPE, what, "max_tokens", "unsupported_parameter")
    if any(one not in _MODALITIES for one in modalities):
        what = f"'modalities' has another word than {' and '.join(_MODALITIES)}."
        yield Wrong(WRONG_TYPE, what, "modalities", "invalid_value")
    elif "audio" in modalities and not body.get("audio"):
        yield Wrong(WRONG_TYPE, "'modalities' with 'audio' needs 'audio'.", "audio", "missing_required_parameter")


def _of_parts(body: Json) -> Iterator[Wrong]:
    for number, message in enumerate(messages_of(body)):
        for at, part in enumerate(objects_in(message.get("content"))):
            if part.get("type") not in _PARTS:
                place = f"messages[{number}].content[{at}].type"
                yield Wrong(WRONG_TYPE, f"'{place}' is none of {', '.join(_PARTS)}.", place, "invalid_value")


def _of_function(function: Json, place: str) -> Iterator[Wrong]:
    name = str(function.get("name"))
    if not _NAME.fullmatch(name):
        what = f"'{place}.name' has other characters than letters, digits, _ and -."
        yield Wrong(WRONG_TYPE, what, f"{place}.name", "invalid_value")
    elif len(name) > _LONGEST_NAME:
        yield Wrong(WRONG_TYPE, f"'{place}.name' is too long.", f"{place}.name", "string_above_max_length")
    schema = function.get("parameters")
    wrong = not_strict(schema) if function.get("strict") is True else None
    if isinstance(schema, dict) and schema.get("type", "object") != "object":
        wrong = wrong or f"its type is {json_text(schema['type'])[:40]}, not object"
    if wrong:
        what = f"Invalid schema for function {name!r}: {wrong}."
        yield Wrong(WRONG_TYPE, what, f"{place}.parameters", "invalid_function_parameters")


def _of_form(body: Json) -> Iterator[Wrong]:
    form = object_of(body.get("response_format"))
    if form.get("type") == "json_schema":
        asked = object_of(form.get("json_schema"))
        if not _NAME.fullmatch(str(asked.get("name"))):
            place = "response_format.json_schema.name"
            what = f"'{place}' has other characters than letters, digits, _ and -."
            yield Wrong(WRONG_TYPE, what, place, "invalid_value")
        wrong = not_strict(asked.get("schema")) if asked.get("strict") is True else None
        if wrong:
            what = f"Invalid schema for response_format {str(asked.get('name'))[:64]!r}: {wrong}."
            yield Wrong(WRONG_TYPE, what, "response_format")


def not_strict(schema: Any) -> str | None:
    """
    Return why a schema that claims to be strict is not; None if it is.

    Each object has to require all of its properties and to allow no others.
    """
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return "its type is not object"
    return next(_loose(schema, (), 0), None)


def _loose(schema: Any, path: tuple[str, ...], depth: int) -> Iterator[str]:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    properties = schema.get("properties")
    if schema.get("type") == "object" or isinstance(properties, dict):
        yield from _loose_object(schema, object_of(properties), path)
    for key in ("properties", "$defs", "definitions"):
        for name, one in object_of(schema.get(key)).items():
            yield from _loose(one, (*path, key, str(name)), depth + 1)
    yield from _loose(schema.get("items"), (*path, "items"), depth + 1)
    for number, one in enumerate(objects_in(schema.get("anyOf"))):
        yield from _loose(one, (*path, "anyOf", str(number)), depth + 1)


def _loose_object(schema: Json, properties: Json, path: tuple[str, ...]) -> Iterator[str]:
    where = f"in context={path}, "
    if schema.get("additionalProperties") is not False:
        yield f"{where}'additionalProperties' has to be given and false"
    required = schema.get("required")
    missing = [name for name in properties if not isinstance(required, list) or name not in required]
    if missing:
        yield f"{where}'required' has to have every key of properties; missing: {', '.join(missing)[:200]}"
