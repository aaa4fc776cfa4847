"""
Runs a process of client code, with two pipes for one-line questions and answers.

On Linux ``sandbox.py`` starts it, in namespaces of its own if the system allows them; elsewhere it leads a session,
which ends with it.
"""

import contextlib
import errno
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from harness.clients.client import HERE

LONGEST_LINE = 8 * 1024 * 1024
"""Maximum size of a line, bytes; no more of a process's output is ever held."""

Door = Callable[[socket.socket], Callable[[], None]]
"""Serves a listening socket, and returns a function that stops that."""

_LAUNCHER = (sys.executable, "-I", "-S", str(HERE / "sandbox.py"))
_PATIENCE = 5.0  # seconds for a process and its children to end
_LONGEST_START = 10.0
_PIECE = 1 << 16


class Hung(Exception):
    """No line was received in time."""


class Ended(Exception):
    """The process ended, or its pipes were closed."""


class Flood(Exception):
    """A line exceeds the limit."""


@cache
def why_not_apart() -> str | None:
    """Return why client code gets no network of its own here; None if it does.  Cached."""
    if sys.platform != "linux":
        return f"{sys.platform} has no network namespaces"
    try:
        process, listening = _launched([sys.executable, "-I", "-S", "-c", ""], {}, None, (), 0)
    except OSError as error:
        return error.strerror or str(error)
    listening.close()
    process.wait()
    return None


class Process:
    """
    A running process of client code, until ``stop``.

    With a ``door`` it is in a network of its own, where ``port`` of 127.0.0.1 leads to the door.

    Raises:
        OSError: the command can't be started.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: str, port: int, door: Door | None
    ) -> None:
        if not os.access(command[0], os.X_OK):
            Path(command[0]).stat()
            raise PermissionError(errno.EACCES, "it can't be run")
        self._close: Callable[[], None] = lambda: None
        questions, self._asking = os.pipe()
        self._said, answers = os.pipe()
        os.set_blocking(self._asking, False)
        kept = (questions, answers)
        whole = [*command, *map(str, kept)]
        try:
            if door:
                self._process, listening = _launched(whole, environment, folder, kept, port)
                self._close = door(listening)
            else:
                launcher = (
                    [*_LAUNCHER, "beside", "-1", "0", ",".join(map(str, kept))] if sys.platform == "linux" else []
                )
                self._process = _started([*launcher, *whole], environment, folder, kept)
        except BaseException:
            self._close_pipes()
            raise
        finally:
            for end in kept:
                os.close(end)

    @property
    def ready(self) -> bool:
        """Whether it runs, and has written no unexpected output."""
        with selectors.PollSelector() as waiting:
            waiting.register(self._said, selectors.EVENT_READ)
            return self._process.poll() is None and not waiting.select(0)

    def ask(self, line: bytes, seconds: float) -> bytes:
        """Return the line that answers another; raise Hung, Ended or Flood."""
        deadline, left, found = time.monotonic() + seconds, memoryview(line), bytearray()
        with selectors.PollSelector() as waiting:
            waiting.register(self._said, selectors.EVENT_READ)
            waiting.register(self._asking, selectors.EVENT_WRITE)
            while not found.endswith(b"\n"):
                able = waiting.select(max(0.0, deadline - time.monotonic()))
                if not able:
                    raise Hung
                for key, _ in able:
                    if key.fd == self._said:
                        self._read(found)
                    else:
                        left = left[self._written(left) :]
                        if not left:
                            waiting.unregister(self._asking)
        return bytes(found)

    def _read(self, found: bytearray) -> None:
        piece = os.read(self._said, _PIECE)
        found += piece
        if not piece:
            raise Ended
        if len(found) > LONGEST_LINE:
            raise Flood

    def _written(self, line: memoryview) -> int:
        try:
            return os.write(self._asking, line)
        except BrokenPipeError:
            raise Ended from None

    def stop(self) -> None:
        """End it and its children."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            if sys.platform == "linux":
                self._process.wait(_PATIENCE)
        if self._process.returncode is None:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._close()
        self._close_pipes()

    def _close_pipes(self) -> None:
        os.close(self._asking)
        os.close(self._said)


def _started(
    command: Sequence[str], environment: Mapping[str, str], folder: str | None, kept: Sequence[int]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - the interpreter of an environment that was asked for
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=environment, cwd=folder, start_new_session=True, pass_fds=kept,
    )  # fmt: skip


def _launched(
    command: Sequence[str], environment: Mapping[str, str], folder: str | None, kept: Sequence[int], port: int
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Return a process in namespaces of its own, and its listening socket; raise OSError if unavailable."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            listed = ",".join(map(str, kept)) or "-"
            launcher = [*_LAUNCHER, "apart", str(theirs.fileno()), str(port), listed]
            process = _started([*launcher, *command], environment, folder, [*kept, theirs.fileno()])
        ours.settimeout(_LONGEST_START)
        told, sockets = b"", list[int]()
        with contextlib.suppress(TimeoutError):
            told, sockets, _, _ = socket.recv_fds(ours, 1024, 1)
    if not sockets:
        process.kill()
        process.wait()
        raise OSError(errno.EPERM, told.decode(errors="replace") or "its launcher ended")
    return process, socket.socket(fileno=sockets[0])
