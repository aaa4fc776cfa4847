"""Writing a file whole or not at all."""

import os
import tempfile
from pathlib import Path

from harness.errors import Unwritable


def write_atomically(path: Path, content: bytes) -> None:
    """
    Write a whole file or none: temporary file beside it, fsync, rename.

    Raises:
        Unwritable: the place can't be written to; what was there is as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror or error}; name a place that can be written to") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(temporary).replace(path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise Unwritable(f"{path}: {error.strerror or error}; name a place that can be written to") from None
        raise
