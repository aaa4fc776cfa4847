r"""
Keys that stand twice in one JSON object, found without a second parser.

Parsers keep one value of such a key and do not tell.  So the keys that are written are counted in the bytes, and those
that are left counted in the value: ``":`` stands behind every key, and in a text only as ``\":``, or where the text
begins with the colon, so that the first number is never too low.  For chunks of a shape that is known the second one is
known too.  Only where the two differ is the text parsed again, pair by pair.
"""

import json
import re
from typing import Any

from harness.wire.shapes import Shape, escaped

_UNKNOWN = -1
_SPACED = re.compile(rb'"\s+:')
_KEY = re.compile(rb'(?<!\\)"\s*:')


class _Pairs(list[tuple[str, Any]]):
    """The keys and values of an object as they were written."""


class RepeatedKeys:
    """What was found: ``found`` are the numbers of chunks, and pointers of the keys, each once a chunk."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []
        self._keys_of: dict[Shape, int] = {}
        self._spaced: bool | None = None  # whether this writer puts a space before its colons

    def see(self, data: bytes, value: Any, shape: Shape | None, number: int) -> None:
        """Look at a JSON text and the ``value`` it was parsed to."""
        if self._spaced is None:
            self._spaced = _SPACED.search(data) is not None
        written = len(_KEY.findall(data)) if self._spaced else data.count(b'":') - data.count(b'\\":')
        known = self._keys_of.get(shape) if shape is not None else None
        if written == known:
            return
        left = keys_in(value)
        if shape is not None and known is None:
            self._keys_of[shape] = left if shape.tells_all_keys else _UNKNOWN
        if written != left:
            self.found += [(number, pointer) for pointer in repeated_in(data)]


def keys_in(value: Any) -> int:
    """Count the keys in a JSON value, those of all objects in it."""
    count, left = 0, [value]
    while left:
        one = left.pop()
        if type(one) is dict:
            count += len(one)
            left += [inner for inner in one.values() if type(inner) is dict or type(inner) is list]
        elif type(one) is list:
            left += [inner for inner in one if type(inner) is dict or type(inner) is list]
    return count


def repeated_in(data: bytes) -> list[str]:
    """Return the pointers of the keys that stand more than once in their object."""
    try:
        read = json.loads(data.decode("utf-8", "replace"), object_pairs_hook=_Pairs, parse_int=str)
    except (ValueError, RecursionError):
        return []
    found: dict[str, None] = {}
    left: list[tuple[str, Any]] = [("", read)]
    while left:
        at, one = left.pop()
        if isinstance(one, _Pairs):
            names: set[str] = set()
            for name, inner in one:
                pointer = f"{at}/{escaped(name)}"
                if name in names:
                    found[pointer] = None
                names.add(name)
                left.append((pointer, inner))
        elif isinstance(one, list):
            left += [(f"{at}/{n}", inner) for n, inner in enumerate(one)]
    return sorted(found)


def values_of(data: bytes, pointer: str) -> list[Any]:
    """Return the values of a key that stands more than once, in order; objects are lists of pairs, whole numbers texts."""
    try:
        values: list[Any] = [json.loads(data.decode("utf-8", "replace"), object_pairs_hook=_Pairs, parse_int=str)]
    except (ValueError, RecursionError):
        return []
    for token in pointer.split("/")[1:]:
        values = [inner for value in values for inner in _under(value, token)]
    return values


def _under(value: Any, token: str) -> list[Any]:
    if isinstance(value, _Pairs):
        return [inner for name, inner in value if escaped(name) == token]
    return [value[int(token)]] if isinstance(value, list) and token.isdigit() and int(token) < len(value) else []
