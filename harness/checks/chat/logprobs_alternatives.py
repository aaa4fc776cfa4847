"""Checks the alternatives to each token, requested by top_logprobs."""

import math
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any

from harness.checks import sources
from harness.checks.applies import request_known
from harness.checks.chat.probabilities import Token, all_tokens, has_tokens, token_lists
from harness.checks.kinds import n_of_m
from harness.checks.registry import Reason, rule
from harness.matrix.scenarios import SCENARIOS
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import recording
from harness.simulate.reference import replace_in_body, with_request_params
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange

SHOULD = Level.SHOULD

_BODY, _STREAM = recording(SCENARIOS["params.top-logprobs"])[0], recording(SCENARIOS["chat.logprobs"])[0]
_PLAIN = recording(SCENARIOS["params.logprobs"])[0]
_READ = ("chunk.present", "chunk.logprobs", "logprobs.form", "logprobs.range")
_SECOND = ',{"token":"你好z","logprob":-2.25,"bytes":[228,189,160,229,165,189,122]}'
_LAST = ',{"token":" help?z","logprob":-2.25,"bytes":[32,104,101,108,112,63,122]}'
_DOUBLED = ',{"token":"你好","logprob":-2.25,"bytes":[228,189,160,229,165,189]}'
_FEW = 2  # tokens: fewer with too few alternatives may be a rare case of the model
_APART = 0.05
"""Tolerance between the logprob of a token and that in the list of alternatives: servers round."""

_CHOSEN_FIRST = Advice(
    "`token.top_logprobs[0]` is the token that was chosen, not the likeliest one: `was it the likeliest?` is always yes.",
    "Sort them: `sorted(token.top_logprobs, key=lambda one: -one.logprob)`.",
)
_OF_ANOTHER = Advice(
    "Alternatives and entropy belong to another place in the text.",
    "Use them only where the token itself is among them: `any(one.token == token.token for one in token.top_logprobs)`.",
)
_TOO_MUCH = Advice(
    "Scores, thresholds and entropies are wrong: these are not the probabilities of one choice.",
    "Divide each by their sum: `total = sum(math.exp(one.logprob) for one in token.top_logprobs)`.",
)
_TWO_VALUES = Advice(
    "One token has two probabilities: a threshold passes with the one and fails with the other.",
    "Use the token's own value, `token.logprob`, not the one in the list.",
)


def _given(exchange: Exchange) -> Reason | None:
    return has_tokens(exchange) or (
        None if any(token.alternatives for token in all_tokens(exchange) or ()) else "no alternatives came"
    )


@rule(
    "logprobs.top-order", SHOULD, "The alternatives to a token are sorted, the likeliest first.",
    sources.REFERENCE, _given,
    good=(_BODY, _STREAM),
    bad=(replace_in_body(_BODY, '{"token":"你好z","logprob":-2.25', '{"token":"你好z","logprob":-0.125'),),
    depends_on=_READ,
)  # fmt: skip
def order(exchange: Exchange) -> Iterator[Problem]:
    """
    `token.top_logprobs[0]` is not the likeliest token.

    Instead: Sort them: `sorted(token.top_logprobs, key=lambda one: -one.logprob)`.
    """
    tokens = [token for token in all_tokens(exchange) or () if token.alternatives]
    wrong = [token for token in tokens if not _falls(_numbers(token))]
    if wrong:
        where = n_of_m(len(wrong), len(tokens), "token")
        chosen = all(one.alternatives[0].get("token") == one.text and _falls(_numbers(one)[1:]) for one in wrong)
        how = "the token that was chosen comes first among" if chosen else "not the likeliest comes first among"
        at = ((wrong[0].chunk, f"{wrong[0].pointer}/top_logprobs"),)
        yield Problem(f"{how} the alternatives of {where}", at, _CHOSEN_FIRST if chosen else None)


def _numbers(token: Token) -> list[float]:
    given = (one.get("logprob") for one in token.alternatives)
    return [value for value in given if isinstance(value, int | float)]


def _falls(values: list[float]) -> bool:
    return all(after <= before for before, after in pairwise(values))


@rule(
    "logprobs.top-own", SHOULD, "The alternatives to a token belong to that token.",
    sources.LOGPROBS, _given,
    good=(_BODY, _STREAM),
    bad=(
        replace_in_body(
            replace_in_body(_BODY, '[{"token":"你好","logprob":-0.25,"bytes":[228,189,160,229,165,189]', '[{"token":"Hi","logprob":-0.125,"bytes":[72,105]'),
            '[{"token":"! How can I","logprob":-0.25,"bytes":[33,32,72,111,119,32,99,97,110,32,73]},{"token":"! How can Iz","logprob":-2.25,"bytes":[33,32,72,111,119,32,99,97,110,32,73,122]}]',
            '[{"token":"Hi","logprob":-0.125,"bytes":[72,105]},{"token":"你好z","logprob":-2.25,"bytes":[228,189,160,229,165,189,122]}]',
        ),
        replace_in_body(_BODY, '"token":"你好","logprob":-0.25', '"token":"你好","logprob":-2.25', 1),
    ),
    depends_on=_READ,
)  # fmt: skip
def own(exchange: Exchange) -> Iterator[Problem]:
    """
    Alternatives and entropy belong to another place in the text.

    Instead: Use them only where the token itself is among them.
    """
    for one in token_lists(exchange):
        again = [after for before, after in pairwise(one.tokens) if _same_list(before, after)]
        if again:
            where = n_of_m(len(again), len(one.tokens), "token")
            at = ((again[0].chunk, f"{again[0].pointer}/top_logprobs"),)
            yield Problem(f"the alternatives of {where} are those of the token before", at, _OF_ANOTHER)
            return
        for token in one.tokens:
            values = [found.get("logprob") for found in token.alternatives if found.get("token") == token.text]
            if values and not any(_near(token.value.get("logprob"), value) for value in values):
                said = f"has the logprob {token.value.get('logprob')}, and {values[0]} among its alternatives"
                yield Problem(f"the token {token.text!r} {said}", ((token.chunk, token.pointer),), _TWO_VALUES)
                return


def _same_list(before: Token, after: Token) -> bool:
    """Return whether two different tokens have exactly the same alternatives."""
    listed = after.alternatives
    told = len({json_text(one.get("token")) for one in listed}) > 1 and len(set(_numbers(after))) > 1
    return told and before.text != after.text and before.alternatives == listed


def _near(one: Any, other: Any) -> bool:
    if type(one) not in {int, float} or type(other) not in {int, float}:
        return True  # logprobs.range reports these
    return bool(abs(one - other) <= _APART)


@rule(
    "logprobs.top-count", SHOULD, "As many alternatives are sent as requested, or none.",
    sources.REQUEST, lambda x: request_known(x) or has_tokens(x),
    good=(_BODY, _STREAM, _PLAIN),
    bad=(
        with_request_params(_BODY, top_logprobs=5), with_request_params(_STREAM, top_logprobs=None),
        replace_in_body(replace_in_body(_BODY, _SECOND, ""), _LAST, ""),
    ),
    depends_on=("params.top-logprobs", *_READ),
)  # fmt: skip
def count(exchange: Exchange) -> Iterator[Problem]:
    """
    `token.top_logprobs[wanted - 1]` raises IndexError; tables have a column too few, or too many.

    Instead: Use what was sent: `for one in token.top_logprobs[:wanted]`.
    """
    wanted = exchange.request.get("top_logprobs") or 0
    counts = [(len(token.alternatives), token) for token in all_tokens(exchange) or ()]
    most, token = max(counts, key=lambda pair: pair[0])
    at = ((token.chunk, f"{token.pointer}/top_logprobs"),)
    # A grammar may allow fewer tokens than were requested.
    free = len(counts) >= _FEW and not exchange.request.get("response_format")
    if not wanted and most:
        yield Problem(f"{most} alternatives of a token came, none were asked for", at)
    elif isinstance(wanted, int) and most > 0:
        bare = next((token for number, token in counts if not number), None)
        if bare:
            yield Problem("a token has no alternatives, others have", ((bare.chunk, f"{bare.pointer}/top_logprobs"),))
        elif free:
            yield from islice(_too_few(counts, wanted), 1)


def _too_few(counts: list[tuple[int, Token]], wanted: int) -> Iterator[Problem]:
    """
    Yield the problem of fewer alternatives than requested, with the number of tokens: OpenAI too gives fewer
    rarely.
    """
    fewer = [(number, token) for number, token in counts if number < wanted]
    if 2 * len(fewer) > len(counts):
        least, token = min(fewer, key=lambda pair: pair[0])
        where = n_of_m(len(fewer), len(counts), "token")
        at = ((token.chunk, f"{token.pointer}/top_logprobs"),)
        yield Problem(f"{wanted} alternatives were asked for, and fewer came to {where}, down to {least}", at)


@rule(
    "logprobs.top-distinct", SHOULD, "The alternatives to a token differ, and their probabilities add up to 1 at most.",
    sources.LOGPROBS, _given,
    good=(_BODY, _STREAM),
    bad=(
        replace_in_body(_BODY, _SECOND, _DOUBLED),
        replace_in_body(_BODY, '{"token":"你好z","logprob":-2.25', '{"token":"你好z","logprob":-0.25'),
    ),
    depends_on=_READ,
)  # fmt: skip
def distinct(exchange: Exchange) -> Iterator[Problem]:
    """
    A table keyed by token text keeps one of them: probabilities are lost, and their sum is too small.

    Instead: Add up those with the same text: `table[one.token] = table.get(one.token, 0) + math.exp(one.logprob)`.
    """
    tokens = [token for token in all_tokens(exchange) or () if token.alternatives]
    doubled = [(token, text) for token in tokens if (text := _twice(token)) is not None]
    if doubled:
        token, text = doubled[0]
        where = n_of_m(len(doubled), len(tokens), "token")
        at = ((token.chunk, f"{token.pointer}/top_logprobs"),)
        yield Problem(f"the alternative {text!r} is listed twice, with {where}", at)
        return
    for token in tokens:
        total = sum(map(math.exp, _numbers(token)))
        if total > 1 + _APART:
            at = ((token.chunk, f"{token.pointer}/top_logprobs"),)
            yield Problem(f"the probabilities of the alternatives to a token add up to {total:.2f}", at, _TOO_MUCH)
            return


def _twice(token: Token) -> str | None:
    """Return the text that two alternatives of one token share; parts of characters look equal and differ."""
    seen: set[tuple[str, bytes | None]] = set()
    for one in token.others:
        if one.has_text and (one.text, one.bytes) in seen and "\ufffd" not in one.text:
            return one.text
        seen.add((one.text, one.bytes))
    return None
