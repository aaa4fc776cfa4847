"""Token counts: where they come, and whether they add up."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from harness.checks import sources
from harness.checks.applies import (
    NotSeen,
    answered,
    body,
    both,
    cap_of,
    entire,
    stream,
    usage_asked,
    usage_not_asked,
)
from harness.checks.kinds import WORDS, counted, wrong_kinds
from harness.checks.registry import observation, rule
from harness.results import Level, Problem
from harness.simulate.reference import BODY, REASONING, STREAM, STREAM_USAGE, asked, swap, swap_last
from harness.wire.chunks import Usage
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange
from harness.wire.shapes import Kind

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("chunk.present",)
_WHOLE = ("chunk.present", "sse.no-error", "http.complete")
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_DETAILS = {
    "prompt_tokens_details": ("audio_tokens", "cached_tokens", "text_tokens", "image_tokens", "cache_write_tokens"),
    "completion_tokens_details": (
        "accepted_prediction_tokens", "audio_tokens", "reasoning_tokens", "text_tokens", "rejected_prediction_tokens",
    ),
}  # fmt: skip
_CHUNK = STREAM_USAGE.response.body.decode().split("data: ")[-2]
_TOKENS = _CHUNK[_CHUNK.index('"usage":') :].rstrip()[:-1]
_FINISH = '"finish_reason":"stop"}],"usage":null'
_BESIDE_FINISH = swap(swap(STREAM_USAGE, f"data: {_CHUNK}", ""), _FINISH, f'"finish_reason":"stop"}}],{_TOKENS}')
_GROWING = swap(STREAM_USAGE, '"usage":null', '"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}')


def _given(exchange: Exchange) -> str | None:
    return answered(exchange) or (None if _top(exchange) else NotSeen("no usage came"))


def _top(exchange: Exchange) -> list[Usage]:
    return [usage for usage in exchange.columns.usages if usage.pointer == "/usage"]


def _counted(exchange: Exchange) -> list[Usage]:
    return [usage for usage in _top(exchange) if usage.value.keys() & set(_COUNTS)]


@rule(
    "usage.given", MUST, "Usage comes when it was asked for.",
    sources.STREAM_OPTIONS, both(usage_asked, entire),
    good=(STREAM_USAGE,),
    bad=(swap(STREAM_USAGE, f"data: {_CHUNK}", ""), swap(STREAM_USAGE, _TOKENS, '"x_groq":{"id":"req",' + _TOKENS + "}")),
    needs=_WHOLE,
)  # fmt: skip
def given(exchange: Exchange) -> Iterator[Problem]:
    """
    Bills and budgets count nothing.

    Instead: Store None, not 0; look at `getattr(chunk, "x_groq", None)`, and else count with a tokenizer.
    """
    if not _counted(exchange):
        elsewhere = exchange.columns.usages[0].pointer if exchange.columns.usages else None
        yield Problem(
            f"no chunk has usage{f', it is at {elsewhere}' if elsewhere else ''}", ((exchange.columns.last, ""),)
        )


@rule(
    "usage.own-chunk", MUST, "Usage that was asked for comes in a chunk with empty choices.",
    sources.STREAM_OPTIONS, usage_asked,
    good=(STREAM_USAGE,),
    bad=(_BESIDE_FINISH, swap(STREAM_USAGE, '"choices":[]', '"choices":[{"index":0,"delta":{},"finish_reason":null}]')),
    needs=(*_READ, "usage.given"),
)  # fmt: skip
def own_chunk(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that read usage only where choices is empty find none.

    Instead: Take it from any chunk, ahead of all tests of choices: `usage = chunk.usage or usage`.
    """
    usages = _top(exchange)
    if not any(usage.beside == "[]" for usage in usages):
        where = {"finish": "with the finish_reason", "choices": "beside choices"}.get(
            usages[-1].beside, "without choices"
        )
        yield Problem(f"usage came in a chunk {where}", ((usages[-1].chunk, "/usage"),))


@rule(
    "usage.null-elsewhere", MUST, "Chunks before the usage have the key usage, null, when it was asked for.",
    sources.STREAM_OPTIONS, usage_asked,
    good=(STREAM_USAGE,),
    bad=(swap(STREAM_USAGE, ',"usage":null', ""), swap(STREAM_USAGE, '"usage":null', '"usage":{}', 1)),
    needs=(*_READ, "usage.given"),
)  # fmt: skip
def null_elsewhere(exchange: Exchange) -> Iterator[Problem]:
    """
    `chunk["usage"]` raises KeyError where the key is absent; an object on every chunk is added up by some.

    Instead: Read it with a default, `chunk.get("usage")` in raw JSON, and keep the last one instead of a sum.
    """
    usage_at = _top(exchange)[-1].chunk
    for what, seen in exchange.columns.kinds("/usage").items():
        if what == "object" and len(_top(exchange)) > 1:
            yield from _without_counts(exchange)  # counts that come again are the business of usage.once
            continue
        # After the usage chunk OpenAI sends a moderation chunk without the key, when that was asked for.
        if what == "null" or seen.first > usage_at or (seen.count == 1 and seen.first == usage_at):
            continue
        extra = seen.count - 1 if what == "object" else seen.count
        others = counted(extra, exchange.columns.objects - 1, "other chunk")
        yield Problem(f"usage is {WORDS[what]} {others}", ((seen.first, "/usage"),))


def _without_counts(exchange: Exchange) -> Iterator[Problem]:
    for usage in _top(exchange):
        if usage.value and not usage.value.keys() & set(_COUNTS):
            yield Problem("usage is an object without counts before the end", ((usage.chunk, usage.pointer),))
            return


@rule(
    "usage.not-unasked", MUST, "No usage comes in a stream that did not ask for it.",
    sources.CHUNK, usage_not_asked,
    good=(STREAM, swap(STREAM, '"choices":', '"usage":null,"choices":')),
    bad=(asked(STREAM_USAGE, stream_options=None), asked(_BESIDE_FINISH, stream_options={"include_usage": False})),
    needs=_READ,
)  # fmt: skip
def not_unasked(exchange: Exchange) -> Iterator[Problem]:
    """
    A chunk with empty choices that nobody asked for: `chunk.choices[0]` raises IndexError.

    Instead: Expect it always: `if not chunk.choices: continue` before `chunk.choices[0]`.
    """
    usages = _top(exchange)
    if usages:
        yield Problem(
            f"{counted(len(usages), exchange.columns.objects, 'chunk')} have usage", ((usages[0].chunk, "/usage"),)
        )


@rule(
    "usage.once", MUST, "Usage comes once in a stream.",
    sources.STREAM_OPTIONS, stream,
    good=(STREAM_USAGE, STREAM, swap(STREAM_USAGE, '"id":', '"x_groq":{"usage":{"total_tokens":13}},"id":')),
    bad=(swap(STREAM_USAGE, _FINISH, f'"finish_reason":"stop"}}],{_TOKENS}'),),
    needs=_READ,
)  # fmt: skip
def once(exchange: Exchange) -> Iterator[Problem]:
    """
    `total += chunk.usage.total_tokens` counts it again: a bill of 42 tokens for 12.

    Instead: Keep the last usage instead of adding them up: `usage = chunk.usage or usage`.
    """
    usages = _counted(exchange)
    if len(usages) > 1:
        yield Problem(f"usage came {len(usages)} times", tuple((u.chunk, u.pointer) for u in usages[:3]))


@rule(
    "usage.message", SHOULD, "A body has usage.",
    sources.BODY, body,
    good=(BODY,),
    bad=(swap(BODY, '"usage":', '"tokens":'), swap_last(BODY, BODY.response.body.decode().partition('"usage":')[2], "null}")),
    needs=_READ,
)  # fmt: skip
def message(exchange: Exchange) -> Iterator[Problem]:
    """
    `response.usage.total_tokens` raises AttributeError.

    Instead: Guard it: `tokens = response.usage.total_tokens if response.usage else None`; None is not 0.
    """
    if not _top(exchange):
        yield Problem("the body has no usage", ((0, "/usage"),))


@rule(
    "usage.type", MUST, "usage is an object; in a stream, or null.",
    sources.USAGE, answered,
    good=(STREAM_USAGE, STREAM, BODY),
    bad=(swap(STREAM_USAGE, '"usage":null', '"usage":"none"', 1), swap(BODY, _TOKENS[: _TOKENS.index("{")], '"usage":[],"tokens":')),
    needs=_READ,
)  # fmt: skip
def usage_type(exchange: Exchange) -> Iterator[Problem]:
    """
    `chunk.usage.total_tokens` raises AttributeError.

    Instead: Take it only if it is an object: `isinstance(chunk.usage, CompletionUsage)`.
    """
    optional: set[Kind] = {"object", "{}", "missing"}
    yield from wrong_kinds(exchange, "/usage", optional | {"null"} if exchange.streams else optional)


@rule(
    "usage.integers", MUST, "prompt_tokens, completion_tokens and total_tokens are whole numbers from 0.",
    sources.USAGE, _given,
    good=(STREAM_USAGE, BODY),
    bad=(swap(BODY, '"prompt_tokens":9,', ""), swap(STREAM_USAGE, '"total_tokens":13', '"total_tokens":"13"'), swap(BODY, '"completion_tokens":4', '"completion_tokens":null')),
    needs=_READ,
)  # fmt: skip
def integers(exchange: Exchange) -> Iterator[Problem]:
    """
    Adding them up raises TypeError or KeyError.

    Instead: Convert with a default, `int(usage.prompt_tokens or 0)`, and show the sum as an estimate.
    """
    for usage in _top(exchange):
        wrong = [name for name in _COUNTS if type(usage.value.get(name)) is not int or usage.value[name] < 0]
        if wrong:
            shown = ", ".join(f"{name} is {_shown(usage.value, name)}" for name in wrong)
            yield Problem(shown, ((usage.chunk, f"{usage.pointer}/{wrong[0]}"),))
            return


def _shown(value: dict[str, Any], name: str) -> str:
    return json_text(value[name]) if name in value else "absent"


@rule(
    "usage.sum", MUST, "total_tokens is prompt_tokens plus completion_tokens.",
    sources.USAGE, _given,
    good=(STREAM_USAGE, BODY),
    bad=(swap(BODY, '"total_tokens":13', '"total_tokens":303'), swap(STREAM_USAGE, '"completion_tokens":4', '"completion_tokens":1')),
    needs=("usage.integers",),
)  # fmt: skip
def total(exchange: Exchange) -> Iterator[Problem]:
    """
    Reasoning left out of completion_tokens: cost computed from the parts is too low.

    Instead: Count output as `max(usage.completion_tokens, usage.total_tokens - usage.prompt_tokens)`, so that
    cost is not too low.
    """
    for usage in _top(exchange):
        prompt, completion, summed = (usage.value[name] for name in _COUNTS)
        if prompt + completion != summed:
            yield Problem(f"{prompt} + {completion} is not {summed}", ((usage.chunk, f"{usage.pointer}/total_tokens"),))
            return


@rule(
    "usage.positive", SHOULD, "Tokens are counted where text came.",
    sources.USAGE, _given,
    good=(STREAM_USAGE, BODY),
    bad=(swap(BODY, '"completion_tokens":4,"total_tokens":13', '"completion_tokens":0,"total_tokens":9'), swap(BODY, '"prompt_tokens":9,"completion_tokens":4,"total_tokens":13', '"prompt_tokens":0,"completion_tokens":4,"total_tokens":4')),
    needs=("usage.integers", "chunk.choices", "chunk.choices-not-empty", "chunk.delta", "content.type", "content.key-present", "content.said"),
)  # fmt: skip
def positive(exchange: Exchange) -> Iterator[Problem]:
    """
    Bills and budgets count nothing.

    Instead: Take a 0 beside text for unknown, and estimate the count with a tokenizer such as tiktoken.
    """
    usage = _top(exchange)[-1]
    said = any(choice.channels for choice in exchange.columns.choices.values())
    empty = [name for name in _COUNTS[:2] if said and usage.value[name] == 0]
    if empty:
        yield Problem(f"{' and '.join(empty)} is 0 though text came", ((usage.chunk, f"{usage.pointer}/{empty[0]}"),))


@rule(
    "usage.details", MUST, "The details of usage are objects where they are given.",
    sources.USAGE, _given,
    good=(STREAM_USAGE, BODY, swap(BODY, '"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},', "")),
    bad=(swap(BODY, '"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0}', '"prompt_tokens_details":null'), swap(BODY, '"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}', '"completion_tokens_details":[]')),
    needs=_READ,
)  # fmt: skip
def details(exchange: Exchange) -> Iterator[Problem]:
    """
    `usage.prompt_tokens_details.cached_tokens` raises AttributeError on null.

    Instead: Guard it: `getattr(usage.prompt_tokens_details, "cached_tokens", None) or 0`.
    """
    for usage in _top(exchange):
        for name in ("prompt_tokens_details", "completion_tokens_details"):
            if name in usage.value and not isinstance(usage.value[name], dict):
                shown = "null" if usage.value[name] is None else "no object"
                yield Problem(f"{name} is {shown}", ((usage.chunk, f"{usage.pointer}/{name}"),))
                return


@rule(
    "usage.within-totals", SHOULD, "Cached and reasoning tokens lie within their totals.",
    sources.USAGE, _given,
    good=(STREAM_USAGE, REASONING),
    bad=(swap(REASONING, '"reasoning_tokens":8', '"reasoning_tokens":80'), swap(BODY, '"cached_tokens":0', '"cached_tokens":10')),
    needs=("usage.integers",),
)  # fmt: skip
def within_totals(exchange: Exchange) -> Iterator[Problem]:
    """
    Cost computed as total minus part turns negative.

    Instead: Clamp before subtracting: `cached = min(cached, usage.prompt_tokens)`.
    """
    for usage in _top(exchange):
        for whole, part in (("prompt_tokens", "cached_tokens"), ("completion_tokens", "reasoning_tokens")):
            inner = usage.value.get(f"{whole}_details")
            count = inner.get(part) if isinstance(inner, dict) else None
            if isinstance(count, int) and count > usage.value[whole]:
                yield Problem(
                    f"{part} is {count}, {whole} is {usage.value[whole]}",
                    ((usage.chunk, f"{usage.pointer}/{whole}_details/{part}"),),
                )
                return


@observation(
    "usage.place", "Where usage comes in a stream, asked for or not.",
    sources.STREAM_OPTIONS, stream,
    good=(STREAM_USAGE,),
    bad=(STREAM, _BESIDE_FINISH, swap(STREAM_USAGE, '"choices":[]', '"choices":[{"index":0,"delta":{},"finish_reason":null}]')),
    needs=_READ,
)  # fmt: skip
def place(exchange: Exchange) -> str:
    """
    Own chunk, last chunk, every chunk: each needs other client code, and adding up is wrong in the third.

    Instead: Put `usage = chunk.usage or usage` at the top of the loop and read to the end; never add up.
    """
    names = {"[]": "own chunk", "finish": "finish chunk", "choices": "beside choices", "choice": "inside a choice"}
    usages = exchange.columns.usages
    at_top = _top(exchange)
    if len(at_top) > 1 and len(at_top) == exchange.columns.objects:
        seen = ["every chunk"]
    else:
        seen = list(
            dict.fromkeys("x_groq" if u.pointer == "/x_groq/usage" else names.get(u.beside, u.beside) for u in usages)
        )
    unknown = "" if exchange.request.json is not None else " (request unknown)"
    return (" + ".join(seen) or "none") + (unknown or ("" if exchange.request.include_usage else " (not asked)"))


@rule(
    "usage.before-done", MUST, "Usage comes before [DONE].",
    sources.STREAM_OPTIONS, both(usage_asked, entire),
    good=(STREAM_USAGE,),
    bad=(swap(swap(STREAM_USAGE, f"data: {_CHUNK}", ""), "data: [DONE]\n\n", f"data: [DONE]\n\ndata: {_CHUNK}"),),
    needs=(*_WHOLE, "usage.given"),
)  # fmt: skip
def before_done(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients stop reading at the mark and count nothing.

    Instead: Read to the end of the connection where usage has not come.
    """
    done = exchange.reading.done[0] if exchange.reading.done else None
    late = [usage for usage in _counted(exchange) if done is not None and usage.chunk > done]
    if late:
        yield Problem("usage comes after [DONE]", ((late[0].chunk, "/usage"),))


@rule(
    "usage.grows", SHOULD, "Usage that comes again and again never falls.",
    sources.REFERENCE, both(stream, _given),
    good=(STREAM_USAGE,),
    bad=(swap(_GROWING, '"completion_tokens":1,"total_tokens":10', '"completion_tokens":5,"total_tokens":14', 1),),
    needs=("usage.integers", "sse.no-error"),
)  # fmt: skip
def grows(exchange: Exchange) -> Iterator[Problem]:
    """
    Neither the last one nor the sum of all is the bill.

    Instead: Keep the largest, and compare with the provider's own statement.
    """
    for before, after in pairwise(_top(exchange)):
        if after.value["completion_tokens"] < before.value["completion_tokens"]:
            counts = f"{before.value['completion_tokens']} to {after.value['completion_tokens']}"
            yield Problem(
                f"completion_tokens falls from {counts}", ((after.chunk, f"{after.pointer}/completion_tokens"),)
            )
            return


@rule(
    "usage.within-cap", MUST, "completion_tokens is no more than the cap that was sent.",
    sources.REQUEST, lambda x: _given(x) or (None if type(cap_of(x)) is int else "no cap was sent"),
    good=(asked(BODY, max_completion_tokens=5), asked(STREAM_USAGE, max_tokens=100)),
    bad=(asked(BODY, max_completion_tokens=3), asked(STREAM_USAGE, max_tokens=1)),
    needs=("usage.integers",),
)  # fmt: skip
def within_cap(exchange: Exchange) -> Iterator[Problem]:
    """
    The cap holds down neither the bill nor the wait: it is ignored, or does not count the reasoning.

    Instead: Close the stream when enough has come.
    """
    choices = max(1, len(exchange.columns.choices))
    usage = _top(exchange)[-1]
    tokens, cap = usage.value["completion_tokens"], cap_of(exchange)
    if tokens > cap * choices:
        yield Problem(
            f"completion_tokens is {tokens}, the cap {cap}", ((usage.chunk, f"{usage.pointer}/completion_tokens"),)
        )


@rule(
    "usage.detail-counts", MUST, "The counts in the details of usage are whole numbers from 0.",
    sources.USAGE, _given,
    good=(STREAM_USAGE, BODY, REASONING),
    bad=(swap(BODY, '"cached_tokens":0', '"cached_tokens":null'), swap(STREAM_USAGE, '"reasoning_tokens":0', '"reasoning_tokens":"0"'), swap(BODY, '"cached_tokens":0', '"cached_tokens":-1')),
    needs=(*_READ, "usage.details"),
)  # fmt: skip
def detail_counts(exchange: Exchange) -> Iterator[Problem]:
    """
    `total - details.cached_tokens` raises TypeError on null.

    Instead: Read each with `or 0`.
    """
    for usage in _top(exchange):
        for name, counts in _DETAILS.items():
            inner = usage.value.get(name) or {}
            for key in counts:
                if key in inner and (type(inner[key]) is not int or inner[key] < 0):
                    place = (usage.chunk, f"{usage.pointer}/{name}/{key}")
                    yield Problem(f"{key} is {_shown(inner, key)}", (place,))
                    return


@observation(
    "usage.vendor-keys", "Keys of usage that the specification does not name.",
    sources.USAGE, _given,
    good=(STREAM_USAGE, BODY),
    bad=(swap(BODY, '"prompt_tokens":9', '"prompt_cache_hit_tokens":0,"prompt_tokens":9'), swap(STREAM_USAGE, '"cached_tokens":0', '"cached_tokens":0,"image_count":0')),
    needs=_READ,
)  # fmt: skip
def vendor_keys(exchange: Exchange) -> str:
    """
    Legal; what is cached, or searched for, is billed by these, and generic clients do not see them.

    Instead: Keep the raw usage object beside the counts you know.
    """
    names: dict[str, None] = {}
    for usage in _top(exchange):
        names |= dict.fromkeys(key for key in usage.value if key not in {*_COUNTS, *_DETAILS})
        for name, known in _DETAILS.items():
            inner = usage.value.get(name)
            names |= dict.fromkeys(key for key in inner if key not in known) if isinstance(inner, dict) else {}
    return ", ".join(sorted(names)) or "none"
