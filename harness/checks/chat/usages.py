"""Provides the usage objects of a response for the checks of the family usage."""

from functools import cache
from typing import Any, TypeGuard

from harness.checks.applies import success_status
from harness.checks.registry import Applies, NotApplicable, Reason
from harness.simulate.reference import STREAM_USAGE, replace_in_body
from harness.wire.chat.chunks import Usage
from harness.wire.exchange import Exchange

COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
"""The required keys of a usage object."""

_SAFE = 2**53 - 1
"""The largest integer that every JSON parser preserves: JavaScript and others use doubles."""

USAGE_CHUNK = STREAM_USAGE.response.body.decode().split("data: ")[-2]
"""The chunk with the usage of the reference stream, with the blank line after it."""

TOKENS = USAGE_CHUNK[USAGE_CHUNK.index('"usage":') :].rstrip()[:-1]
"""The key ``usage`` of the reference stream with its value."""

FINISH = '"finish_reason":"stop"}],"usage":null'
"""The end of the chunk before it."""

BESIDE_FINISH = replace_in_body(
    replace_in_body(STREAM_USAGE, f"data: {USAGE_CHUNK}", ""), FINISH, f'"finish_reason":"stop"}}],{TOKENS}'
)
"""A stream with usage in the chunk with the finish_reason."""


def has_usage(exchange: Exchange) -> Reason | None:
    """A response with a usage object at the top of a chunk or of the body."""
    return success_status(exchange) or (None if top_usages(exchange) else NotApplicable("no usage came", "not-present"))


def top_usages(exchange: Exchange) -> list[Usage]:
    """Return the usage objects in the specified place: at the top of a chunk or of the body."""
    return [usage for usage in exchange.columns.usages if usage.pointer == "/usage"]


def usages_with_counts(exchange: Exchange) -> list[Usage]:
    """Return those of ``top_usages`` with any token count."""
    return [usage for usage in top_usages(exchange) if usage.value.keys() & set(COUNTS)]


def is_count(value: Any) -> TypeGuard[int]:
    """Return whether a value can be a token count: an integer from 0 that every JSON parser preserves."""
    return type(value) is int and 0 <= value <= _SAFE


def usages_with(exchange: Exchange, *names: str) -> list[Usage]:
    """Return those of ``top_usages`` whose counts ``names`` are valid; usage.integers reports the others."""
    return [usage for usage in top_usages(exchange) if all(is_count(usage.value.get(name)) for name in names)]


@cache
def reads(*names: str) -> Applies:
    """Return the condition that a usage of a response has valid counts ``names``."""

    def applies(exchange: Exchange) -> Reason | None:
        unread = NotApplicable(f"no usage has {' and '.join(names)} as an integer", "blocked")
        return has_usage(exchange) or (None if usages_with(exchange, *names) else unread)

    return applies


@cache
def ends_with(*names: str) -> Applies:
    """Return the condition that the last usage of a response has a valid count among ``names``."""

    def applies(exchange: Exchange) -> Reason | None:
        unread = NotApplicable(f"the last usage has no {' or '.join(names)} that is an integer", "blocked")
        read = (is_count(usage.value.get(name)) for usage in top_usages(exchange)[-1:] for name in names)
        return has_usage(exchange) or (None if any(read) else unread)

    return applies


def counted_usages(exchange: Exchange) -> list[Usage]:
    """Return those with counts in places that clients read: at the top of a chunk, and inside a choice."""
    inside = [one for one in exchange.columns.usages if one.placement == "choice" and one.value.keys() & set(COUNTS)]
    return [*usages_with_counts(exchange), *inside]


def early_usage(exchange: Exchange) -> tuple[Usage, int] | None:
    """Return the last usage if content follows it, and the number of fragments; None if it comes at the end."""
    usages = usages_with_counts(exchange)
    if not usages or not exchange.is_stream:
        return None
    late = 0
    for choice in exchange.columns.choices.values():
        pieces = [pieces.chunks for pieces in choice.channels.values()] + [[one.chunk for one in choice.tools]]
        late += sum(number > usages[-1].chunk for chunks in pieces for number in chunks)
    return (usages[-1], late) if late else None


def detail(usage: Usage, name: str) -> int:
    """Return a count of the details of usage; 0 if it is invalid."""
    for inner in (usage.value.get("prompt_tokens_details"), usage.value.get("completion_tokens_details")):
        count = inner.get(name) if isinstance(inner, dict) else None
        if type(count) is int:
            return count
    return 0


def counted_tokens(exchange: Exchange) -> int:
    """Return the last ``completion_tokens`` of a response with one choice; 0 if there is none."""
    usages = top_usages(exchange)
    tokens = usages[-1].value.get(COUNTS[1]) if usages and len(exchange.columns.choices) == 1 else None
    return tokens if is_count(tokens) else 0


def bytes_that_came(exchange: Exchange, *, reasoning: bool = True) -> int:
    """Return the bytes of received text and tool calls, in UTF-8."""
    said = 0
    for choice in exchange.columns.choices.values():
        channels = (name for name in choice.channels if reasoning or name in {"content", "refusal"})
        said += sum(choice.channels[name].size for name in channels)
    calls = (call for message in exchange.completion.messages for call in message.tool_calls)
    return said + sum(len(f"{call.name}{call.arguments}".encode("utf-8", "replace")) for call in calls)
