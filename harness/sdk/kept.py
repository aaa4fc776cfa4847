"""
Readings of the official SDKs kept between runs: what their clients make of a form of exchange is the same each time.

They are kept in the user's cache, by what they hang on: the bytes that were read, the releases of what reads them, and the
code here.  A reading that can't be read back as it was is not kept, and where the cache fails there is none.  With
``HARNESS_NO_CACHE`` set nothing is kept or looked up.
"""

import atexit
import os
import sqlite3
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

if TYPE_CHECKING:
    from pydantic import TypeAdapter

NO_CACHE = "HARNESS_NO_CACHE"

Kept = TypeVar("Kept")

_READERS = ("openai", "anthropic", "pydantic", "pydantic-core", "httpx2", "httpx", "jiter")
"""The packages whose release decides what comes of the same bytes."""
_CODE = ("sdk", "wire", "recording/replay.py", "recording/http_backend.py")
"""What of this package does."""
_LARGEST = 1 << 16
"""Bytes of a reading; what is longer is read anew each time."""
_MOST = 1 << 28
"""Bytes of the file; what is larger is begun anew."""
_AT_ONCE = 200
"""So many readings are written at once."""


class KeptReadings:
    """The readings in one file, by key; opened when the first is looked up."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _opened(path)
        self._waiting: dict[bytes, bytes] = {}
        atexit.register(self.write)

    def get(self, key: bytes, kind: type[Kept]) -> Kept | None:
        """Return the reading of a key, which is of a ``kind``; None where there is none that can be read."""
        content = self._waiting.get(key)
        if content is None and self._file:
            with suppress(sqlite3.Error):
                row = self._file.execute("SELECT reading FROM readings WHERE key = ?", (key,)).fetchone()
                content = row[0] if row else None
        return _decoded(content, kind) if content else None

    def put(self, key: bytes, reading: object) -> None:
        """Keep a reading, if it can be read back as it is."""
        content = _encoded(reading)
        if content is None or not self._file:
            return
        self._waiting[key] = content
        if len(self._waiting) >= _AT_ONCE:
            self.write()

    def write(self) -> None:
        """Write what is waiting."""
        if self._file and self._waiting:
            with suppress(sqlite3.Error), self._file:
                rows = list(self._waiting.items())
                self._file.executemany("INSERT OR REPLACE INTO readings VALUES (?, ?)", rows)
        self._waiting.clear()


def _opened(path: Path) -> sqlite3.Connection | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _MOST:
            path.unlink()
        file = sqlite3.connect(path, timeout=2, check_same_thread=False)
        file.execute("CREATE TABLE IF NOT EXISTS readings (key BLOB PRIMARY KEY, reading BLOB NOT NULL) WITHOUT ROWID")
    except (OSError, sqlite3.Error):
        return None
    return file


def _encoded(reading: object) -> bytes | None:
    try:
        content = orjson.dumps(reading)
    except orjson.JSONEncodeError:  # half a surrogate pair
        return None
    return content if len(content) <= _LARGEST and _decoded(content, type(reading)) == reading else None


def _decoded(content: bytes, kind: type[Kept]) -> Kept | None:
    from pydantic import ValidationError

    told: Any = kind
    try:
        found: Kept = _reader(told).validate_json(content)
    except ValidationError:
        return None
    return found


@cache
def _reader(kind: Any) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


@cache
def kept_readings() -> KeptReadings | None:
    """Return the readings that are kept for the releases and the code of this process; None where none are to be."""
    if os.environ.get(NO_CACHE):
        return None
    import platformdirs

    folder = platformdirs.user_cache_path("llm-compat-harness", appauthor=False) / "sdk"
    return KeptReadings(folder / f"{releases_and_code()[:20]}.sqlite")


def key_of(kind: str, *parts: object) -> bytes:
    """Return the key of what one kind of client makes of something."""
    told = sha256(kind.encode())
    for part in parts:
        content = part if isinstance(part, bytes) else repr(part).encode()
        told.update(b"%d " % len(content) + content)
    return told.digest()


def releases_and_code() -> str:
    """Return what tells the releases and the code that readings hang on from any others."""
    told = sha256()
    for name in _READERS:
        with suppress(metadata.PackageNotFoundError):
            told.update(f"{name} {metadata.version(name)}\n".encode())
    root = Path(__file__).parents[1]
    for place in _CODE:
        files = [root / place] if place.endswith(".py") else sorted((root / place).rglob("*.py"))
        for file in files:
            told.update(file.read_bytes())
    return told.hexdigest()
