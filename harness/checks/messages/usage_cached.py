"""Checks the counts of cached prompt tokens, which Messages count separately."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import all_of
from harness.checks.messages.answers import known_request, own_counts, with_usage
from harness.checks.registry import rule
from harness.checks.sizes import BEYOND
from harness.results import Level, Problem
from harness.simulate.edits import chunks, set_value
from harness.simulate.messages.edits import typed
from harness.simulate.messages.reference import BODY, STREAM
from harness.simulate.reference import in_archive
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange
from harness.wire.messages.turn import counts_of
from harness.wire.shapes import Json
from harness.wire.turn import count

_START, _DELTA = typed("message_start"), typed("message_delta")
_CACHED = ("cache_read_input_tokens", "cache_creation_input_tokens")
_NEAR = 64  # tokens that two ways of counting one prompt may be apart


def _any(_chunk: Json) -> bool:
    return True


@rule(
    "messages.input-disjoint", Level.SHOULD, "The same prompt has the same number of tokens, whatever part of it was cached.",
    sources.MESSAGES_API, all_of(with_usage, all_of(known_request, own_counts)),
    good=(in_archive(STREAM, chunks(_any, set_value("id", "msg_other7"))(BODY)), in_archive(chunks(_START, set_value("message/usage", {"input_tokens": 5, "cache_read_input_tokens": 40, "output_tokens": 1}), set_value("message/id", "msg_other7"))(chunks(_DELTA, set_value("usage", {"output_tokens": 14}))(STREAM)), BODY)),
    bad=(
        in_archive(chunks(_START, set_value("message/usage/cache_read_input_tokens", 40), set_value("message/id", "msg_other7"))(chunks(_DELTA, set_value("usage", {"output_tokens": 14}))(STREAM)), BODY),
        chunks(_any, set_value("usage", {"input_tokens": 3712, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 3712, "output_tokens": 14}))(BODY),
        chunks(_any, set_value("usage", {"input_tokens": 240, "cache_creation_input_tokens": 140, "cache_read_input_tokens": 100, "output_tokens": 14}))(BODY),
        chunks(_START, set_value("message/usage", {"input_tokens": 3602, "output_tokens": 1}))(chunks(_DELTA, set_value("usage", {"output_tokens": 14, "cache_read_input_tokens": 3604}))(STREAM)),
    ),
    depends_on=("messages.usage-at-start", "messages.usage-whole-numbers"),
    explained_by=("messages.input-counted",),
)  # fmt: skip
def disjoint(exchange: Exchange) -> Iterator[Problem]:
    """
    input_tokens, cache_read_input_tokens and cache_creation_input_tokens add up to the prompt: if one includes another, costs are counted twice.

    Instead: Compare two answers to one prompt to see which it is; if one count includes the others, use the largest.
    """
    facts = exchange.facts
    other = exchange.before.counterpart(facts)
    mine, theirs = facts.prompt_tokens, other.prompt_tokens if other else None
    cached = counts_of(exchange.message).cached
    if type(mine) is int and type(theirs) is int and cached and mine == theirs + cached:
        usage = exchange.message.usages[0]
        said = f"the prompt has {mine} tokens with {cached} of them cached, and {theirs} in another response to it"
        yield Problem(said, ((usage.event, f"{usage.pointer}/cache_read_input_tokens"),))
    elif _is_their_sum(exchange):
        usage = exchange.message.usages[-1]
        said = f"input_tokens is {usage.value['input_tokens']}, the sum of both cache counts"
        yield Problem(said, ((usage.event, f"{usage.pointer}/input_tokens"),))
    elif _counted_again(exchange, cached):
        usage = exchange.message.usages[-1]
        before = exchange.message.usages[0].value["input_tokens"]
        said = f"message_delta has {cached} cached tokens, which are the {before} input_tokens of message_start again"
        yield Problem(said, ((usage.event, f"{usage.pointer}/cache_read_input_tokens"),))
    elif cached and type(mine) is int and mine > (sent := _bytes_sent(exchange)) + BEYOND and mine >= 2 * cached:
        usage = exchange.message.usages[0]
        said = f"the prompt has {mine} tokens with {cached} of them cached, and {sent:,} bytes were sent"
        yield Problem(said, ((usage.event, f"{usage.pointer}/cache_read_input_tokens"),))


_SAME = 16  # tokens that all of a prompt and its cached part may be apart: what comes after the last mark is not cached
_MANY = 500  # tokens of a prompt, of which two numbers are not as near by chance


def _counted_again(exchange: Exchange, cached: int | None) -> bool:
    """Return whether a stream first counts a prompt without cache, and at its end as many tokens as cached."""
    first, last = exchange.message.usages[0].value, exchange.message.usages[-1].value
    before, told = count(first.get("input_tokens")), count(last.get("cache_read_input_tokens"))
    if not cached or not before or not told or first.get("cache_read_input_tokens"):
        return False
    return last.get("input_tokens") in {None, before} and before > _MANY and abs(before - told) <= _SAME


def _is_their_sum(exchange: Exchange) -> bool:
    """Return whether input_tokens is the sum of the tokens read from and written to a cache."""
    latest = exchange.message.usages[-1].value
    read, written = (count(latest.get(key)) or 0 for key in _CACHED)
    return min(read, written) > _NEAR and count(latest.get("input_tokens")) == read + written


def _bytes_sent(exchange: Exchange) -> int:
    """Return the bytes of the whole prompt."""
    asked = exchange.request.json or {}
    return len(json_text([asked.get(key) for key in ("system", "messages", "tools")]).encode("utf-8", "replace"))
