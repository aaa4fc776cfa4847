"""
Peak memory on what is made to take all of it: recordings for ``audit``, answers for ``probe``.

    python benchmarks/limits.py

Writes the recordings to a temporary folder, serves the answers on 127.0.0.1, gives each to a process of its own and
prints how much memory that took at most, how long, and what it said.  ``tests/test_memory.py`` holds each to ``MOST``.
"""

import base64
import gzip
import json
import re
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

MOST = 250
"""Megabytes that a process may take."""

GIGABYTE = 1 << 30
_URL = "https://api.example.com/v1/chat/completions"
_CHUNK = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
_BLOCK = 1 << 20

_JUDGED = (0, 1)
"""The exit codes of a process that judged everything; a crash exits with 1, too."""

# Memory at the peak is that of children alone: what this process takes, or one that runs tests, is not counted in.
_MEASURE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, capture_output=True)
sys.stdout.buffer.write(b"%d %d\\n" % (resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, done.returncode))
sys.stdout.buffer.write(done.stdout[-2_000_000:] + done.stderr[-100_000:])
"""


class Ran(NamedTuple):
    """How a process ended: its exit code, megabytes at the peak, seconds, and what it wrote."""

    code: int
    peak: float
    seconds: float
    said: str


def run(*arguments: str) -> Ran:
    """Run the harness in a process of its own."""
    began = time.perf_counter()
    command = [sys.executable, "-c", _MEASURE, sys.executable, "-m", "harness", *arguments]
    output = subprocess.run(command, capture_output=True, check=True).stdout
    head, _, said = output.partition(b"\n")
    peak, code = map(int, head.split())
    return Ran(
        code, peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), time.perf_counter() - began, said.decode()
    )


def packed(unit: bytes, size: int = GIGABYTE) -> bytes:
    """Return gzip that unpacks to ``size`` bytes of ``unit``, again and again."""
    block = (unit * (_BLOCK // len(unit) + 1))[:_BLOCK]
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    once = compressor.compress(block) + compressor.flush(zlib.Z_FULL_FLUSH)
    # Nobody comes as far as the checksum at its end.
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + once * (size // _BLOCK) + compressor.flush() + bytes(8)


def row(body: bytes, encoding: str | None = None) -> bytes:
    """Return an exchange as a row of JSON lines."""
    headers = {"content-type": "text/event-stream"} | ({"content-encoding": encoding} if encoding else {})
    request = {"url": _URL, "body": {"model": "m", "stream": True, "messages": []}}
    answer = {"status": 200, "headers": headers, "body_b64": base64.b64encode(body).decode()}
    return json.dumps({"request": request, "response": answer}).encode() + b"\n"


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(GIGABYTE)


def _writes(content: Callable[[], bytes]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content())

    return write


RECORDINGS: dict[str, Callable[[Path], None]] = {
    "gzip of 1 GB.jsonl": _writes(lambda: row(packed(_CHUNK), "gzip")),
    "gzip of 1 GB of one line.jsonl": _writes(lambda: row(packed(b"x"), "gzip")),
    "gzip of 1 GB of odd events.jsonl": _writes(lambda: row(packed(b"data:1\r\r"), "gzip")),
    "300,000 empty gzip members.jsonl": _writes(lambda: row(gzip.compress(b"") * 300_000, "gzip")),
    "100 gzip members of 10 MB.jsonl": _writes(lambda: row(gzip.compress(bytes(10 << 20), 1) * 100, "gzip")),
    "two million events.jsonl": _writes(lambda: row(b"data: 1\n\n" * 2_000_000)),
    "two million comments.jsonl": _writes(lambda: row(b": ping\n\n" * 2_000_000)),
    "a line of 20 MB.jsonl": _writes(lambda: row(b"data: " + b"x" * (20 << 20))),
    "a row of 100 MB.jsonl": _writes(lambda: row(b"x" * (75 << 20))),
    "a row of 30 MB of lists.jsonl": _writes(lambda: b'{"request":[' + b"[]," * (10 << 20) + b"[]]}\n"),
    "a row of 1 GB, packed.jsonl.gz": _writes(lambda: packed(b"x")),
    "1 GB of blank rows, packed.jsonl.gz": _writes(lambda: packed(b"\n")),
    "1 GB, packed.har.gz": _writes(lambda: packed(b'{"log":{"entries":[')),
    "1 GB, packed.yaml.gz": _writes(lambda: packed(b"- a\n")),
    "five million values.yaml": _writes(lambda: b"version: 1\ninteractions: [" + b"a," * 5_000_000 + b"a]\n"),
    "a sparse file of 1 GB.jsonl": _sparse,
    "a sparse file of 1 GB.har": _sparse,
    "a sparse file of 1 GB.yaml": _sparse,
}
"""Recordings by the names of their files, each with what writes it."""

ANSWERS: dict[str, tuple[bytes, bytes]] = {
    "endless events": (b"", b"data: 1\n\n"),
    "endless chunks": (b"", _CHUNK),
    "endless comments": (b"", b":\n"),
    "endless line": (b"", b"x"),
    "gzip of 1 GB": (b"Content-Encoding: gzip\r\n", b""),
    "refusal of gzip of 1 GB": (b"Content-Encoding: gzip\r\n", b""),
}
"""Answers by name: a header, and what comes again and again; a refusal comes with status 400."""


class _Hostile(socketserver.StreamRequestHandler):
    """Answers each request with what is named in its path."""

    def handle(self) -> None:
        """Answer one request."""
        first = self.rfile.readline().decode()
        length = 0
        for line in iter(self.rfile.readline, b"\r\n"):
            found = re.match(rb"(?i)content-length: (\d+)", line)
            length = int(found[1]) if found else length
        self.rfile.read(length)
        name = first.split("/")[1].replace("-", " ")
        header, unit = ANSWERS[name]
        status = b"400 Bad Request" if name.startswith("refusal") else b"200 OK"
        body = unit * (_BLOCK // len(unit)) if unit else packed(_CHUNK)
        with suppress(OSError):
            self.wfile.write(b"HTTP/1.1 %b\r\nContent-Type: text/event-stream\r\n" % status + header + b"\r\n" + body)
            while unit:
                self.wfile.write(body)


@contextmanager
def serving() -> Iterator[str]:
    """Serve the answers; yield the address that their names go behind."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Hostile) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def probed(address: str, name: str) -> Ran:
    """Probe the answer of that name, with one question."""
    base = f"{address}/{name.replace(' ', '-')}/v1"
    return run("probe", base, "-m", "m", "--scenario", "chat.stream", "--format", "json")


def verdict(ran: Ran) -> str:
    """Return what was not read, and why; ``read`` if there are findings, else how the process ended."""
    found = re.search(r"the answer is too large: ([^\"]+)|harness: .*?(?::\d+)?: ([^\n]+)\n*\Z", ran.said)
    if found:
        return next((text for text in found.groups() if text), "")
    judged = ran.code in _JUDGED and '"outcome":' in ran.said and "Traceback (most recent call last)" not in ran.said
    return "read" if judged else f"ended early: {(ran.said.strip().splitlines() or ['without a word'])[-1]}"


def main() -> None:
    """Print the table."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    print(f"| given | peak, MB | seconds | exit | said |\n|{'---|' * 5}")
    with tempfile.TemporaryDirectory() as folder, serving() as address:
        for name, write in RECORDINGS.items():
            path = Path(folder) / name
            write(path)
            _print(name, run("audit", str(path), "--format", "json"))
            path.unlink()
        for name in ANSWERS:
            _print(f"probe: {name}", probed(address, name))


def _print(name: str, ran: Ran) -> None:
    print(f"| {name} | {ran.peak:.0f} | {ran.seconds:.1f} | {ran.code} | {verdict(ran)} |")


if __name__ == "__main__":
    main()
