"""
A process that forks a child for each thing it is told to do, so that it begins in milliseconds and can be killed.

It has everything imported and a single thread, unlike the process of the tests.  A line in is what to do, as JSON; the
lines out are the child's id and, when it has ended, how.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Self

from harness.errors import Unwritable
from harness.recording import atomic


class Forks:
    """Begins children one after the other, and tells how they ended: 0, the code they exited with, or minus a signal."""

    def __init__(self, *, keys: tuple[str, ...] = ()) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env={"PATH": os.defpath} | dict.fromkeys(keys, "good"),
        )  # fmt: skip

    def begin(self, what: str, **given: Any) -> int:
        """Let a child do something; return its id."""
        assert self._process.stdin
        print(json.dumps({"what": what, **given}), file=self._process.stdin)
        return self._number()

    def ended(self) -> int:
        """Wait for the end of the child, and return how it ended."""
        return os.waitstatus_to_exitcode(self._number())

    def do(self, what: str, **given: Any) -> int:
        """Let a child do something, to its end."""
        self.begin(what, **given)
        return self.ended()

    def _number(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=20)


def _record(root: str) -> None:
    from harness.cli import main

    main(["record", "--root", root], standalone_mode=False)


def _write(path: str, size: int, end: int | None = None, step: int | None = None, *, refuse: bool = False) -> None:
    """
    Write a file; be killed at its byte ``end``, or before the line of the code that is number ``step``.

    With ``refuse`` the bytes from ``end`` on are refused instead, as by a disk that is full.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if end is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN if refuse else signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (end, end))
    if step is not None:
        sys.settrace(_killing(step))
    refused = ""
    try:
        atomic.write_atomically(Path(path), b"x" * size)
    except Unwritable as error:
        refused = str(error)
    assert (f"{path}: File too large; name a place that can be written to" == refused) is refuse, refused


def _killing(step: int) -> Callable[[FrameType, str, Any], Any]:
    left = step

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename != atomic.__file__:
            return None
        left -= event == "line"
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


_DO: dict[str, Callable[..., None]] = {"record": _record, "write": _write}


def _child(what: str, **given: Any) -> None:
    code = 1
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2) if what == "record" else (0, 1):
            os.dup2(nowhere, stream)
        _DO[what](**given)
        code = 0
    except SystemExit as told:
        code = int(told.code or 0)
    except BaseException:  # noqa: BLE001 - the end of a child
        traceback.print_exc()
    finally:
        os._exit(code)


def _warm() -> None:
    """Import what a run needs, late imports of the SDK included."""
    import harness.cli.live
    import harness.record  # noqa: F401 - it is imported, that is all
    from harness.recording.asking import Asked, Asker

    Asker(Asked("http://127.0.0.1:9/v1", "none", "none", {}, {})).close()


def _tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _warm()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _child(**json.loads(line))
        _tell(child)
        _tell(os.waitpid(child, 0)[1])
