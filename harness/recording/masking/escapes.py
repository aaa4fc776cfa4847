r"""
Decodes escapes in a text, as in JSON, and writes them back the same way.

``\u00e9`` comes back as four hexadecimal digits, ``é`` as it was, so that the text keeps its length.
"""

import re

UNREADABLE = "\ue000"
"""Stands for an invalid escape, or a lone surrogate: it stays as it is."""

_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rf"({_PAIR}|\\u[0-9a-fA-F]{{4}})|\\(.)?", re.DOTALL)
_SHORT = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "\\": "\\", "/": "/"}


class Escapes:
    """A text with escapes: ``plain`` is its decoded form, one character per escape."""

    def __init__(self, text: str) -> None:
        self._escapes: list[tuple[int, re.Match[str]]] = []
        parts: list[str] = []
        at = length = 0
        for found in _ESCAPE.finditer(text):
            parts += [text[at : found.start()], _meaning(found)]
            length += found.start() - at
            self._escapes.append((length, found))
            length, at = length + 1, found.end()
        self.plain = "".join([*parts, text[at:]])

    def put_back(self, plain: str) -> str:
        """Return the text with other letters in it, equally many."""
        parts, at = [], 0
        for place, found in self._escapes:
            parts.append(plain[at:place])
            parts.append(_spelled(plain[place], found) if found[1] else found[0])
            at = place + 1
        return "".join([*parts, plain[at:]])


def _meaning(found: re.Match[str]) -> str:
    if not found[1]:
        return _SHORT.get(found[2] or "", UNREADABLE)
    units = bytes.fromhex(found[1].replace("\\u", ""))
    return units.decode("utf-16-be", "ignore") or UNREADABLE


def _spelled(letter: str, found: re.Match[str]) -> str:
    if letter == _meaning(found):
        return found[0]
    digits = letter.encode("utf-16-be").hex()
    if any(map(str.isupper, found[0])):
        digits = digits.upper()
    return "".join(f"\\u{digits[n : n + 4]}" for n in range(0, len(digits), 4))
