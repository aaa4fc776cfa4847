"""
Install, start and stop real servers to run the harness against.

    python engines/servers.py install [NAME...]     # into engines/build/, nothing else is touched
    python engines/servers.py serve NAME            # until Ctrl-C
    python engines/servers.py list

Or from Python, with nothing but the standard library:

    with running("llamacpp") as server:
        server.base_url, server.model, server.key

Every server listens on 127.0.0.1, on a port that was free, and is ended with the ``with`` block.  What it printed stays
in engines/build/NAME.log.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE / "build"
MODEL_SOURCES = ("make_model.py", "tiny_llama.py", "chat_template.jinja")

INSTALL_SECONDS = 1200.0
START_SECONDS = 120.0
STOP_SECONDS = 10.0
ASK_SECONDS = 30.0

KEY = "engine"
"""Asked for by the servers that check keys.  It guards nothing: they serve a toy on the loopback."""
KEY_ENV = "ENGINE_KEY"


class EngineError(Exception):
    """An engine can't be installed or started: one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A program to install: from ``sources``, files beside this one, into a folder of its own."""

    name: str
    sources: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where it is installed."""
        return BUILD / self.name

    @property
    def stamp(self) -> str:
        """Return what tells one installation from another."""
        return hashlib.sha256(b"".join((HERE / source).read_bytes() for source in self.sources)).hexdigest()

    @property
    def installed(self) -> bool:
        """Whether it is installed, from the sources as they are now."""
        file = self.folder / "stamp"
        return file.is_file() and file.read_text() == self.stamp


@dataclass(frozen=True, slots=True)
class Server:
    """
    A way to run an engine.

    ``command`` may hold ``{port}``, ``{here}`` (this folder) and ``{engine}`` (the engine's); it runs in ``folder``.
    ``upstream`` is the server that it forwards to; ``path`` is where it is asked whether it answers.
    """

    name: str
    engine: str
    model: str
    what: str
    command: tuple[str, ...]
    folder: str = "."
    key: str | None = None
    upstream: str | None = None
    path: str = "/chat/completions"
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    base_url: str
    model: str
    key: str | None
    process: subprocess.Popen[bytes] = field(repr=False)


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("xllamacpp", ("requirements-xllamacpp.txt", *MODEL_SOURCES)),
        Engine("mlx-lm", ("requirements-mlx-lm.txt", *MODEL_SOURCES)),
        Engine("litellm", ("requirements-litellm.txt",)),
        Engine("aimock", ("package-aimock.json",)),
        Engine("ccr", ("package-ccr.json",)),
    )
}

_LLAMACPP = ("{engine}/env/bin/python", "{here}/serve_llamacpp.py")
_LITELLM = ("{engine}/env/bin/litellm", "--host", "127.0.0.1", "--port", "{port}", "--config")
_MLX_LM = ("{engine}/env/bin/mlx_lm.server", "--host", "127.0.0.1", "--port", "{port}", "--model", "tiny-chat")
_AIMOCK = ("{engine}/node_modules/.bin/llmock", "--host", "127.0.0.1", "--port", "{port}", "--log-level", "warn")

SERVERS = {
    server.name: server
    for server in (
        Server(
            name="llamacpp",
            engine="xllamacpp",
            model="tiny-chat",
            what="llama.cpp's own server",
            command=(*_LLAMACPP, "models/tiny-chat.gguf", "{port}"),
            key=KEY,
        ),
        Server(
            name="llamacpp-think",
            engine="xllamacpp",
            model="tiny-think",
            what="the same with a model that thinks, without a key",
            command=(*_LLAMACPP, "models/tiny-think.gguf", "{port}"),
        ),
        Server(
            name="mlx-lm",
            engine="mlx-lm",
            model="tiny-chat",
            what="MLX's server on Python's http.server; tiny-think can be asked for too",
            # Run where the models lie, so that their names are no paths.
            command=_MLX_LM,
            folder="models",
            environment={"HF_HUB_CACHE": "."},  # some folder: without one the list of models is status 200 and no byte
        ),
        Server(
            name="litellm",
            engine="litellm",
            model="mock",
            what="a gateway that answers by itself",
            command=(*_LITELLM, "{here}/litellm.yaml"),
            key=KEY,
        ),
        Server(
            name="litellm-forward",
            engine="litellm",
            model="tiny-chat",
            what="the same in front of llamacpp",
            command=(*_LITELLM, "{here}/litellm-forward.yaml"),
            key=KEY,
            upstream="llamacpp",
        ),
        Server(
            name="aimock",
            engine="aimock",
            model="tiny-chat",
            what="a mock close to OpenAI's own form; tiny-think can be asked for too",
            command=(*_AIMOCK, "--fixtures", "{here}/aimock.json"),
            key=KEY,
            environment={"AIMOCK_API_KEYS": KEY},
        ),
        Server(
            name="ccr",
            engine="ccr",
            model="tiny-chat",
            what="a gateway that turns Messages into chat, in front of llamacpp; serves no chat itself",
            command=(sys.executable, "{here}/serve_ccr.py", "{engine}", "{port}"),
            key=KEY,
            upstream="llamacpp",
            path="/messages",
        ),
    )
}


def install(engine: Engine) -> None:
    """Install an engine, and the models that it serves; nothing is done where that was done already."""
    if engine.installed:
        return
    shutil.rmtree(engine.folder, ignore_errors=True)
    engine.folder.mkdir(parents=True, exist_ok=True)
    log = BUILD / f"{engine.name}-install.log"
    log.write_bytes(b"")
    deadline = time.monotonic() + INSTALL_SECONDS
    for command in _install_steps(engine):
        _run(command, engine.folder, log, deadline)
    (engine.folder / "stamp").write_text(engine.stamp)


def _install_steps(engine: Engine) -> Iterator[list[str]]:
    if engine.sources[0].startswith("package-"):
        shutil.copy(HERE / engine.sources[0], engine.folder / "package.json")
        yield ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
        return
    python = str(engine.folder / "env/bin/python")
    yield [sys.executable, "-m", "venv", "env"]
    yield [python, "-m", "pip", "install", "--disable-pip-version-check", "-r", str(HERE / engine.sources[0])]
    if "make_model.py" in engine.sources:
        yield [python, str(HERE / "make_model.py"), "models"]


def _run(command: list[str], folder: Path, log: Path, deadline: float) -> None:
    try:
        with _process(command, folder, log, dict(os.environ)) as process:
            code = process.wait(max(1.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise EngineError(f"{command[0]} took longer than {INSTALL_SECONDS:.0f} s; see {log}") from None
    if code:
        raise EngineError(f"{' '.join(command[:4])} … failed: {_last_line(log)}; see {log}")


@contextmanager
def running(name: str) -> Iterator[Running]:
    """Start a server, wait until it answers, and end it with the block."""
    server = named(name)
    engine = ENGINES[server.engine]
    if not engine.installed:
        raise EngineError(f"{engine.name} is not installed as it is pinned now; run: {_self()} install {engine.name}")
    with ExitStack() as stack:
        environment = dict(server.environment)
        if server.key:
            environment[KEY_ENV] = server.key
        if server.upstream:
            upstream = stack.enter_context(running(server.upstream))
            environment |= {"UPSTREAM_URL": upstream.base_url, "UPSTREAM_KEY": upstream.key or "unused"}
        yield stack.enter_context(_answering(server, engine, environment))


@contextmanager
def _answering(server: Server, engine: Engine, environment: dict[str, str]) -> Iterator[Running]:
    port = _free_port()
    places = {"port": port, "here": HERE, "engine": engine.folder}
    command = [part.format_map(places) for part in server.command]
    log = BUILD / f"{server.name}.log"
    log.write_bytes(b"")
    with _process(command, engine.folder / server.folder, log, _shielded() | environment) as process:
        it = Running(f"http://127.0.0.1:{port}/v1", server.model, server.key, process)
        _wait_until_it_answers(it, server, log)
        yield it


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _shielded() -> dict[str, str]:
    """Return an environment without the user's keys and proxies, in which nothing is looked up outside."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "HF_HUB_OFFLINE": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }


@contextmanager
def _process(
    command: list[str], folder: Path, log: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command as the leader of a process group of its own; the group is ended with the block."""
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise EngineError(f"{command[0]} can't be run: {error.strerror}") from error
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        # The group is there for as long as anything is in it, be it the children of a leader that has ended.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)


def _wait_until_it_answers(it: Running, server: Server, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if (code := it.process.poll()) is not None:
            raise EngineError(f"{server.name} ended with {code} while starting: {_last_line(log)}; see {log}")
        if _answers(it, server.path):
            return
        time.sleep(0.1)
    raise EngineError(f"{server.name} has not answered in {START_SECONDS:.0f} s: {_last_line(log)}; see {log}")


def _answers(server: Running, path: str) -> bool:
    """Return whether a question is answered: some servers listen before their model is loaded."""
    body = {"model": server.model, "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}
    headers = {"Content-Type": "application/json"}
    if server.key:
        headers["Authorization"] = f"Bearer {server.key}"
    request = urllib.request.Request(f"{server.base_url}{path}", json.dumps(body).encode(), headers)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=ASK_SECONDS) as response:
            response.read()
    except (OSError, HTTPException):
        return False
    return True


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")


def named(name: str) -> Server:
    """Return the server of that name."""
    try:
        return SERVERS[name]
    except KeyError:
        raise EngineError(f"unknown server {name!r}; there are {', '.join(SERVERS)}") from None


def _self() -> str:
    return f"python {HERE.name}/{Path(__file__).name}"


def engines_of(names: list[str]) -> list[Engine]:
    """Return the engines meant by names of engines or of servers, all where there is no name."""
    meant = {}
    for name in names or ENGINES:
        server = None if name in ENGINES else named(name)
        upstream = named(server.upstream).engine if server and server.upstream else None
        for engine in (server.engine if server else name, upstream):
            if engine:
                meant[engine] = ENGINES[engine]
    return list(meant.values())


def _install(names: list[str]) -> None:
    for engine in engines_of(names):
        if engine.installed:
            print(f"{engine.name}: is installed")
            continue
        print(f"{engine.name}: installing", flush=True)
        start = time.monotonic()
        install(engine)
        seconds = time.monotonic() - start
        print(f"{engine.name}: installed in {seconds:.0f} s, {_megabytes(engine.folder):.0f} MB", flush=True)


def _megabytes(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e6


def _serve(name: str) -> None:
    start = time.monotonic()
    with running(name) as server:
        print(f"base_url  {server.base_url}\nmodel     {server.model}")
        print(f"key-env   export {KEY_ENV}={server.key}" if server.key else "key-env   none: no key is asked for")
        print(f"started in {time.monotonic() - start:.1f} s; Ctrl-C ends it", flush=True)
        while server.process.poll() is None:
            time.sleep(0.2)
        raise EngineError(f"{name} has ended by itself: see {BUILD / name}.log")


def _list() -> None:
    for server in SERVERS.values():
        state = "installed" if ENGINES[server.engine].installed else "not installed"
        print(f"{server.name:<16} {server.model:<11} {server.engine:<10} {state:<14} {server.what}")


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Real servers to run the harness against.")
    commands = parser.add_subparsers(dest="command", required=True)
    to_install = commands.add_parser("install", help="install engines, all where none is named")
    to_install.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*ENGINES, *SERVERS]))
    commands.add_parser("serve", help="run a server until Ctrl-C").add_argument("name", metavar="NAME")
    commands.add_parser("list", help="show the servers")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 2 where an engine can't be had."""
    asked = _arguments(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a `kill` ends what was started, as Ctrl-C does
    try:
        if asked.command == "install":
            _install(asked.names)
        elif asked.command == "serve":
            _serve(asked.name)
        else:
            _list()
    except (EngineError, OSError) as error:  # the latter from the disk: full, or not ours to write to
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
