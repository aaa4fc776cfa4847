"""
Reads and writes the frame of a log: JSON lines with a run line first and an end line last, gzipped if its name ends
so.

It is written and read as a stream.  A file without its end line is an interrupted run and is refused.
"""

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import orjson

from harness.errors import BadResults, Unwritable
from harness.recording.atomic import PartFile
from harness.recording.files import opened

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA = 3
READABLE = (1, 2, SCHEMA)
"""Readable schemas: files of older versions stay readable."""

_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_BATCH = 1 << 18  # bytes that are searched for secrets and written at once


@dataclass(frozen=True, slots=True)
class Run:
    """The first line of a results file: who ran what, when (ISO 8601), how."""

    harness: str
    started: str
    mode: str
    sdk: str | None = None


def dump(value: Any, option: int = 0) -> bytes:
    """Return results, or a row of them, as JSON; a lone surrogate, as in a file name, is escaped."""
    try:
        return orjson.dumps(value, option=option)
    except orjson.JSONEncodeError:
        text = json.dumps(value, ensure_ascii=False, default=asdict, separators=(",", ":"))
        return _HALF_A_PAIR.sub(lambda half: f"\\\\u{ord(half[0]):04x}", text).encode()


@cache
def reader_of(kind: Any) -> "TypeAdapter[Any]":
    """Return a validator that makes a ``kind`` of a row of a log; pydantic is imported when the first log is read."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def check_writable(path: Path) -> None:
    """Raise Unwritable if ``path`` holds something other than results, which would be lost, or can't be read."""
    try:
        if path.is_dir():
            raise Unwritable(f"{path}: it is a folder; name a file")
        if path.exists() and not path.is_file():
            raise Unwritable(f"{path}: it is not a regular file; name a regular file or a new one")
        if path.exists() and path.stat().st_size and not first_line(path).startswith(b'{"kind":"run"'):
            raise Unwritable(f"{path}: it exists and is not a results file; name another file")
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror or error}; name another file") from None


def first_line(path: Path, most: int = 1 << 20) -> bytes:
    """Return the first line of a file, decompressed, up to ``most`` bytes; empty if that fails. Raises OSError."""
    try:
        with opened(path) as file:
            return file.readline(most)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return b""


class LineWriter:
    """
    Writes the lines of a log atomically; ``clean`` is whether they held no secret.

    Exchanges were already redacted; this removes secrets that came another way, such as a key given as a model.
    """

    def __init__(self, path: Path) -> None:
        from harness.recording.redact import redact  # compiling its patterns is slow

        check_writable(path)
        self._redact: Callable[[bytes], bytes] = redact
        self._part = PartFile(path)
        self._packed = gzip.GzipFile("", "wb", 6, self._part, 0) if path.suffix == ".gz" else None
        self._batch: list[bytes] = []
        self._size = 0
        self.clean = True

    def write(self, row: dict[str, Any]) -> None:
        """Write one line."""
        line = dump(row)
        self._batch.append(line)
        self._size += len(line)
        if self._size > _BATCH:
            self._flush()

    def keep(self) -> None:
        """Move the file to its place."""
        self._flush()
        if self._packed:
            self._packed.close()
        self._part.keep()

    def _flush(self) -> None:
        content = b"".join(line + b"\n" for line in self._batch)
        clean = self._redact(content)
        self.clean &= clean == content
        (self._packed or self._part).write(clean)
        self._batch, self._size = [], 0

    def __enter__(self) -> Self:
        """Open the file."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; remove it unless it was kept."""
        self._part.__exit__()


class LineReader:
    """
    Reads a log line by line: ``run`` and ``first``, its first line, at once; the ``rows`` on demand.

    Raises:
        BadResults: it is missing, not such a file, of another schema, or has no end line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._made_by = "harness clients run" if path.name.startswith("clients") else "harness run --report reports"
        self._lines = self._objects()
        number, self.first = next(self._lines, (1, {}))
        self.run = _run(path, number, self.first)
        self.schema: int = self.first["schema"]
        self.end: dict[str, Any] = {}
        self._last = 0

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield each row between the run line and the end line, with its number."""
        number = 1
        for number, row in self._lines:
            if self.end:
                raise self.bad(
                    self._last, "only findings stand between the run and the end line, and this one is not the last"
                )
            if row.get("kind") == "end":
                self.end, self._last = row, number
            else:
                yield number, row
        if not self.end:
            raise self.bad(number, "no end line, so the run was interrupted; run it again")

    def check(self, count: int, outcomes: dict[str, int]) -> None:
        """Raise BadResults if the end line has other counts than were read, or none."""
        said = self.end.get("findings")
        if said != count:
            raise self.bad(self._last, f"the end line counts {said} findings, the file holds {count}; run it again")
        if self.end.get("outcomes") != outcomes:
            raise self.bad(self._last, "the end line counts other outcomes than the file holds; run it again")
        if not count:
            raise BadResults(f"{self.path}: it has no findings; run the command again")

    def bad(self, number: int, reason: str) -> BadResults:
        """Return the error for a line."""
        return BadResults(f"{self.path}:{number}: {reason}")

    def made(self, kind: Any, number: int, row: dict[str, Any]) -> Any:
        """Return a ``kind`` made of a row; raise BadResults that names the key if it is invalid."""
        from pydantic import ValidationError

        try:
            return reader_of(kind).validate_python(row)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            raise self.bad(number, f"{key}: {first['msg']}; run it again") from None

    def _objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, line in enumerate(self._read(), 1):
            if line.strip():
                yield number, self._object(number, line)

    def _read(self) -> Iterator[bytes]:
        try:
            with opened(self.path) as file:
                yield from file
        except (EOFError, zlib.error) as error:
            raise BadResults(
                f"{self.path}: the compressed file is truncated or damaged ({error}); run the command again"
            ) from None
        except OSError as error:
            raise BadResults(f"{self.path}: {error.strerror or error}; make one with: {self._made_by}") from None

    def _object(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise self.bad(number, f"not JSON ({error}); a results file holds one object a line") from None
        if not isinstance(row, dict):
            raise self.bad(number, "not an object; a results file holds one object a line")
        return row


def _run(path: Path, number: int, first: dict[str, Any]) -> Run:
    if first.get("kind") != "run":
        raise BadResults(f"{path}:{number}: no run line; this is not a results file of harness run")
    if first.get("schema") not in READABLE:
        known = ", ".join(map(str, READABLE))
        raise BadResults(f"{path}:{number}: schema {first.get('schema')}, this version reads {known}; run it again")
    for key in ("harness", "started", "mode"):
        if not isinstance(first.get(key), str):
            raise BadResults(f"{path}:{number}: the run line has no {key!r}; run it again")
    return Run(first["harness"], first["started"], first["mode"], first.get("sdk"))
