"""
How long a whole probe takes, and how much of that is the harness's own.

    python benchmarks/probing.py [--repeats 3] [SERVER...]

Probes, as a user would, a server that answers at once (the tests' own), then those of ``engines/servers.py`` that are
named, or all.  A relay before each notes when a request has gone out and when its answer has come.  Own seconds are
what is left of the whole, start of Python included, when no request was at the server; or the CPU that the probe took,
where that is more: it works on one answer while others come.
"""

import argparse
import os
import select
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tabulate import tabulate

ROOT = Path(__file__).parent.parent
sys.path += [str(ROOT / "tests"), str(ROOT / "engines")]
from scripted import IDEAL, Server  # noqa: E402 - found by the line above
from servers import SERVERS, EngineError, running  # noqa: E402 - the same

OWN = 15.0
"""The aim, in seconds."""
KEY_ENV = "BENCH_KEY"


@dataclass(frozen=True, slots=True)
class Probed:
    """Seconds of one probe: all, those with a request at the server, and of CPU; and how many requests it made."""

    whole: float
    server: float
    cpu: float
    requests: int

    @property
    def own(self) -> float:
        """The harness's own seconds."""
        return max(self.whole - self.server, self.cpu)


@dataclass(slots=True)
class Span:
    """A request at the server: from its last byte to the last byte of the answer."""

    start: float
    end: float = 0.0


@dataclass(slots=True)
class Relay:
    """What passes on to ``base_url`` all that it is sent, and back, and notes the spans."""

    base_url: str
    spans: list[Span] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[str]:
        """Yield the address to ask instead."""
        address = urlsplit(self.base_url)
        pass_on = self._pass_on

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(ConnectionError), socket.create_connection((address.hostname, address.port)) as upstream:
                    pass_on(self.request, upstream)

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_address[1]}{address.path}"
            server.shutdown()

    def _pass_on(self, client: socket.socket, upstream: socket.socket) -> None:
        for side in (client, upstream):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        span: Span | None = None
        while True:
            for side in select.select((client, upstream), (), ())[0]:
                data = side.recv(1 << 16)
                if not data:
                    return
                (upstream if side is client else client).sendall(data)
                now = time.perf_counter()
                if side is client and span and not span.end:
                    span.start = now
                elif side is client:
                    span = Span(now)
                    self.spans.append(span)
                elif span:
                    span.end = now

    def seconds(self) -> float:
        """Return how long at least one request was at the server."""
        total = reached = 0.0
        for span in sorted(self.spans, key=lambda span: span.start):
            total += max(0.0, span.end - max(span.start, reached))
            reached = max(reached, span.end)
        return total


def probe(base_url: str, model: str, key: str) -> Probed:
    """Probe a server once, in a process of its own."""
    relay = Relay(base_url)
    with relay.running() as url, tempfile.TemporaryDirectory() as nowhere:
        command = [sys.executable, "-m", "harness", "probe", url, "-m", model, "--key-env", KEY_ENV]
        environment = {**os.environ, KEY_ENV: key}
        start, before = time.perf_counter(), os.times()
        done = subprocess.run(
            [*command, "--fail-on", "never"], cwd=nowhere, env=environment, capture_output=True, text=True, check=False
        )
        whole, after = time.perf_counter() - start, os.times()
    if done.returncode:
        raise SystemExit(f"{model}: the probe ended with {done.returncode}: {done.stderr.splitlines()[-1]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Probed(whole, relay.seconds(), cpu, len(relay.spans))


def measure(names: list[str], repeats: int) -> None:
    """Print a line a server, the median of its probes by own seconds, and whether the aim holds."""
    rows, own = [], []
    for name in ("ideal", *names):
        try:
            probes = list(several(name, repeats))
        except EngineError as error:
            print(f"{name}: not measured: {error}")
            continue
        one = sorted(probes, key=lambda probed: probed.own)[len(probes) // 2]
        own.append(one.own)
        rows.append((name, one.requests, one.whole, one.server, one.cpu, one.own))
    heads = (f"probe, median of {repeats}", "requests", "whole s", "at the server s", "CPU s", "own s")
    print(tabulate(rows, heads, tablefmt="plain", floatfmt=".2f"))
    print(f"{'reached' if max(own) < OWN else 'MISSED'}: a whole probe takes under {OWN:g} s of its own")


def several(name: str, repeats: int) -> Iterator[Probed]:
    """Start a server, and probe it so many times."""
    if name == "ideal":
        with Server(IDEAL) as server:
            for _ in range(repeats):
                yield probe(server.base_url, "gpt-4o-mini", "good")
    else:
        with running(name) as engine:
            for _ in range(repeats):
                yield probe(engine.base_url, engine.model, engine.key or "none")


def main() -> None:
    """Measure what is named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("names", nargs="*", metavar="SERVER", help=f"of {', '.join(SERVERS)}; all where none is named")
    options = parser.parse_args()
    measure(options.names or list(SERVERS), options.repeats)


if __name__ == "__main__":
    main()
