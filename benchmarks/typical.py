"""
What people have: short answers, audited by whole commands with results written, against the floor and the OpenAI SDK.

    python benchmarks/typical.py [--exchanges 900] [--rounds 3] [--gate]

An archive is made of the chats in cassettes/, with the lengths of 1,783 recordings of real answers: three in four are bodies,
half of the streams have 16 events or fewer.  All is measured in CPU seconds, in turn, in one run:

* the floor: split each body, parse each data with orjson; the same with json, and with the SDK's pydantic models;
* the SDK once: a process that reads the archive and reads every answer with the synchronous client;
* ``harness audit --results`` of all rules the first time ever, with the SDK's readings kept from before, a second time in one
  process, and ``--level must`` where nothing is kept;
* streams of 20 and 300 chunks of the forms of ``run.py``, a second time in one process;
* 500, 2,000 and 8,000 exchanges, and what reads the results of each, and one stream of 10^3 to 10^6 chunks, with the memory
  at the peak.

``--gate`` measures the second pass alone, and ends with 1 where it takes more than twice what it should.
"""

import argparse
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from functools import partial
from io import StringIO
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

import limits
import orjson
from run import FORMS, body, cpu

from harness.recording.cassette import read_cassette
from harness.wire.exchange import Exchange

ROOT = Path(__file__).parents[1]
EVENTS = (4, 5, 5, 7, 8, 10, 11, 12, 14, 16, 21, 24, 28, 31, 47, 73, 99, 167, 285, 1172)
"""Events of a stream, by twentieths, as 427 real streams have them."""
KINDS = ("body", "stream", "body", "body", "body", "stream", "body", "body") * 6 + ("error",)
GATE = 1.8
"""Twice the CPU of a second pass in times of the SDK's, which was 0.9 when the gate was set."""
GATE_EXCHANGES, GATE_ROUNDS = 245, 3
SIZES = (500, 2_000, 8_000)
LONG = (1_000, 10_000, 100_000, 1_000_000)
_ENDS = 3
_MOST_OF = 0.9
_UNLISTED = ("--no-known",)
"""What is listed of providers makes it no slower, and a list that can't be read would end it early."""
_NOT_KEPT = {"HARNESS_NO_CACHE": "1"}
_COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
"""Modules are compiled once, as those of an installed program are; the SDK's always were, and ours not in each environment."""


class Answer(NamedTuple):
    """A body as it came, and whether it is a stream."""

    streams: bool
    content: bytes


def rows(count: int) -> Iterator[bytes]:
    """Yield so many exchanges as rows of JSON lines."""
    found: dict[str, list[Exchange]] = {"body": [], "stream": [], "error": []}
    for path in sorted(ROOT.glob("cassettes/*/*/*.yaml")):
        for exchange in read_cassette(path):
            kind = "error" if exchange.response.is_error else "stream" if exchange.is_stream else "body"
            if exchange.dialect == "chat" and exchange.response.content:
                found[kind].append(exchange)
    sources = {kind: cycle(exchanges) for kind, exchanges in found.items()}
    lengths = cycle(EVENTS[n * 7 % len(EVENTS)] for n in range(len(EVENTS)))
    for kind in islice(cycle(KINDS), count):
        exchange = next(sources[kind])
        yield _row(exchange, _of_length(exchange, next(lengths)) if kind == "stream" else exchange.response.content)


def _of_length(exchange: Exchange, length: int) -> bytes:
    """Return a stream of so many events: what stands between its ends is left out, or comes again."""
    content, parser = exchange.response.content, exchange.reading.parser
    events = [content[event.start : event.end] for event in parser.events] if parser else [content]
    head, tail = events[:1], events[-_ENDS:] if len(events) > _ENDS else events[1:]
    between = events[1:-_ENDS] or events[:1]
    return b"".join([*head, *islice(cycle(between), max(0, length - len(head) - len(tail))), *tail])


def _row(exchange: Exchange, content: bytes) -> bytes:
    request = {"url": exchange.request.url, "body": exchange.request.json or {}}
    headers = {name: value for name, value in exchange.response.headers.items() if name != "content-encoding"}
    answer = {"status": exchange.response.status, "headers": headers, "body_b64": base64.b64encode(content).decode()}
    return orjson.dumps({"request": request, "response": answer}) + b"\n"


def answers_in(path: Path) -> list[Answer]:
    """Return the successful answers of an archive."""
    listed = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    return [
        Answer(bool(one["request"]["body"].get("stream")), base64.b64decode(one["response"]["body_b64"]))
        for one in listed
        if one["response"]["status"] == 200  # noqa: PLR2004 - OK
    ]


def floor(loads: Callable[[bytes], object], answers: list[Answer]) -> None:
    """Split and decode: what nobody can do without."""
    for streams, content in answers:
        for part in content.replace(b"\r\n", b"\n").split(b"\n\n") if streams else [b"data: " + content]:
            if part.startswith(b"data: "):
                with suppress(ValueError):
                    loads(part[6:])


def models(answers: list[Answer]) -> None:
    """Read each chunk into the SDK's models."""
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

    for answer in answers:
        floor((ChatCompletionChunk if answer.streams else ChatCompletion).model_validate_json, [answer])


def sdk(answers: list[Answer]) -> None:
    """Read each answer with the OpenAI SDK over a transport that serves the bytes."""
    import httpx2
    import openai

    def serve(_request: httpx2.Request) -> httpx2.Response:
        kind = "text/event-stream" if answer.streams else "application/json"
        return httpx2.Response(200, headers={"content-type": kind}, content=answer.content)

    warnings.simplefilter("ignore")
    client = openai.OpenAI(
        api_key="none", max_retries=0, http_client=httpx2.Client(transport=httpx2.MockTransport(serve))
    )
    for answer in answers:
        with suppress(Exception):  # what it can't read, which the corpus has too
            read: Any = client.chat.completions.create(model="m", messages=[], stream=answer.streams)
            for _ in read if answer.streams else ():
                pass


def passes(path: Path, count: int) -> list[float]:
    """Audit an archive so many times in this process; return the CPU seconds of each."""
    from harness.cli import main as harness

    def once() -> None:
        with redirect_stdout(StringIO()), suppress(SystemExit):
            harness(["audit", str(path), *_UNLISTED, "--results", str(results)])

    results = path.with_suffix(".results")
    seconds = [cpu(once) for _ in range(count)]
    if judged_in(results) < _MOST_OF * len(path.read_bytes().splitlines()):
        sys.exit(f"{path.name}: an audit judged no more than {judged_in(results)} exchanges")
    return seconds


def judged_in(results: Path) -> int:
    """Return how many exchanges were judged: what ends early is fast, too."""
    return int(orjson.loads(results.read_bytes().splitlines()[-1])["recordings"])


def spent(command: list[str], more: dict[str, str]) -> float:
    """Return the CPU seconds of a process."""
    before = os.times()
    subprocess.run(
        [sys.executable, *command],
        env=os.environ | _COMPILED | more,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def measure_typical(folder: Path, count: int, rounds: int) -> None:
    """Print the table of the typical archive."""
    path = folder / "typical.jsonl"
    path.write_bytes(b"".join(rows(count)))
    answers, own = answers_in(path), str(Path(__file__))
    audit = ["-m", "harness", "audit", str(path), *_UNLISTED, "--results", str(folder / "typical.results")]
    kept = {"XDG_CACHE_HOME": str(folder / "cache")}
    spent(audit, kept)
    ways: dict[str, Callable[[], float]] = {
        "floor: split and orjson": lambda: cpu(partial(floor, orjson.loads, answers)),
        "split and json": lambda: cpu(partial(floor, json.loads, answers)),
        "split and pydantic models": lambda: cpu(partial(models, answers)),
        "SDK once, as a process": lambda: spent([own, "--sdk", str(path)], {}),
        "audit, first time ever": lambda: spent(audit, _NOT_KEPT),
        "audit, SDK readings kept": lambda: spent(audit, kept),
        "audit, second pass in one process": lambda: passes(path, 1)[0],
        "audit --level must, nothing kept": lambda: spent([*audit, "--level", "must"], _NOT_KEPT),
    }
    os.environ |= kept
    models(answers)
    passes(path, 1)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            seconds[name].append(way())
    least, once = (statistics.median(seconds[name]) for name in ("floor: split and orjson", "SDK once, as a process"))
    print(f"| {count} typical exchanges | CPU s | × floor | × SDK once |\n|---|--:|--:|--:|")
    for name, measured in seconds.items():
        median = statistics.median(measured)
        print(f"| {name} | {median:.2f} | {median / least:.0f} | {median / once:.2f} |")


def measure_forms(folder: Path) -> None:
    """Print the second pass over streams of one form and length."""
    print("\n| streams, second pass, results written | × floor |\n|---|--:|")
    for chunks, count in ((20, 300), (300, 40)):
        for form in FORMS:
            path = folder / f"{form}-{chunks}.jsonl"
            path.write_bytes(b"".join(limits.row(body(form, seed, chunks)) for seed in range(count)))
            answers = answers_in(path)
            least = min(cpu(partial(floor, orjson.loads, answers)) for _ in range(3))
            print(f"| {chunks} chunks, {form} | {min(passes(path, 3)[1:]) / least:.1f} |")


def measure_sizes(folder: Path) -> None:
    """Print CPU and memory of archives and streams of growing size."""
    print("\n| given | CPU s | MB at the peak |\n|---|--:|--:|")
    lines = list(rows(max(SIZES)))
    for size in SIZES:
        path = folder / f"{size}.jsonl"
        path.write_bytes(b"".join(lines[:size]))
        _print_run(f"{size:,} exchanges", path)
        results = str(path.with_suffix(".results"))
        for command in (["report", results], ["diff", results, results], ["registry", str(path)]):
            peak = limits.run(*command).peak
            print(f"| {command[0]} of {size:,} exchanges | | {peak:.0f} |")
    for chunks in LONG:
        path = folder / f"stream-{chunks}.jsonl"
        path.write_bytes(limits.row(body(FORMS[0], 1, chunks)))
        more = [f"--max-{name}={1 << 31}" for name in ("body", "events", "values", "row")]
        _print_run(f"one stream of {chunks:,} chunks", path, *more)
        path.unlink()


def _print_run(name: str, path: Path, *more: str) -> None:
    before = os.times()
    results = path.with_suffix(".results")
    ran = limits.run("audit", str(path), *_UNLISTED, "--results", str(results), *more)
    after = os.times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"| {name}, {judged_in(results):,} judged | {seconds:.1f} | {ran.peak:.0f} |")


def gate(folder: Path) -> bool:
    """Tell whether a second pass takes no more than twice what it should, in times of what the SDK takes."""
    os.environ["XDG_CACHE_HOME"] = str(folder)
    path = folder / "gate.jsonl"
    path.write_bytes(b"".join(rows(GATE_EXCHANGES)))
    answers = answers_in(path)
    sdk(answers[:20])
    passes(path, 1)
    ratios = [passes(path, 1)[0] / cpu(partial(sdk, answers)) for _ in range(GATE_ROUNDS)]
    ratio = min(ratios)  # what else the machine does makes it larger, never smaller
    print(f"second pass: {ratio:.2f} × the SDK; at most {GATE}")
    return ratio <= GATE


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0].strip())
    parser.add_argument("--exchanges", type=int, default=900)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gate", action="store_true")
    parser.add_argument("--sdk", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sdk:
        sdk(answers_in(options.sdk))
        return
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory(prefix="harness-bench-") as name:
        if options.gate:
            sys.exit(0 if gate(Path(name)) else 1)
        print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%d')}\n")
        measure_typical(Path(name), options.exchanges, options.rounds)
        measure_forms(Path(name))
        measure_sizes(Path(name))


if __name__ == "__main__":
    main()
