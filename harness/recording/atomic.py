"""
Writing a file whole or not at all.

How it works: a hidden temporary file beside it is written, and takes its place when all of it is on the disk.  While
one is there its writer holds a lock on the folder; so where nobody holds one, those that are there were left by writers
that were killed, and the next writer removes them.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.errors import Unwritable

try:
    import fcntl
except ImportError:  # Windows can neither lock a folder nor make its entries last
    fcntl = None  # type: ignore[assignment]

_SUFFIX = ".harness-part"


def write_atomically(path: Path, content: bytes) -> None:
    """
    Write a whole file or none: temporary file beside it, fsync, rename, fsync of the folder.

    Raises:
        Unwritable: the place can't be written to; what was there is as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _held(path.parent):
            _replace(path, content)
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror or error}; name a place that can be written to") from None


def remove(path: Path) -> None:
    """Delete a file; raises Unwritable where its folder can't be written to."""
    try:
        path.unlink()
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror or error}; name a place that can be written to") from None


def check_folder(folder: Path) -> None:
    """Raise Unwritable where nothing could be written to ``folder``: better before something is paid for."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Unwritable(f"{folder}: {error.strerror or error}; name a folder that can be written to") from None


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_SUFFIX)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep a folder from being swept while a file is written to it; afterwards make its new entry last."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Where a file system has no locks nothing is swept, and where it can't sync a folder it need not.
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
