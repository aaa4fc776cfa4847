"""
Handles calls other than of functions in ``tools``: the older ``functions``, and custom tools, whose input is plain
text.

Calls are computed for functions only; a request is converted to functions, and its calls back to their own form
(https://platform.openai.com/docs/guides/function-calling#custom-tools; ``function_call`` is deprecated and still
answered).
"""

import json
from collections.abc import Iterator

from harness.simulate.chat.content import Call
from harness.simulate.chat.prompts import object_of
from harness.wire.shapes import Json, objects_in

_INPUT = "input"
_OF_TEXT = {"type": "object", "properties": {_INPUT: {"type": "string"}}, "required": [_INPUT]}


def as_functions(request: Json) -> Json:
    """Return a request that offers the same as functions in ``tools``; the request itself if it already does."""
    if uses_older_form(request):
        listed = [{"type": "function", "function": one} for one in objects_in(request["functions"])]
        named = request.get("function_call")
        choice = {"type": "function", "function": named} if isinstance(named, dict) else named
        return request | {"tools": listed, "tool_choice": choice or "auto", "parallel_tool_calls": False}
    if not custom_names(request):
        return request
    return request | {
        "tools": [_function(one) for one in objects_in(request["tools"])],
        "tool_choice": _choice(request.get("tool_choice")) or "auto",
    }


def uses_older_form(request: Json) -> bool:
    """Return whether functions are offered only in the older form."""
    return bool(objects_in(request.get("functions"))) and not request.get("tools")


def custom_names(request: Json) -> frozenset[str]:
    """Return the names of the custom tools that are offered."""
    return frozenset(str(name) for name in _names(request))


def _names(request: Json) -> Iterator[str]:
    for one in objects_in(request.get("tools")):
        name = object_of(one.get("custom")).get("name")
        if one.get("type") == "custom" and isinstance(name, str):
            yield name


def _function(tool: Json) -> Json:
    custom = tool.get("custom")
    if tool.get("type") != "custom" or not isinstance(custom, dict):
        return tool
    told = {key: custom[key] for key in ("name", "description") if key in custom}
    return {"type": "function", "function": told | {"parameters": _OF_TEXT}}


def _choice(choice: object) -> object:
    if not isinstance(choice, dict):
        return choice
    if choice.get("type") == "custom":
        return {"type": "function", "function": choice.get("custom")}
    allowed = choice.get("allowed_tools")
    if not isinstance(allowed, dict):
        return choice
    return choice | {"allowed_tools": allowed | {"tools": [_choice(one) for one in objects_in(allowed.get("tools"))]}}


def custom_input(call: Call) -> tuple[str, ...]:
    """Return the text input of a custom tool, in fragments; the arguments unchanged if a cap truncated them."""
    try:
        text = json.loads("".join(call.pieces))[_INPUT]
    except ValueError:
        return call.pieces
    return tuple(text[at : at + 4] for at in range(0, len(text), 4)) if isinstance(text, str) else call.pieces
