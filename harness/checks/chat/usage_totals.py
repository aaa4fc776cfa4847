"""Checks whether the counts of usage agree: with each other, between chunks, and with the content."""

from collections.abc import Iterator
from itertools import pairwise

from harness.checks import sources
from harness.checks.applies import all_of, complete_answer, stream, uncut
from harness.checks.chat.usages import (
    COUNTS,
    bytes_that_came,
    detail,
    has_usage,
    is_count,
    reads,
    top_usages,
    usages_with,
)
from harness.checks.registry import NotApplicable, Reason, Unread, observation, rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, REASONING, STREAM, STREAM_USAGE, replace_in_body
from harness.wire.chat.chunks import Usage
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.shapes import ChunkForm, as_object

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("chunk.present",)
_PARTS = {
    "prompt_tokens": ("cached_tokens", "audio_tokens", "text_tokens", "image_tokens"),
    "completion_tokens": (
        "reasoning_tokens", "audio_tokens", "text_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens",
    ),
}  # fmt: skip
_PREDICTED = ("accepted_prediction_tokens", "rejected_prediction_tokens", "reasoning_tokens")
"""Disjoint parts of completion_tokens: OpenAI counts and bills rejected ones too."""

_MANY = 4  # usages that show whether they count a chunk or the response
_IDLE = 20  # empty deltas that are more than a pause
_SLACK, _OF_A_CALL = 100, 64  # tokens without bytes: those of the chat template, and of a call's markup
_BYTES_A_TOKEN = 2  # below the mean of text in any language
_MOST = 10**8  # tokens: more than any model takes or writes
_SPARSE = 30
"""Upper bound of the mean bytes per token; more means uncounted tokens, or text that is not the model's."""

_FULL = '"prompt_tokens":9,"completion_tokens":4,"total_tokens":13'
_TEXT = STREAM_USAGE.response.body.decode()
_HELP = next(part for part in _TEXT.split("\n\n") if '" help?"' in part) + "\n\n"
_EMPTY = _HELP.replace('" help?"', '""')
_TINY = '"prompt_tokens":9,"completion_tokens":1,"total_tokens":10'
_GROWING = replace_in_body(STREAM_USAGE, '"usage":null', f'"usage":{{{_TINY}}}')
_HELP_GROWN = _HELP.replace('"usage":null', f'"usage":{{{_TINY}}}')
_OF_CHUNKS = replace_in_body(replace_in_body(_GROWING, _FULL, _TINY), _HELP_GROWN, 3 * _HELP_GROWN)

_CACHED_BESIDE = Advice(
    "Input is billed without cached tokens, 12 instead of 2,060; prompt_tokens minus cached_tokens is negative.",
    "If the part is larger than the total, add it: `prompt += cached if cached > prompt else 0`.",
)
_REASONING_BESIDE = Advice(
    "Output is billed without the reasoning, and completion_tokens minus reasoning_tokens is negative.",
    "If the part is larger than the total, add it: `output += reasoning if reasoning > output else 0`.",
)
_PREDICTIONS = Advice(
    "Cost computed from the parts is more than was billed, or negative: they count draft tokens that are not output.",
    "Bill by the total alone: `output = usage.completion_tokens`.",
)
_TOTAL_WITH_CACHE = Advice(
    "Input is billed without cached tokens: prompt_tokens omits them, and only the total has them.",
    "Compute input from the total: `prompt = usage.total_tokens - usage.completion_tokens`.",
)
_TOTAL_WITHOUT_CACHE = Advice(
    "Budgets and limits that go by total_tokens count too little: it omits cached tokens.",
    "Add the parts up: `total = usage.prompt_tokens + usage.completion_tokens`.",
)
_TOTAL_TWICE = Advice(
    "Budgets and limits that go by total_tokens count the reasoning twice; completion_tokens already includes it.",
    "Add the parts up: `total = usage.prompt_tokens + usage.completion_tokens`.",
)
_TOO_MANY = Advice(
    "Clients that go by it truncate the conversation at once, and one answer uses up the budget.",
    "Treat a count that no model can have as unknown: `tokens if tokens < 10**8 else None`.",
)
_OF_EACH_CHUNK = Advice(
    "The last usage, which most clients keep, is that of one chunk: 1 token for the whole answer.",
    "For this provider only, add up the output, `output += chunk.usage.completion_tokens`, and count the prompt once.",
)
_ADDED_UP = Advice(
    "The bill grows with the square of the length: each usage adds the previous counts again.",
    "Estimate the tokens you received, one per four bytes: `output = len(text.encode()) // 4 + 1`, and tell the "
    "provider.",
)


@rule(
    "usage.sum", MUST, "`total_tokens` is `prompt_tokens` plus `completion_tokens`.",
    sources.USAGE, reads(*COUNTS),
    good=(STREAM_USAGE, BODY),
    bad=(
        replace_in_body(BODY, '"total_tokens":13', '"total_tokens":303'), replace_in_body(STREAM_USAGE, '"completion_tokens":4', '"completion_tokens":1'),
        replace_in_body(BODY, f'{_FULL},"prompt_tokens_details":{{"cached_tokens":0', '"prompt_tokens":9,"completion_tokens":4,"total_tokens":2061,"prompt_tokens_details":{"cached_tokens":2048'),
    ),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def total(exchange: Exchange) -> Iterator[Problem]:
    """
    Reasoning is not counted in completion_tokens: cost computed from the parts is too low.

    Instead: Count output as `max(usage.completion_tokens, usage.total_tokens - usage.prompt_tokens)`, so that
    cost is not too low.
    """
    for usage in usages_with(exchange, *COUNTS):
        prompt, completion, summed = (usage.value[name] for name in COUNTS)
        if prompt + completion != summed:
            why, advice = _difference(usage, exchange)
            at = ((usage.chunk, f"{usage.pointer}/total_tokens"),)
            yield Problem(f"{prompt} + {completion} is not {summed}{why}", at, advice)
            return


def _difference(usage: Usage, exchange: Exchange) -> tuple[str, Advice | None]:
    """Return which of the details explains the difference of a total from its parts."""
    prompt, completion, summed = (usage.value[name] for name in COUNTS)
    over, cached, reasoning = (
        summed - prompt - completion,
        detail(usage, "cached_tokens"),
        detail(usage, "reasoning_tokens"),
    )
    if over and over == reasoning:
        # If completion_tokens without the reasoning would be too few for the text, they include it.
        visible, rest = bytes_that_came(exchange, reasoning=False), completion - reasoning
        twice = rest > 0 and visible <= _BYTES_A_TOKEN * completion and visible >= _BYTES_A_TOKEN * rest
        how = "counted twice" if twice else "not in completion_tokens"
        return f": the {reasoning} reasoning tokens are {how}", _TOTAL_TWICE if twice else None
    if cached and over == cached:
        return f": the {cached} cached tokens are not in prompt_tokens", _TOTAL_WITH_CACHE
    if cached and -over == cached:
        return f": the {cached} cached tokens are not in the total", _TOTAL_WITHOUT_CACHE
    other = next((name for name, count in usage.value.items() if type(count) is int and count == over > 0), None)
    if other is not None and other not in COUNTS and other.endswith("_tokens"):
        return f": the total counts {other} besides", _TOTAL_WITH_CACHE if "cache" in other else None
    return "", None


@rule(
    "usage.within-totals", SHOULD, "The counts in the details are not above their totals.",
    sources.USAGE, has_usage,
    good=(STREAM_USAGE, REASONING, replace_in_body(BODY, '"reasoning_tokens":0', '"accepted_prediction_tokens":2,"rejected_prediction_tokens":2,"reasoning_tokens":0')),
    bad=(
        replace_in_body(REASONING, '"reasoning_tokens":8', '"reasoning_tokens":80'), replace_in_body(BODY, '"cached_tokens":0', '"cached_tokens":10'),
        replace_in_body(BODY, '"reasoning_tokens":0', '"accepted_prediction_tokens":3,"rejected_prediction_tokens":3,"reasoning_tokens":0'),
        replace_in_body(BODY, '"reasoning_tokens":0,"audio_tokens":0', '"reasoning_tokens":0,"audio_tokens":5'),
        replace_in_body(replace_in_body(BODY, '"reasoning_tokens":0', '"reasoning_tokens":4'), " help?", " help you with all of this today?"),
    ),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def within_totals(exchange: Exchange) -> Iterator[Problem]:
    """
    The total leaves the part out: the bill is too low, and total minus part is negative.

    Instead: If the part is larger than the total, add it: `whole += part if part > whole else 0`.
    """
    for usage in top_usages(exchange):
        found = next(_beyond(usage), None)
        if found:
            yield found
            return
    yield from _all_of_it(exchange)
    if any(_parts_without_whole(usage) for usage in top_usages(exchange)):
        raise Unread("usage.integers")


def _all_of_it(exchange: Exchange) -> Iterator[Problem]:
    """Yield a problem if reasoning is counted as the whole output although there is text too."""
    usage = top_usages(exchange)[-1]
    reasoning, came = detail(usage, "reasoning_tokens"), bytes_that_came(exchange, reasoning=False)
    if 0 < reasoning == _output(usage) and came > _BYTES_A_TOKEN * 2:
        at = ((usage.chunk, f"{usage.pointer}/completion_tokens_details/reasoning_tokens"),)
        said = f"reasoning_tokens is {reasoning}, all of completion_tokens, and {came:,} bytes of text came"
        yield Problem(said, at, _NOTHING_SAID)
    elif 0 < reasoning == _output(usage):
        raise Unread(
            "chunk.choices", "chunk.choices-not-empty", "chunk.delta", "chunk.places", "content.type", "content.said"
        )


_NOTHING_SAID = Advice(
    "The text is counted as the total minus the reasoning, which is 0: the answer counts as empty.",
    "Treat the split as unknown: `reasoning = None if reasoning == usage.completion_tokens else reasoning`.",
)


def _parts_without_whole(usage: Usage) -> bool:
    """Return whether a usage counts parts of a whole that is unreadable."""
    return any(
        as_object(usage.value.get(f"{whole}_details")) and not is_count(usage.value.get(whole)) for whole in _PARTS
    )


def _output(usage: Usage) -> int:
    """Return the completion tokens; 0 if not an integer, which usage.integers reports."""
    count = usage.value.get("completion_tokens")
    return count if is_count(count) else 0


def _counts_output(exchange: Exchange) -> Reason | None:
    """A response whose last usage counts completion tokens."""
    reason = has_usage(exchange)
    return reason or (
        None if _output(top_usages(exchange)[-1]) else NotApplicable("no completion tokens are counted", "not-present")
    )


def _beyond(usage: Usage) -> Iterator[Problem]:
    """Yield the parts that exceed their whole."""
    for whole, parts in _PARTS.items():
        inner = as_object(usage.value.get(f"{whole}_details"))
        for part in parts:
            count, most = inner.get(part), usage.value.get(whole)
            if is_count(count) and is_count(most) and count > most:
                at = ((usage.chunk, f"{usage.pointer}/{whole}_details/{part}"),)
                yield Problem(f"{part} is {count}, {whole} is {most}", at, _ADVICE_ON.get(part))
    counts = {part: detail(usage, part) for part in _PREDICTED}
    if counts[_PREDICTED[1]] and sum(counts.values()) > _output(usage) > 0:
        said = " + ".join(f"{part} {count}" for part, count in counts.items() if count)
        at = ((usage.chunk, f"{usage.pointer}/completion_tokens_details"),)
        yield Problem(f"{said} is more than completion_tokens, {_output(usage)}", at, _PREDICTIONS)


_ADVICE_ON = {
    "cached_tokens": _CACHED_BESIDE,
    "reasoning_tokens": _REASONING_BESIDE,
    "accepted_prediction_tokens": _PREDICTIONS,
    "rejected_prediction_tokens": _PREDICTIONS,
}
"""Advice on a part that exceeds its whole."""


_ONE_PROMPT = Advice(
    "The cost of the prompt depends on which usage a client keeps: there is one prompt, and its tokens are known before the answer.",
    "Keep the last usage, and compare its prompt_tokens with that of a response without `stream=True`.",
)


@rule(
    "usage.grows", SHOULD, "If `usage` is sent repeatedly, it counts everything so far and never falls, and `prompt_tokens` stays the same.",
    sources.REFERENCE, all_of(stream, reads("completion_tokens")),
    good=(STREAM_USAGE,),
    bad=(replace_in_body(_GROWING, _TINY, '"prompt_tokens":9,"completion_tokens":5,"total_tokens":14', 1), _OF_CHUNKS),
    depends_on=(*_READ, "sse.no-error"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def grows(exchange: Exchange) -> Iterator[Problem]:
    """
    Neither the last one nor the sum of all is the bill.

    Instead: Keep the largest, and compare with the provider's own statement.
    """
    usages = usages_with(exchange, "completion_tokens")
    last = usages[-1].value["completion_tokens"]
    said = sum(
        len(choice.fragments(name).chunks) for choice in exchange.columns.choices.values() for name in choice.channels
    )
    if len(usages) >= _MANY and said > 2 * last:
        message = f"completion_tokens is {last} in the last of {len(usages)} usages, and {said} pieces of text came"
        yield Problem(message, ((usages[-1].chunk, f"{usages[-1].pointer}/completion_tokens"),), _OF_EACH_CHUNK)
        return
    grown = _grown_beyond(exchange, usages)
    if grown:
        message = f"completion_tokens grows by {grown[0]:,} while {grown[1]:,} bytes of answer come"
        yield Problem(message, ((usages[-1].chunk, f"{usages[-1].pointer}/completion_tokens"),), _ADDED_UP)
        return
    yield from _other_prompt(exchange)
    for before, after in pairwise(usages):
        if after.value["completion_tokens"] < before.value["completion_tokens"]:
            counts = f"{before.value['completion_tokens']} to {after.value['completion_tokens']}"
            yield Problem(
                f"completion_tokens falls from {counts}", ((after.chunk, f"{after.pointer}/completion_tokens"),)
            )
            return


def _other_prompt(exchange: Exchange) -> Iterator[Problem]:
    """Yield the problem of a prompt count that changes in the stream; 0 is not a count."""
    counted = [usage for usage in usages_with(exchange, "prompt_tokens") if usage.value["prompt_tokens"] > 0]
    for before, after in pairwise(counted):
        counts = [one.value["prompt_tokens"] for one in (before, after)]
        if counts[0] != counts[1]:
            at = ((after.chunk, f"{after.pointer}/prompt_tokens"),)
            yield Problem(f"prompt_tokens changes within the stream, from {counts[0]} to {counts[1]}", at, _ONE_PROMPT)
            return


def _grown_beyond(exchange: Exchange, usages: list[Usage]) -> tuple[int, int] | None:
    """
    Return the growth of the count after the response began, and its bytes, if these are too few for it.

    Hidden reasoning precedes the response, and is not included.  If most of the growth is one step, its publisher
    left out part of the stream.
    """
    found = _out_of_proportion(exchange)
    if found is None:
        return None
    begins = min(
        (choice.fragments(name).chunks[0] for choice in exchange.columns.choices.values() for name in choice.channels),
        default=exchange.columns.chunk_count,
    )
    counts = [one.value["completion_tokens"] for one in usages if one.chunk >= begins]
    steps = [after - before for before, after in pairwise(counts)]
    grown = sum(steps) if len(counts) >= _MANY else 0
    return (grown, found[1]) if grown > found[1] + _SLACK and 2 * max(steps) <= grown else None


def _empty_deltas(exchange: Exchange) -> int:
    """Return the number of chunks without text, call, finish reason or usage, with at most a role."""
    return sum(shape.count for shape in exchange.columns.shapes if shape.form.worked_out(_says_nothing))


def _says_nothing(form: ChunkForm) -> bool:
    nothing = {"null", '""', "[]", "{}"}
    deltas = form.containers("/choices/*/delta")
    inside = [at for delta in deltas for at in form.elements(delta) if not at.endswith("/role")]
    others = [
        "/usage",
        "/error",
        *(f"{one}/{key}" for one in form.containers("/choices/*") for key in ("finish_reason", "logprobs")),
    ]
    return bool(deltas) and all(form.kinds.get(at, "null") in nothing for at in [*inside, *others])


def _out_of_proportion(exchange: Exchange) -> tuple[int, int] | None:
    """
    Return the tokens and the bytes of a response with more tokens than bytes; None otherwise.

    Counted hidden reasoning has no bytes; nor have audio, images, and parts that are not text.
    """
    usage = top_usages(exchange)[-1]
    choices = exchange.columns.choices.values()
    if any(choice.part_types for choice in choices) or detail(usage, "image_tokens"):
        return None
    part = exchange.columns.message_key
    odd = (
        exchange.columns.kinds(f"/choices/*/{part}/{key}").keys() & {"object", "list"}
        for key in ("audio", "images", "function_call")
    )
    if any(odd):
        return None
    shown = any(choice.reasoning for choice in choices)
    tokens = _output(usage) - (0 if shown else detail(usage, "reasoning_tokens"))
    tokens -= detail(usage, "rejected_prediction_tokens") + _SLACK
    calls = sum(len(message.tool_calls) for message in exchange.completion.messages)
    came = bytes_that_came(exchange)
    return (_output(usage), came) if tokens - _OF_A_CALL * calls > came else None


@rule(
    "usage.proportion", SHOULD, "The tokens counted are plausible for the text, the deltas and the model.",
    sources.REFERENCE, lambda x: has_usage(x) or all_of(complete_answer, uncut)(x),
    good=(STREAM_USAGE, REASONING, replace_in_body(STREAM_USAGE, _HELP, _HELP + 60 * _EMPTY)),
    bad=(replace_in_body(BODY, _FULL, '"prompt_tokens":675947905,"completion_tokens":4,"total_tokens":675947909'), replace_in_body(replace_in_body(STREAM_USAGE, _HELP, _HELP + 60 * _EMPTY), _FULL, '"prompt_tokens":9,"completion_tokens":1868,"total_tokens":1877'), replace_in_body(replace_in_body(BODY, "你好! How can I help?", "Hello there and how can I help you?"), _FULL, '"prompt_tokens":9,"completion_tokens":35,"total_tokens":44')),
    depends_on=(*_READ, "sse.no-error", "http.complete"),
)  # fmt: skip
def proportion(exchange: Exchange) -> Iterator[Problem]:
    """
    The user waits and pays for tokens without content.

    Instead: Set a limit, `max_completion_tokens=500`, and close the stream after many empty deltas in a row.
    """
    usage = top_usages(exchange)[-1]
    beyond = [name for name in COUNTS[:2] if is_count(usage.value.get(name)) and usage.value[name] > _MOST]
    for name in beyond:
        place = ((usage.chunk, f"{usage.pointer}/{name}"),)
        yield Problem(f"{name} is {usage.value[name]:,}, more than any model takes", place, _TOO_MANY)
    found, empty = _out_of_proportion(exchange), _empty_deltas(exchange)
    if found and empty >= _IDLE and 2 * empty > exchange.columns.chunk_count:
        deltas = f"{empty} of {exchange.columns.chunk_count} chunks say nothing"
        yield Problem(
            f"{found[0]:,} completion tokens for {found[1]:,} bytes of answer, and {deltas}",
            ((usage.chunk, f"{usage.pointer}/completion_tokens"),),
        )
    elif _counts_letters(exchange):
        said = f"completion_tokens is {_output(usage)}, the number of letters of the text"
        yield Problem(said, ((usage.chunk, f"{usage.pointer}/completion_tokens"),), _LETTERS)
    elif not beyond and not all(is_count(usage.value.get(name)) for name in COUNTS[:2]):
        raise Unread("usage.integers")


_LETTERS = Advice(
    "Letters are billed and budgeted as tokens, about four times as many in English.",
    "If the two are equal, estimate the tokens: `tokens = len(text) // 4 if usage.completion_tokens == len(text) "
    "else usage.completion_tokens`.",
)
_SOME_WORDS = 6


def _counts_letters(exchange: Exchange) -> bool:
    """Return whether the count is the number of letters of a text of several words, the only content."""
    texts = [choice.fragments("content").text for choice in exchange.columns.choices.values()]
    text = texts[0] if len(texts) == 1 else ""
    alone = bytes_that_came(exchange) == len(text.encode("utf-8", "replace"))
    words = [word for word in text.split() if word.isascii() and word.isalpha()]
    return alone and len(words) >= _SOME_WORDS and len(text) == _output(top_usages(exchange)[-1])


@observation(
    "usage.tokens-for-bytes", "Whether the tokens counted are about right for the text that was sent.",
    sources.USAGE, all_of(_counts_output, complete_answer),
    good=(STREAM_USAGE, BODY),
    bad=(
        replace_in_body(BODY, _FULL, '"prompt_tokens":9,"completion_tokens":1868,"total_tokens":1877'),
        replace_in_body(replace_in_body(BODY, _FULL, _TINY), " help?", " help" * 40),
    ),
    depends_on=_READ,
    harmful=lambda value: value == "more tokens than bytes",
)  # fmt: skip
def tokens_for_bytes(exchange: Exchange) -> str:
    """
    More tokens are billed than there are bytes: reasoning that is neither sent nor counted as such, or a wrong count.

    Instead: Estimate with a tokenizer, and ask the provider if the two are far apart.
    """
    usage, came = top_usages(exchange)[-1], bytes_that_came(exchange)
    tokens = _output(usage)
    if _out_of_proportion(exchange):
        return "more tokens than bytes"
    return "few tokens for the bytes" if came > _SPARSE * (tokens + 1) else "in proportion"


@observation(
    "usage.empty-deltas", "Whether chunks without any content are sent, apart from the first.",
    sources.REFERENCE, all_of(stream, uncut),
    good=(STREAM, STREAM_USAGE),
    bad=(replace_in_body(STREAM_USAGE, _HELP, _HELP + 5 * _EMPTY), replace_in_body(STREAM_USAGE, _HELP, _HELP + 60 * _EMPTY)),
    depends_on=_READ,
    harmful=lambda value: value == "most chunks",
)  # fmt: skip
def empty_deltas(exchange: Exchange) -> str:
    """
    Legal; code that redraws the screen for each chunk, or takes an empty delta as the end, does so again and again.

    Instead: Skip empty deltas: `if not delta.content: continue`, after reading tool calls and finish_reason.
    """
    empty = _empty_deltas(exchange)
    if empty <= 1:
        return "none"
    return "most chunks" if 2 * empty > exchange.columns.chunk_count else "some chunks"
