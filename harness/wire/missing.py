"""Finds the one part that a text lacks compared with another."""

from typing import NamedTuple

_LEAST = 4
"""Characters: a shorter loss within a word may be another spelling."""


class Missing(NamedTuple):
    """A part that the shorter of two texts lacks: ``where``, at its end, its beginning or in its middle."""

    where: str
    piece: str
    in_word: bool = False
    """Whether the shorter text is cut within a word there."""


def missing(short: str, long: str) -> Missing | None:
    """Return the only part of ``long`` that ``short`` lacks; None if they differ in more, or not at all."""
    gap = len(long) - len(short)
    if gap <= 0:
        return None
    begin = next((at for at, pair in enumerate(zip(short, long, strict=False)) if pair[0] != pair[1]), len(short))
    if short[begin:] != long[begin + gap :]:
        return None
    piece = long[begin : begin + gap]
    if begin == len(short):
        return Missing("end", piece, _joined(short[-1:], piece[:1]))
    if not begin:
        return Missing("beginning", piece, _joined(piece[-1:], short[:1]))
    in_word = _joined(short[begin - 1], piece[0]) or _joined(piece[-1], short[begin])
    return Missing("middle", piece, in_word and gap >= _LEAST)


def _joined(one: str, other: str) -> bool:
    """Return whether two adjacent letters belong to one word; for ASCII only."""
    return one.isalnum() and other.isalnum() and one.isascii() and other.isascii()
