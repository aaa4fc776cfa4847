"""Extracts texts from a request: its last question, later tool results, and a schema in the prompt."""

import json
from collections.abc import Iterator
from typing import Any

from harness.wire.shapes import Json

_LONGEST = 200_000
"""Characters of a prompt that are searched for a schema."""


def text_of(content: Any) -> str:
    """Return the text of a message's content: itself, or the texts of its parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def object_of(value: Any) -> Json:
    """Return an object unchanged, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def messages_of(request: Json) -> list[Json]:
    """Return the messages that are objects."""
    found = request.get("messages")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def question(request: Json) -> str:
    """Return the text of the last user message; without one, of the last message."""
    messages = messages_of(request)
    asked = [one for one in messages if one.get("role") == "user"] or messages
    return text_of(asked[-1].get("content")) if asked else ""


def since_question(request: Json) -> list[Json]:
    """Return the messages after the last user message."""
    messages = messages_of(request)
    last = max((number for number, one in enumerate(messages) if one.get("role") == "user"), default=-1)
    return messages[last + 1 :]


def results(request: Json) -> list[str]:
    """Return the results of the last tool calls: the tool messages at the end of a request."""
    found: list[str] = []
    for message in reversed(messages_of(request)):
        if message.get("role") not in ("tool", "function"):
            break
        found.insert(0, text_of(message.get("content")))
    return found


def called_since_question(request: Json) -> set[str]:
    """Return the names of the tools called since the last question."""
    calls = [call for one in since_question(request) for call in one.get("tool_calls") or () if isinstance(call, dict)]
    return {str(object_of(call.get("function")).get("name")) for call in calls}


def schema_in(request: Json) -> Json | None:
    """Return the JSON Schema in a prompt; None if there is none."""
    for message in messages_of(request):
        if message.get("role") in ("system", "developer", "user"):
            for found in _objects(text_of(message.get("content"))[:_LONGEST]):
                if "properties" in found or "$defs" in found:
                    return found
    return None


def _objects(text: str) -> Iterator[Json]:
    """Yield the JSON objects in a text."""
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("{", at + 1)
            continue
        if isinstance(found, dict):
            yield found
        at = text.find("{", end)
