"""The tokens of ``logprobs``: what they join to, and their bytes, as the text beside them became."""

import re
from dataclasses import dataclass, field
from typing import Protocol

from harness.recording.masking.json_strings import Container, Token
from harness.recording.masking.words import Vocabulary

_BYTE = re.compile(r"\\x([0-9a-fA-F]{2})|<0x([0-9A-Fa-f]{2})>")


class Replaceable(Protocol):
    """A string of a JSON text, and what comes in its place."""

    token: Token
    plain: str
    made: str | None


class SaidText:
    """A text that tokens add up to, as it was and as it became; read from its beginning to its end."""

    def __init__(self, plain: str, made: str) -> None:
        self._plain, self._made = (one.encode("utf-8", "surrogateescape") for one in (plain, made))
        self._at = 0

    def take(self, content: bytes) -> bytes | None:
        """Return what became of the next bytes; None if they are not ``content``."""
        if not content or not self._plain.startswith(content, self._at):
            return None
        start, self._at = self._at, self._at + len(content)
        return self._made[start : self._at]


@dataclass
class TokenTexts:
    """The tokens of one choice in their order, with their bytes by the object they stand in."""

    tokens: list[Replaceable] = field(default_factory=list)
    numbers: dict[int, list[Replaceable]] = field(default_factory=dict)

    def add(self, string: Replaceable) -> None:
        """Take a token, or one of its alternatives."""
        self.tokens.append(string)

    def add_byte(self, within: Container | None, string: Replaceable) -> None:
        """Take a byte of the token that stands in ``within``."""
        self.numbers.setdefault(id(within), []).append(string)

    def mask(self, said: list[SaidText], vocabulary: Vocabulary) -> None:
        """Give each token what became of its part of the text; the others are words of their own."""
        became: dict[bytes, bytes] = {}
        for string in self.tokens:
            numbers = self.numbers.get(id(string.token.within), []) if not string.token.within.is_list else []
            content = _content(string, numbers)
            made = became.get(content) if _is_alternative(string.token) else _taken(said, content)
            if made is None:
                made = _other(string, content, vocabulary)
            elif not _is_alternative(string.token):
                became = {content: made}
            _write(string, numbers, content, made)


def _is_alternative(token: Token) -> bool:
    return "top_logprobs" in token.path


def _content(string: Replaceable, numbers: list[Replaceable]) -> bytes:
    try:
        return bytes(int(number.plain) for number in numbers) or string.plain.encode("utf-8", "surrogateescape")
    except ValueError:
        return string.plain.encode("utf-8", "surrogateescape")


def _taken(said: list[SaidText], content: bytes) -> bytes | None:
    return next((made for one in said if (made := one.take(content)) is not None), None)


def _other(string: Replaceable, content: bytes, vocabulary: Vocabulary) -> bytes:
    if string.plain.encode("utf-8", "surrogateescape") == content:
        return vocabulary.text(string.plain).encode("utf-8", "surrogateescape")
    return content  # a part of a character, which alone tells nothing


def _write(string: Replaceable, numbers: list[Replaceable], content: bytes, made: bytes) -> None:
    if string.plain.encode("utf-8", "surrogateescape") == content:
        string.made = made.decode("utf-8", "surrogateescape")
    else:
        string.made = _in_hex(string.plain, made)
    if len(numbers) == len(made):
        for number, byte in zip(numbers, made, strict=True):
            number.made = str(byte) if len(str(byte)) == len(number.plain) else None


def _in_hex(token: str, made: bytes) -> str:
    """Return a token that tells its bytes in hexadecimal, or with U+FFFD, with other bytes."""
    if len(_BYTE.findall(token)) != len(made):
        return token
    left = iter(made)

    def spelled(found: re.Match[str]) -> str:
        digits = f"{next(left):02x}"
        return f"\\x{digits}" if found[1] else f"<0x{digits.upper()}>"

    return _BYTE.sub(spelled, token)
