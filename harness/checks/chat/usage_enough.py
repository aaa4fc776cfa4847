"""Checks whether the counted tokens suffice for the text that was sent and received."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import all_of, complete_answer, uncut
from harness.checks.chat.repetition import growth
from harness.checks.chat.usages import (
    COUNTS,
    bytes_that_came,
    detail,
    ends_with,
    is_count,
    top_usages,
)
from harness.checks.marks import think_tag
from harness.checks.registry import Unread, rule
from harness.checks.sizes import bytes_beyond_runs
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, REASONING, STREAM_USAGE, replace_in_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange

_BYTES, _SLACK = 16, 32
"""Upper bound of the mean bytes per token of text, in any language, and an allowance for short texts."""

_LONG = " The sky is blue, since its light comes from all sides." * 4
_GREET = '"reasoning_content":"'

_WITHOUT_THOUGHT = Advice(
    "Output is billed without the reasoning that was sent, which is most of it.",
    "Estimate the reasoning and add it: `output = usage.completion_tokens + len(reasoning) // 4`.",
)

_THOUGHT_AS_TEXT = Advice(
    "The user reads what the model thought as the answer, and no mark says where it ends.",
    "Ask with thinking turned off, or start the server with the reasoning parser of the model.",
)


def _came(exchange: Exchange) -> tuple[int, int]:
    """Return the bytes of received text, and of text and reasoning, counting repetitions once."""
    texts = {True: 0, False: 0}
    for choice in exchange.columns.choices.values():
        for channel in choice.channels:
            pieces = choice.fragments(channel).texts
            text = pieces[-1] if growth(pieces) else "".join(pieces)
            texts[channel == choice.reasoning] += bytes_beyond_runs(text)
    return texts[False], texts[False] + texts[True]


def _thought_as_text(exchange: Exchange, told: int, thought: int) -> tuple[int, int] | None:
    """Return the reasoning tokens, and the bytes of text for which the other tokens are too few; None if they suffice."""
    choices = exchange.columns.choices.values()
    if not 0 < thought <= told or any(choice.reasoning or choice.tools for choice in choices):
        return None
    size, _ = _came(exchange)
    marked = any(think_tag(choice.fragments("content").text) for choice in choices)
    return None if size <= _BYTES * (told - thought) + _SLACK or marked else (thought, size)


@rule(
    "usage.enough", Level.SHOULD, "`completion_tokens` is high enough for the text that was sent.",
    sources.USAGE, all_of(ends_with("completion_tokens"), all_of(complete_answer, uncut)),
    good=(STREAM_USAGE, BODY, REASONING, replace_in_body(BODY, " help?", " help?" + 400 * "=")),
    bad=(
        replace_in_body(STREAM_USAGE, " help?", f" help?{_LONG}"),
        replace_in_body(BODY, " help?", f" help?{_LONG}"),
        replace_in_body(replace_in_body(BODY, " help?", " help? The sky is blue, since its light comes from all sides."), '"reasoning_tokens":0', '"reasoning_tokens":3'),
        replace_in_body(replace_in_body(REASONING, _GREET, f"{_GREET}{2 * _LONG}"), '"reasoning_tokens":8', '"reasoning_tokens":0'),
    ),
    depends_on=("chunk.present", "usage.positive", "sse.no-error", "http.complete"),
    explained_by=(
        "usage.at-end", "usage.grows", "usage.of-listed", "usage.sum", "usage.message", "usage.given", "usage.type", "usage.integers",
        "content.type", "chunk.choices", "chunk.delta",
    ),
    dialects=WITH_CHOICES,
)  # fmt: skip
def enough(exchange: Exchange) -> Iterator[Problem]:
    """
    Bills, budgets and limits of tokens per minute count only part of the output.

    Instead: Take the larger of the count and an estimate: `max(usage.completion_tokens, len(text.encode()) // 16)`.
    """
    usage = top_usages(exchange)[-1]
    prompt, total, tokens = usage.value.get(COUNTS[0]), usage.value.get(COUNTS[2]), usage.value[COUNTS[1]]
    told = total - prompt if is_count(total) and is_count(prompt) else tokens
    most = _BYTES * max(tokens, told) + _SLACK
    at = ((usage.chunk, f"{usage.pointer}/completion_tokens"),)
    text, all_of_it = _came(exchange) if bytes_that_came(exchange) > most else (0, 0)
    if text > most:
        yield Problem(f"completion_tokens is {tokens} for {text:,} bytes of text", at)
    elif all_of_it > most and not detail(usage, "reasoning_tokens"):
        said = f"completion_tokens is {tokens} for {text:,} bytes of text and {all_of_it - text:,} of reasoning"
        yield Problem(f"{said}, which is not counted", at, _WITHOUT_THOUGHT)
    elif thought := _thought_as_text(exchange, told, detail(usage, "reasoning_tokens")):
        said = f"{tokens} completion_tokens less {thought[0]} reasoning_tokens are few for {thought[1]:,} bytes of text"
        yield Problem(said, at, _THOUGHT_AS_TEXT)
    elif 0 <= told != tokens and bytes_that_came(exchange) > _BYTES * min(tokens, told) + _SLACK:
        raise Unread("usage.sum", "usage.proportion")
    else:
        raise Unread("usage.proportion")
