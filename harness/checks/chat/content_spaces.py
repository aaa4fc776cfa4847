"""Checks white space in a text: fragments without the spaces between them, and endless runs."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import stream, success_status
from harness.checks.chat.said_pieces import said
from harness.checks.kinds import place_of
from harness.checks.registry import rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, STREAM, replace_in_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.shapes import TEXT_CHANNELS
from harness.wire.spacing import a_line_each, a_space_each, run_together

_LINES = Advice(
    "The user reads one word per line: something between the model and you added a line break to each piece.",
    'Remove one line break from each piece, for this provider only: `text += (delta.content or "").removesuffix("\\n")`.',
)
_SPACES = Advice(
    "The user reads two spaces between words, and words parted where a piece begins within one; code and JSON texts change.",
    'Cut one space off each piece, for this provider alone: `text += (delta.content or "").removeprefix(" ")`.',
)
_WORDS = ("The", "answer", "is", "in", "the", "book", "that", "you", "gave", "to", "me", ".")


@rule(
    "content.spaces", Level.SHOULD, "Deltas keep the spaces between words.",
    sources.REFERENCE, stream,
    good=(STREAM, said(*(f" {word}" for word in _WORDS)), said("https://", "example", ".org", "/the", "/of", "/", "a", "/", "in", "/", "to", "/x")),
    bad=(said(*_WORDS), said(*(f"{word}\n" for word in _WORDS)), said(*(f"  {word}" for word in _WORDS))),
    depends_on=("chunk.present",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def spaces(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads words that run together: each delta was stripped, or the tokenizer's spaces were dropped.

    Instead: Ask without `stream=True`, where the text is complete; the client cannot tell where the spaces were.
    """
    for choice in exchange.columns.choices.values():
        for name in TEXT_CHANNELS:
            pieces = choice.channels.get(name)
            if pieces and run_together(pieces.texts):
                message = f"{len(pieces.texts)} pieces, many of them whole words, have no spaces"
                yield Problem(message, (place_of(exchange, choice, pieces.chunks[0], f"/{{part}}/{name}"),))
            elif pieces and a_line_each(pieces.texts):
                message = f"each of {len(pieces.texts)} pieces ends with an extra line break"
                yield Problem(message, (place_of(exchange, choice, pieces.chunks[0], f"/{{part}}/{name}"),), _LINES)
            elif pieces and a_space_each(pieces.texts):
                message = f"each of {len(pieces.texts)} pieces begins with a space too many"
                yield Problem(message, (place_of(exchange, choice, pieces.chunks[0], f"/{{part}}/{name}"),), _SPACES)


_BLANK = 120
_ONLY_BLANK = Advice(
    "The user sees nothing, and pays up to the limit; with JSON requested, `json.loads` raises.",
    "Ask for JSON in the prompt, which JSON mode needs, set `max_tokens`, and ask again if the text is blank: `if not text.strip():`.",
)


@rule(
    "content.blank-run", Level.SHOULD, "The text does not end in a long run of white space.",
    sources.REFERENCE, success_status,
    good=(STREAM, BODY, replace_in_body(BODY, "你好! How can I help?", "Hello." + "\\n" * 8)),
    bad=(
        replace_in_body(BODY, "你好! How can I help?", "{}" + "\\n  " * 60),
        replace_in_body(BODY, "你好! How can I help?", "\\n  " * 60),
        said("{", "}", *["\n \n"] * 60),
    ),
    depends_on=("chunk.present",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def blank_run(exchange: Exchange) -> Iterator[Problem]:
    """
    The answer comes late or truncated, and is paid for: the model wrote white space until something stopped it.

    Instead: Stop reading after some 100 characters of white space, close the stream, and use `text.rstrip()`.
    """
    for choice in exchange.columns.choices.values():
        for name in TEXT_CHANNELS:
            pieces = choice.channels.get(name)
            text = pieces.text if pieces else ""
            run = len(text) - len(text.rstrip())
            if pieces and run >= _BLANK:
                said_of = "is nothing but" if run == len(text) else "ends in"
                message = f"the text {said_of} {run} characters of white space"
                where = place_of(exchange, choice, pieces.chunks[-1], f"/{{part}}/{name}")
                yield Problem(message, (where,), _ONLY_BLANK if run == len(text) else None)
