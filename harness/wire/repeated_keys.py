r"""
Finds keys that occur twice in one JSON object, without a second parser.

Parsers keep one value of such a key silently.  So the keys in the bytes are counted, and compared with those in the
parsed value: ``":`` follows every key, and occurs in a string only as ``\":``, or where the string begins with a
colon, so that the first number is never too low.  For chunks of a known shape the second number is known too.  Only
if the two differ is the text parsed again, pair by pair.
"""

import json
import re
from typing import Any

from harness.wire.shapes import Shape, escaped

_UNKNOWN = -1
_SPACED = re.compile(rb'"\s+:')
_KEY = re.compile(rb'(?<!\\)"\s*:')


class _Pairs(list[tuple[str, Any]]):
    """The keys and values of an object as written."""


class RepeatedKeys:
    """The result: ``found`` are the numbers of chunks, and pointers of the keys, each once per chunk."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []
        self._keys_of: dict[Shape, int] = {}
        self._spaced: bool | None = None  # whether this writer puts a space before its colons

    def see(self, data: bytes, value: Any, shape: Shape | None, number: int) -> None:
        """Check a JSON text against the ``value`` parsed from it."""
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
    """Count the keys of all objects in a JSON value."""
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
    """Return the pointers of the keys that occur more than once in their object."""
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
    """Return the values of a repeated key, in order; objects are lists of pairs, integers are strings."""
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
