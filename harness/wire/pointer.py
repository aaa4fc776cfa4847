"""Finds the bytes of a JSON text that a JSON pointer (RFC 6901) points at."""

import re
from json import JSONDecodeError, JSONDecoder

_SPACE = re.compile(r"[ \t\n\r]*")
# Numbers are not converted: int() rejects more than 4,300 digits.
_decode = JSONDecoder(strict=False, parse_int=str).raw_decode


def locate(data: bytes, pointer: str) -> tuple[int, int]:
    """
    Return the byte span of the value ``pointer`` names in ``data``.

    A key that is absent gives the span of its container; text that is not JSON gives all of it.  The span of
    a member starts at its key, so that an excerpt of it says what it is.
    """
    text = data.decode("utf-8", "surrogateescape")
    try:
        begin, end = _span(text, pointer.split("/")[1:])
    except (JSONDecodeError, RecursionError, IndexError):
        return 0, len(data)
    return _bytes_in(text[:begin]), _bytes_in(text[:end])


def _bytes_in(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))


def _span(text: str, tokens: list[str]) -> tuple[int, int]:
    value = _skip(text, 0)
    span = (value, _decode(text, value)[1])
    for token in tokens:
        inside = _member(text, value, token)
        if inside is None:
            break
        is_object, span = text[value] == "{", inside
        value = _value_at(text, span[0]) if is_object else span[0]
    return span


def _value_at(text: str, key_at: int) -> int:
    """Return the offset of the value of the member whose key begins at ``key_at``."""
    return _skip(text, _skip(text, _key(text, key_at)[1]) + 1)


def _key(text: str, at: int) -> tuple[str, int]:
    """Return the key that begins at ``at`` and its end."""
    return _decode(text, at)


def _member(text: str, at: int, token: str) -> tuple[int, int] | None:
    """Return the span of member or element ``token`` of the container at ``at``; None if there is none."""
    is_object, is_list = text[at] == "{", text[at] == "["
    wanted = token.replace("~1", "/").replace("~0", "~")
    found: tuple[int, int] | None = None
    position, number = _skip(text, at + 1), 0
    while (is_object or is_list) and text[position] not in "}]":
        begin = position
        if is_object:
            key = _key(text, position)[0]
            position = _value_at(text, position)
        else:
            key = str(number)
        _, end = _decode(text, position)
        if key == wanted:
            found = (begin, end)  # the last of equal keys wins, as in every parser
        position, number = _skip(text, end), number + 1
        if text[position] == ",":
            position = _skip(text, position + 1)
    return found


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
