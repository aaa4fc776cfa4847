"""
Caches responses that differ only in words, ids and counts as moulds.

A program that repeats similar requests gets responses of one outline: equally many fragments, in the same places.
When an outline recurs, a response with marks in these places is written and split at the marks; from then on such
responses are joined from the parts.
"""

import re
from collections.abc import Callable, Hashable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from harness.wire.dumping import json_text

_MARK = re.compile("\ue000([0-9]+)\ue001|87000000000000([0-9]{3})")
_BETWEEN = "\ue002"
_MOST_VALUES, MOST_MOULDS = 256, 256


class Values(NamedTuple):
    """The variable parts: texts, and values that are no texts, such as counts of tokens and arguments of calls."""

    texts: tuple[str, ...]
    others: tuple[Any, ...]

    def marks(self) -> "Values":
        """Return distinct marks for them."""
        texts = tuple(f"\ue000{number}\ue001" for number in range(len(self.texts)))
        return Values(texts, tuple(87_000_000_000_000_000 + len(texts) + n for n in range(len(self.others))))


class _Mould:
    """A response split at its marks, to be joined with as many values."""

    def __init__(self, marked: str, values: int) -> None:
        found = list(_MARK.finditer(marked))
        numbers = [int(one[1] or one[2]) for one in found]
        ends = [0, *(one.end() for one in found)]
        starts = [*(one.start() for one in found), len(marked)]
        self._parts = [marked[end:start] for end, start in zip(ends, starts, strict=True)]
        self._known = all(number < values for number in numbers)
        order = [values]
        for at, number in enumerate(numbers, values + 1):
            order += [number, at]
        self._in_turn = itemgetter(*order)

    def filled(self, filling: Sequence[str]) -> str:
        """Return the response with the values, as JSON, instead of the marks."""
        return "".join(self._in_turn([*filling, *self._parts]))

    def fits(self, filling: Sequence[str], written: str) -> bool:
        """Return whether filling it gives what is ``written``."""
        return self._known and self.filled(filling) == written


MOULDS: dict[Hashable, tuple[object, _Mould | None]] = {}
"""By outline: its owner, and the mould, None before it recurs or if no mould is possible."""


def moulded(
    outline: Hashable, owner: object, values: Values, write: Callable[[Values], str], quote: Callable[[str], str]
) -> str:
    """
    Return what ``write`` writes of ``values``, which contains JSON.

    ``outline`` is everything else that it depends on, with the id of its ``owner``, which is held so that the id is
    not reused; ``quote`` writes a text as JSON, in quotes.
    """
    if not all(values.texts) or len(values.texts) > _MOST_VALUES:
        return write(values)
    if outline not in MOULDS:
        if len(MOULDS) >= MOST_MOULDS:
            MOULDS.clear()
        MOULDS[outline] = owner, None
        return write(values)
    filling = [*_quoted(values.texts, quote), *map(_plain, values.others)]
    mould = MOULDS[outline][1]
    if mould:
        return mould.filled(filling)
    written = write(values)
    mould = _Mould(write(values.marks()), len(filling))
    if mould.fits(filling, written):  # not if a name looks like a mark
        MOULDS[outline] = owner, mould
    return written


def _plain(value: Any) -> str:
    return str(value) if type(value) is int else json_text(value)


def _quoted(texts: tuple[str, ...], quote: Callable[[str], str]) -> list[str]:
    """Return texts as JSON without their quotes; encoded together, which is cheaper."""
    quoted = quote(_BETWEEN.join(texts))[1:-1].split(_BETWEEN)
    return quoted if len(quoted) == len(texts) else [quote(text)[1:-1] for text in texts]
