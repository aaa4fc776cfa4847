"""
Answers that differ in nothing but their words, ids and counts, written once.

A program that asks alike gets answers of one outline: as many pieces, in the same places.  When an outline comes again, an
answer with marks in these places is written and cut at the marks; from then on such answers are joined of the parts.
"""

import re
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

_MARK = re.compile("\ue000([0-9]+)\ue001|87000000000000([0-9]{3})")
_MOST_VALUES, MOST_MOULDS = 256, 256


class Values(NamedTuple):
    """What differs: texts, and counts of tokens."""

    texts: tuple[str, ...]
    counts: tuple[int, ...]

    def marks(self) -> "Values":
        """Return marks in their place, each another one."""
        texts = tuple(f"\ue000{number}\ue001" for number in range(len(self.texts)))
        return Values(texts, tuple(87_000_000_000_000_000 + len(texts) + n for n in range(len(self.counts))))


class _Mould:
    """An answer cut at its marks."""

    def __init__(self, marked: str) -> None:
        self._parts: list[str] = []
        self._places: list[tuple[int, int]] = []
        end = 0
        for found in _MARK.finditer(marked):
            self._places.append((len(self._parts) + 1, int(found[1] or found[2])))
            self._parts += [marked[end : found.start()], ""]
            end = found.end()
        self._parts.append(marked[end:])

    def filled(self, filling: Sequence[str]) -> str:
        """Return the answer with the values, as JSON writes them, in the place of the marks."""
        parts = self._parts.copy()
        for at, number in self._places:
            parts[at] = filling[number]
        return "".join(parts)

    def fits(self, filling: Sequence[str], written: str) -> bool:
        """Tell whether it is filled to what is ``written``."""
        return all(number < len(filling) for _, number in self._places) and self.filled(filling) == written


MOULDS: dict[Hashable, tuple[object, _Mould | None]] = {}
"""By outline: its owner, and the mould, None before it comes again or where it has to be written each time."""


def moulded(
    outline: Hashable, owner: object, values: Values, write: Callable[[Values], str], quote: Callable[[str], str]
) -> str:
    """
    Return what ``write`` writes of ``values``, which has JSON in it.

    ``outline`` is all else that it depends on, with the id of its ``owner``, which is held so that the id stays its own;
    ``quote`` writes a text as JSON, in quotes.
    """
    if not all(values.texts) or len(values.texts) > _MOST_VALUES:
        return write(values)
    if outline not in MOULDS:
        if len(MOULDS) >= MOST_MOULDS:
            MOULDS.clear()
        MOULDS[outline] = owner, None
        return write(values)
    filling = [*(quote(text)[1:-1] for text in values.texts), *map(str, values.counts)]
    mould = MOULDS[outline][1]
    if mould:
        return mould.filled(filling)
    written = write(values)
    mould = _Mould(write(values.marks()))
    if mould.fits(filling, written):  # it does not where a name is written like a mark
        MOULDS[outline] = owner, mould
    return written
