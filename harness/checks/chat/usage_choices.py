"""Checks whether usage counts everything: the tokens of every choice, to the end of the response."""

from collections.abc import Iterator
from typing import Any

from harness.checks import sources
from harness.checks.applies import all_of, complete_answer, stream, uncut
from harness.checks.chat.usages import TOKENS, USAGE_CHUNK, early_usage, ends_with, has_usage, top_usages
from harness.checks.registry import NotApplicable, Reason, Unread, rule
from harness.printable import count_of
from harness.results import Advice, Level, Problem
from harness.simulate.reference import STREAM_USAGE, ask, replace_in_body
from harness.wire.chat.chunks import Choice
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.shapes import objects_in

SHOULD = Level.SHOULD

_READ = ("chunk.present",)
_TEXT = STREAM_USAGE.response.body.decode()
_HELP = next(part for part in _TEXT.split("\n\n") if '" help?"' in part) + "\n\n"
_MID_STREAM = replace_in_body(
    replace_in_body(STREAM_USAGE, f"data: {USAGE_CHUNK}", ""), _HELP, f"data: {USAGE_CHUNK}{_HELP}"
)
_FIRST = _TEXT.split("\n\n")[0] + "\n\n"
_AT_ONCE = replace_in_body(
    replace_in_body(STREAM_USAGE, f"data: {USAGE_CHUNK}", ""), _FIRST, _FIRST.replace('"usage":null', TOKENS)
)
_LOGPROBS = ask(n=2, logprobs=True)


@rule(
    "usage.at-end", SHOULD, "The last `usage` of a stream comes after all of its text.",
    sources.STREAM_OPTIONS, all_of(stream, has_usage),
    good=(STREAM_USAGE,),
    bad=(_MID_STREAM, _AT_ONCE),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def at_end(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that stop at the usage lose the text after it, and its count does not cover the whole answer.

    Instead: Read to the end, and treat usage followed by text as unknown: `usage = None if chunk.choices and
    chunk.choices[0].delta.content else usage`.
    """
    found = early_usage(exchange)
    if found:
        usage, late = found
        pieces = count_of(late, "piece of the answer follows", "pieces of the answer follow")
        said = f"usage comes in chunk {usage.chunk}, and {pieces} it"
        yield Problem(said, ((usage.chunk, usage.pointer),))


_OF_ONE = Advice(
    "Bills and budgets count one of the choices, and not the others.",
    "Use the number of listed tokens if it is larger: `tokens = max(usage.completion_tokens, "
    "sum(len(one.logprobs.content) for one in answer.choices))`.",
)


def _listed(choice: Choice) -> int:
    """Return the number of tokens in the log probabilities of a choice."""
    lists: list[Any] = [found.value.get(key) for found in choice.logprobs for key in ("content", "refusal")]
    return sum(len(one) for one in lists if isinstance(one, list))


def _is_text_alone(choice: Choice) -> bool:
    """Return whether the listed tokens are exactly the text, without an end mark."""
    tokens = [one.get("token") for found in choice.logprobs for one in objects_in(found.value.get("content"))]
    texts = [one for one in tokens if isinstance(one, str) and one]
    return len(texts) == len(tokens) == _listed(choice) and "".join(texts) == choice.fragments("content").text


def _lists_tokens(exchange: Exchange) -> Reason | None:
    if not exchange.request.get("logprobs") and not any(map(_listed, exchange.columns.choices.values())):
        return has_usage(exchange) or "no logprobs were asked for, and none came"
    listed = any(map(_listed, exchange.columns.choices.values()))
    none = None if listed else NotApplicable("no logprobs came", "not-present")
    return has_usage(exchange) or none or ends_with("completion_tokens")(exchange)


@rule(
    "usage.of-listed", SHOULD, "`completion_tokens` equals the number of tokens in `logprobs`, over all choices.",
    sources.USAGE, all_of(_lists_tokens, all_of(complete_answer, uncut)),
    good=(_LOGPROBS, ask(logprobs=True)),
    bad=(
        replace_in_body(_LOGPROBS, '"completion_tokens":8', '"completion_tokens":3'),
        replace_in_body(ask(logprobs=True), '"completion_tokens":4', '"completion_tokens":1'),
        replace_in_body(ask(logprobs=True), '"completion_tokens":4', '"completion_tokens":2'),
    ),
    depends_on=(*_READ, "usage.positive"),
    explained_by=("usage.at-end", "usage.grows", "params.logprobs", "logprobs.form", "logprobs.joins"),
)  # fmt: skip
def of_listed(exchange: Exchange) -> Iterator[Problem]:
    """
    Bills and budgets count too little: the answer had more tokens.

    Instead: Use the number of listed tokens if it is larger: `tokens = max(usage.completion_tokens,
    len(choice.logprobs.content))`.
    """
    usage = top_usages(exchange)[-1]
    choices = [choice for choice in exchange.columns.choices.values() if _listed(choice)]
    listed, tokens = [_listed(choice) for choice in choices], usage.value["completion_tokens"]
    # Some servers list the end token of a choice, none count it.
    if sum(listed) > tokens + sum(not _is_text_alone(choice) for choice in choices):
        at = ((usage.chunk, f"{usage.pointer}/completion_tokens"),)
        among = f" in {len(listed)} choices ({', '.join(map(str, listed))})" if len(listed) > 1 else ""
        said = f"completion_tokens is {tokens}, and logprobs lists {sum(listed)} tokens{among}"
        yield Problem(said, at, _OF_ONE if among else None)
    elif sum(listed) > tokens or not all(map(_is_text_alone, choices)):
        raise Unread("logprobs.joins", "logprobs.covers", "logprobs.keys")
