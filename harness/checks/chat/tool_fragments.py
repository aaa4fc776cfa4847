"""Provides the fragments of tool calls, and the conditions for them."""

from collections.abc import Collection, Iterator
from typing import Any

from harness.checks.applies import stream, success_status
from harness.checks.registry import NotApplicable, Reason
from harness.wire.chat.calls import JoinedCall, name_in
from harness.wire.chat.chunks import ToolFragment
from harness.wire.exchange import Exchange
from harness.wire.shapes import Kind, as_object, objects_in

LISTS = "/choices/*/{part}/tool_calls"
"""Pointers to the lists of calls."""

_UNREADABLE: frozenset[Kind] = frozenset({"text", "int", "float", "bool", "object"})


def called(exchange: Exchange) -> Reason | None:
    """A response with a tool call."""
    calls = any(choice.tools for choice in exchange.columns.choices.values())
    if calls and any(map(is_custom, fragments_of(exchange))):
        return success_status(exchange) or "a custom tool is called, and such calls have a form of their own"
    return success_status(exchange) or (None if calls else _uncalled(exchange))


def is_custom(fragment: ToolFragment) -> bool:
    """Return whether a fragment belongs to a custom tool call, which has a free-form input, and no arguments."""
    return fragment.value.get("type") == "custom" or isinstance(fragment.value.get("custom"), dict)


def _uncalled(exchange: Exchange) -> NotApplicable:
    """Return why there is no call to judge: none was sent, or what has its name is not one."""
    kinds = exchange.columns.kinds(LISTS.replace("{part}", exchange.columns.message_key))
    if kinds.keys() & _UNREADABLE or any(True for _ in odd_calls(exchange)):
        return NotApplicable("tool_calls holds no call that can be read", "blocked")
    return NotApplicable("no tool was called", "not-present")


def streamed_call(exchange: Exchange) -> Reason | None:
    """A stream that calls a tool."""
    return called(exchange) or stream(exchange)


def odd_calls(exchange: Exchange) -> Iterator[tuple[int, str]]:
    """Yield the places of elements in a list of calls that are not objects."""
    pattern = LISTS.replace("{part}", exchange.columns.message_key)
    for shape in exchange.columns.shapes:
        lists = (found for found in shape.containers(pattern) if shape.kinds[found] == "list")
        for element in (one for found in lists for one in shape.elements(found)):
            if shape.kinds[element] not in {"object", "{}"}:
                yield shape.first, element


def place(fragment: ToolFragment, key: str = "") -> tuple[tuple[int, str]]:
    """Return the place of a fragment, or of a key in it."""
    return ((fragment.chunk, f"{fragment.pointer}{key}"),)


def fragments_of(exchange: Exchange) -> Iterator[ToolFragment]:
    """Yield the fragments of all calls."""
    for choice in exchange.columns.choices.values():
        yield from choice.tools


def all_calls(exchange: Exchange) -> Iterator[JoinedCall]:
    """Yield the calls of each choice."""
    for calls in exchange.calls.values():
        yield from calls


def numbered(exchange: Exchange) -> Iterator[tuple[int, JoinedCall]]:
    """Yield the calls of each choice with their number: the index or, without one, the position."""
    for calls in exchange.calls.values():
        for number, call in enumerate(calls):
            yield (number if call.index is None else call.index), call


def offered_tools(exchange: Exchange) -> dict[str, dict[str, Any]]:
    """Return the offered tools by name: functions, and custom tools, which have no parameters."""
    tools = objects_in(exchange.request.get("tools"))
    functions = [as_object(tool.get("function")) or as_object(tool.get("custom")) for tool in tools]
    return {str(one.get("name")): one for one in functions if one}


def name_among(call: JoinedCall, offered: Collection[str]) -> str:
    """Return the name of a call: all its names joined if only that was offered, else the first."""
    joined = "".join(map(name_in, call.fragments))
    return joined if joined in offered and call.name not in offered else call.name


def leaves(value: Any) -> Iterator[Any]:
    """Yield keys and scalar values."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
        else:
            yield one
