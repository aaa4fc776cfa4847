"""
Runs a process that forks a child for each task, so that it starts in milliseconds and can be killed.

It has everything imported and a single thread, unlike the process of the tests.  A line in is the task, as JSON;
the line out is how the child ended.
"""

import gc
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Self

from harness.errors import Unwritable
from harness.recording import atomic


class Forks:
    """Children that run tasks, one after the other."""

    def __init__(self, *, keys: tuple[str, ...] = ()) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env={"PATH": os.defpath} | dict.fromkeys(keys, "good"),
        )  # fmt: skip

    def do(self, what: str, kill_after: float | None = None, **given: Any) -> int:
        """Run a task in a child; return its exit code, or minus the signal that killed it."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps({"what": what, "kill_after": kill_after, "given": given}), file=self._process.stdin)
        return os.waitstatus_to_exitcode(int(self._process.stdout.readline()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=20)


def _record(options: list[str]) -> None:
    from harness.cli import main

    main(options, standalone_mode=False)


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
    assert (f"{path}: File too large; choose a place that you can write to" == refused) is refuse, refused


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


def _child(what: str, given: dict[str, Any]) -> None:
    code = 1
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        if what == "record":
            os.dup2(nowhere, 2)
        _DO[what](**given)
        code = 0
    except SystemExit as told:
        code = int(told.code or 0)
    except BaseException:  # noqa: BLE001 - the end of a child
        traceback.print_exc()
    finally:
        os._exit(code)


def _warm() -> None:
    """Import everything that a run needs, including late imports, by a request that no server answers."""
    import harness.cli.live
    import harness.live.record  # noqa: F401 - it is imported, that is all
    from harness.live.asking import Endpoint, ScenarioSender
    from harness.matrix.scenarios import SCENARIOS

    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    sender = ScenarioSender(Endpoint(f"http://127.0.0.1:{port}/v1", "none", "none", {}, {}))
    sender.ask(SCENARIOS["chat.stream"])
    sender.close()
    for thread in set(threading.enumerate()) - {threading.current_thread()}:
        if thread.name != "deadlines":  # which a child begins anew
            thread.join()  # a process that forks has one


def _main() -> None:
    _warm()
    gc.freeze()  # a child that collects what is here would copy all of it
    for line in sys.stdin:
        told = json.loads(line)
        child = os.fork()
        if not child:
            _child(told["what"], told["given"])
        if told["kill_after"] is not None:
            time.sleep(told["kill_after"])
            os.kill(child, signal.SIGKILL)
        sys.stdout.write(f"{os.waitpid(child, 0)[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main()
