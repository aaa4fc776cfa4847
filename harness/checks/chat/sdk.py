"""Checks the official OpenAI SDK's handling of the response: what it raises, loses and rejects."""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from harness.checks import sources
from harness.checks.applies import all_of, error_status, stream, success_status
from harness.checks.chat.tool_fragments import fragments_of, is_custom
from harness.checks.registry import CannotJudge, NotApplicable, Reason, observation, rule
from harness.results import Level, Problem
from harness.sdk import SdkResult, declares_tier, empty_events, failure_location, sdk_results, unusable
from harness.simulate.chat.ideal import exchange as ideal_exchange
from harness.simulate.reference import (
    BODY,
    REASONING,
    STREAM,
    STREAM_USAGE,
    TOOLS,
    TOOLS_PARALLEL,
    replace_in_body,
    replace_last_in_body,
    with_body,
    with_expected_status,
    with_header,
)
from harness.wire.chat.completion import Message
from harness.wire.exchange import Exchange
from harness.wire.reading import DONE

if TYPE_CHECKING:
    from harness.sdk.clients import SdkResults

SHOULD = Level.SHOULD

_BYTES = STREAM.response.body
_HTML = b"<!DOCTYPE html><title>502 Bad Gateway</title>"
_REFUSED = with_expected_status(ideal_exchange({"model": "no-such-model", "messages": []}), 404)
_KEY = with_expected_status(ideal_exchange({}, key="wrong"), 401)
_WHOLE = ("http.complete", "http.encoding", "http.no-error")
_CLASSES = {
    400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError",
    409: "ConflictError", 422: "UnprocessableEntityError", 429: "RateLimitError",
}  # fmt: skip
_SERVER_ERROR = 500
_LATER_TIERS = ("fast",)
"""Specified values of service_tier that the oldest supported SDK does not declare."""
_PARTS = ("content", "reasoning", "refusal", "tool_calls", "finish_reason")


def _readable(exchange: Exchange) -> Reason | None:
    parser = exchange.reading.parser
    if parser and parser.bom:
        return "the SDK loses the first event to a byte order mark, which is legal; sse.framing shows the mark"
    if empty_events(exchange):
        return "the SDK fails on a block without data, which is legal; sse.blank-lines shows it"
    # Not by depending on sse.no-error, which is blocked without a stream, when the SDK loses everything.
    if parser and exchange.columns.errors:
        return NotApplicable(
            "the stream carries an error, which the SDK is to raise; sse.no-error judges it", "blocked"
        )
    return success_status(exchange)


def _typed(exchange: Exchange) -> Reason | None:
    """A response whose forms the SDK all declares: it has no streamed custom tool calls, as OpenAI sends them."""
    if reason := _readable(exchange):
        return reason
    if exchange.is_stream and any(map(is_custom, fragments_of(exchange))):
        return "the SDK declares no custom calls in a stream, which are legal"
    tiers = exchange.columns.values["service_tier"]
    unknown = next(
        (tier for tier in _LATER_TIERS if tier in tiers and not _unusable() and not declares_tier(tier)), None
    )
    return f"the installed SDK does not declare the service_tier {unknown}, which is legal" if unknown else None


def _came_whole(exchange: Exchange) -> str | None:
    return None if exchange.response.eof else "the transfer broke off"


_unusable = cache(unusable)


def _readings(exchange: Exchange) -> "SdkResults":
    reason = _unusable()
    if reason:
        raise CannotJudge(reason)
    return sdk_results(exchange)


def _raised(who: str, exchange: Exchange, reading: SdkResult) -> Problem:
    kind = "" if reading.is_openai_error else ", which is not an OpenAIError"
    where = f" at {reading.pointer}" if reading.pointer else ""
    why = f": {reading.message}" if reading.message else ""
    return Problem(f"{who} raises {reading.error}{kind}{where}{why}", (failure_location(exchange, reading),))


@rule(
    "sdk.reads", SHOULD, "The OpenAI SDK reads the response without an exception.",
    sources.SDK_STREAM, _readable,
    good=(STREAM, TOOLS, REASONING, BODY, with_body(STREAM, b": keep-alive\n\n" + _BYTES)),
    bad=(
        with_body(STREAM, b"data:\n\n" + _BYTES),
        replace_in_body(STREAM, "[DONE]", "[done]"),
        with_body(STREAM, _BYTES.replace("你".encode(), b"\xff")),
    ),
    depends_on=_WHOLE,
)  # fmt: skip
def reads(exchange: Exchange) -> Iterator[Problem]:
    """
    The stream fails midway, mostly with an exception that `except openai.APIError` does not catch.

    Instead: Catch `ValueError` as well as `openai.OpenAIError` around the loop over chunks, and keep the text so far.
    """
    readings = _readings(exchange)
    if readings.sync.error:
        yield _raised("the client", exchange, readings.sync)
    elif readings.read is exchange and readings.asynchronous.error:  # a form both read alike
        yield _raised("the async client", exchange, readings.asynchronous)


@rule(
    "sdk.loses-nothing", SHOULD, "The OpenAI SDK yields everything the response contains.",
    sources.SDK_STREAM, _readable,
    good=(STREAM, TOOLS_PARALLEL, REASONING, BODY),
    bad=(
        replace_last_in_body(STREAM, "\n\ndata: [DONE]\n\n", "\n"),
        with_body(STREAM, BODY.response.body),
        with_body(STREAM, _HTML),
        with_header(with_body(BODY, _HTML), "content-type", "text/html"),
        replace_in_body(STREAM, "data: {", "event: thread.message.delta\ndata: {"),
        with_body(STREAM, _BYTES + _BYTES),
    ),
    depends_on=("http.not-empty", "sdk.reads"),
)  # fmt: skip
def loses_nothing(exchange: Exchange) -> Iterator[Problem]:
    """
    Text is missing and nothing was raised: the answer looks complete, or an empty one looks like success.

    Instead: Treat a stream without a finish_reason as failed, and a body as an answer only if it has choices.
    """
    readings = _readings(exchange)
    reading, (count, held) = readings.sync, readings.held
    parser = exchange.reading.parser
    if not reading.chunks:
        yield Problem("the client yields no chunk and raises nothing", ((None, 0),))
    elif reading.chunks < count:
        yield Problem("the client yields fewer chunks than there are JSON data", (_first_lost(exchange),))
    elif (
        exchange.source.fidelity == "wire"
        and parser
        and parser.unterminated_event
        and parser.unterminated_event.data.strip() != DONE
    ):
        yield Problem(
            "the client drops the last event, which no blank line closes", ((None, parser.unterminated_event.start),)
        )
    else:
        yield from _differences(held, reading.messages)


def _first_lost(exchange: Exchange) -> tuple[int | None, str | int]:
    done, others = exchange.reading.done, exchange.columns.not_objects
    if done and done[0] + 1 < len(exchange.reading.parser.events if exchange.reading.parser else ()):
        return done[0] + 1, ""
    return (others[0][0], "") if others else (None, 0)


def _differences(held: tuple[Message, ...], yielded: tuple[Message, ...]) -> Iterator[Problem]:
    by_index = {message.index: message for message in yielded}
    for message in held:
        given = by_index.get(message.index)
        parts = [part for part in _PARTS if given is None or getattr(given, part) != getattr(message, part)]
        if parts:
            yield Problem(f"{', '.join(parts)} of choice {message.index} differ from what the bytes hold", ((None, 0),))


@rule(
    "sdk.stream-helper", SHOULD, "The OpenAI SDK's `.stream()` helper reads the response without an exception.",
    sources.SDK_STREAM.replace("_streaming.py", "lib/streaming/chat/_completions.py"), all_of(_typed, stream),
    good=(STREAM_USAGE, TOOLS_PARALLEL, REASONING, replace_in_body(STREAM, '"finish_reason":"stop"', '"finish_reason":"length"')),
    bad=(
        replace_in_body(STREAM, '"index":0', '"index":1'),
        replace_in_body(TOOLS, '"tool_calls":[{"index":0,', '"tool_calls":[{'),
        replace_in_body(STREAM, "chat.completion.chunk", "chat.completion"),
    ),
    depends_on=("http.stream-asked", "sdk.reads", "sdk.loses-nothing"),
)  # fmt: skip
def stream_helper(exchange: Exchange) -> Iterator[Problem]:
    """
    Programs and frameworks built on the helper fail; a loop over the chunks does not.

    Instead: Loop over `create(stream=True)` and add the chunks up yourself, by choice and by tool call.
    """
    reading = _readings(exchange).helper
    if reading and reading.error:
        yield _raised("`.stream()`", exchange, reading)


@rule(
    "sdk.strict", SHOULD, "The OpenAI SDK reads the response with strict validation.",
    sources.SDK_STREAM.replace("_streaming.py", "_base_client.py"), _typed,
    good=(STREAM_USAGE, TOOLS, REASONING, BODY),
    bad=(
        replace_in_body(STREAM, ',"created":1760000000', ""),
        replace_in_body(STREAM, '"finish_reason":"stop"', '"finish_reason":"end"'),
        replace_in_body(BODY, '"object":"chat.completion"', '"object":"chat"'),
        replace_in_body(BODY, '"total_tokens":13', '"total_tokens":13.5'),
    ),
    depends_on=("sdk.reads", "sdk.loses-nothing"),
)  # fmt: skip
def strict(exchange: Exchange) -> Iterator[Problem]:
    """
    A field does not have the type that the SDK declares: code that passed the type checker raises AttributeError at
    run time.

    Instead: Read fields that a provider is known to omit with `getattr(chunk, name, None)`.
    """
    reading = _readings(exchange).strict
    if reading.error:
        yield _raised("the strict client", exchange, reading)


@rule(
    "sdk.error-class", SHOULD, "The OpenAI SDK raises the exception for the status, with the provider's message in it.",
    sources.SDK_ERRORS, all_of(error_status, _came_whole),
    good=(_REFUSED, _KEY),
    bad=(
        with_body(_REFUSED, b'{"detail":"Not found"}'),
        with_body(_REFUSED, b'{"error":null}'),
        with_body(_KEY, b'[{"error":{"code":401,"message":"no key"}}]'),
        replace_in_body(_REFUSED, '"message":"', '"msg":"'),
    ),
    depends_on=("error.not-empty",),
)  # fmt: skip
def error_class(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads "Error code: 404" without a reason.

    Instead: If `error.body` is not a dict with a message, show `error.response.text`.
    """
    status, reading = exchange.response.status, _readings(exchange).sync
    due = _CLASSES.get(status, "InternalServerError" if status >= _SERVER_ERROR else "APIStatusError")
    at = (0, "") if exchange.reading.body_kind == "json" else (None, 0)
    if reading.error != due:
        yield Problem(f"status {status} raises {reading.error}, not {due}", (at,))
    elif not {"message", "text"} & set(reading.shows):
        yield Problem(f"{due} has no message of the provider", (at,))


@observation(
    "sdk.error-shown", "What the OpenAI SDK's exception shows of an error.",
    sources.SDK_ERRORS, all_of(error_status, _came_whole),
    good=(_REFUSED, _KEY),
    bad=(with_body(_REFUSED, b'{"detail":"Not found"}'), with_body(_KEY, b"no key"), replace_in_body(_KEY, ',"code":"invalid_api_key"', "")),
)  # fmt: skip
def error_shown(exchange: Exchange) -> str:
    """
    Read the rest from the body yourself.

    Instead: Read `error.response.json()` for what `error.code`, `error.param` and `error.type` lack.
    """
    reading = _readings(exchange).sync
    return ", ".join([reading.error or "no exception", *reading.shows])
