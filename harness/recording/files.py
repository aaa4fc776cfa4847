"""
Reads files of recordings within limits: whole, or row by row.

How it works: a small compressed file may decompress to more than fits into memory, and a sparse one takes no disk
space.  So no more than the limit is read of a file or of a row; the rest of a longer row is skipped in segments.
"""

import codecs
import gzip
import io
import math
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from harness.errors import BadArchive
from harness.recording.large_rows import PIECE, read_large, size_of
from harness.wire.limits import sizes
from harness.wire.unpacking import GZIP

_UNREADABLE = (OSError, EOFError, zlib.error)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_Text = TypeVar("_Text", bytes, str)


def read_whole(path: Path) -> bytes:
    """
    Return the content of a file, decompressed if needed.

    Raises:
        BadArchive: it can't be read, or is larger than the limit.
    """
    most = sizes().file
    try:
        with opened(path) as file:
            content = file.read(most + 1)
    except _UNREADABLE as error:
        raise _refused(path, error) from None
    if len(content) > most:
        raise BadArchive(f"{path}: larger than {most:,} bytes; leave it out, or raise --max-file")
    return content


def file_beside(folder: Path, name: str, where: str) -> Path:
    """
    Return a file that a recording names, which must lie in ``folder``.

    Raises:
        BadArchive: it is missing, or elsewhere.
    """
    file = folder / name
    if not file.resolve().is_relative_to(folder.resolve()) or not file.is_file():
        raise BadArchive(f"{where}: no file {name!r} in {folder}; restore it, or leave it out")
    return file


def rows_of(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """
    Yield the rows of a file with their numbers, in UTF-8, one at a time: logs can be larger than memory.

    A row beyond the limit is None, one that is large may be a ``Row``; some of several consecutive blank ones are omitted.

    Raises:
        BadArchive: it can't be read, or decompresses to more than the limit.
    """
    try:
        with opened(path) as file:
            most = sizes().unpacked if isinstance(file, gzip.GzipFile) else math.inf
            if file.peek(2)[:2] in _UTF16:
                # Only \n ends a line, as in files that need no decoding.
                with io.TextIOWrapper(file, "utf-16", "replace", newline="\n") as text:
                    for number, row in _rows(text.readline, "\n", most, path, lambda: 0):
                        yield number, None if row is None else row.encode("utf-8", "replace")
                return
            if file.peek(len(codecs.BOM_UTF8)).startswith(codecs.BOM_UTF8):
                file.read(len(codecs.BOM_UTF8))
            yield from _rows(partial(_row, file.readline), b"\n", most, path, lambda: _pass_blank(file))
    except _UNREADABLE as error:
        raise _refused(path, error) from None


def _row(read: Callable[[int], bytes], most: int) -> bytes:
    """Return the next row; of a longer one, more than ``most`` bytes."""
    row = read(min(most, PIECE))
    return row if len(row) < PIECE or row.endswith(b"\n") else read_large(row, read, most - 1)


def _rows(
    read: Callable[[int], _Text], end: _Text, most: float, path: Path, pass_blank: Callable[[], int]
) -> Iterator[tuple[int, _Text | None]]:
    """Yield the content that ``read`` returns, row by row, and None for a row beyond the limit, which is skipped."""
    longest, total, number = sizes().row, 0, 0
    while row := read(longest + 1):
        number += 1
        size = size_of(row)
        whole = size <= longest
        total += size
        blank_too, given = row == end, [row if whole else None]
        row = row[-len(end) :]
        yield number, given.pop()  # a row may be large, and is no longer needed here
        while not whole and row and not row.endswith(end) and total <= most:
            row = read(PIECE)
            total += len(row)
        if blank_too:
            blank = pass_blank()
            number, total = number + blank, total + blank
        if total > most:
            raise BadArchive(
                f"{path}: larger than {most:,} bytes when decompressed; decompress it, or raise --max-unpacked"
            )


def _pass_blank(file: io.BufferedReader | gzip.GzipFile) -> int:
    """Skip buffered blank rows, and return their number: a file may hold a billion."""
    ahead = file.peek(PIECE)
    return len(file.read(len(ahead) - len(ahead.lstrip(b"\n"))))


def in_utf8(content: bytes) -> bytes:
    """Return text in UTF-8 without a byte order mark, whichever mark it begins with."""
    if content.startswith(_UTF16):
        return content.decode("utf-16", "replace").encode()
    return content.removeprefix(codecs.BOM_UTF8)


def opened(path: Path) -> io.BufferedReader | gzip.GzipFile:
    """Open a file for reading, decompressed if needed, whatever its name; raises OSError."""
    with path.open("rb") as plain:
        packed = plain.read(2) == GZIP
    return gzip.open(path, "rb") if packed else path.open("rb")


def _refused(path: Path, error: Exception) -> BadArchive:
    return BadArchive(f"{path}: {getattr(error, 'strerror', None) or error}; restore it, or leave it out")
