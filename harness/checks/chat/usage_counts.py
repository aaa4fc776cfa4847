"""Checks the values of usage: counts, their sums and limits; and its place in a stream."""

import re
from collections.abc import Iterator
from typing import Any

from harness.checks import sources
from harness.checks.applies import all_of, cap_of, complete_answer, stream, success_status, uncut, usage_asked
from harness.checks.chat.usages import (
    BESIDE_FINISH,
    COUNTS,
    TOKENS,
    USAGE_CHUNK,
    ends_with,
    has_usage,
    is_count,
    top_usages,
    usages_with_counts,
)
from harness.checks.kinds import wrong_kinds
from harness.checks.registry import Unread, observation, rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, REASONING, STREAM, STREAM_USAGE, replace_in_body, with_request_params
from harness.wire.dialect import WITH_CHOICES
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange
from harness.wire.shapes import Kind, as_object

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("chunk.present",)
_WHOLE = ("chunk.present", "sse.no-error", "http.complete")
_DETAILS = {
    "prompt_tokens_details": ("audio_tokens", "cached_tokens", "text_tokens", "image_tokens", "cache_write_tokens"),
    "completion_tokens_details": (
        "accepted_prediction_tokens", "audio_tokens", "reasoning_tokens", "text_tokens", "rejected_prediction_tokens",
    ),
}  # fmt: skip
_IN_CAMEL_CASE = Advice(
    "The SDK reads the count as None: cached tokens are billed in full, and reasoning tokens are not seen.",
    'Read both spellings: `getattr(details, "cached_tokens", None) or getattr(details, "cachedTokens", 0)`.',
)
_NAMED_OTHERWISE = "Bills and budgets count nothing: the SDK reads prompt_tokens and completion_tokens as None, or raises AttributeError."
_OTHER_NAMES = (
    (("input_tokens", "output_tokens"), Advice(
        _NAMED_OTHERWISE,
        'If it is absent, read the other name: `getattr(usage, "prompt_tokens", None) or usage.input_tokens`.',
    )),
    (("promptTokens", "completionTokens", "totalTokens"), Advice(
        _NAMED_OTHERWISE,
        'If it is absent, read the other name: `getattr(usage, "prompt_tokens", None) or usage.promptTokens`.',
    )),
    (("prompt_eval_count", "eval_count"), Advice(
        _NAMED_OTHERWISE,
        'If it is absent, read the other name: `getattr(usage, "prompt_tokens", None) or usage.prompt_eval_count`.',
    )),
)  # fmt: skip
"""Names of the counts in Messages and Responses, in the AI SDK, and in Ollama's own dialect."""

_NO_COUNT = Advice(
    "Totals go down, or to 18 trillion: the number marks an unknown count, or is a negative one without its sign.",
    "Treat impossible values as unknown: `tokens if 0 <= tokens < 10**9 else None`.",
)


@rule(
    "usage.type", MUST, "`usage` is an object, or in a stream `null`.",
    sources.USAGE, success_status,
    good=(STREAM_USAGE, STREAM, BODY),
    bad=(replace_in_body(STREAM_USAGE, '"usage":null', '"usage":"none"', 1), replace_in_body(BODY, TOKENS[: TOKENS.index("{")], '"usage":[],"tokens":')),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def usage_type(exchange: Exchange) -> Iterator[Problem]:
    """
    `chunk.usage.total_tokens` raises AttributeError.

    Instead: Use it only if it is an object: `isinstance(chunk.usage, CompletionUsage)`.
    """
    optional: set[Kind] = {"object", "{}", "missing"}
    yield from wrong_kinds(exchange, "/usage", optional | {"null"} if exchange.is_stream else optional)


@rule(
    "usage.integers", MUST, "`prompt_tokens`, `completion_tokens` and `total_tokens` are integers of 0 or more.",
    sources.USAGE, has_usage,
    good=(STREAM_USAGE, BODY),
    bad=(replace_in_body(BODY, '"prompt_tokens":9,', ""), replace_in_body(STREAM_USAGE, '"total_tokens":13', '"total_tokens":"13"'), replace_in_body(BODY, '"completion_tokens":4', '"completion_tokens":null'), replace_in_body(replace_in_body(BODY, '"prompt_tokens"', '"input_tokens"'), '"completion_tokens"', '"output_tokens"')),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def integers(exchange: Exchange) -> Iterator[Problem]:
    """
    Adding them up raises TypeError or KeyError.

    Instead: Convert with a default, `int(usage.prompt_tokens or 0)`, and show the sum as an estimate.
    """
    for usage in top_usages(exchange):
        wrong = [name for name in COUNTS if not is_count(usage.value.get(name))]
        if wrong:
            shown = ", ".join(f"{name} is {_shown(usage.value, name)}" for name in wrong)
            numbers = all(type(usage.value.get(name)) is int for name in wrong)
            named, advice = _other_names(usage.value, wrong)
            place = ((usage.chunk, f"{usage.pointer}/{wrong[0]}"),)
            yield Problem(shown + named, place, _NO_COUNT if numbers else advice)
            return


def _other_names(value: dict[str, Any], wrong: list[str]) -> tuple[str, Advice | None]:
    """Return the other names under which missing counts are sent, in words, and the advice."""
    for names, advice in _OTHER_NAMES:
        there = [name for name in names if is_count(value.get(name))]
        if there and not any(name in value for name in wrong):
            return f"; the counts stand under {' and '.join(there)}", advice
    return "", None


def _shown(value: dict[str, Any], name: str) -> str:
    return json_text(value[name]) if name in value else "absent"


@rule(
    "usage.positive", SHOULD, "Token counts are above 0 if there is text.",
    sources.USAGE, ends_with(*COUNTS[:2]),
    good=(STREAM_USAGE, BODY),
    bad=(replace_in_body(BODY, '"completion_tokens":4,"total_tokens":13', '"completion_tokens":0,"total_tokens":9'), replace_in_body(BODY, '"prompt_tokens":9,"completion_tokens":4,"total_tokens":13', '"prompt_tokens":0,"completion_tokens":4,"total_tokens":4')),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def positive(exchange: Exchange) -> Iterator[Problem]:
    """
    Bills and budgets count nothing.

    Instead: Treat 0 beside text as unknown, and estimate the count with a tokenizer such as tiktoken.
    """
    usage = top_usages(exchange)[-1]
    choices = exchange.columns.choices.values()
    text = any(choice.channels for choice in choices)
    said = text or any(choice.tools for choice in choices)
    empty = [name for name in COUNTS[:2] if said and usage.value.get(name) == 0]
    if empty:
        message = f"{' and '.join(empty)} {'is' if len(empty) == 1 else 'are'} 0 though {'text' if text else 'a call of a tool'} came"
        yield Problem(message, ((usage.chunk, f"{usage.pointer}/{empty[0]}"),))
    elif not all(is_count(usage.value.get(name)) for name in COUNTS[:2]):
        raise Unread("usage.integers")
    elif 0 in map(usage.value.get, COUNTS[:2]):
        raise Unread("chunk.choices", "chunk.choices-not-empty", "chunk.delta", "content.type", "content.said")


@rule(
    "usage.details", MUST, "The details of `usage`, if present, are objects.",
    sources.USAGE, has_usage,
    good=(STREAM_USAGE, BODY, replace_in_body(BODY, '"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},', "")),
    bad=(replace_in_body(BODY, '"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0}', '"prompt_tokens_details":null'), replace_in_body(BODY, '"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}', '"completion_tokens_details":[]')),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def details(exchange: Exchange) -> Iterator[Problem]:
    """
    `usage.prompt_tokens_details.cached_tokens` raises AttributeError on null.

    Instead: Guard it: `getattr(usage.prompt_tokens_details, "cached_tokens", None) or 0`.
    """
    for usage in top_usages(exchange):
        for name in ("prompt_tokens_details", "completion_tokens_details"):
            if name in usage.value and not isinstance(usage.value[name], dict):
                shown = "null" if usage.value[name] is None else "no object"
                yield Problem(f"{name} is {shown}", ((usage.chunk, f"{usage.pointer}/{name}"),))
                return


@observation(
    "usage.place", "Where `usage` is in a stream, requested or not.",
    sources.STREAM_OPTIONS, all_of(stream, uncut),
    good=(STREAM_USAGE,),
    bad=(STREAM, BESIDE_FINISH, replace_in_body(STREAM_USAGE, '"choices":[]', '"choices":[{"index":0,"delta":{},"finish_reason":null}]'), replace_in_body(STREAM_USAGE, '"usage":null', '"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}')),
    depends_on=_READ,
    harmful=lambda value: value.startswith("every chunk"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def place(exchange: Exchange) -> str:
    """
    Own chunk, last chunk, every chunk: each needs different client code, and adding up is wrong for the third.

    Instead: Put `usage = chunk.usage or usage` at the top of the loop and read to the end; never add up.
    """
    names = {"[]": "own chunk", "finish": "finish chunk", "choices": "beside choices", "choice": "inside a choice"}
    usages = exchange.columns.usages
    at_top = top_usages(exchange)
    if len(at_top) > 1 and len(at_top) == exchange.columns.chunk_count:
        seen = ["every chunk"]
    else:
        seen = list(
            dict.fromkeys(
                "x_groq" if u.pointer == "/x_groq/usage" else names.get(u.placement, u.placement) for u in usages
            )
        )
    unknown = "" if exchange.request.json is not None else " (request unknown)"
    return (" + ".join(seen) or "none") + (unknown or ("" if exchange.request.include_usage else " (not asked)"))


@rule(
    "usage.before-done", MUST, "`usage` comes before `[DONE]`.",
    sources.STREAM_OPTIONS, all_of(usage_asked, complete_answer),
    good=(STREAM_USAGE,),
    bad=(replace_in_body(replace_in_body(STREAM_USAGE, f"data: {USAGE_CHUNK}", ""), "data: [DONE]\n\n", f"data: [DONE]\n\ndata: {USAGE_CHUNK}"),),
    depends_on=(*_WHOLE, "usage.given"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def before_done(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients stop reading at `[DONE]` and count nothing.

    Instead: If no usage has come, read until the connection closes.
    """
    done = exchange.reading.done[0] if exchange.reading.done else None
    late = [usage for usage in usages_with_counts(exchange) if done is not None and usage.chunk > done]
    if late:
        yield Problem("usage comes after [DONE]", ((late[0].chunk, "/usage"),))


@rule(
    "usage.within-cap", MUST, "`completion_tokens` is at most the requested limit.",
    sources.REQUEST, lambda x: has_usage(x) or (None if type(cap_of(x)) is int else "no cap was sent") or ends_with("completion_tokens")(x),
    good=(with_request_params(BODY, max_completion_tokens=5), with_request_params(STREAM_USAGE, max_tokens=100)),
    bad=(with_request_params(BODY, max_completion_tokens=3), with_request_params(STREAM_USAGE, max_tokens=1)),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def within_cap(exchange: Exchange) -> Iterator[Problem]:
    """
    The cap limits neither the bill nor the wait: it is ignored, or does not count the reasoning.

    Instead: Close the stream when you have received enough.
    """
    choices = max(1, len(exchange.columns.choices))
    usage = top_usages(exchange)[-1]
    tokens, cap = usage.value["completion_tokens"], cap_of(exchange)
    if tokens > cap * choices:
        yield Problem(
            f"completion_tokens is {tokens}, the cap {cap}", ((usage.chunk, f"{usage.pointer}/completion_tokens"),)
        )


@rule(
    "usage.detail-counts", MUST, "The counts in the details of `usage` are integers of 0 or more.",
    sources.USAGE, has_usage,
    good=(STREAM_USAGE, BODY, REASONING),
    bad=(replace_in_body(BODY, '"cached_tokens":0', '"cached_tokens":null'), replace_in_body(STREAM_USAGE, '"reasoning_tokens":0', '"reasoning_tokens":"0"'), replace_in_body(BODY, '"cached_tokens":0', '"cached_tokens":-1'), replace_in_body(BODY, '"cached_tokens":0', '"cachedTokens":0')),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def detail_counts(exchange: Exchange) -> Iterator[Problem]:
    """
    `total - details.cached_tokens` raises TypeError on null.

    Instead: Read each with `or 0`.
    """
    for usage in top_usages(exchange):
        for name, counts in _DETAILS.items():
            inner = as_object(usage.value.get(name))
            camel = next((key for key in inner if _snake(key) in counts and key not in counts), None)
            if camel is not None:
                place = (usage.chunk, f"{usage.pointer}/{name}/{camel}")
                yield Problem(f"{camel} stands for {_snake(camel)}", (place,), _IN_CAMEL_CASE)
                return
            for key in counts:
                if key in inner and not is_count(inner[key]):
                    place = (usage.chunk, f"{usage.pointer}/{name}/{key}")
                    yield Problem(f"{key} is {_shown(inner, key)}", (place,))
                    return


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()


@observation(
    "usage.vendor-keys", "Fields of `usage` that the specification does not define.",
    sources.USAGE, has_usage,
    good=(STREAM_USAGE, BODY),
    bad=(replace_in_body(BODY, '"prompt_tokens":9', '"prompt_cache_hit_tokens":0,"prompt_tokens":9'), replace_in_body(STREAM_USAGE, '"cached_tokens":0', '"cached_tokens":0,"image_count":0')),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def vendor_keys(exchange: Exchange) -> str:
    """
    Legal; cached tokens or searches are billed by these, and generic clients do not see them.

    Instead: Keep the raw usage object beside the counts you know.
    """
    names: dict[str, None] = {}
    for usage in top_usages(exchange):
        names |= dict.fromkeys(key for key in usage.value if key not in {*COUNTS, *_DETAILS})
        for name, known in _DETAILS.items():
            names |= dict.fromkeys(key for key in as_object(usage.value.get(name)) if key not in known)
    return ", ".join(sorted(names)) or "none"
