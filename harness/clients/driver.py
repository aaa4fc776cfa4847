"""
Client code run in a process of its environment, one question at a time, within limits.

How it works: the environment's own interpreter runs ``host.py`` or ``host.mjs``, which answers a question a line.  What
does not answer in time is killed with all it started, and the next question starts it anew.  It gets a bare
environment: no key, no proxy, a home that goes when it does.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import orjson

from harness.clients.client import Client
from harness.clients.oracle import Failure, Heard

TIMEOUT = 10.0
"""Seconds that client code gets for an answer."""

START = 60.0
"""Seconds for the import of client code, and of the library that it uses."""

LONGEST_LINE = 8 * 1024 * 1024

_QUIET = {
    "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "false", "OTEL_SDK_DISABLED": "true",
    "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1",
}  # fmt: skip
_PASSED = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")


@dataclass(slots=True)
class Host:
    """
    A process that runs client code of one environment; started at the first question.

    ``command`` starts it, ``base_url`` is where its code asks; ``extra`` goes into its environment.
    """

    command: tuple[str, ...]
    base_url: str
    extra: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _home: tempfile.TemporaryDirectory[str] | None = None
    _loaded: set[Path] = field(default_factory=set)
    _never_loaded: dict[Path, Heard] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def ask(self, client: Client, question: dict[str, Any], entry: str = "read", timeout: float = TIMEOUT) -> Heard:
        """Let the code of ``client`` ask, and return what its user got."""
        asked = {"file": str(client.path), "entry": entry, "question": question}
        if client.path in self._never_loaded:
            return self._never_loaded[client.path]
        if client.path not in self._loaded:
            told = self._told(asked | {"entry": None}, START)
            if isinstance(told, Heard):
                self._never_loaded[client.path] = told
                return told
            self._loaded.add(client.path)
        told = self._told(asked, timeout)
        return told if isinstance(told, Heard) else heard_of(told)

    def _told(self, asked: dict[str, Any], limit: float) -> dict[str, Any] | Heard:
        """Return what the host says to a line, or what became of the code where it says nothing, or can't run it."""
        try:
            process = self._running()
            stdin, stdout = _pipes(process)
            stdin.write(orjson.dumps(asked) + b"\n")
            stdin.flush()
        except OSError as error:
            self.stop()
            return Heard(env=f"{self.command[0]}: {error.strerror or error}")
        line = _line(stdout, time.monotonic() + limit)
        if isinstance(line, Heard):
            self.stop()
            return line
        try:
            told: dict[str, Any] = _clean(json.loads(line))  # orjson refuses halves of surrogate pairs
        except (ValueError, RecursionError) as error:  # a fork that answers too, or an answer of great depth
            self.stop()
            return Heard(failure=Failure(("builtins.SystemError",), f"its process says what is no answer: {error}"))
        return Heard(env=str(told["env"])) if "env" in told else told

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.stop()
            self._home = tempfile.TemporaryDirectory(prefix="harness-client-", ignore_cleanup_errors=True)
            self._process = subprocess.Popen(  # noqa: S603 - the interpreter of an environment that was asked for
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=self._environment(self._home.name), cwd=self._home.name, start_new_session=True,
            )  # fmt: skip
        return self._process

    def _environment(self, home: str) -> dict[str, str]:
        passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
        address = {"OPENAI_BASE_URL": self.base_url, "OPENAI_API_KEY": "none"}
        return passed | _QUIET | {"HOME": home} | address | self.extra

    def stop(self) -> None:
        """End the process and all it started."""
        process, self._process, self._loaded = self._process, None, set()
        if process:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with contextlib.suppress(OSError):
                        pipe.close()
            process.wait()
        if self._home:
            self._home.cleanup()
            self._home = None


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None  # noqa: S101 - both were asked for
    assert process.stdout is not None  # noqa: S101
    return process.stdin, process.stdout


def _line(pipe: IO[bytes], deadline: float) -> bytes | Heard:
    """Return the next line, or what became of the code where none comes."""
    found, waiting = bytearray(), selectors.DefaultSelector()
    with waiting:
        waiting.register(pipe, selectors.EVENT_READ)
        while not found.endswith(b"\n"):
            if not waiting.select(max(0.0, deadline - time.monotonic())):
                return Heard(hung=True)
            piece = os.read(pipe.fileno(), 1 << 16)
            found += piece
            if not piece:
                return Heard(failure=Failure(("builtins.SystemError",), "its process ended", None))
            if len(found) > LONGEST_LINE:
                return Heard(flood=True)
    return bytes(found)


def heard_of(told: dict[str, Any]) -> Heard:
    """Return what a host says that the user of its code got."""
    error = told["error"]
    failure = error and Failure(tuple(error["kinds"]), error["message"], error["at"], error["line"])
    calls = told["tools"] if isinstance(told["tools"], list) else []
    return Heard(
        told["text"], told["reasoning"], told["finish"], told["usage"] if isinstance(told["usage"], int) else None,
        tuple(map(_call, calls)), failure or None,
    )  # fmt: skip


def _call(told: Any) -> tuple[str, str]:
    """Return a call as name and arguments; whatever else code may take for one, as a name that no tool has."""
    if isinstance(told, list) and len(told) == 2:  # noqa: PLR2004 - a pair
        name, arguments = told
        return str(name), arguments if isinstance(arguments, str) else _written(arguments)
    return _written(told), ""


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _clean(value: Any) -> Any:
    """Return what can be written: half of a surrogate pair can't."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    return {_clean(key): _clean(inner) for key, inner in value.items()} if isinstance(value, dict) else value
