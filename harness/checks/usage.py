"""Whether usage comes, how often, and in which chunk."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import all_of, body, complete_answer, usage_asked, usage_not_asked, usage_once_due
from harness.checks.kinds import KIND_PHRASES, n_of_m
from harness.checks.registry import rule
from harness.checks.usages import (
    BESIDE_FINISH,
    COUNTS,
    FINISH,
    TOKENS,
    USAGE_CHUNK,
    has_usage,
    top_usages,
    usages_with_counts,
)
from harness.results import Level, Problem
from harness.simulate.reference import (
    BODY,
    STREAM,
    STREAM_USAGE,
    replace_in_body,
    replace_last_in_body,
    with_request_params,
)
from harness.wire.exchange import Exchange

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("chunk.present",)
_WHOLE = ("chunk.present", "sse.no-error", "http.complete")


@rule(
    "usage.given", MUST, "Usage comes when it was asked for.",
    sources.STREAM_OPTIONS, all_of(usage_asked, complete_answer),
    good=(STREAM_USAGE,),
    bad=(replace_in_body(STREAM_USAGE, f"data: {USAGE_CHUNK}", ""), replace_in_body(STREAM_USAGE, TOKENS, '"x_groq":{"id":"req",' + TOKENS + "}")),
    depends_on=_WHOLE,
)  # fmt: skip
def given(exchange: Exchange) -> Iterator[Problem]:
    """
    Bills and budgets count nothing.

    Instead: Store None, not 0; look at `getattr(chunk, "x_groq", None)`, and else count with a tokenizer.
    """
    if not usages_with_counts(exchange):
        elsewhere = exchange.columns.usages[0].pointer if exchange.columns.usages else None
        yield Problem(
            f"no chunk has usage{f', it is at {elsewhere}' if elsewhere else ''}", ((exchange.columns.last, ""),)
        )


@rule(
    "usage.own-chunk", MUST, "Usage that was asked for comes in a chunk with empty choices.",
    sources.STREAM_OPTIONS, all_of(usage_asked, has_usage),
    good=(STREAM_USAGE,),
    bad=(BESIDE_FINISH, replace_in_body(STREAM_USAGE, '"choices":[]', '"choices":[{"index":0,"delta":{},"finish_reason":null}]')),
    depends_on=(*_READ, "usage.given"),
)  # fmt: skip
def own_chunk(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that read usage only where choices is empty find none.

    Instead: Take it from any chunk, ahead of all tests of choices: `usage = chunk.usage or usage`.
    """
    usages = top_usages(exchange)
    if not any(usage.placement == "[]" for usage in usages):
        where = {"finish": "with the finish_reason", "choices": "beside choices"}.get(
            usages[-1].placement, "without choices"
        )
        yield Problem(f"usage came in a chunk {where}", ((usages[-1].chunk, "/usage"),))


@rule(
    "usage.null-elsewhere", MUST, "Chunks before the usage have the key usage, null, when it was asked for.",
    sources.STREAM_OPTIONS, all_of(usage_asked, has_usage),
    good=(STREAM_USAGE,),
    bad=(replace_in_body(STREAM_USAGE, ',"usage":null', ""), replace_in_body(STREAM_USAGE, '"usage":null', '"usage":{}', 1)),
    depends_on=(*_READ, "usage.given"),
)  # fmt: skip
def null_elsewhere(exchange: Exchange) -> Iterator[Problem]:
    """
    `chunk["usage"]` raises KeyError where the key is absent; an object on every chunk is added up by some.

    Instead: Read it with a default, `chunk.get("usage")` in raw JSON, and keep the last one instead of a sum.
    """
    usage_at = top_usages(exchange)[-1].chunk
    for what, seen in exchange.columns.kinds("/usage").items():
        if what == "object" and len(top_usages(exchange)) > 1:
            yield from _without_counts(exchange)  # counts that come again are the business of usage.once
            continue
        # After the usage chunk OpenAI sends a moderation chunk without the key, when that was asked for.
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
    "usage.not-unasked", MUST, "No usage comes in a stream that did not ask for it.",
    sources.CHUNK, usage_not_asked,
    good=(STREAM, replace_in_body(STREAM, '"choices":', '"usage":null,"choices":')),
    bad=(with_request_params(STREAM_USAGE, stream_options=None), with_request_params(BESIDE_FINISH, stream_options={"include_usage": False})),
    depends_on=_READ,
)  # fmt: skip
def not_unasked(exchange: Exchange) -> Iterator[Problem]:
    """
    A chunk with empty choices that nobody asked for: `chunk.choices[0]` raises IndexError.

    Instead: Expect it always: `if not chunk.choices: continue` before `chunk.choices[0]`.
    """
    usages = top_usages(exchange)
    if usages:
        yield Problem(
            f"{n_of_m(len(usages), exchange.columns.chunk_count, 'chunk')} have usage", ((usages[0].chunk, "/usage"),)
        )


@rule(
    "usage.once", MUST, "Usage comes once in a stream.",
    sources.STREAM_OPTIONS, usage_once_due,
    good=(STREAM_USAGE, STREAM, replace_in_body(STREAM_USAGE, '"id":', '"x_groq":{"usage":{"total_tokens":13}},"id":')),
    bad=(replace_in_body(STREAM_USAGE, FINISH, f'"finish_reason":"stop"}}],{TOKENS}'),),
    depends_on=_READ,
)  # fmt: skip
def once(exchange: Exchange) -> Iterator[Problem]:
    """
    `total += chunk.usage.total_tokens` counts it again: a bill of 42 tokens for 12.

    Instead: Keep the last usage instead of adding them up: `usage = chunk.usage or usage`.
    """
    usages = usages_with_counts(exchange)
    if len(usages) > 1:
        yield Problem(f"usage came {len(usages)} times", tuple((u.chunk, u.pointer) for u in usages[:3]))


@rule(
    "usage.message", SHOULD, "A body has usage.",
    sources.BODY, body,
    good=(BODY,),
    bad=(replace_in_body(BODY, '"usage":', '"tokens":'), replace_last_in_body(BODY, BODY.response.body.decode().partition('"usage":')[2], "null}")),
    depends_on=_READ,
)  # fmt: skip
def message(exchange: Exchange) -> Iterator[Problem]:
    """
    `response.usage.total_tokens` raises AttributeError.

    Instead: Guard it: `tokens = response.usage.total_tokens if response.usage else None`; None is not 0.
    """
    if not top_usages(exchange):
        yield Problem("the body has no usage", ((0, "/usage"),))
