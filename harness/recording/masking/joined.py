"""
Masks texts that are split into fragments, and texts that are repeated.

The fragments of a stream are joined before words are replaced, so that a word split over several stays one word;
then the text is split at the same places, even inside a character.  If a text is sent again without a space between
the two, the second copy becomes a copy of the first's replacement.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, islice, pairwise
from typing import NamedTuple

from harness.wire.spacing import SMALL_WORDS, a_line_each, run_together

_TELLING = 8  # characters: shorter texts repeat by chance
_OFTEN = 0.4  # share of fragments that repeat the one before, if a stream sends each twice
_GROWN = 2
_NOTHING = frozenset({"None", "null", "undefined", "NaN", "nil"})
_WAITING = 5  # fragments by which one copy may be ahead of the other

Mask = Callable[[str], str]


class _Span(NamedTuple):
    """A part of a text, and the place of its original, if it is a copy."""

    start: int
    end: int
    source: int | None = None


def masked_pieces(pieces: Sequence[str], mask: Mask, marks: Sequence[str] = ()) -> list[str]:
    """Return the fragments of one text with other words; each of ``marks`` is a word of its own."""
    text = "".join(pieces)
    if not text:
        return list(pieces)
    if run_together(pieces) or a_line_each(pieces):  # each is a word
        return [piece if piece.strip().lower() in SMALL_WORDS else mask(piece) for piece in pieces]
    copies = _in_turn(pieces)
    if copies:
        first = [number for number in range(len(pieces)) if number not in copies]
        made_first = dict(zip(first, masked_pieces([pieces[number] for number in first], mask, marks), strict=True))
        return [made_first[copies.get(number, number)] for number in range(len(pieces))]
    whole = _as_utf8(text)
    spans = _spans(text, pieces, (*marks, *_nothing(pieces))) if whole == text else [_Span(0, len(whole))]
    made = ""
    for span in spans:
        source = span.source
        made += mask(whole[span.start : span.end]) if source is None else made[source : source + span.end - span.start]
    return _cut(made, pieces)


def _nothing(pieces: Sequence[str]) -> list[str]:
    """Return the word for nothing that is the first fragment, if the text follows without a space, or undefined as a fragment."""
    given = list(islice(filter(None, pieces), 2))
    first = given[:1] if len(given) > 1 and given[0] in _NOTHING and given[1][:1].isalnum() else []
    return first or (["undefined"] if "undefined" in pieces else [])


def _in_turn(pieces: Sequence[str]) -> dict[int, int]:
    """Return which fragment repeats which, if two copies of a text alternate; nothing if one fragment has no copy."""
    waiting: deque[int] = deque()
    copies: dict[int, int] = {}
    for number, piece in enumerate(pieces):
        if waiting and pieces[waiting[0]] == piece:
            copies[number] = waiting.popleft()
        elif piece:
            waiting.append(number)
            if len(waiting) > max(_WAITING, len(pieces) // 4):
                return {}
    return copies if not waiting and len(copies) > _GROWN else {}


def _as_utf8(text: str) -> str:
    """Return ``text`` with the characters rejoined that were split between two fragments."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def _cut(text: str, pieces: Sequence[str]) -> list[str]:
    if text.isascii():
        ends = [0, *accumulate(map(len, pieces))]
        return [text[start:end] for start, end in pairwise(ends)]
    content = text.encode("utf-8", "surrogateescape")
    ends = [0, *accumulate(len(piece.encode("utf-8", "surrogateescape")) for piece in pieces)]
    return [content[start:end].decode("utf-8", "surrogateescape") for start, end in pairwise(ends)]


def _spans(text: str, pieces: Sequence[str], marks: Sequence[str]) -> list[_Span]:
    """Return the parts of ``text`` in order, all of it."""
    spans: list[_Span] = []
    at = 0
    for copy in _copies(text, pieces):
        if copy.start >= at:
            spans += [*_apart(text, at, copy.start, marks), copy]
            at = copy.end
    return [*spans, *_apart(text, at, len(text), marks)]


def _apart(text: str, start: int, end: int, marks: Sequence[str]) -> Iterator[_Span]:
    """Yield the spans from ``start`` to ``end``, split at the marks."""
    cuts = {start, end}
    for mark in filter(None, marks):
        at = text.find(mark, start, end)
        while at >= 0:
            cuts |= {at, at + len(mark)}
            at = text.find(mark, at + len(mark), end)
    for one, two in pairwise(sorted(cuts)):
        yield _Span(one, two)


def _copies(text: str, pieces: Sequence[str]) -> Iterator[_Span]:
    """Yield the spans where ``text`` repeats an earlier part."""
    if len(pieces) == 1:
        yield from _second_half(text, 0) if len(text) >= _TELLING else ()
        return
    repeats_last = _repeats_the_last(pieces)
    doubled = all(piece[: len(piece) // 2] == piece[len(piece) // 2 :] for piece in pieces)
    at = before = 0
    for number, piece in enumerate(pieces):
        last = pieces[number - 1] if number else ""
        if doubled:
            yield from _second_half(piece, at)
        elif repeats_last and last and piece.startswith(last):
            yield _Span(at, at + len(last), before)
        elif at >= _TELLING:
            yield from _again(text, at, piece)
        before, at = at, at + len(piece)


def _second_half(text: str, at: int) -> Iterator[_Span]:
    half = len(text) // 2
    if half and text[:half] == text[half:]:
        yield _Span(at + half, at + 2 * half, at)


def _repeats_the_last(pieces: Sequence[str]) -> bool:
    """Return whether each fragment contains the one before, or occurs twice."""
    pairs = list(pairwise(pieces))
    grown = sum(len(after) > len(before) for before, after in pairs[:4])
    if grown >= _GROWN and all(after.startswith(before) for before, after in pairs):
        return True
    return sum(after == before != "" for before, after in pairs) >= max(_GROWN, _OFTEN * len(pairs))


def _again(text: str, at: int, piece: str) -> Iterator[_Span]:
    """Yield the copy that begins at ``at``: of the beginning of the text, or of the last fragments."""
    if text.startswith(text[:_TELLING], at):
        length = _TELLING
        while length < at and at + length < len(text) and text[length] == text[at + length]:
            length += 1
        yield _Span(at, at + length, 0)
    elif len(piece) >= _TELLING and text.endswith(piece, 0, at):
        yield _Span(at, at + len(piece), at - len(piece))
