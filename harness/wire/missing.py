"""Which piece one of two texts is without that otherwise say the same."""

from typing import NamedTuple

_LEAST = 4
"""Characters: what is lost within a word may be fewer, but then it may be another spelling of the word."""


class Missing(NamedTuple):
    """A piece that the shorter of two texts lacks: ``where``, at the end of it, at its beginning or in its middle."""

    where: str
    piece: str
    in_word: bool = False
    """Whether the shorter text is cut within a word there, as nobody writes."""


def missing(short: str, long: str) -> Missing | None:
    """Return the one piece that ``long`` has and ``short`` has not; None if they differ in more, or not at all."""
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
    """Return whether two letters that stand side by side are of one word; of what is not ASCII words are not told."""
    return one.isalnum() and other.isalnum() and one.isascii() and other.isascii()
