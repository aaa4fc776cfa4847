"""
What ``harness serve`` costs a request: its application against bare servers of the same library, aiohttp.

    python benchmarks/serving.py [--rounds 9] [--seconds 0.4] [--ratios]

With ``--ratios`` there is one table: what each answer costs the server's CPU beside the bare one, 16 connections.

Each server is a process, loaded over kept connections: harness, without pace, its log to /dev/null; bare, one handler that
sends the same head and writes, twice, for what this run can't tell apart; whole, with the body in one piece of known length.
Latency and first byte of the body are the client's, CPU (on Linux) the server's.  Figures are medians of rounds, each in
an order drawn by lot; ratios are to bare in the same round, with their middle half, and over 1 is worse.
"""

import argparse
import asyncio
import os
import platform
import random
import re
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, count, product, repeat
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from aiohttp import __version__, web
from tabulate import tabulate

from harness.cli.serving import log_to
from harness.matrix.bundled import FILE_NAME
from harness.matrix.messages import MESSAGES
from harness.matrix.providers import load_matrix
from harness.recording.pacing import pieces_of
from harness.serve.app import application
from harness.serve.playback import PlaybackOptions
from harness.serve.recording_index import CHAT_PATH, REFERENCE, RecordingIndex
from harness.serve.server import HOST, serve
from harness.serve.synthesis import Synthesiser
from harness.wire.dialect import DialectName
from harness.wire.shapes import Json

ROOT = Path(__file__).parent.parent
ANSWERS = (
    (REFERENCE, "chat.nonstream"), (REFERENCE, "chat.stream"), ("llamacpp", "chat.long"),
    (REFERENCE, "messages.nonstream"), (REFERENCE, "messages.stream"),
)  # fmt: skip
SYNTHESISED = (
    (REFERENCE, "gpt-4o-mini"), ("deepseek", "deepseek-flash"), ("bailian", "qwen-plus"),
    ("volcengine", "doubao-seed-2-0-lite-260428"),
)  # fmt: skip
FIRST = b"100000"
"""What stands in a request for an answer that is made; each request has another number there, so that none is asked twice."""
TOOL: Json = {
    "name": "lookup_order",
    "parameters": {
        "type": "object",
        "properties": {"order_id": {"type": "integer"}, "fields": {"type": "array", "items": {"enum": ["a", "b"]}}},
        "required": ["order_id", "fields"],
    },
}
KINDS = ("bare", "harness", "bare again", "whole")
PATHS: dict[DialectName, str] = {"chat": f"/v1{CHAT_PATH}", "messages": "/v1/messages"}
MATRIX = load_matrix(ROOT / FILE_NAME)
SERVED = {provider for provider, _ in (*ANSWERS, *SYNTHESISED)}
SHELF = RecordingIndex(MATRIX, ROOT, SERVED, synthesiser=Synthesiser(MATRIX, ROOT))
HEADS = ("req/s", "median ms", "p99 ms", "first byte ms", "CPU µs", "time to bare", "CPU to bare")
DIGITS = (0, 2, 2, 2, 0)
NUMBERS = count(int(FIRST) + 1)
_ASKED: dict[DialectName, Json] = {
    "chat": {"tools": [{"type": "function", "function": TOOL}]},
    "messages": {"tools": [{"name": TOOL["name"], "input_schema": TOOL["parameters"]}], "max_tokens": 4096},
}
Server = tuple[int, int]
_OWN, _END = frozenset({"date", "server", "connection", "transfer-encoding"}), b"\r\n\r\n"


class Answer(NamedTuple):
    """What is asked, in a query for bare servers too, and what they send: what the harness does, in its pieces."""

    scenario: str
    asked: bytes
    headers: dict[str, str]
    pieces: list[bytes]


def run_server(kind: str, answers: list[Answer], pipe: Connection) -> None:
    """Serve, in a process of its own, until it is killed; tell the port."""

    async def send(request: web.Request) -> web.StreamResponse:
        answer = by_name[request.query_string]
        if kind == "whole":
            return web.Response(headers=answer.headers, body=b"".join(answer.pieces))
        response = web.StreamResponse(headers=answer.headers)
        await response.prepare(request)
        for piece in answer.pieces:
            await response.write(piece)
        await response.write_eof()
        return response

    if kind == "harness":
        log_to(Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open as long as the process
        serve(application(SHELF, PlaybackOptions()), 0, lambda url: pipe.send(int(url.rpartition(":")[2])))
    by_name, app, listening = {one.scenario: one for one in answers}, web.Application(), socket.create_server((HOST, 0))
    for path in PATHS.values():
        app.router.add_post(f"/{{provider}}{path}", send)
    pipe.send(listening.getsockname()[1])
    web.run_app(app, sock=listening, print=None, access_log=None)


@contextmanager
def running(kind: str, answers: list[Answer]) -> Iterator[Server]:
    """Run a server while the block does; yield its port, and the clock of its CPU seconds."""
    ours, theirs = Pipe()
    process = get_context("spawn").Process(target=run_server, args=(kind, answers, theirs), daemon=True)
    process.start()
    theirs.close()  # so that a server which fails is no wait
    yield int(ours.recv()), (~(process.pid or 0) << 3) | 2  # as clock_getcpuclockid() of Linux has it
    process.kill()


def ask(port: int, asked: bytes) -> tuple[bytes, bytes]:
    """Return the head and the rest of an answer, as they come over the wire."""
    with socket.create_connection((HOST, port)) as connection:
        connection.sendall(asked)
        for got in accumulate(iter(partial(connection.recv, 1 << 16), b"")):
            head, _, rest = got.partition(_END)
            length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
            if len(rest) == int(length[1]) if length else rest.endswith(b"0" + _END):
                break
    return head, rest


def answers_of(port: int) -> Iterator[Answer]:
    """Yield what the harness answers, after a look that it is what was meant."""
    for provider, scenario in ANSWERS:
        dialect: DialectName = "messages" if scenario in MESSAGES else "chat"
        exchange = next(one.exchange for one in SHELF.answers(provider, dialect) if one.scenario.id == scenario)
        yield _answer(port, provider, scenario, exchange.request.body or b"", dialect)
    for (provider, model), dialect, streamed in product(SYNTHESISED, PATHS, (True, False)):
        text = f"Where is order {FIRST.decode()}?"
        body = {"model": model, "stream": streamed, "messages": [{"role": "user", "content": text}], **_ASKED[dialect]}
        yield _answer(port, provider, "synthesised", orjson.dumps(body), dialect)


def _answer(port: int, provider: str, scenario: str, body: bytes, dialect: DialectName) -> Answer:
    form = "stream" if b'"stream":true' in body else "body"
    name = f"{provider}.{scenario}" if scenario != "synthesised" else f"{provider}.{dialect}.{form}.made"
    path = f"/{provider}{PATHS[dialect]}?{name}"
    own = f"x-harness-scenario: {scenario}\r\n" if scenario == "chat.long" else ""  # else another is as near
    own += f"content-type: application/json\r\nauthorization: Bearer none\r\ncontent-length: {len(body)}\r\n\r\n"
    asked = f"POST {path} HTTP/1.1\r\nhost: {HOST}\r\naccept: application/json\r\n{own}".encode() + body
    head = ask(port, asked)[0].decode()
    if f"/{scenario};" not in head or " 200 " not in head:
        raise SystemExit(f"{provider}: not {scenario} is what answers: {head}")
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    sent = {name: value for name, value in headers.items() if name.lower() not in _OWN or value == "llama.cpp"}
    held = SHELF.answer(provider, body, scenario if scenario != "synthesised" else None, path=PATHS[dialect])
    return Answer(name, asked, sent, pieces_of(held.exchange.response))


@dataclass
class Client(asyncio.Protocol):
    """One connection; ``taken`` are its seconds to the first byte of each body, and to the last."""

    asked: Iterator[bytes]
    head: int
    size: int
    until: float
    taken: list[tuple[float, float]]
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def connection_made(self, transport: Any) -> None:
        """Ask."""
        self.transport, self.got, self.first, self.start = transport, 0, 0.0, time.perf_counter()
        transport.write(next(self.asked))

    def data_received(self, data: bytes) -> None:
        """Take the times, and ask again at the end."""
        now, self.got = time.perf_counter(), self.got + len(data)
        self.first = self.first or (now if self.got > self.head else 0.0)
        if self.got == self.size:
            self.taken.append((self.first - self.start, now - self.start))
            self.connection_made(self.transport) if now < self.until else self.done.set_result(None)


def _in_turn(asked: bytes) -> Iterator[bytes]:
    """Yield a request again and again, each time with another number where it has one."""
    for number in NUMBERS if FIRST in asked else repeat(0):
        yield asked.replace(FIRST, str(number).encode()) if number else asked


async def load(server: Server, asked: bytes, connections: int, seconds: float) -> tuple[float, ...]:
    """Ask so long; return requests a second, median and p99 of latency, time to first byte in ms, and CPU in µs."""
    (port, clock), taken = server, list[tuple[float, float]]()
    head, rest = ask(port, asked)
    cpu, start, size = time.clock_gettime(clock), time.perf_counter(), len(head + _END)
    client = partial(Client, _in_turn(asked), size, size + len(rest), start + seconds, taken)
    made = [await asyncio.get_running_loop().create_connection(client, HOST, port) for _ in range(connections)]
    await asyncio.wait_for(asyncio.gather(*(one.done for _, one in made)), seconds + 30)
    rate, cpu = len(taken) / (time.perf_counter() - start), time.clock_gettime(clock) - cpu
    for transport, _ in made:
        transport.close()
    firsts, lasts = zip(*taken, strict=True)
    cuts = statistics.quantiles(lasts, n=100)
    return rate, cuts[49] * 1e3, cuts[98] * 1e3, statistics.median(firsts) * 1e3, cpu / len(taken) * 1e6


def measure(servers: dict[str, Server], answer: Answer, connections: int, options: argparse.Namespace) -> None:
    """Print the lines of one answer."""
    runs: dict[str, list[tuple[float, ...]]] = {kind: [] for kind in KINDS}
    for _ in range(options.rounds + 1):
        for kind in random.sample(KINDS, len(KINDS)):
            runs[kind].append(asyncio.run(load(servers[kind], answer.asked, connections, options.seconds)))
    rows = []
    for kind, (_, *mine) in runs.items():  # the first does not count
        figures = [f"{statistics.median(one):,.{n}f}" for one, n in zip(zip(*mine, strict=True), DIGITS, strict=True)]
        pairs = list(zip(mine, runs["bare"][1:], strict=True))
        ratios = [bare[0] / one[0] for one, bare in pairs], [one[4] / bare[4] for one, bare in pairs]
        spread = ["{1:.2f} × ({0:.2f} – {2:.2f})".format(*statistics.quantiles(these, n=4)) for these in ratios]
        rows.append([kind, *figures, *spread])
    first = f"{answer.scenario}, {sum(map(len, answer.pieces)):,} B in {len(answer.pieces)}; {connections} conn."
    print("\n" + tabulate(rows, (first, *HEADS), "plain", colalign=["left"] + ["right"] * 7, disable_numparse=True))


def ratios(servers: dict[str, Server], answers: list[Answer], options: argparse.Namespace) -> None:
    """Print what each answer costs beside the bare server, in CPU seconds of the two."""
    rows = []
    for answer in answers:
        pairs: list[tuple[float, float]] = []
        for _ in range(options.rounds + 1):
            bare, harness = (
                asyncio.run(load(servers[kind], answer.asked, 16, options.seconds))[4] for kind in KINDS[:2]
            )
            pairs.append((bare, harness))
        least = [min(some) for some in zip(*pairs[1:], strict=True)]  # what other work on the machine adds is left out
        low, middle, high = statistics.quantiles([harness / bare for bare, harness in pairs[1:]], n=4)
        told = f"{sum(map(len, answer.pieces)):,} B in {len(answer.pieces)}"
        spread = f"{middle:.2f} × ({low:.2f} – {high:.2f})"
        rows.append([answer.scenario, told, *(f"{one:,.0f}" for one in least), f"{least[1] / least[0]:.2f} ×", spread])
    heads = ("answer", "size", "least µs bare", "harness", "least to least", "CPU to bare, round by round")
    print(tabulate(rows, heads, "plain", colalign=["left"] + ["right"] * 5, disable_numparse=True))


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--ratios", action="store_true", help="one table of the server's CPU, and no more")
    parser.add_argument("--only", default="", help="a text that names of answers have")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, aiohttp {__version__}")
    with running("harness", []) as harness, ExitStack() as stack:
        answers = [one for one in answers_of(harness[0]) if options.only in one.scenario]
        kinds = KINDS[:1] if options.ratios else tuple(kind for kind in KINDS if kind != "harness")
        servers = {kind: stack.enter_context(running(kind, answers)) for kind in kinds}
        servers["harness"] = harness
        for answer in answers:
            if ask(harness[0], answer.asked)[1] != ask(servers["bare"][0], answer.asked)[1]:
                raise SystemExit(f"{answer.scenario}: the bare server sends something else")
        if options.ratios:
            ratios(servers, answers, options)
            return
        for answer in answers:
            for connections in (1, 16):
                measure(servers, answer, connections, options)


if __name__ == "__main__":
    main()
