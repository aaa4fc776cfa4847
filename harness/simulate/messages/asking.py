"""
Converts a request of Messages into a chat request.

Content is generated only for chat (``simulate/chat/speaking``); this module maps the places where Messages have the
same: the system prompt, blocks of text, calls and their results, tools with their schemas, caps and stop sequences.
"""

from collections.abc import Iterator
from typing import Any

from harness.simulate.chat.prompts import messages_of, text_of
from harness.simulate.frames import of_frame, of_latest
from harness.wire.dumping import json_text
from harness.wire.shapes import Json, as_object, objects_in

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_IMAGE = "[image]"


@of_latest
def as_chat(body: Json) -> Json:
    """Return the equivalent chat request, without malformed parts of ``body``; it must not be modified."""
    messages = list(_messages(body))
    return {**_frame(body), "messages": messages} if messages else {**_frame(body)}


@of_frame
def _frame(body: Json) -> Json:
    choice = as_object(body.get("tool_choice"))
    asked: Json = {
        "model": body.get("model"),
        "stream": body.get("stream"),
        "max_tokens": body.get("max_tokens"),
        "stop": stops_of(body),
        "tools": [_function(one) for one in client_tools(body)],
        "tool_choice": _choice(choice),
        "parallel_tool_calls": False if choice.get("disable_parallel_tool_use") is True else None,
        "response_format": _form(body),
        "thinking": {"type": "enabled" if thinks(body) else "disabled"},
    }
    return {key: value for key, value in asked.items() if value not in (None, [], "")}


def thinks(body: Json) -> bool:
    """Return whether thinking is requested."""
    return as_object(body.get("thinking")).get("type") in ("enabled", "adaptive")


def stops_of(body: Json) -> list[str]:
    """Return the stop sequences."""
    said = body.get("stop_sequences")
    return [one for one in said if isinstance(one, str) and one] if isinstance(said, list) else []


def client_tools(body: Json) -> list[Json]:
    """Return the tools that the client runs: server tools have types of their own."""
    found = objects_in(body.get("tools"))
    return [one for one in found if isinstance(one.get("name"), str) and one.get("type") in (None, "custom")]


def _function(tool: Json) -> Json:
    function = {"name": tool["name"], "description": tool.get("description"), "parameters": tool.get("input_schema")}
    return {"type": "function", "function": {key: value for key, value in function.items() if value is not None}}


def _choice(choice: Json) -> Any:
    if choice.get("type") == "tool":
        return {"type": "function", "function": {"name": choice.get("name")}}
    return _CHOICES.get(str(choice.get("type")))


def _form(body: Json) -> Json | None:
    form = as_object(as_object(body.get("output_config")).get("format")) or as_object(body.get("output_format"))
    if form.get("type") != "json_schema":
        return None
    return {"type": "json_schema", "json_schema": {"name": "output", "schema": form.get("schema")}}


def _messages(body: Json) -> Iterator[Json]:
    system = text_of(body.get("system"))
    if system:
        yield {"role": "system", "content": system}
    for message in messages_of(body):
        content = message.get("content")
        if message.get("role") == "assistant":
            yield _turn(content)
        else:
            yield from _question(str(message.get("role")), content)


def _turn(content: Any) -> Json:
    calls = [
        {
            "id": block.get("id"),
            "type": "function",
            "function": {"name": block.get("name"), "arguments": json_text(block.get("input"))},
        }
        for block in objects_in(content)
        if block.get("type") == "tool_use"
    ]
    return {"role": "assistant", "content": text_of(content)} | ({"tool_calls": calls} if calls else {})


def _question(role: str, content: Any) -> Iterator[Json]:
    """Yield the messages of a user turn: results last, since text beside them is about them."""
    results = [one for one in objects_in(content) if one.get("type") == "tool_result"]
    text = text_of(content)
    if text or not results:
        yield {"role": role, "content": text}
    for one in results:
        yield {"role": "tool", "tool_call_id": one.get("tool_use_id"), "content": _result(one.get("content"))}


def _result(content: Any) -> str:
    texts = [_IMAGE if one.get("type") == "image" else str(one.get("text", "")) for one in objects_in(content)]
    return "\n".join(texts) if texts else text_of(content)
