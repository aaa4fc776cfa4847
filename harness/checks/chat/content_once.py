"""Checks for repeated text."""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise

from harness.checks import sources
from harness.checks.applies import stream, success_status
from harness.checks.chat.repeated_text import repeated
from harness.checks.chat.repetition import repetition
from harness.checks.chat.said_pieces import said
from harness.checks.chat.usages import counted_tokens
from harness.checks.kinds import place_of
from harness.checks.registry import Unread, rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, REASONING, STREAM, TOOLS, replace_in_body, with_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange

_FEW, _MANY = 3, 8  # pieces
_FIRST = Advice(
    "The user reads `TheThe`; with JSON requested, `json.loads` raises.",
    "Skip a second piece that equals the first, for this provider only: `if piece != text:` before it is appended.",
)
_ONCE_MORE = Advice(
    "The user reads a word twice, and the model reads it so in the next turn; JSON and code break there.",
    "Skip a chunk that equals the one before it in every byte, or ask without `stream=True`.",
)
_CUMULATIVE = replace_in_body(
    replace_in_body(STREAM, '"! How can I"', '"你好! How can I"'), '" help?"', '"你好! How can I help?"'
)


_WORDS = ("The", " user", " greets", " me", ".")
WHOLE = replace_in_body(BODY, "你好! How can I help?", "你好! How can I help?你好! How can I help?")
SO_FAR = said(*_WORDS[:4], "The user greets me.")
LAST_AGAIN = said("Hello", "! ", *_WORDS, "The user greets me.", " Fine.")
DOUBLED = said(*(word * 2 for word in _WORDS))
TWICE = said(*(word for word in _WORDS for _ in range(2)))
RESTART = said(*_WORDS[:4], *_WORDS)
INTERLEAVED = said("The", " user", "The", " greets", " user", " me", " greets", ".", " me", ".")


@rule(
    "content.increments", Level.SHOULD, "Each delta contains new text only, not all of the text so far.",
    sources.REFERENCE, stream,
    good=(STREAM,),
    bad=(_CUMULATIVE, with_body(STREAM, _CUMULATIVE.response.body.replace(b'"content":"', b'"refusal":"'))),
    depends_on=("chunk.present",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def increments(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that append the pieces show the same text again and again.

    Instead: Replace instead of appending, for this provider only: `text = piece or text`.
    """
    found = [
        problem
        for choice in exchange.columns.choices.values()
        for channel in ("content", "refusal")
        for problem in repeated(exchange, choice, channel, "text", grows=True)
    ]
    if not found:  # the first fragments of a text may be too few to tell that it grows
        raise Unread("finish_reason.given")
    yield from found


@rule(
    "content.once", Level.SHOULD, "The text is sent once.",
    sources.REFERENCE, success_status,
    good=(
        STREAM, BODY, REASONING, TOOLS,
        said("ha", "ha", "haha", "haha"),
        said("No", ",", " no", ",", " no", ".", "\n", "\n", "1", "1", "1", "1", "\n", "---", "---", "\n"),
        said("- one\n", "- two\n", "- one\n", "- two\n", "- one\n"),
    ),
    bad=(
        WHOLE, SO_FAR, LAST_AGAIN, DOUBLED, TWICE, RESTART, INTERLEAVED,
        with_body(STREAM, TWICE.response.body.replace(b'"content":"', b'"refusal":"')),
        said("The", "The", " user", " greets", " me", "."),
        said("{", "{", '"a"', ":", "1", "}"),
    ),
    depends_on=("chunk.present",), explained_by=("content.loop", "chunk.index"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def once(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that append each piece show the text twice, and send both copies back.

    Instead: Compare with a response without `stream=True` before you rely on this provider's deltas.
    """
    for choice in exchange.columns.choices.values():
        for channel in ("content", "refusal"):
            yield from repeated(exchange, choice, channel, "text", grows=False)
        pieces = choice.fragments("content")
        again = _counted_once(exchange, pieces.texts)
        if again:
            place = place_of(exchange, choice, pieces.chunks[again], "/{part}/content")
            yield Problem(
                "a piece of the text comes once more: more pieces came than tokens are counted", (place,), _ONCE_MORE
            )
        if len(exchange.columns.choices) == 1 and _begins_twice(pieces.texts):
            place = place_of(exchange, choice, pieces.chunks[1], "/{part}/content")
            yield Problem("the first piece of the text comes twice", (place,), _FIRST)


def _counted_once(exchange: Exchange, texts: Sequence[str]) -> int:
    """Return the number of the first piece that repeats the one before, if so many pieces exceed the tokens; else 0."""
    tokens = counted_tokens(exchange)
    if not _MANY <= tokens < len(texts):
        return 0
    same = [at for at, (one, other) in enumerate(pairwise(texts), 1) if one == other and one.strip()]
    told = len(texts) - tokens <= len(same) <= _FEW and repetition(texts) is None
    return same[0] if told else 0


def _begins_twice(texts: Sequence[str]) -> bool:
    """Return whether the second fragment repeats the first: the first word of a sentence, or a JSON bracket."""
    if len(texts) < _FEW or texts[0] != texts[1]:
        return False
    first, rest = texts[0], "".join(texts[1:])
    if first in {"{", "["}:
        return _is_json(rest) and not _is_json(first + rest)
    return (
        first.isalpha()
        and first.isascii()
        and first[0].isupper()
        and len(first) > 1
        and texts[2][:1] in {" ", ",", "'"}
    )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
