"""
Reads a row of JSON lines that is large because of the body in it, so that the body is in memory once.

How it works: as the row comes, the string of a response's body that goes on beyond a piece is cut out, and decoded
piece by piece; ``MARK`` is left in its place.  Parsing what is left is cheap, and the body is put back as bytes.
What can't be decoded is written back into the row as it was, for the parser to refuse.
"""

import binascii
import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import orjson

PIECE = 1 << 20
"""A row of more bytes is large."""

MARK = b"(a body that was decoded while its row was read)"
_RESPONSE = b'"response"'
_BODY = re.compile(rb'[{,]\s*"(body_b64|base64Body|body_base64|body_text|body|content)"\s*:\s*"')
_PACKED = frozenset({b"body_b64", b"base64Body", b"body_base64"})
_BEGINS = 100
"""How much of a key may have come before its value, bytes."""
_TEXT = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_OUTSIDE = re.compile(rb".*[ ,:]", re.DOTALL)
"""What ends outside of an escape and of a character."""


class Row(bytes):
    """A large row without its body, which is kept beside it."""

    size: int
    """The bytes of the whole row."""
    _key: str
    _body: "_LargeBody"

    @classmethod
    def of(cls, kept: bytes, size: int, key: str, body: "_LargeBody") -> "Row":
        """Return the row of so many bytes from whose string under ``key`` a body was cut."""
        row = cls(kept)
        row.size, row._key, row._body = size, key, body
        return row

    def parsed(self) -> Any:
        """Return its value: with the body as bytes if that of a response was cut, else as orjson returns it."""
        row = orjson.loads(bytes(self))
        response = row.get("response") if isinstance(row, dict) and isinstance(row.get("request"), dict) else None
        if isinstance(response, dict) and response.get(self._key) == MARK.decode() and "encodedBody" not in response:
            return row | {"response": response | {self._key: self._body.content}}
        return orjson.loads(self.replace(MARK, self._body.written(), 1))


def size_of(row: bytes | str) -> int:
    """Return the size of a row as it stands in its file."""
    return row.size if isinstance(row, Row) else len(row)


def read_large(first: bytes, read: Callable[[int], bytes], most: int) -> bytes:
    """Return the row that begins with the piece ``first``; if it is larger than ``most``, what was read of it."""
    row = _Cut(first)
    while row.size <= most and not row.ended and (piece := read(PIECE)):
        row.add(piece)
    return row.result()


class _LargeBody:
    """A string of JSON that is decoded as it comes: text, or base64 if ``packed``.  ``rest`` is not decoded yet."""

    def __init__(self, *, packed: bool) -> None:
        self.rest = b""
        self._packed, self._padded = packed, False
        self._content = BytesIO()

    @property
    def content(self) -> bytes:
        """The bytes of the body; not a copy."""
        return self._content.getvalue()

    def written(self) -> bytes:
        """Return what was decoded as JSON has it between quotes."""
        if self._packed:
            return binascii.b2a_base64(self.content, newline=False)
        return orjson.dumps(self.content.decode())[1:-1]

    def add(self, piece: bytes) -> bytes | None:
        """
        Decode what comes next; return what follows from the closing quote on, None if the quote is still to come.

        Raises:
            ValueError: it can't be decoded.
        """
        self.rest += piece
        end = _end(self.rest, packed=self._packed)
        ready = self._ready() if end is None else end
        self._decode(self.rest[:ready])
        after = None if end is None else self.rest[end:]
        self.rest = self.rest[ready:] if end is None else b""
        return after

    def _ready(self) -> int:
        """Return how much can be decoded without what follows it."""
        if self._packed:
            return len(self.rest) // 4 * 4
        found = _OUTSIDE.match(self.rest)
        return found.end() if found else 0

    def _decode(self, data: bytes) -> None:
        if not self._packed:
            self._content.write(orjson.loads(b'"%b"' % data).encode())
            return
        if data and self._padded:
            raise ValueError("there is more after the padding")
        self._padded = self._padded or data.endswith(b"=")
        self._content.write(binascii.a2b_base64(data, strict_mode=True))


def _end(data: bytes, *, packed: bool) -> int | None:
    """Return where the quote is that closes a string; None if it goes on."""
    found = None if packed else _TEXT.match(data)
    end = found.end() if found else data.find(b'"')
    return end if end >= 0 and data[end : end + 1] == b'"' else None


class _Cut:
    """A row as it comes; ``size`` bytes of it have come, and ``ended`` is whether that is all."""

    def __init__(self, first: bytes) -> None:
        self.size, self.ended = len(first), False
        self._kept = bytearray(first)
        self._key = ""
        self._body: _LargeBody | None = None
        self._open = self._refused = self._answered = False
        self._look(0)

    def add(self, piece: bytes) -> None:
        """Take the next piece of the row."""
        self.size += len(piece)
        self.ended = piece.endswith(b"\n")
        if self._open:
            self._decode(piece)
            return
        at = max(0, len(self._kept) - _BEGINS)
        self._kept += piece
        if self._body is None and not self._refused:
            self._look(at)

    def result(self) -> bytes:
        """Return the row as far as it came."""
        if self._open:
            self._write_back()
        return bytes(self._kept) if self._body is None else Row.of(bytes(self._kept), self.size, self._key, self._body)

    def _look(self, at: int) -> None:
        """Cut out a body that begins beyond ``at``, if it goes on."""
        if not self._answered:
            at = self._kept.find(_RESPONSE, at)
            self._answered = at >= 0
        found = list(_BODY.finditer(self._kept, at))[-1:] if self._answered else ()
        for key, begins in [(one[1], one.end()) for one in found]:
            begun, packed = bytes(self._kept[begins:]), key in _PACKED
            if _end(begun, packed=packed) is None:
                self._kept[begins:] = MARK
                self._key, self._body, self._open = key.decode(), _LargeBody(packed=packed), True
                self._decode(begun)

    def _decode(self, piece: bytes) -> None:
        body = self._body
        if body is None:
            return
        try:
            after = body.add(piece)
        except ValueError:
            self._write_back()
            return
        if after is not None:
            self._kept += after
            self._open = False

    def _write_back(self) -> None:
        """Undo the cut."""
        if self._body:
            self._kept[-len(MARK) :] = self._body.written() + self._body.rest
        self._body, self._open, self._refused = None, False, True
