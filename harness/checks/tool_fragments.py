"""The fragments in which calls of tools come, and when there are any."""

from collections.abc import Iterator
from typing import Any

from harness.checks.applies import stream, success_status
from harness.checks.registry import NotApplicable, Reason
from harness.wire.chunks import Choice, ToolFragment
from harness.wire.exchange import Exchange
from harness.wire.shapes import as_object, objects_in


def called(exchange: Exchange) -> Reason | None:
    """An answer that calls a tool."""
    calls = any(choice.tools for choice in exchange.columns.choices.values())
    if calls and _custom(exchange):
        return success_status(exchange) or "custom tools were offered, whose calls have a form of their own"
    return success_status(exchange) or (None if calls else NotApplicable("no tool was called", "not-present"))


def _custom(exchange: Exchange) -> bool:
    return any(tool.get("type") == "custom" for tool in objects_in(exchange.request.get("tools")))


def streamed_call(exchange: Exchange) -> Reason | None:
    """A stream that calls a tool."""
    return called(exchange) or stream(exchange)


def function_of(fragment: ToolFragment) -> dict[str, Any]:
    """Return what a fragment says of the function; empty where it says nothing."""
    return as_object(as_object(fragment.value).get("function"))


def calls_of(choice: Choice) -> dict[Any, list[ToolFragment]]:
    """Return the fragments of each call by index; in a body each element is a call."""
    calls: dict[Any, list[ToolFragment]] = {}
    for fragment in choice.tools:
        index = fragment.value.get("index") if isinstance(fragment.value, dict) else None
        index = None if "/message/" in fragment.pointer else index
        calls.setdefault(index if isinstance(index, int) else fragment.pointer, []).append(fragment)
    return calls


def place(fragment: ToolFragment, key: str = "") -> tuple[tuple[int, str]]:
    """Return where a fragment, or a key in it, stands."""
    return ((fragment.chunk, f"{fragment.pointer}{key}"),)


def fragments_of(exchange: Exchange) -> Iterator[ToolFragment]:
    """Yield the fragments that are objects."""
    for choice in exchange.columns.choices.values():
        yield from (fragment for fragment in choice.tools if isinstance(fragment.value, dict))


def all_calls(exchange: Exchange) -> Iterator[list[ToolFragment]]:
    """Yield the fragments of each call of each choice."""
    for choice in exchange.columns.choices.values():
        yield from calls_of(choice).values()
