"""
Writes files atomically.

How it works: a hidden temporary file beside the target is written, and replaces it once all of it is on the disk.
Meanwhile its writer holds a lock on the folder; so if no one holds one, temporary files in it were left by writers
that were killed, and the next writer removes them.

To work exclusively on one file, as while it is recorded, take a ``turn_at`` it.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from harness.errors import Unwritable

try:
    import fcntl
except ImportError:  # Windows can neither lock a folder nor make its entries last
    fcntl = None  # type: ignore[assignment]

_SUFFIX = ".harness-part"
_TURN = ".harness-turn"
_BEGIN = 4096  # bytes of a file read to tell who wrote it
_AGAIN = 0.1  # seconds


def write_atomically(path: Path, content: bytes) -> None:
    """
    Write a file atomically: temporary file beside it, fsync, rename, fsync of the folder.

    Raises:
        Unwritable: the place can't be written to; what was there is as it was.
    """
    with PartFile(path) as part:
        part.write(content)
        part.keep()


class PartFile:
    """
    A file that is written incrementally, and replaces ``path`` when it is kept; otherwise it is removed.

    Raises:
        Unwritable: the place can't be written to; what was there is as it was.
    """

    def __init__(self, path: Path) -> None:
        _check_kind(path)
        self._path = path
        with contextlib.ExitStack() as let_go, _unwritable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            let_go.enter_context(_held(path.parent))
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_SUFFIX)
            self._temporary = Path(name)
            let_go.callback(self._temporary.unlink, missing_ok=True)
            self._file = os.fdopen(handle, "wb")
            self._let_go = let_go.pop_all()

    def write(self, content: bytes, /) -> int:
        """Write, and return the number of bytes."""
        with _unwritable(self._path):
            return self._file.write(content)

    @property
    def closed(self) -> bool:
        """Whether it is closed, as file wrappers ask."""
        return self._file.closed

    def flush(self) -> None:
        """Flush to the operating system."""
        with _unwritable(self._path):
            self._file.flush()

    def keep(self) -> None:
        """Move it to its place, once all of it is on the disk."""
        path = self._path
        with _unwritable(path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
            self._temporary.replace(path)

    def __enter__(self) -> Self:
        """Open the file."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it; remove it unless it was kept."""
        with contextlib.suppress(OSError):  # a failed write fails to flush too
            self._file.close()
        self._let_go.close()


@contextlib.contextmanager
def _unwritable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror or error}; choose a place that you can write to") from None


def check_own(path: Path, own: str, *, force: bool = False) -> None:
    """
    Raise Unwritable if ``path`` was not written by harness; its own files match the pattern ``own``.

    A file that is empty or missing may be written; with ``force`` any file may.
    """
    _check_kind(path)
    try:
        with path.open("rb") as file:
            begin = file.read(_BEGIN)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror or error}; choose a place that you can write to") from None
    if begin and not force and not re.match(own.encode(), begin):
        raise Unwritable(f"{path}: it exists and was not written by harness; name another file, or add --force")


def _check_kind(path: Path) -> None:
    # Replacing a device, a pipe or a folder would delete it.
    if path.exists() and not path.is_file():
        raise Unwritable(f"{path}: it is not a regular file; name a regular file or a new one")


def remove(path: Path) -> None:
    """Delete a file; raise Unwritable if its folder can't be written to."""
    with _unwritable(path):
        path.unlink()


def check_folder(folder: Path) -> None:
    """Raise Unwritable if ``folder`` can't be written to, before money is spent on a result."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Unwritable(f"{folder}: {error.strerror or error}; choose a folder that you can write to") from None


@contextlib.contextmanager
def turn_at(path: Path, given_up: Callable[[float], bool]) -> Iterator[bool]:
    """
    Hold an exclusive turn at writing ``path`` while the block runs, or yield False if waiting was given up.

    One process, or thread, has it at a time; a process that is killed releases it.  ``given_up`` waits the given
    seconds and returns whether to stop waiting.  On a file system without locks there is no waiting.

    Raises:
        Unwritable: the place can't be written to.
    """
    with _unwritable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = _turn(path.parent / f".{path.name}{_TURN}", given_up)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            # Removed while still held: a waiter sees that it is gone, and creates another.
            with contextlib.suppress(OSError):
                (path.parent / f".{path.name}{_TURN}").unlink()
            os.close(handle)


def _turn(lock: Path, given_up: Callable[[float], bool]) -> int | None:
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        if _locked(handle) and _same_file(handle, lock):
            return handle
        os.close(handle)
        if given_up(_AGAIN):
            return None


def _locked(handle: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _same_file(handle: int, lock: Path) -> bool:
    """Return whether an open file is still the one at its path: the previous holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle), lock.stat())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Protect temporary files in a folder from removal while one is written; afterwards fsync the folder."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Without locks nothing is removed, and a file system that can't sync a folder need not.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sweep(folder)
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_SH)
        yield
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    for left in folder.glob(f".*{_SUFFIX}"):
        left.unlink()
    for left in folder.glob(f".*{_TURN}"):
        handle = os.open(left, os.O_RDWR)
        with contextlib.closing(os.fdopen(handle, "rb")):
            if _locked(handle):
                left.unlink()
