"""
Runs client code in its own environment: reads one question per line, and writes the code's result for each.

It is started by that environment's Python, so it uses the standard library alone and imports nothing of harness. It
takes the numbers of two file descriptors.  A line in from the first is
``{"id": ..., "file": path, "entry": name, "question": {...}}``; ``entry`` of that file is called with the question
and an ``Out``, which holds what the code's user gets.  A line out to the second is its ``id``, what ``Out`` holds,
and how the code ended, or ``{"env": why}`` if the file can't be imported.  With a null entry the file is only
imported.

Clients that use Python's own sockets reach only loopback, and otherwise get an error at once; the general isolation
is up to ``sandbox.py``.  A client's output is discarded, and its input is empty.
"""

import asyncio
import ctypes
import gc
import importlib.machinery
import inspect
import ipaddress
import json
import os
import signal
import sys
import traceback
import types
import warnings
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

LONGEST = 1_000_000  # characters of a text that are passed on; more is only counted


class Out:
    """
    What the user of some client code gets.

    ``print`` is for visible text, ``think`` for visible reasoning; ``finish`` is the finish reason, ``usage`` the
    total of tokens, ``tools`` the calls as pairs of name and arguments.
    """

    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.length = 0
        self.finish: Any = None
        self.usage: Any = None
        self.tools: Any = None

    def print(self, *texts: object) -> None:
        """Show texts as ``print(*texts, sep="", end="")`` does: None becomes the word."""
        self._show(self.text, texts)

    def think(self, *texts: object) -> None:
        """Show reasoning, as ``print`` does."""
        self._show(self.reasoning, texts)

    def _show(self, shown: list[str], texts: tuple[object, ...]) -> None:
        """Store texts, up to the size that is passed on: a client that never stops would fill the memory."""
        for text in map(str, texts):
            if self.length <= 2 * LONGEST:
                shown.append(text)
            self.length += len(text)

    def output(self) -> dict[str, Any]:
        """Return all of it."""
        text, reasoning = "".join(self.text), "".join(self.reasoning)
        return {
            "text": text[:LONGEST], "reasoning": reasoning[:LONGEST], "length": self.length,
            "finish": None if self.finish is None else str(self.finish), "usage": self.usage, "tools": self.tools,
        }  # fmt: skip


def main() -> None:
    """Answer questions until there are no more."""
    for descriptor in map(int, sys.argv[1:3]):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - its only parameter
    questions = os.fdopen(int(sys.argv[1]), encoding="utf-8")
    answers = os.fdopen(int(sys.argv[2]), "w", encoding="utf-8", errors="backslashreplace")
    del sys.argv[1:]
    sys.path.pop(0)  # this folder is not the client's
    end_with_parent()
    sys.addaudithook(stay_here)
    warnings.simplefilter("ignore")
    # Garbage is collected between answers only: within one, a stream that a crash left open could be closed while
    # the HTTP library holds the lock that closing it takes, and hang forever.
    gc.disable()
    modules: dict[str, Any] = {}
    with asyncio.Runner() as runner:
        for line in questions:
            asked = json.loads(line)
            output = answer(asked, modules, runner) | {"id": asked["id"]}
            answers.write(as_line(output))
            answers.flush()
            gc.collect()
            gc.freeze()  # objects made on import are not scanned again


def end_with_parent() -> None:
    """Let Linux end this process with the one that started it, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def as_line(output: dict[str, Any]) -> str:
    """Return a line of JSON; values that JSON can't carry become text."""
    try:
        return json.dumps(output, default=str) + "\n"
    except (TypeError, ValueError):
        return json.dumps({**output, "tools": [[str(output["tools"]), ""]]}, default=str) + "\n"


def stay_here(event: str, args: tuple[Any, ...]) -> None:
    """Reject connections that leave the machine."""
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        wanted = args[1][0] if isinstance(args[1], tuple) else None
    elif event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
        wanted = args[0]
    elif event == "socket.getnameinfo":
        wanted = args[0][0]
    else:
        return
    if wanted and not is_loopback(as_text(wanted)):
        raise ConnectionRefusedError(f"only loopback is reachable here, not {as_text(wanted)}")


HINT = "; install what it needs, with "
"""The text between the name of a missing library and the command that installs it, which names this machine."""


def as_text(host: object) -> str:
    """Return a host name, which may be bytes."""
    return host.decode() if isinstance(host, bytes) else str(host)


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def answer(asked: dict[str, Any], modules: dict[str, Any], runner: asyncio.Runner) -> dict[str, Any]:
    """Return the code's result for one question."""
    try:
        module = modules.get(asked["file"]) or modules.setdefault(asked["file"], load(asked["file"]))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the code can't be run
        lacks = isinstance(error, ModuleNotFoundError)
        hint = f"{HINT}{sys.executable} -m pip install" if lacks else ""
        return {"env": f"{type(error).__name__}: {error}{hint}"}
    entry = asked["entry"] or "read"
    if not callable(getattr(module, entry, None)):
        return {"env": f"it has no function {entry}(question, out)"}
    if asked["entry"] is None:
        return {"loaded": True}
    out, failure = Out(), None
    try:
        made = getattr(module, entry)(asked["question"], out)
        if inspect.isawaitable(made):
            runner.run(wait_for(made))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        failure = described(error, asked["file"])
    return out.output() | {"error": failure}


async def wait_for(made: Awaitable[Any]) -> Any:
    """Wait for the result of a coroutine, or of any other awaitable."""
    return await made


def load(path: str) -> Any:
    """Import a file."""
    name = f"client_code_{Path(path).stem}"  # not that of a library that it may be called after
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = types.ModuleType(name)
    module.__file__ = path
    sys.modules[name] = module
    if str(Path(path).parent) not in sys.path:
        sys.path.append(str(Path(path).parent))  # last: a file beside it may have a library's name
    loader.exec_module(module)
    return module


def described(error: BaseException, file: str) -> dict[str, Any]:
    """
    Return an exception's classes, most specific first, its text, and the innermost frames, overall and of the
    code.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == file]
    return {
        "kinds": [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__[:-1]],
        "message": str(error)[:2000],
        "at": at(frames[-1]) if frames else None,
        "line": own[-1].line if own else None,
    }


def at(frame: traceback.FrameSummary) -> str:
    """Return the place of a frame, in a word."""
    file = Path(frame.filename)
    return f"{file.parent.name}/{file.name}:{frame.lineno}"


if __name__ == "__main__":
    main()
