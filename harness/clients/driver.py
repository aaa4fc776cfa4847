"""
Drives client code in a process of its environment, one question at a time, within limits.

How it works: the environment's own interpreter runs ``host.py`` or ``host.mjs``, which answers one question per
line.  A process that does not answer in time is killed with its children, and the next question starts a new one.
It gets a bare environment: no key, no proxy, a temporary home.

An output line counts as the answer to a question only if it repeats the question's random number, and has the form
of an answer; any other line is the outcome of the code.
"""

import json
import os
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import orjson
from pydantic import ConfigDict, TypeAdapter, ValidationError

from harness.clients.client import Client
from harness.clients.oracle import ClientOutput, Failure
from harness.clients.process import Door, Ended, Flood, Hung, Process
from harness.wire.surrogates import whole_characters

TIMEOUT = 10.0
"""Seconds that client code gets for an answer."""

START = 60.0
"""Seconds for the import of client code, and of the library that it uses."""

_QUIET = {
    "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "false", "OTEL_SDK_DISABLED": "true",
    "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1",
}  # fmt: skip
_PASSED = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")


_ENDED = Failure(("builtins.SystemError",), "its process ended")


@dataclass(slots=True)
class _Error:
    kinds: list[str]
    message: str
    at: str | None
    line: str | None


@dataclass(slots=True)
class _Answer:
    """A host's message on a question passed to its code."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    id: str
    text: str
    reasoning: str
    length: int
    finish: str | None
    usage: Any
    tools: Any
    error: _Error | None


@dataclass(slots=True)
class _Loading:
    """A host's message on a file: that it is loaded, or why it, or an entry of it, can't be run."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    id: str
    loaded: bool = False
    env: str | None = None


_ANSWER, _LOADING = TypeAdapter(_Answer), TypeAdapter(_Loading)


@dataclass(slots=True)
class Host:
    """
    A process that runs client code of one environment; started at the first question.

    ``command`` starts it, ``base_url`` is the URL for its code; ``extra`` is added to its environment.  With a
    ``door`` it runs in a network of its own, where ``base_url`` leads to that door.
    """

    command: tuple[str, ...]
    base_url: str
    extra: dict[str, str] = field(default_factory=dict)
    door: Door | None = None
    _process: Process | None = None
    _home: tempfile.TemporaryDirectory[str] | None = None
    _loaded: set[Path] = field(default_factory=set)
    _never_loaded: dict[Path, ClientOutput] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def ask(
        self, client: Client, question: dict[str, Any], entry: str = "read", timeout: float = TIMEOUT
    ) -> ClientOutput:
        """Run the code of ``client`` on a question, and return what its user got."""
        if client.path in self._never_loaded:
            return self._never_loaded[client.path]
        try:
            process = self._running()
        except OSError as error:
            self.stop()
            return ClientOutput(env=f"{self.command[0]}: {error.strerror or error}")
        asked = {"file": str(client.path), "entry": entry, "question": question}
        if client.path not in self._loaded:
            failed = self._outcome_of(process, asked | {"entry": None}, START)
            if failed:
                self._never_loaded[client.path] = failed
                return failed
            self._loaded.add(client.path)
        return self._outcome_of(process, asked, timeout) or ClientOutput()

    def _outcome_of(self, process: Process, asked: dict[str, Any], limit: float) -> ClientOutput | None:
        """Return the outcome of a question; None if a file was to be loaded, and is."""
        number = secrets.token_hex(8)
        try:
            return _parsed_output(
                process.ask(orjson.dumps(asked | {"id": number}) + b"\n", limit), number, asked["entry"]
            )
        except Hung:
            output = ClientOutput(hung=True)
        except Flood:
            output = ClientOutput(flood=True)
        except Ended:
            output = ClientOutput(failure=_ENDED)
        except (ValueError, RecursionError) as error:  # a fork that answers too, or a deeply nested answer
            output = ClientOutput(
                failure=Failure(("builtins.SystemError",), f"its process says what is no answer: {_why(error)}")
            )
        self.stop()
        return output

    def _running(self) -> Process:
        """Return its process, a new one if it ended, or wrote unexpected output: its next line would answer nothing."""
        if self._process is None or not self._process.ready:
            self.stop()
            self._home = tempfile.TemporaryDirectory(prefix="harness-client-", ignore_cleanup_errors=True)
            home, port = self._home.name, urlsplit(self.base_url).port or 0
            self._process = Process(self.command, self._environment(home), home, port, self.door)
        return self._process

    def _environment(self, home: str) -> dict[str, str]:
        passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
        address = {"OPENAI_BASE_URL": self.base_url, "OPENAI_API_KEY": "none"}
        address |= {"ANTHROPIC_BASE_URL": self.base_url.removesuffix("/v1"), "ANTHROPIC_API_KEY": "none"}
        return passed | _QUIET | {"HOME": home} | address | self.extra

    def stop(self) -> None:
        """End the process and its children."""
        process, self._process, self._loaded = self._process, None, set()
        if process:
            process.stop()
        if self._home:
            self._home.cleanup()
            self._home = None


def _parsed_output(line: bytes, number: str, entry: str | None) -> ClientOutput | None:
    """Parse a line; raise ValueError or RecursionError if it is not an answer to the question of that number."""
    if line.count(b"\n") > 1:
        raise ValueError("it is more than one line")
    message = _clean(json.loads(line))  # orjson refuses halves of surrogate pairs
    if not isinstance(message, dict) or message.get("id") != number:
        raise ValueError("it answers another question")
    if entry is None or (entry != "read" and "env" in message):  # that read is there was seen as the file was loaded
        loading = _LOADING.validate_python(message)
        return None if loading.loaded else ClientOutput(env=loading.env or "it says not why")
    return output_of(_ANSWER.validate_python(message))


def _why(error: Exception) -> str:
    """Return an error as one line."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)


def output_of(answer: _Answer) -> ClientOutput:
    """Return a host's message on what the user of its code got, without home folders in exceptions."""
    error = answer.error
    home = str(Path.home())
    failure = Failure(tuple(error.kinds), error.message.replace(home, "~"), error.at, error.line) if error else None
    calls = answer.tools if isinstance(answer.tools, list) else []
    usage = answer.usage if isinstance(answer.usage, int) else None
    return ClientOutput(answer.text, answer.reasoning, answer.finish, usage, tuple(map(_call, calls)), failure)


def _call(call: Any) -> tuple[str, str]:
    """Return a call as name and arguments; anything else that code may report as one becomes an unknown name."""
    if isinstance(call, list) and len(call) == 2:  # noqa: PLR2004 - a pair
        name, arguments = call
        return str(name), arguments if isinstance(arguments, str) else _written(arguments)
    return _written(call), ""


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _clean(value: Any) -> Any:
    """Return a text that can be encoded: without lone surrogates."""
    if isinstance(value, str):
        return whole_characters(value)
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    return {_clean(key): _clean(inner) for key, inner in value.items()} if isinstance(value, dict) else value
