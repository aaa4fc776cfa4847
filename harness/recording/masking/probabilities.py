"""Masks the tokens of ``logprobs``, their text and bytes, consistently with the text they join to."""

import re
from dataclasses import dataclass, field
from typing import Protocol

from harness.recording.masking.json_strings import Container, JsonToken
from harness.recording.masking.words import Vocabulary

_BYTE = re.compile(r"\\x([0-9a-fA-F]{2})|<0x([0-9A-Fa-f]{2})>")
_SPACE_OF_TOKENIZERS = "\u0120"
"""The character that byte-level tokenizers write for a space."""


def _letters_of_bytes() -> dict[int, str]:
    """
    Return the letter that such a tokenizer writes for each byte:
    https://github.com/openai/gpt-2/blob/master/src/encoder.py.
    """
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(0x100 + number) for number, byte in enumerate(others)}


_LETTER_OF = _letters_of_bytes()
_BYTE_OF = {letter: byte for byte, letter in _LETTER_OF.items()}


class Replaceable(Protocol):
    """A string of a JSON text, and its replacement."""

    token: JsonToken
    plain: str
    made: str | None


class SaidText:
    """A text that tokens add up to, original and masked, consumed from beginning to end."""

    def __init__(self, plain: str, made: str) -> None:
        self._plain, self._made = (one.encode("utf-8", "surrogateescape") for one in (plain, made))
        self._at = 0

    def take(self, content: bytes) -> bytes | None:
        """Return the replacement of the next bytes; None if they are not ``content``."""
        if not content or not self._plain.startswith(content, self._at):
            return None
        start, self._at = self._at, self._at + len(content)
        return self._made[start : self._at]


@dataclass
class _TokenText:
    """A token: its text and its bytes, as far as given, and whether it is an alternative of another."""

    is_alternative: bool
    string: Replaceable | None = None
    numbers: list[Replaceable] = field(default_factory=list)

    def content(self, *, raw: bool) -> bytes:
        """Return its bytes; of a ``raw`` text those that its letters encode."""
        try:
            told = bytes(int(number.plain) for number in self.numbers)
        except ValueError:
            told = b""
        text = self.string.plain if self.string else ""
        if raw and text and set(text) <= _BYTE_OF.keys() and told in {b"", _bytes_of(text)}:
            return bytes(_BYTE_OF[one] for one in text)
        return told or _bytes_of(text)

    def write(self, made: bytes, *, raw: bool) -> None:
        """Replace its bytes by ``made``, in each form they are given."""
        if self.string:
            self.string.made = _spelled(self.string.plain, self.content(raw=raw), made, raw=raw)
        if self.string and len(self.numbers) != len(made):  # those of the letters that encode its bytes
            made = _bytes_of(self.string.made or "")
        if len(self.numbers) == len(made):
            for number, byte in zip(self.numbers, made, strict=True):
                number.made = str(byte) if len(str(byte)) == len(number.plain) else None


class TokenTexts:
    """The tokens of one choice in order, each followed by its alternatives."""

    def __init__(self) -> None:
        self._tokens: dict[object, _TokenText] = {}

    def add(self, string: Replaceable) -> None:
        """Add a token, or one of its alternatives."""
        within = string.token.within
        # In the older form the tokens are a list of texts.
        key = string.token if within.is_list or string.token.is_key else within
        self._token(key, string.token).string = string

    def add_byte(self, within: Container | None, string: Replaceable) -> None:
        """Add a byte of the token in ``within``."""
        self._token(within, string.token).numbers.append(string)

    def _token(self, key: object, token: JsonToken) -> _TokenText:
        return self._tokens.setdefault(key, _TokenText("top_logprobs" in token.path))

    def mask(self, said: list[SaidText], vocabulary: Vocabulary) -> None:
        """Give each token the replacement of its part of the text; the others become words of their own."""
        raw = any(one.string and _SPACE_OF_TOKENIZERS in one.string.plain for one in self._tokens.values())
        became: dict[tuple[str, bytes], bytes] = {}
        for token in self._tokens.values():
            content = token.content(raw=raw)
            key = (token.string.plain if token.string else "", content)
            made = became.get(key) if token.is_alternative else _taken(said, content)
            if made is None:
                made = became.get(key) or vocabulary.text(_text_of(content)).encode("utf-8", "surrogateescape")
            became[key] = made
            token.write(made, raw=raw)


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text_of(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _taken(said: list[SaidText], content: bytes) -> bytes | None:
    return next((made for one in said if (made := one.take(content)) is not None), None)


def _spelled(token: str, content: bytes, made: bytes, *, raw: bool) -> str:
    """Return ``made`` in the form in which ``token`` gives its bytes; a token without bytes stays."""
    if _bytes_of(token) == content:
        return _text_of(made)
    if raw and len(token) == len(made):
        return "".join(_LETTER_OF[byte] for byte in made)
    if len(_BYTE.findall(token)) != len(made):
        return token if "\ufffd" in token else _text_of(made) if len(made) == len(_bytes_of(token)) else token
    left = iter(made)

    def spelled(found: re.Match[str]) -> str:
        digits = f"{next(left):02x}"
        return f"\\x{digits}" if found[1] else f"<0x{digits.upper()}>"

    return _BYTE.sub(spelled, token)
