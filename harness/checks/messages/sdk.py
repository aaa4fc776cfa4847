"""Checks the official Anthropic SDK's handling of the response: what it raises and loses."""

import json
from collections.abc import Iterator
from typing import Any

from harness.checks import sources
from harness.checks.applies import error_status
from harness.checks.messages.answers import whole
from harness.checks.registry import Reason, rule
from harness.results import Level, Problem
from harness.sdk.anthropic_reader import MessageReading, message_reading, unusable
from harness.simulate.edits import chunks, drop, set_value
from harness.simulate.messages.edits import doubled, typed
from harness.simulate.messages.reference import BAD_KEY, BODY, REFUSED, STREAM, THINKING, TOOL, TWO_TOOLS
from harness.simulate.reference import replace_in_body, with_body, with_expected_status, with_header
from harness.wire.exchange import Exchange
from harness.wire.turn import Turn

_REFUSED = with_expected_status(REFUSED, 404)
_KEY = with_expected_status(BAD_KEY, 401)


def _driven(exchange: Exchange) -> Reason | None:
    """A response that was not shortened, with the Anthropic SDK installed."""
    return unusable() or whole(exchange)


def _refused(exchange: Exchange) -> Reason | None:
    """An error, with the Anthropic SDK installed."""
    broken = None if exchange.response.eof else "the transfer broke off"
    return unusable() or error_status(exchange) or broken


@rule(
    "messages.sdk-reads", Level.SHOULD, "The Anthropic SDK reads the response without an exception.",
    f"{sources.ANTHROPIC_SDK}/lib/streaming/_messages.py", _driven,
    good=(STREAM, TOOL, THINKING, BODY, with_body(STREAM, b": keep-alive\n\n" + STREAM.response.body)),
    bad=(
        chunks(typed("message_start"), set_value("message/usage", None))(STREAM),
        chunks(typed("message_delta"), drop("usage"))(STREAM),
        replace_in_body(STREAM, '"text":"! 👋"', '"text":null'),
    ),
    depends_on=("http.complete", "http.encoding", "http.stream-asked", "messages.begins"),
)  # fmt: skip
def sdk_reads(exchange: Exchange) -> Iterator[Problem]:
    """
    The stream fails midway, mostly with an exception that `except anthropic.APIError` does not catch.

    Instead: Loop over `create(stream=True)`, which does not accumulate, and catch `ValueError` and `TypeError` as well.
    """
    reading = message_reading(exchange)
    if reading.error:
        yield Problem(_raised(reading), ((None, 0),))


def _raised(reading: MessageReading) -> str:
    own = "" if reading.is_own else ", which is not an AnthropicError"
    return f"the client raises {reading.error}{own}" + (f": {reading.message}" if reading.message else "")


@rule(
    "messages.sdk-loses-nothing", Level.SHOULD, "The Anthropic SDK yields everything the response contains.",
    f"{sources.ANTHROPIC_SDK}/_streaming.py", _driven,
    good=(STREAM, TWO_TOOLS, THINKING, BODY),
    bad=(
        replace_in_body(STREAM, "event: content_block_delta\n", ""),
        doubled(typed("content_block_start", "tool_use"))(TOOL),
    ),
    depends_on=("messages.sdk-reads",),
)  # fmt: skip
def sdk_loses_nothing(exchange: Exchange) -> Iterator[Problem]:
    """
    Text or a call is missing and nothing was raised: the answer looks complete.

    Instead: Read the events as they come, by the type in their data and by their index.
    """
    told = message_reading(exchange).turn
    parts = _differences(exchange.turn, told) if told else []
    if parts:
        yield Problem(f"{', '.join(parts)} differ from what the bytes hold", ((None, 0),))


def _differences(held: Turn, told: Turn) -> list[str]:
    parts = [
        part for part in ("text", "reasoning", "stop") if (getattr(held, part) or "") != (getattr(told, part) or "")
    ]
    return parts + ["calls"] * (_calls(held, told) != _calls(told, told))


def _calls(turn: Turn, other: Turn) -> list[tuple[Any, ...]]:
    """Return the calls of a turn; arguments truncated by a cap are not JSON, and the SDK handles them its own way."""
    texts = [call.arguments for call in other.calls] + [""] * len(turn.calls)
    return [(one.id, one.name, _arguments(one.arguments, text)) for one, text in zip(turn.calls, texts, strict=False)]


def _arguments(text: str, other: str) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return json.loads(other or "{}")


@rule(
    "messages.sdk-error-shown", Level.SHOULD, "The Anthropic SDK raises its own exception, with the provider's message in it.",
    f"{sources.ANTHROPIC_SDK}/_exceptions.py", _refused,
    good=(_REFUSED, _KEY),
    bad=(
        with_body(_REFUSED, b'{"detail":"Not found"}'),
        with_header(with_body(_REFUSED, b'{"error":null}'), "content-type", "application/json"),
        chunks(lambda _chunk: True, drop("error/message"))(_KEY),
    ),
    depends_on=("error.not-empty",),
)  # fmt: skip
def sdk_error_shown(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads "Error code: 404" without a reason.

    Instead: If `error.body` is not an object with a message, show `error.response.text`.
    """
    status, reading = exchange.response.status, message_reading(exchange)
    at = (0, "") if exchange.reading.body_kind == "json" else (None, 0)
    if not reading.is_own:
        yield Problem(f"status {status} raises {reading.error or 'nothing'}", (at,))
    elif not reading.shown:
        yield Problem(f"{reading.error} has no message of the provider", (at,))
