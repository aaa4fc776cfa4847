"""Checks whether a message obeys the request's settings for tools and thinking."""

from collections.abc import Iterator
from typing import Any

from harness.checks import sources
from harness.checks.applies import all_of
from harness.checks.messages.answers import BEGUN, known_request, of_kind, served_by_them, told_why
from harness.checks.registry import Reason, Unread, observation, rule
from harness.results import Level, Problem
from harness.simulate.edits import chunks, compose, set_value
from harness.simulate.messages.ideal import of_other
from harness.simulate.messages.reference import BODY, STREAM, THINKING, THINKING_BODY, TOOL_BODY, TWO_TOOLS
from harness.wire.exchange import Exchange
from harness.wire.messages.columns import Block
from harness.wire.shapes import Json, as_object

_ENDED_BEFORE = {"max_tokens", "model_context_window_exceeded", "refusal", "pause_turn"}
"""Stop reasons by which a message may end before a required call."""


def _any(_chunk: Json) -> bool:
    return True


def _choosing(choice: Json, *, without_call: bool = False) -> Any:
    asked = of_other(TOOL_BODY, tool_choice=choice)
    spoken = compose(
        chunks(_any, set_value("content", [{"type": "text", "text": "Sunny."}])),
        chunks(_any, set_value("stop_reason", "end_turn")),
    )
    return spoken(asked) if without_call else asked


def _chosen(exchange: Exchange) -> Reason | None:
    """A complete message to a request with a tool choice."""
    choice = as_object(exchange.request.get("tool_choice"))
    said = choice.get("type") in {"any", "tool", "none"} or choice.get("disable_parallel_tool_use") is True
    if not said or not exchange.request.get("tools"):
        return "the request leaves the choice of tools open"
    ended = exchange.turn.stop in _ENDED_BEFORE
    theirs = served_by_them(exchange)
    return told_why(exchange) or (
        "it ended before its calls, or the provider has tools too" if ended or theirs else None
    )


@rule(
    "messages.tool-choice", Level.MUST, "A message calls the tools that `tool_choice` asks for, and no others.",
    sources.MESSAGES_TOOLS, all_of(known_request, _chosen),
    good=(_choosing({"type": "any"}), _choosing({"type": "tool", "name": "get_weather"}), _choosing({"type": "auto", "disable_parallel_tool_use": True})),
    bad=(
        _choosing({"type": "any"}, without_call=True),
        _choosing({"type": "tool", "name": "get_weather"}, without_call=True),
        _choosing({"type": "tool", "name": "get_time"}),
        _choosing({"type": "none"}),
        of_other(TWO_TOOLS, tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
    ),
    depends_on=("messages.object", "messages.block-started", "messages.block-keys", "messages.stop-reason"),
)  # fmt: skip
def tool_choice(exchange: Exchange) -> Iterator[Problem]:
    """
    Code that forces a tool to get an object reads `block.input` of none; code that forbids tools runs one.

    Instead: Look for the call, `next((b for b in message.content if b.type == "tool_use"), None)`, and ask again if it is
    not the one you wanted.
    """
    choice = as_object(exchange.request.get("tool_choice"))
    called = of_kind(exchange, "tool_use")
    said = _unlike(choice, called)
    if said:
        at = (
            (called[-1].event, f"{called[-1].pointer}/name")
            if called
            else (exchange.message.stop or exchange.message.starts[0])[:2]
        )
        yield Problem(said, (at,))
        return
    raise Unread("messages.block-started-once", "messages.input-json")


def _unlike(choice: Json, called: list[Block]) -> str | None:
    """Return how the calls of a message differ from the tool choice; None if they don't."""
    kind, wanted = choice.get("type"), choice.get("name")
    names = [str(block.head.get("name")) for block in called]
    if kind == "none" and called:
        return f"tool_choice is none, and {names[0]} is called"
    if kind == "any" and not called:
        return "tool_choice is any, and no tool is called"
    if kind == "tool" and wanted not in names:
        return f"tool_choice asks for {wanted}, and {names[0] if names else 'no tool'} is called"
    if choice.get("disable_parallel_tool_use") is True and len(called) > 1:
        return f"disable_parallel_tool_use is true, and {len(called)} tools are called"
    return None


def _thinking_off(exchange: Exchange) -> Reason | None:
    """A message to a request that explicitly turns thinking off."""
    off = as_object(exchange.request.get("thinking")).get("type") == "disabled"
    return known_request(exchange) or (None if off else "thinking was not turned off")


@rule(
    "messages.thinking-off", Level.SHOULD, "No thinking block is sent if `thinking` is `disabled`.",
    sources.MESSAGES_THINKING, _thinking_off,
    good=(of_other(STREAM, thinking={"type": "disabled"}), of_other(BODY, thinking={"type": "disabled"})),
    bad=(of_other(THINKING, thinking={"type": "disabled"}), of_other(THINKING_BODY, thinking={"type": "disabled"})),
    depends_on=("messages.object",),
)  # fmt: skip
def thinking_off(exchange: Exchange) -> Iterator[Problem]:
    """
    The thought is billed and waited for, uses up `max_tokens`, and `content[0].text` raises AttributeError.

    Instead: Take the texts by their type, `"".join(b.text for b in content if b.type == "text")`, and a model that does not
    think.
    """
    for block in of_kind(exchange, "thinking")[:1]:
        if block.thinking:
            place = (block.event, f"{block.pointer}/type")
            yield Problem("thinking is disabled, and a thought came", (place,))


@observation(
    "messages.thinking", "Whether a thinking block is sent, and whether it was requested.",
    sources.MESSAGES_THINKING, known_request,
    good=(STREAM, THINKING),
    bad=(of_other(THINKING, thinking=None), of_other(THINKING_BODY, thinking={"type": "disabled"})),
    depends_on=BEGUN,
)  # fmt: skip
def thinking(exchange: Exchange) -> str:
    """
    Unrequested reasoning uses up tokens of the limit, and `content[0].text` raises AttributeError.

    Instead: Take the texts by their type: `"".join(b.text for b in content if b.type == "text")`.
    """
    mode = as_object(exchange.request.get("thinking")).get("type")
    asked = isinstance(mode, str) and mode != "disabled"
    came = bool(of_kind(exchange, "thinking", "redacted_thinking"))
    return "asked for" if came and asked else "not asked for" if came else "none"
