"""Checks whether usage is sent, how often, and in which chunk."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import (
    all_of,
    body,
    complete_answer,
    usage_all_along_asked,
    usage_asked,
    usage_not_asked,
    usage_once_due,
)
from harness.checks.chat.usages import (
    BESIDE_FINISH,
    COUNTS,
    FINISH,
    TOKENS,
    USAGE_CHUNK,
    counted_usages,
    has_usage,
    top_usages,
    usages_with_counts,
)
from harness.checks.kinds import KIND_PHRASES, n_of_m
from harness.checks.registry import rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import (
    BODY,
    STREAM,
    STREAM_USAGE,
    replace_in_body,
    replace_last_in_body,
    with_request_params,
)
from harness.wire.chat.chunks import Usage
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("chunk.present",)
_WHOLE = ("chunk.present", "sse.no-error", "http.complete")
_INSIDE = f'"finish_reason":"stop",{TOKENS}}}'

_CONTINUOUS = {"include_usage": True, "continuous_usage_stats": True}
_ALL_ALONG = with_request_params(
    replace_in_body(
        STREAM_USAGE, '"usage":null', '"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}'
    ),
    stream_options=_CONTINUOUS,
)

_IN_CHOICE = Advice(
    "`chunk.usage` stays None to the end: bills and budgets count nothing.",
    'Check the choices as well: `getattr(choice, "usage", None)` for each of `chunk.choices`; it is a dict there.',
)
_BOTH_PLACES = Advice(
    "Code that reads both choices and chunks counts it twice: 26 tokens instead of 13.",
    "Read it only at the top, not in the choices: `usage = chunk.usage or usage`.",
)
_BESIDE_CHOICES = Advice(
    "Usually nothing: the text is unchanged. Only code that treats a chunk with usage as the last one, or as one without text, "
    "loses the text beside it.",
    'Read the choices of every chunk whether it has usage or not: `text += choice.delta.content or ""` for each of '
    "`chunk.choices`.",
)
_ZEROS = Advice(
    "A client that takes the first usage it meets counts 0 tokens for the answer.",
    "Let each usage replace the one before it: `usage = chunk.usage or usage`.",
)


@rule(
    "usage.given", MUST, "`usage` is sent when the request asks for it.",
    sources.STREAM_OPTIONS, all_of(usage_asked, complete_answer),
    good=(STREAM_USAGE,),
    bad=(replace_in_body(STREAM_USAGE, f"data: {USAGE_CHUNK}", ""), replace_in_body(STREAM_USAGE, TOKENS, '"x_groq":{"id":"req",' + TOKENS + "}")),
    depends_on=_WHOLE, explained_by=("chunk.places", "usage.type"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def given(exchange: Exchange) -> Iterator[Problem]:
    """
    Bills and budgets count nothing.

    Instead: Store None, not 0; check `getattr(chunk, "x_groq", None)`, or count with a tokenizer.
    """
    if not usages_with_counts(exchange):
        elsewhere = exchange.columns.usages[0].pointer if exchange.columns.usages else None
        inside = exchange.columns.usages and exchange.columns.usages[0].placement == "choice"
        yield Problem(
            f"no chunk has usage{f', it is at {elsewhere}' if elsewhere else ''}",
            ((exchange.columns.last, ""),),
            _IN_CHOICE if inside else None,
        )


@rule(
    "usage.own-chunk", MUST, "Requested `usage` is sent in a chunk with empty `choices`.",
    sources.STREAM_OPTIONS, all_of(usage_asked, has_usage),
    good=(STREAM_USAGE,),
    bad=(BESIDE_FINISH, replace_in_body(STREAM_USAGE, '"choices":[]', '"choices":[{"index":0,"delta":{},"finish_reason":null}]')),
    depends_on=(*_READ, "usage.given"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def own_chunk(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that read usage only where choices is empty find none.

    Instead: Take it from any chunk, before any test of choices: `usage = chunk.usage or usage`.
    """
    usages = top_usages(exchange)
    if not any(usage.placement == "[]" for usage in usages):
        where = {"finish": "with the finish_reason", "choices": "beside choices"}.get(
            usages[-1].placement, "without choices"
        )
        yield Problem(f"usage came in a chunk {where}", ((usages[-1].chunk, "/usage"),))


@rule(
    "usage.null-elsewhere", MUST, "If `usage` is requested, the chunks before it have `usage: null`.",
    sources.STREAM_OPTIONS, all_of(usage_asked, has_usage),
    good=(STREAM_USAGE,),
    bad=(replace_in_body(STREAM_USAGE, ',"usage":null', ""), replace_in_body(STREAM_USAGE, '"usage":null', '"usage":{}', 1)),
    depends_on=(*_READ, "usage.given"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def null_elsewhere(exchange: Exchange) -> Iterator[Problem]:
    """
    `chunk["usage"]` raises KeyError if the key is absent; some clients add up an object that is on every chunk.

    Instead: Read it with a default, `chunk.get("usage")` in raw JSON, and keep the last one instead of a sum.
    """
    usage_at = top_usages(exchange)[-1].chunk
    for what, seen in exchange.columns.kinds("/usage").items():
        if what == "object" and len(top_usages(exchange)) > 1:
            yield from _without_counts(exchange)  # usage.once reports repeated counts
            continue
        # After the usage chunk OpenAI sends a moderation chunk without the key, if that was requested.
        if what == "null" or seen.first > usage_at or (seen.count == 1 and seen.first == usage_at):
            continue
        extra = seen.count - 1 if what == "object" else seen.count
        others = n_of_m(extra, exchange.columns.chunk_count - 1, "other chunk")
        yield Problem(f"usage is {KIND_PHRASES[what]} {others}", ((seen.first, "/usage"),))


def _without_counts(exchange: Exchange) -> Iterator[Problem]:
    for usage in top_usages(exchange):
        if usage.value and not usage.value.keys() & set(COUNTS):
            yield Problem("usage is an object without counts before the end", ((usage.chunk, usage.pointer),))
            return


@rule(
    "usage.not-unasked", SHOULD, "`usage` is not sent unless the request asks for it.",
    sources.CHUNK, usage_not_asked,
    good=(STREAM, replace_in_body(STREAM, '"choices":', '"usage":null,"choices":')),
    bad=(with_request_params(STREAM_USAGE, stream_options=None), with_request_params(BESIDE_FINISH, stream_options={"include_usage": False}), replace_in_body(STREAM, '"finish_reason":"stop"}', _INSIDE)),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def not_unasked(exchange: Exchange) -> Iterator[Problem]:
    """
    An unrequested chunk with empty choices: `chunk.choices[0]` raises IndexError.

    Instead: Always expect it: `if not chunk.choices: continue` before `chunk.choices[0]`.
    """
    usages = top_usages(exchange)
    alone = any(usage.placement == "[]" for usage in usages)
    inside = "" if usages else " inside a choice"
    usages = usages or counted_usages(exchange)
    if usages:
        have = "has" if len(usages) == 1 == exchange.columns.chunk_count else "have"
        yield Problem(
            f"{n_of_m(len(usages), exchange.columns.chunk_count, 'chunk')} {have} usage{inside}",
            ((usages[0].chunk, usages[0].pointer),),
            None if alone else _BESIDE_CHOICES,
        )


@rule(
    "usage.once", MUST, "`usage` is sent once in a stream.",
    sources.STREAM_OPTIONS, usage_once_due,
    good=(STREAM_USAGE, STREAM, replace_in_body(STREAM_USAGE, '"id":', '"x_groq":{"usage":{"total_tokens":13}},"id":')),
    bad=(replace_in_body(STREAM_USAGE, FINISH, f'"finish_reason":"stop"}}],{TOKENS}'), replace_in_body(STREAM_USAGE, '"finish_reason":"stop"}', _INSIDE)),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def once(exchange: Exchange) -> Iterator[Problem]:
    """
    `total += chunk.usage.total_tokens` counts the same tokens again.

    Instead: Keep the last usage instead of adding them up: `usage = chunk.usage or usage`.
    """
    usages = counted_usages(exchange)
    inside = {_choice_of(exchange, usage) for usage in usages} - {None}
    at_top = any(usage.placement != "choice" for usage in usages)
    # The choices of one response may have one each; more, or another at the top, are repetitions.
    if len(usages) > (1 if at_top else len(inside)):
        at = tuple((usage.chunk, usage.pointer) for usage in usages[:3])
        nothing = [usage for usage in usages if not any(usage.value.get(name) for name in COUNTS)]
        if not inside and len(nothing) == len(usages) - 1 and usages[-1] not in nothing:
            yield Problem(f"usage came {len(usages)} times, and all but the last count 0 tokens", at, _ZEROS)
            return
        where = " inside a choice" + " and at the top of a chunk," * at_top if inside else ""
        yield Problem(f"usage came{where} {len(usages)} times", at, _BOTH_PLACES if inside and at_top else None)


def _choice_of(exchange: Exchange, usage: Usage) -> int | None:
    """Return the index of the choice that contains a usage; None if it is at the top."""
    if usage.placement != "choice":
        return None
    position = int(usage.pointer.split("/")[2])
    index = exchange.chunk(usage.chunk)["choices"][position].get("index")
    return index if type(index) is int else position


@rule(
    "usage.all-along", SHOULD, "If the request asks for `usage` in every chunk, it is sent before the end.",
    sources.CONTINUOUS_USAGE, all_of(usage_all_along_asked, has_usage),
    good=(_ALL_ALONG,),
    bad=(with_request_params(STREAM_USAGE, stream_options=_CONTINUOUS),),
    depends_on=(*_READ, "usage.given"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def all_along(exchange: Exchange) -> Iterator[Problem]:
    """
    What was read of a stream that is closed early, or breaks off, is counted as nothing.

    Instead: Count what came yourself until a usage comes, and take that count where the stream ends early.
    """
    said = sorted(
        at for choice in exchange.columns.choices.values() for one in choice.channels.values() for at in one.chunks
    )
    usages = usages_with_counts(exchange)
    if len(said) > 1 and usages and usages[0].chunk > said[-1]:
        yield Problem(
            "usage was asked for in every chunk, and comes only after the last text", ((usages[0].chunk, "/usage"),)
        )


@rule(
    "usage.message", SHOULD, "A body has `usage`.",
    sources.BODY, body,
    good=(BODY,),
    bad=(replace_in_body(BODY, '"usage":', '"tokens":'), replace_last_in_body(BODY, BODY.response.body.decode().partition('"usage":')[2], "null}")),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def message(exchange: Exchange) -> Iterator[Problem]:
    """
    `response.usage.total_tokens` raises AttributeError.

    Instead: Guard it: `tokens = response.usage.total_tokens if response.usage else None`; None is not 0.
    """
    if not top_usages(exchange):
        yield Problem("the body has no usage", ((0, "/usage"),))
