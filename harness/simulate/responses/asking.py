"""
Converts a request of Responses into a chat request.

Content is generated only for chat (``simulate/chat/speaking``).  Nothing is stored between requests: the items of a
conversation come with each, as from clients that do not use storage.
"""

from collections.abc import Iterator
from typing import Any

from harness.simulate.chat.prompts import object_of, text_of
from harness.wire.shapes import Json, objects_in

_KEPT = ("model", "stream", "temperature", "top_p", "parallel_tool_calls", "metadata", "user", "store", "service_tier")


def as_chat(body: Json) -> Json:
    """Return the equivalent chat request; what has no equivalent, such as hosted tools, is left out."""
    asked = {name: body[name] for name in _KEPT if body.get(name) is not None}
    asked["messages"] = list(_messages(body))
    tools = [*map(_function, functions(body)), *map(_custom, customs(body))]
    said: Json = {
        "tools": tools,
        "tool_choice": _choice(body.get("tool_choice")) if tools else None,
        "response_format": _form(body),
        "max_completion_tokens": body.get("max_output_tokens"),
        "reasoning_effort": object_of(body.get("reasoning")).get("effort"),
    }
    return asked | {name: value for name, value in said.items() if value not in (None, [])}


def functions(body: Json) -> list[Json]:
    """Return the offered functions."""
    found = objects_in(body.get("tools"))
    return [one for one in found if one.get("type") == "function" and isinstance(one.get("name"), str)]


def customs(body: Json) -> list[Json]:
    """Return the declared custom tools, which are called with text."""
    found = objects_in(body.get("tools"))
    return [one for one in found if one.get("type") == "custom" and isinstance(one.get("name"), str)]


def _custom(tool: Json) -> Json:
    return {"type": "custom", "custom": {key: tool[key] for key in ("name", "description", "format") if key in tool}}


def _function(tool: Json) -> Json:
    told = {key: tool[key] for key in ("name", "description", "parameters", "strict") if tool.get(key) is not None}
    return {"type": "function", "function": told}


def _choice(choice: Any) -> Any:
    if isinstance(choice, dict) and choice.get("type") in ("function", "custom"):
        return {"type": choice["type"], choice["type"]: {"name": choice.get("name")}}
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        allowed = {"mode": choice.get("mode"), "tools": [_choice(one) for one in objects_in(choice.get("tools"))]}
        return {"type": "allowed_tools", "allowed_tools": allowed}
    return choice if isinstance(choice, str) else None


def _form(body: Json) -> Json | None:
    form = object_of(object_of(body.get("text")).get("format"))
    if form.get("type") == "json_schema":
        told = {key: form[key] for key in ("name", "schema", "strict") if form.get(key) is not None}
        return {"type": "json_schema", "json_schema": told}
    return form if form.get("type") == "json_object" else None


def _messages(body: Json) -> Iterator[Json]:
    if isinstance(body.get("instructions"), str):
        yield {"role": "developer", "content": body["instructions"]}
    asked = body.get("input")
    if isinstance(asked, str):
        yield {"role": "user", "content": asked}
    calls: list[Json] = []
    for item in objects_in(asked):
        if item.get("type") in ("function_call", "custom_tool_call"):
            calls.append(_call(item))
            continue
        if calls:
            yield {"role": "assistant", "content": None, "tool_calls": calls}
            calls = []
        yield from _message(item)
    if calls:
        yield {"role": "assistant", "content": None, "tool_calls": calls}


def _call(item: Json) -> Json:
    told = {"name": item.get("name"), "arguments": item.get("arguments", item.get("input"))}
    return {"id": item.get("call_id"), "type": "function", "function": told}


def _message(item: Json) -> Iterator[Json]:
    if item.get("type") in ("function_call_output", "custom_tool_call_output"):
        yield {"role": "tool", "tool_call_id": item.get("call_id"), "content": text_of(item.get("output"))}
    elif item.get("type", "message") == "message":
        yield {"role": item.get("role"), "content": text_of(item.get("content"))}
