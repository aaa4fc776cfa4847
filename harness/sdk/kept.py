"""
Caches readings of the official SDKs between runs: the result for a canonical form is always the same.

The cache is in the user's cache folder, keyed by the bytes that were read, the releases of the readers, and the
code here.  A reading that can't be restored exactly is not cached, and a failing cache counts as empty.  With
``HARNESS_NO_CACHE`` set it is not used.
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
"""The packages whose release affects the result for the same bytes."""
_CODE = ("sdk", "wire", "recording/replay.py", "recording/http_backend.py")
"""The modules of this package that do."""
_LARGEST = 1 << 16
"""Maximum size of a cached reading, bytes."""
_MOST = 1 << 28
"""Maximum size of the file, bytes; a larger one is replaced."""
_AT_ONCE = 200
"""Number of readings written together."""


class KeptReadings:
    """The cached readings in one file, by key; opened at the first lookup."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _opened(path)
        self._waiting: dict[bytes, bytes] = {}
        atexit.register(self.write)

    def get(self, key: bytes, kind: type[Kept]) -> Kept | None:
        """Return the cached reading of a ``kind`` under a key; None if there is none that can be read."""
        content = self._waiting.get(key)
        if content is None and self._file:
            with suppress(sqlite3.Error):
                row = self._file.execute("SELECT reading FROM readings WHERE key = ?", (key,)).fetchone()
                content = row[0] if row else None
        return _decoded(content, kind) if content else None

    def put(self, key: bytes, reading: object) -> None:
        """Cache a reading, if it can be restored exactly."""
        content = _encoded(reading)
        if content is None or not self._file:
            return
        self._waiting[key] = content
        if len(self._waiting) >= _AT_ONCE:
            self.write()

    def write(self) -> None:
        """Write pending readings."""
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
    except orjson.JSONEncodeError:  # a lone surrogate
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
    """Return the cache for the releases and the code of this process; None if caching is off."""
    if os.environ.get(NO_CACHE):
        return None
    import platformdirs

    folder = platformdirs.user_cache_path("llm-compat-harness", appauthor=False) / "sdk"
    return KeptReadings(folder / f"{releases_and_code()[:20]}.sqlite")


def key_of(kind: str, *parts: object) -> bytes:
    """Return the key of the result of one kind of client."""
    told = sha256(kind.encode())
    for part in parts:
        content = part if isinstance(part, bytes) else repr(part).encode()
        told.update(b"%d " % len(content) + content)
    return told.digest()


def releases_and_code() -> str:
    """Return an identifier of the releases and the code that readings depend on."""
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
