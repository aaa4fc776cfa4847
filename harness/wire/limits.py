"""
How large what is read may be: beyond that it is not read, so that no answer and no file can take all memory.

The defaults keep a run below 250 MB, whatever it is given; options of the command line raise them.
"""

import errno
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sizes:
    """
    The limits, in bytes but for ``events``.

    Of an answer: ``body`` is all of it, unpacked; ``line`` a line of a stream; ``event`` the data of one event, or a JSON
    body; ``events`` how many events, or lines that are none, a stream may have; ``values`` how many JSON values a body,
    an event, a row or a file.  Of recordings: ``row`` is one line of JSON lines, ``unpacked`` what a compressed file of them unpacks to, ``file``
    what a file of another kind holds.
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
    """Put other limits in force, by the names of ``Sizes``; those not named stay."""
    global _sizes  # noqa: PLW0603 - one a process, as the depth of the SDK: a limit reaches into cached properties
    _sizes = replace(_sizes, **changes)


def read_regular(path: Path, most: int) -> bytes:
    """
    Return what a regular file holds.

    Raises:
        OSError: it can't be read, holds more than ``most`` bytes, or is a pipe or a device: to open one can take for ever,
            and to read one too.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "not a regular file")
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it holds more than {most:,} bytes")
    return content


def many_values(data: bytes) -> bool:
    """Tell whether JSON holds more values than may be read; commas in its texts are counted with them."""
    most = sizes().values
    return len(data) > most and data.count(b",") + data.count(b"[") + data.count(b"{") > most
