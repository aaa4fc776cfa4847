"""
Sets the size limits of input, so that no response and no file exhausts memory.

The defaults keep a run below 250 MB for any input; options of the command line raise them.
"""

import errno
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sizes:
    """
    The limits, in bytes except ``events`` and ``values``.

    Of a response: ``body`` is all of it, decompressed; ``line`` a line of a stream; ``event`` the data of one
    event, or a JSON body; ``events`` the number of events, or of lines outside events, in a stream; ``values`` the
    number of JSON values in a body, an event, a row or a file.  Of recordings: ``row`` is one line of JSON lines,
    ``unpacked`` the decompressed size of a file of them, ``file`` the size of any other file.
    """

    body: int = 64 << 20
    line: int = 8 << 20
    event: int = 16 << 20
    events: int = 400_000
    values: int = 1_000_000
    row: int = 32 << 20
    unpacked: int = 256 << 20
    file: int = 64 << 20


_sizes = Sizes()


def sizes() -> Sizes:
    """Return the limits in force."""
    return _sizes


def set_sizes(**changes: int) -> None:
    """Replace limits by the names of ``Sizes``; those not named stay."""
    global _sizes  # noqa: PLW0603 - one a process, as the depth of the SDK: a limit reaches into cached properties
    _sizes = replace(_sizes, **changes)


def read_regular(path: Path, most: int) -> bytes:
    """
    Return the content of a regular file.

    Raises:
        OSError: it can't be read, holds more than ``most`` bytes, or is a pipe or a device: opening or reading one
            may never return.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "not a regular file")
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it holds more than {most:,} bytes")
    return content


def many_values(data: bytes) -> bool:
    """Return whether JSON holds more values than the limit; commas in strings are counted too."""
    most = sizes().values
    return len(data) > most and data.count(b",") + data.count(b"[") + data.count(b"{") > most
