"""Checks whether prompt counts are consistent with the prompts, across exchanges."""

from collections.abc import Iterator
from dataclasses import replace

from harness.checks import sources
from harness.checks.applies import request_known
from harness.checks.chat.usages import COUNTS, detail, is_count
from harness.checks.registry import NotApplicable, Reason, Unread, observation, rule
from harness.checks.sizes import BEYOND, too_long_for, words_beyond
from harness.results import Level, Problem
from harness.simulate.reference import BODY, STREAM_USAGE, ask, in_archive, replace_in_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.siblings import Sibling

_TIMES, _BEYOND = 8, 1_000
"""
Upper bounds for the difference of two prompts with equal counts, as a factor and in bytes: 8 times is words against
single letters.
"""
_LONG = ask("How is bread baked? " * 100)
_SHORT = replace_in_body(
    ask("Please tell me in one short sentence which city is the capital of France."),
    '"prompt_tokens":9,"completion_tokens":4,"total_tokens":13',
    '"prompt_tokens":1,"completion_tokens":4,"total_tokens":5',
)
_COUNTED = replace_in_body(
    _LONG,
    '"prompt_tokens":9,"completion_tokens":4,"total_tokens":13',
    '"prompt_tokens":509,"completion_tokens":4,"total_tokens":513',
)


def _counted(exchange: Exchange) -> Reason | None:
    """A response with the count of a text-only prompt, after others of the same model."""
    one = exchange.facts
    unread = NotApplicable("no prompt_tokens came that are an integer", "not-present")
    found = request_known(exchange) or (None if type(one.prompt_tokens) is int else unread)
    return found or (None if one.prompt_bytes and not one.altered else "the size of the prompt is not known")


def _apart(one: Sibling, other: Sibling) -> bool:
    short, long = sorted((one.prompt_bytes, other.prompt_bytes))
    return not other.altered and long > _TIMES * short and long - short > _BEYOND


@rule(
    "usage.prompt-moves", Level.SHOULD, "`prompt_tokens` changes with the length of the prompt.",
    sources.USAGE, _counted,
    good=(in_archive(_COUNTED, BODY), in_archive(STREAM_USAGE, _COUNTED)),
    bad=(in_archive(_LONG, BODY), in_archive(BODY, _LONG), _LONG, _SHORT),
    depends_on=("chunk.present",),
    explained_by=("usage.message", "usage.given", "usage.type", "usage.integers", "usage.positive"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def prompt_moves(exchange: Exchange) -> Iterator[Problem]:
    """
    The bill does not match what was sent, and agents that watch the context window overrun it.

    Instead: Count the prompt with a tokenizer before it is sent; where none is known, take
    `len(json.dumps(messages)) // 4`.
    """
    one, usage = exchange.facts, exchange.columns.usages[-1]
    place = (usage.chunk, f"{usage.pointer}/prompt_tokens")
    counted = one.prompt_tokens + max(0, detail(usage, "cached_tokens"))
    said = too_long_for(counted, exchange)
    if said:
        yield Problem(f"prompt_tokens is {one.prompt_tokens} for messages of {said:,} bytes", (place,))
        return
    words = words_beyond(counted, exchange)
    if words:
        yield Problem(f"prompt_tokens is {one.prompt_tokens} for messages of {words:,} words", (place,))
        return
    for other in exchange.before.with_prompt_tokens(one):
        if _apart(one, other):
            sizes = " and ".join(f"{size:,}" for size in sorted((one.prompt_bytes, other.prompt_bytes)))
            yield Problem(f"prompt_tokens is {one.prompt_tokens} for prompts of {sizes} bytes", (place,))
            return
    raise Unread(*_hiding(exchange))


def _hiding(exchange: Exchange) -> Iterator[str]:
    """Yield the rules that report an implausible prompt count: if they fail, the real count may be another."""
    one, usage = exchange.facts, exchange.columns.usages[-1]
    if one.prompt_tokens <= 0:
        yield "usage.positive"
    if one.prompt_tokens > one.prompt_bytes + BEYOND:
        yield "usage.proportion"
    if too_long_for(one.prompt_tokens, exchange):
        yield "usage.within-totals"
    output, total = (usage.value.get(name) for name in COUNTS[1:])
    told = total - output if is_count(output) and is_count(total) else one.prompt_tokens
    if told != one.prompt_tokens and _too_few(told, exchange):
        yield "usage.sum"


def _too_few(tokens: int, exchange: Exchange) -> bool:
    """Return whether a count would be too small for the prompt, or equal to that of a very different prompt."""
    one = replace(exchange.facts, prompt_tokens=tokens)
    return bool(too_long_for(tokens, exchange)) or any(
        _apart(one, other) for other in exchange.before.with_prompt_tokens(one)
    )


@observation(
    "usage.prompt-beyond", "Whether the prompt is counted with more tokens than it has bytes.",
    sources.USAGE, _counted,
    good=(BODY, STREAM_USAGE),
    bad=(replace_in_body(BODY, '"prompt_tokens":9,"completion_tokens":4,"total_tokens":13', '"prompt_tokens":21000,"completion_tokens":4,"total_tokens":21004'),),
    depends_on=("chunk.present",),
    harmful=lambda value: value != "in proportion",
    dialects=WITH_CHOICES,
)  # fmt: skip
def prompt_beyond(exchange: Exchange) -> str:
    """
    You pay for tokens you did not send, and they take room in the context: a hidden prompt, searched pages, or a
    wrong count.

    Instead: Compare with what you sent, `usage.prompt_tokens > len(json.dumps(messages)) + 1000`, and ask the provider.
    """
    one = exchange.facts
    return "more tokens than bytes" if one.prompt_tokens > one.prompt_bytes + BEYOND else "in proportion"
