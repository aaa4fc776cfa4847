"""Checks the token counts of a message."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import all_of
from harness.checks.messages.answers import (
    BEGUN,
    answer,
    known_request,
    of_kind,
    own_counts,
    stream,
    told_why,
    whole,
    whole_stream,
    with_usage,
)
from harness.checks.registry import NotApplicable, Reason, Unread, observation, rule
from harness.checks.sizes import too_long_for
from harness.results import Advice, Level, Problem
from harness.simulate.edits import chunks, compose, drop, set_value
from harness.simulate.messages.edits import typed
from harness.simulate.messages.ideal import of_other
from harness.simulate.messages.reference import BODY, CAPPED, STREAM, THINKING, TOOL, TOOL_BODY
from harness.wire.exchange import Exchange
from harness.wire.json_faults import fault_of
from harness.wire.shapes import Json, as_object
from harness.wire.turn import count

_START, _DELTA = typed("message_start"), typed("message_delta")
_COUNTS = (
    "input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens",
)  # fmt: skip
_KNOWN = {
    *_COUNTS,
    "cache_creation",
    "service_tier",
    "server_tool_use",
    "inference_geo",
    "output_tokens_details",
    "iterations",
}
_INPUT = tuple(key for key in _COUNTS if key != "output_tokens")
_NEAR = 64  # tokens that two ways of counting one prompt may be apart
_OF_CHAT = {"prompt_tokens", "completion_tokens"}
_CHAT_NAMES = Advice(
    "`message.usage.input_tokens` raises AttributeError, or reads 0: nothing is billed, and the context never fills.",
    'Read both names: `usage.get("input_tokens", usage.get("prompt_tokens", 0))`.',
)
_SMALL = 2_000  # tokens that fit any context: one that is full ends an answer too
_NOT_CUT = Advice(
    "A whole answer is treated as half of one: clients ask for the rest, or show a warning.",
    "Take it as cut only if the count says so too: `usage.output_tokens >= max_tokens`.",
)
_A_TOKEN, _A_WORD = 8, 32
"""As in ``checks/chat/params``: upper bounds of letters and digits per token, and beyond."""
_IN_TIME = (*BEGUN, "messages.told-why", "messages.object")


def _any(_chunk: Json) -> bool:
    return True


def _said_something(exchange: Exchange) -> Reason | None:
    """A complete message with text, thinking or a call."""
    turn = exchange.turn
    silent = NotApplicable("nothing was said", "not-present")
    return told_why(exchange) or (None if turn.text or turn.reasoning or turn.calls else silent)


@rule(
    "messages.usage-at-start", Level.SHOULD, "`message_start`, or the body, has `input_tokens` and `output_tokens`.",
    sources.MESSAGES_API, answer,
    good=(STREAM, BODY),
    bad=(
        chunks(_START, drop("message/usage"))(STREAM),
        chunks(_START, drop("message/usage/input_tokens"))(STREAM),
        chunks(_any, set_value("usage", None))(BODY),
        chunks(_any, drop("usage/output_tokens"))(BODY),
    ),
    depends_on=("messages.object",),
)  # fmt: skip
def at_start(exchange: Exchange) -> Iterator[Problem]:
    """
    The Python SDK raises at the end of the stream: it adds to `message.usage`, which is None.

    Instead: Start with your own usage: `message.setdefault("usage", {"input_tokens": 0, "output_tokens": 0})`.
    """
    begun = exchange.message.start
    if begun is None:
        return
    at, usage = f"{begun.pointer}/usage", as_object(begun.value.get("usage"))
    if not usage:
        said = f"is {begun.value['usage']!r}" if "usage" in begun.value else "is absent"
        yield Problem(f"usage {said} in the message", ((begun.event, at),))
        return
    if usage.keys() >= _OF_CHAT:
        yield Problem(
            "usage has the names of chat completions, such as prompt_tokens", ((begun.event, at),), _CHAT_NAMES
        )
        return
    for key in ("input_tokens", "output_tokens"):
        if usage.get(key) is None:
            said = "is None" if key in usage else "is absent"
            yield Problem(f"{key} {said} in the usage of the message", ((begun.event, f"{at}/{key}"),))


@rule(
    "messages.usage-told", Level.MUST, "`message_delta` has `output_tokens`.",
    sources.MESSAGES_STREAM, whole_stream,
    good=(STREAM, TOOL),
    bad=(
        chunks(_DELTA, drop("usage"))(STREAM),
        chunks(_DELTA, set_value("usage/output_tokens", None))(STREAM),
        chunks(_DELTA, set_value("usage/output_tokens", "14"))(STREAM),
    ),
    depends_on=_IN_TIME,
)  # fmt: skip
def told(exchange: Exchange) -> Iterator[Problem]:
    """
    `event.usage.output_tokens` raises AttributeError; if it is caught, the turn is billed as the one token of the start.

    Instead: Read with a default: `(event.get("usage") or {}).get("output_tokens") or counted`.
    """
    last = exchange.message.deltas[-1]
    usage = as_object(last.value.get("usage"))
    if count(usage.get("output_tokens")) is None:
        missing = "usage is absent" if "usage" not in last.value else "usage is null" if last.value["usage"] is None else "output_tokens is absent" if "output_tokens" not in usage else f"output_tokens is {usage['output_tokens']!r}"  # fmt: skip
        at = "/usage/output_tokens" if usage else "/usage" if "usage" in last.value else ""
        yield Problem(f"{missing} in message_delta", ((last.event, at),))


@rule(
    "messages.usage-whole-numbers", Level.MUST, "The counts of `usage` are integers or `null`.",
    sources.MESSAGES_API, with_usage,
    good=(STREAM, BODY),
    bad=(
        chunks(_START, set_value("message/usage/cache_read_input_tokens", -1))(STREAM),
        chunks(_any, set_value("usage/cache_read_input_tokens", "0"))(BODY),
        chunks(_DELTA, set_value("usage/input_tokens", 45.5))(STREAM),
    ),
    depends_on=("messages.object",),
)  # fmt: skip
def whole_numbers(exchange: Exchange) -> Iterator[Problem]:
    """
    Sums of counts raise TypeError, or fall.

    Instead: Add integers of at least 0, and treat the rest as unknown.
    """
    for usage in exchange.message.usages:
        for key in _COUNTS:
            value = usage.value.get(key)
            if value is not None and count(value) is None:
                yield Problem(f"{key} is {value!r}", ((usage.event, f"{usage.pointer}/{key}"),))
                return


@rule(
    "messages.usage-grows", Level.MUST, "`output_tokens` counts everything so far and never falls.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM, TOOL),
    bad=(
        chunks(_START, set_value("message/usage/output_tokens", 40))(STREAM),
        chunks(_DELTA, set_value("usage/output_tokens", 0))(STREAM),
    ),
    depends_on=("messages.usage-whole-numbers", "messages.usage-told"),
)  # fmt: skip
def grows(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that takes the last count takes too few; one that adds them up takes too many.

    Instead: Take the largest: `tokens = max(tokens, usage.output_tokens)`.
    """
    most = 0
    for usage in exchange.message.usages:
        now = count(usage.value.get("output_tokens"))
        if now is not None and now < most:
            yield Problem(
                f"output_tokens falls from {most} to {now}", ((usage.event, f"{usage.pointer}/output_tokens"),)
            )
            return
        most = max(most, now or 0)


@rule(
    "messages.output-counted", Level.SHOULD, "`output_tokens` is above 0 and plausible for the text.",
    sources.MESSAGES_API, all_of(all_of(_said_something, with_usage), own_counts),
    good=(STREAM, BODY, TOOL, THINKING),
    bad=(
        compose(chunks(_DELTA, set_value("usage/output_tokens", 0)), chunks(_START, set_value("message/usage/output_tokens", 0)))(STREAM),
        chunks(_any, set_value("usage/output_tokens", 0))(BODY),
        chunks(typed("content_block_delta", "text_delta"), set_value("delta/text", lambda text: text * 60))(STREAM),
    ),
    depends_on=(
        "messages.usage-grows", "messages.usage-told", "messages.event-type", "messages.event-keys", "messages.stop-reason",
    ),
)  # fmt: skip
def output_counted(exchange: Exchange) -> Iterator[Problem]:
    """
    Costs and budgets are those of an empty answer: an agent that stops at a token count never does.

    Instead: If the count is impossible, estimate it: `tokens = usage.output_tokens or len(text) // 4`.
    """
    turn = exchange.turn
    last = exchange.message.usages[-1]
    tokens = turn.counts.output
    if tokens is None:
        return
    said = "".join([turn.text or "", *(call.arguments for call in turn.calls)])
    size = sum(letter.isalnum() for letter in said)
    if tokens == 0 or size > _A_TOKEN * tokens + _A_WORD:
        at = (last.event, f"{last.pointer}/output_tokens")
        yield Problem(f"output_tokens is {tokens}, and {len(said):,} characters came", (at,))


@rule(
    "messages.input-counted", Level.SHOULD, "The prompt is counted when a message starts: `input_tokens` plus cached tokens are enough for it.",
    sources.MESSAGES_REFERENCE, all_of(with_usage, own_counts),
    good=(STREAM, BODY, chunks(_START, set_value("message/usage", {"input_tokens": 0, "cache_read_input_tokens": 45, "output_tokens": 1}))(STREAM)),
    bad=(
        chunks(_START, set_value("message/usage/input_tokens", 0))(STREAM),
        chunks(_any, set_value("usage/input_tokens", 0))(BODY),
    ),
    depends_on=("messages.usage-at-start", "messages.usage-whole-numbers"),
)  # fmt: skip
def input_counted(exchange: Exchange) -> Iterator[Problem]:
    """
    Claude Code and others use it to judge how full the context is: they never compact, and the next request is too long.

    Instead: Count the prompt with count_tokens, or use the counts of message_delta if present.
    """
    first = exchange.message.usages[0]
    parts = [count(first.value.get(key)) or 0 for key in _INPUT]
    if not sum(parts):
        where = "message_start" if exchange.message.is_stream else "the body"
        yield Problem(
            f"input_tokens is 0 in {where}, and nothing was cached", ((first.event, f"{first.pointer}/input_tokens"),)
        )
        return
    most = max(sum(count(one.value.get(key)) or 0 for key in _INPUT) for one in exchange.message.usages)
    said = too_long_for(most, exchange)
    if said:
        place = ((first.event, f"{first.pointer}/input_tokens"),)
        yield Problem(f"input_tokens is {most} for a prompt of {said:,} bytes", place)


@rule(
    "messages.input-kept", Level.SHOULD, "The counts of the prompt never fall within a stream.",
    sources.MESSAGES_STREAM, all_of(stream, own_counts),
    good=(STREAM, chunks(_DELTA, set_value("usage/input_tokens", 4_000))(STREAM)),
    bad=(
        chunks(_DELTA, set_value("usage/input_tokens", 0))(STREAM),
        chunks(_DELTA, set_value("usage/input_tokens", 5), set_value("usage/cache_read_input_tokens", 40))(STREAM),
    ),
    depends_on=("messages.usage-at-start", "messages.usage-whole-numbers"),
    explained_by=("messages.input-counted",),
)  # fmt: skip
def input_kept(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that keeps the first count gets another bill than one that keeps the last; adding the cached tokens to
    the first counts them twice.

    Instead: Use the counts of message_delta together unless they are 0: `usage = last if last.input_tokens else first`.
    """
    first, last = exchange.message.usages[0], exchange.message.usages[-1]
    before, after = (count(one.value.get("input_tokens")) for one in (first, last))
    if not before:
        raise Unread("messages.input-counted")
    if before and after is not None and after < before:
        cached = count(last.value.get("cache_read_input_tokens")) or 0
        held = f": the first count holds the {cached} that were cached" if 0 < cached <= before - after + _NEAR else ""
        yield Problem(
            f"input_tokens falls from {before} to {after}{held}", ((last.event, f"{last.pointer}/input_tokens"),)
        )


def _capped(exchange: Exchange) -> Reason | None:
    cap = exchange.request.get("max_tokens")
    known = type(cap) is int and cap > 0
    return own_counts(exchange) or known_request(exchange) or (None if known else "the request has no cap")


@rule(
    "messages.cap-kept", Level.SHOULD, "A response is not longer than `max_tokens` allows.",
    sources.MESSAGES_API, _capped,
    good=(STREAM, BODY, CAPPED),
    bad=(
        of_other(STREAM, max_tokens=5),
        chunks(_any, set_value("content/0/text", "one two three four five six seven " * 30))(of_other(chunks(_any, drop("usage/output_tokens"))(BODY), max_tokens=12)),
    ),
    depends_on=("messages.usage-whole-numbers",),
)  # fmt: skip
def cap_kept(exchange: Exchange) -> Iterator[Problem]:
    """
    The cap limits neither the bill nor the wait.

    Instead: Close the stream when you have received enough: `if len(text) > 8 * max_tokens: stream.close()`.
    """
    cap, turn = exchange.request.get("max_tokens"), exchange.turn
    tokens = turn.counts.output
    stop = exchange.message.stop
    at = (stop.event if stop else 0, "")
    said = "".join([turn.text or "", *(call.arguments for call in turn.calls)])
    if tokens is not None and tokens > cap:
        yield Problem(f"output_tokens is {tokens}, the cap is {cap}", (at,))
    elif sum(letter.isalnum() for letter in said) > _A_TOKEN * cap + _A_WORD:
        yield Problem(f"{len(said):,} characters came, the cap is {cap} tokens", (at,))


@rule(
    "messages.cap-told", Level.SHOULD, "A message has the `stop_reason` `max_tokens` exactly when it hit the limit.",
    sources.MESSAGES_STOPS, all_of(told_why, _capped),
    good=(STREAM, CAPPED, TOOL_BODY),
    bad=(chunks(_DELTA, set_value("delta/stop_reason", "end_turn"))(CAPPED), chunks(_any, set_value("stop_reason", "max_tokens"))(BODY)),
    depends_on=("messages.cap-kept", "messages.stop-known"),
)  # fmt: skip
def cap_told(exchange: Exchange) -> Iterator[Problem]:
    """
    Half an answer is treated as a whole one.

    Instead: Compare the counts: `cut = stop_reason == "max_tokens" or usage.output_tokens >= max_tokens`.
    """
    cap, turn, stop = exchange.request.get("max_tokens"), exchange.turn, exchange.message.stop
    at = (stop.event, f"{stop.pointer}/stop_reason") if stop else (0, "")
    if stop and turn.counts.output == cap and turn.stop == "end_turn":
        yield Problem(f"stop_reason is 'end_turn' after {cap} of {cap} tokens", (at,))
    output, known = turn.counts.output or 0, turn.counts.input or _SMALL
    whole = all(fault_of(call.arguments.encode("utf-8", "replace"), "").form != "cut" for call in turn.calls)
    if stop and turn.stop == "max_tokens" and whole and 0 < 2 * output < cap and output + known < _SMALL:
        yield Problem(f"stop_reason is 'max_tokens' after {output} of {cap} tokens", (at,), _NOT_CUT)


@rule(
    "messages.stop-kept", Level.SHOULD, "No text contains a stop sequence.",
    sources.MESSAGES_API, all_of(whole, known_request),
    good=(STREAM, CAPPED),
    bad=(of_other(STREAM, stop_sequences=["help"]), of_other(BODY, stop_sequences=["nothing", "How"])),
    depends_on=("messages.object",),
)  # fmt: skip
def stop_kept(exchange: Exchange) -> Iterator[Problem]:
    """
    The text after the marker is treated as part of the answer, and code that splits there takes the wrong part.

    Instead: Truncate the text yourself: `text.split(marker, 1)[0]`.
    """
    asked = exchange.request.get("stop_sequences")
    sequences = [one for one in asked if isinstance(one, str) and one] if isinstance(asked, list) else []
    for block in of_kind(exchange, "text"):
        met = next((one for one in sequences if one in block.text), None)
        if met is not None:
            at = block.deltas[-1][0] if block.deltas else block.event
            yield Problem(f"the text holds the stop sequence {met!r}", ((at, "/delta/text" if block.deltas else f"{block.pointer}/text"),))  # fmt: skip
            return


@observation(
    "messages.usage-keys", "Fields of `usage` that Anthropic does not document.",
    sources.MESSAGES_API, with_usage,
    good=(STREAM, BODY),
    bad=(chunks(_START, set_value("message/usage/prompt_tokens", 45))(STREAM), chunks(_any, set_value("usage/total_tokens", 59))(BODY)),
    depends_on=("messages.object",),
)  # fmt: skip
def usage_keys(exchange: Exchange) -> str:
    """
    Legal; a client that forbids unknown keys fails to decode usage.

    Instead: Let your models ignore unknown fields (`extra="ignore"`).
    """
    found = {key for one in exchange.message.usages for key in one.value}
    return ", ".join(sorted(found - _KNOWN)[:8]) or "none"


@observation(
    "messages.usage-in-delta", "Whether `message_delta` also counts the prompt.",
    sources.MESSAGES_STREAM, whole_stream,
    good=(STREAM,),
    bad=(chunks(_DELTA, set_value("usage", {"output_tokens": 14}))(STREAM),),
    depends_on=("messages.usage-told",),
)  # fmt: skip
def usage_in_delta(exchange: Exchange) -> str:
    """
    Legal both ways; a client that reads input_tokens only there counts no prompt.

    Instead: Keep the counts of message_start, and overwrite them with those of message_delta.
    """
    return "yes" if "input_tokens" in as_object(exchange.message.deltas[-1].value.get("usage")) else "no"
