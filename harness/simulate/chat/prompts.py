"""What a request says in words: its last question, the results of tools since, and the schema that a prompt asks for."""

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
    """Return an object as it is, and an empty one in the place of what is none."""
    return value if isinstance(value, dict) else {}


def messages_of(request: Json) -> list[Json]:
    """Return the messages that are objects."""
    found = request.get("messages")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def question(request: Json) -> str:
    """Return the text of the last message of a user; where there is none, that of the last message."""
    messages = messages_of(request)
    asked = [one for one in messages if one.get("role") == "user"] or messages
    return text_of(asked[-1].get("content")) if asked else ""


def since_question(request: Json) -> list[Json]:
    """Return the messages after the last one of a user."""
    messages = messages_of(request)
    last = max((number for number, one in enumerate(messages) if one.get("role") == "user"), default=-1)
    return messages[last + 1 :]


def results(request: Json) -> list[str]:
    """Return what tools gave that were called last: the messages of tools at the end of a request."""
    found: list[str] = []
    for message in reversed(messages_of(request)):
        if message.get("role") not in ("tool", "function"):
            break
        found.insert(0, text_of(message.get("content")))
    return found


def called_since_question(request: Json) -> set[str]:
    """Return the names of the tools that were called since the last question."""
    calls = [call for one in since_question(request) for call in one.get("tool_calls") or () if isinstance(call, dict)]
    return {str(object_of(call.get("function")).get("name")) for call in calls}


def schema_in(request: Json) -> Json | None:
    """Return the JSON Schema that a prompt holds, where it is written into it; None where there is none."""
    for message in messages_of(request):
        if message.get("role") in ("system", "developer", "user"):
            for found in _objects(text_of(message.get("content"))[:_LONGEST]):
                if "properties" in found or "$defs" in found:
                    return found
    return None


def _objects(text: str) -> Iterator[Json]:
    """Yield the JSON objects that stand in a text."""
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
