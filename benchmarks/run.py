"""
Speed and memory, against the floor and against what a user would otherwise run.

    python benchmarks/run.py [--streams 2000] [--chunks 300] [--items 12000]

Writes cassettes of streams to a temporary folder and prints, in one run on one machine:

* microseconds of CPU a chunk of the floor (split the body, parse each data with orjson), of the harness (read
  the cassette, parse, all checks), and of iterating the same bytes with the OpenAI SDK;
* the whole time of pytest on ITEMS items over these streams, against ITEMS empty items;
* peak memory of the harness over a tenth of the streams and over all of them.

The floor and the harness run in turn, batch by batch, so that a busy machine slows both.
"""

import argparse
import gc
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import orjson

from harness.checks import CHECKS
from harness.judging.runner import Subject, judge_exchanges
from harness.recording.cassette import read_cassette, write_cassette
from harness.simulate.reference import STREAM
from harness.wire.exchange import Exchange, Response, Source

Item = TypeVar("Item")

SDK_STREAMS = 20
BATCHES = 10
FORMS = ("repeating", "padded", "varying")
"""Chunks that differ in their text only; with random padding as OpenAI adds; with a timestamp that changes."""


def body(form: str, seed: int, chunks: int) -> bytes:
    """Return a stream of about 280 bytes a chunk."""
    source = random.Random(seed)
    words = ["token", " and", " the", "你好", ",", " 世界", "\n", " 🙂", " harness"]
    parts = []
    for number in range(chunks):
        delta: dict[str, object] = {"content": source.choice(words)}
        if number == 0:
            delta = {"role": "assistant", "content": "", "refusal": None}
        finish = "stop" if number == chunks - 1 else None
        choice = {"index": 0, "delta": {} if finish else delta, "logprobs": None, "finish_reason": finish}
        chunk = {"id": f"chatcmpl-{seed:029d}", "object": "chat.completion.chunk", "created": 1760000000}
        chunk |= {"model": "gpt-4o-mini-2024-07-18", "service_tier": "default", "system_fingerprint": "fp_44709d6fcb"}
        chunk |= {"choices": [choice]}
        if form == "padded":
            chunk |= {"obfuscation": "".join(source.choices("abcdefghij", k=source.randint(1, 12)))}
        if form == "varying":
            chunk |= {"timestamp": f"{1760000000 + number}.{source.randint(0, 999999):06d}"}
        parts.append(b"data: " + orjson.dumps(chunk) + b"\n\n")
    return b"".join([*parts, b"data: [DONE]\n\n"])


def exchange(form: str, seed: int, chunks: int) -> Exchange:
    """Return such a stream as an exchange."""
    response = Response(200, STREAM.response.headers, body(form, seed, chunks), "OK")
    return Exchange(STREAM.request, response, Source("reconstructed", "2026-01-01"))


def make_project(root: Path, streams: int, chunks: int) -> list[Path]:
    """Write a matrix of one model a stream, and its cassettes; return their paths."""
    names = [f"model-{number}" for number in range(streams)]
    models = "".join(f"\n      - {{id: {name}, thinking: {{disable: {{}}}}}}" for name in names)
    head = "providers:\n  - id: bench\n    name: Bench\n    base_url: https://bench.example/v1\n    key_env: BENCH_API_KEY\n"
    (root / "providers.yaml").write_text(f"{head}    docs: https://bench.example\n    models:{models}\n")
    paths = []
    for number, name in enumerate(names):
        path = root / "cassettes/bench" / name / "chat.stream.yaml"
        path.parent.mkdir(parents=True)
        write_cassette(path, [exchange(FORMS[0], number, chunks)])
        paths.append(path)
    return paths


def floor(content: bytes) -> int:
    """Split and decode: what nobody can do without."""
    count = 0
    for part in content.split(b"\n\n"):
        if part.startswith(b"data: {"):
            orjson.loads(part[6:])
            count += 1
    return count


def ours(path: Path) -> int:
    """Read the cassette, parse, run all checks."""
    exchanges = read_cassette(path)
    return len(list(judge_exchanges(exchanges, Subject("bench", "m", "chat.stream", path.name), CHECKS.values())))


def sdk(content: bytes) -> int:
    """Iterate the stream with the OpenAI SDK over a transport that serves the bytes."""
    import httpx2
    import openai

    def serve(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=content)

    client = openai.OpenAI(api_key="none", http_client=httpx2.Client(transport=httpx2.MockTransport(serve)))
    with client.chat.completions.create(model="m", messages=[], stream=True) as stream:
        return sum(1 for _ in stream)


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds of this process that ``work`` takes."""
    gc.collect()
    start = time.process_time()
    work()
    return time.process_time() - start


def all_of(work: Callable[[Item], object], items: list[Item]) -> None:
    """Do ``work`` on each of ``items``."""
    for item in items:
        work(item)


def per_chunk(seconds: list[float], chunks: int) -> float:
    """Return the median in microseconds a chunk."""
    return statistics.median(seconds) / chunks * 1e6


def measure_chunks(root: Path, paths: list[Path], chunks: int) -> None:
    """Print microseconds a chunk for each form of stream."""
    print(f"CPU µs a chunk, median of {BATCHES} batches run in turn; {len(paths)} streams × {chunks} chunks")
    print(f"{'':12}{'floor':>8}{'harness':>9}{'SDK':>8}{'harness/floor':>15}{'SDK/harness':>13}")
    for form in FORMS:
        used = paths if form == FORMS[0] else other_form(root, form, len(paths) // 10, chunks)
        floors, harness = [], []
        for batch in split(used, BATCHES):
            bodies = [read_cassette(path)[0].response.body for path in batch]
            floors.append(cpu(partial(all_of, floor, bodies)))
            harness.append(cpu(partial(all_of, ours, batch)))
        sdk(bodies[0])
        slow = [cpu(partial(sdk, content)) for content in bodies[:SDK_STREAMS]]
        size = len(used) // BATCHES * chunks
        a, b, c = per_chunk(floors, size), per_chunk(harness, size), per_chunk(slow, chunks)
        print(f"{form:12}{a:8.2f}{b:9.2f}{c:8.1f}{b / a:14.2f}×{c / b:12.1f}×")


def other_form(root: Path, form: str, streams: int, chunks: int) -> list[Path]:
    """Write cassettes of another form; return their paths."""
    paths = [root / form / f"{number}.yaml" for number in range(streams)]
    for number, path in enumerate(paths):
        write_cassette(path, [exchange(form, number, chunks)])
    return paths


def split(paths: list[Path], batches: int) -> Iterator[list[Path]]:
    """Yield the paths in batches of equal size."""
    size = max(1, len(paths) // batches)
    for start in range(0, size * batches, size):
        yield paths[start : start + size]


def measure_pytest(root: Path, items: int, streams: int, floor_seconds: float) -> None:
    """Print the time of pytest on the matrix against as many empty items."""
    rules = [check.id for check in CHECKS.values() if not check.observe][: items // streams]
    chosen = [f"--compat-check={name}" for name in rules]
    empty = root / "empty"
    empty.mkdir()
    (empty / "test_empty.py").write_text(
        f"import pytest\n@pytest.mark.parametrize('n', range({items}))\ndef test_it(n): pass\n"
    )
    base = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--no-header"]
    times = {}
    for name, folder, more in (
        ("empty", empty, []),
        ("matrix", root, ["providers.yaml", "--compat-scenario=chat.stream", *chosen]),
    ):
        start, before = time.perf_counter(), os.times()
        done = subprocess.run([*base, *more], cwd=folder, capture_output=True, text=True, check=False)
        after = os.times()
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        times[name] = spent
        print(
            f"pytest {name:7} {spent:7.1f} s CPU {time.perf_counter() - start:7.1f} s wall   {done.stdout.splitlines()[-1]}"
        )
    aim = 2 * times["empty"] + floor_seconds
    print(f"pytest matrix / (2 × empty + floor of {floor_seconds:.1f} s) = {times['matrix'] / aim:.2f}")


def measure_memory(paths: list[Path]) -> None:
    """Print the peak memory of judging a tenth of the streams and all of them, each in a process of its own."""
    code = (
        "import resource, sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import run\n"
        "for path in sys.stdin.read().split(): run.ours(Path(path))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    here = str(Path(__file__).parent)
    for part in (paths[: len(paths) // 10], paths):
        names = "\n".join(map(str, part))
        done = subprocess.run(
            [sys.executable, "-c", code, here], input=names, capture_output=True, text=True, check=True
        )
        print(f"peak memory over {len(part):5} streams: {int(done.stdout) / 1024:6.1f} MiB")


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--chunks", type=int, default=300)
    parser.add_argument("--items", type=int, default=12_000)
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="harness-bench-"))
    try:
        paths = make_project(root, options.streams, options.chunks)
        size = len(read_cassette(paths[0])[0].response.body) / options.chunks
        print(
            f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {len(CHECKS)} checks, {size:.0f} bytes a chunk"
        )
        measure_chunks(root, paths, options.chunks)
        bodies = [read_cassette(path)[0].response.body for path in paths[:100]]
        floor_seconds = cpu(partial(all_of, floor, bodies)) * options.streams / len(bodies)
        measure_pytest(root, options.items, options.streams, floor_seconds)
        measure_memory(paths)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
