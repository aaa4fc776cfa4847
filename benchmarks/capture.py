"""
What recording costs a live stream: the capture of the harness, and plain vcrpy, against the bare OpenAI SDK.

    python benchmarks/capture.py [--repeats 15] [--events 1000000]

Takes some minutes, so ``make bench`` leaves it out.  A server of our own (``streams.py``, another process) is
streamed from on warm connections; printed are, of this one run on this one machine:

* time to the first token, where the server sends at once and where it has a pace, and CPU a chunk.  The clients run
  in turn, each round in an order drawn by lot, and differences and ratios are medians of those within a round, so that a busy
  machine slows all.  The bare SDK takes part twice: how its two lines differ is what this run can't tell apart;
* memory over a long stream of small events, each client in a process of its own: before it, at a tenth, a half and
  all of it, and the peak, when what was recorded is whole.

What is done with a recording afterwards is not counted as time; vcrpy's peak has it, since vcrpy writes by itself.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx2
import openai
import vcr
from streams import DONE, EVENTS
from tabulate import tabulate

from harness.live.capture import Capture, Limits
from harness.wire.exchange import Exchange

HERE = Path(__file__).parent
NO_LIMITS = Limits(total=7200, size=1 << 40)
"""What is measured is the capture, not where it ends."""

CLIENTS = ("bare SDK", "bare again", "capture", "vcrpy")
FIRST_TOKEN, CPU = 1.02, 10.0
FLAT = 1.05
"""The aims: times the bare SDK's, µs a chunk more than it, and memory at the end of a stream to that at a tenth."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A stream to ask for, as ``streams.py`` takes it."""

    model: str
    events: int
    pace: float = 0.0

    @property
    def size(self) -> int:
        """How long its body is."""
        return len(EVENTS[self.model]) * (self.events - 1) + len(DONE)


@dataclass(slots=True)
class Client:
    """The SDK, bare or recorded."""

    name: str
    url: str
    kept: list[Exchange] = field(default_factory=list)
    sdk: openai.OpenAI = field(init=False)

    def __post_init__(self) -> None:
        capture = Capture(self.kept.append, limits=NO_LIMITS)
        given: dict[str, Any] = {"http_client": httpx2.Client(transport=capture)} if self.name == "capture" else {}
        self.sdk = openai.OpenAI(api_key="none", base_url=self.url, max_retries=0, **given)

    def warm(self) -> None:
        """Have a connection open, and nothing recorded."""
        self.sdk.models.list()
        self.kept.clear()

    def stream(self, wanted: Wanted) -> Iterator[object]:
        """Ask, and iterate the answer."""
        more = {"events": wanted.events, "pace": wanted.pace}
        return iter(self.sdk.chat.completions.create(model=wanted.model, messages=[], stream=True, extra_body=more))

    @contextmanager
    def recorded(self, wanted: Wanted) -> Iterator[None]:
        """Record as the name says what is streamed in this block, and make sure of it."""
        if self.name == "vcrpy":
            with tempfile.TemporaryDirectory() as folder:
                with vcr.use_cassette(f"{folder}/cassette.yaml", record_mode=vcr.mode.ALL) as cassette:
                    yield
                sizes = [len(response["body"]["string"]) for response in cassette.responses]
        else:
            yield
            sizes = [len(exchange.response.body) for exchange in self.kept if exchange.response.eof]
        if sizes != ([] if self.name.startswith("bare") else [wanted.size]):
            raise SystemExit(f"{self.name} recorded {sizes} bytes of a stream of {wanted.size}")


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds to the first chunk, and of CPU a chunk."""

    first: float
    cpu: float


def run(client: Client, wanted: Wanted) -> Run:
    """Stream once."""
    client.warm()
    with client.recorded(wanted):
        cpu, start = time.process_time(), time.perf_counter()
        stream = client.stream(wanted)
        next(stream)
        first = time.perf_counter() - start
        chunks = 1 + sum(1 for _ in stream)
        cpu = time.process_time() - cpu
    if chunks != wanted.events - 1:
        raise SystemExit(f"{client.name} gave {chunks} chunks of {wanted.events - 1}")
    return Run(first, cpu / chunks)


def rounds(url: str, wanted: Wanted, repeats: int) -> dict[str, list[Run]]:
    """Stream with each client in turn, after a round that does not count."""
    clients = [Client(name, url) for name in CLIENTS]
    runs: dict[str, list[Run]] = {name: [] for name in CLIENTS}
    for client in clients:
        run(client, wanted)
    order = random.Random(0)
    for _ in range(repeats):
        # None always comes after the same one, which leaves it the caches as they are then.
        order.shuffle(clients)
        for client in clients:
            runs[client.name].append(run(client, wanted))
    return runs


def show(title: str, seconds: dict[str, list[float]], unit: str, scale: float) -> dict[str, tuple[float, float]]:
    """Print a table of the clients; return the ratio of each to the bare SDK, and the difference in units."""
    bare = seconds[CLIENTS[0]]
    rows, found = [], {}
    for name, times in seconds.items():
        ratio = statistics.median(one / other for one, other in zip(times, bare, strict=True))
        more = statistics.median(one - other for one, other in zip(times, bare, strict=True)) * scale
        low, _, high = statistics.quantiles(times, n=4)
        spread = f"{low * scale:.2f} – {high * scale:.2f}"
        found[name] = ratio, more
        rows.append((name, f"{statistics.median(times) * scale:.2f}", spread, f"{ratio:.3f} ×", f"{more:+.2f}"))
    heads = (f"{title}, {len(bare)} rounds", f"median {unit}", "middle half", "to bare", f"more {unit}")
    print("\n" + tabulate(rows, heads, tablefmt="plain", colalign=("left", *["right"] * 4), disable_numparse=True))
    return found


def measure_speed(url: str, repeats: int) -> None:
    """Print the time to the first token and the CPU a chunk, and whether the aims hold."""
    for title, wanted, times in (
        ("first token, paced 50 × 20 ms", Wanted("usual", 51, 0.02), repeats),
        ("first token, sent at once", Wanted("usual", 51), repeats * 40),
    ):
        runs = rounds(url, wanted, times)
        found = show(title, {name: [one.first for one in mine] for name, mine in runs.items()}, "ms", 1e3)
        noise = abs(found["bare again"][0] - 1)
        judge(f"at most {FIRST_TOKEN} × the bare SDK's", found["capture"][0] <= FIRST_TOKEN, noise < FIRST_TOKEN - 1)
    runs = rounds(url, Wanted("usual", 2001), repeats)
    found = show("CPU a chunk of 2,000", {name: [one.cpu for one in mine] for name, mine in runs.items()}, "µs", 1e6)
    noise = abs(found["bare again"][1])
    judge(f"at most {CPU:g} µs a chunk more than the bare SDK", found["capture"][1] <= CPU, noise < CPU)


def judge(aim: str, holds: bool, quiet: bool = True) -> None:  # noqa: FBT001, FBT002 - it is what is printed
    """Print whether the capture reaches an aim, where the machine was ``quiet`` enough to tell."""
    print(f"{('reached' if holds else 'MISSED') if quiet else 'not told apart on so busy a machine'}: capture, {aim}")


def remember(name: str, url: str, events: str) -> None:
    """Print, as JSON, the memory of this process while a client streams: to be run in a process of its own."""
    client, wanted = Client(name, url), Wanted("small", int(events))
    run(client, Wanted("small", 1001))
    client.warm()
    chunks = wanted.events - 1
    marks = {chunks // 10, chunks // 2, chunks}
    with client.recorded(wanted):
        before, readings, cpu = memory("VmRSS"), [], time.process_time()
        for number, _ in enumerate(client.stream(wanted), start=1):
            if number in marks:
                readings.append(memory("VmRSS"))
        cpu = time.process_time() - cpu
    print(json.dumps([before, *readings, memory("VmHWM"), cpu / chunks * 1e6]))


def memory(what: str) -> float:
    """
    Return a figure of this process in MiB: VmRSS is what it holds, VmHWM the most that it ever held.

    ``ru_maxrss`` would be no use: a process starts with that of the one which started it.
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def measure_memory(url: str, events: int) -> None:
    """Print the memory of each client over a long stream, and whether the aim holds."""
    if not Path("/proc/self/status").exists():
        print("\nmemory: not measured, there is no /proc here")
        return
    code = "import sys; sys.path.insert(0, sys.argv[1]); import capture; capture.remember(*sys.argv[2:])"
    rows, flat = [], 0.0
    for name in ("bare SDK", "capture", "vcrpy"):
        command = [sys.executable, "-c", code, str(HERE), name, url, str(events)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        *readings, cpu = json.loads(done.stdout)
        growth = (readings[3] - readings[1]) / (events * 0.9) * (1 << 20)
        flat = readings[3] / readings[1] if name == "capture" else flat
        rows.append((name, *(f"{one:.1f}" for one in readings), f"{growth:.1f}", f"{cpu:.1f}"))
    size = len(EVENTS["small"])
    heads = (f"MiB, {events:,} events of {size} B", "before", "10 %", "50 %", "100 %", "peak", "B an event", "CPU µs")
    print("\n" + tabulate(rows, heads, tablefmt="plain", colalign=("left", *["right"] * 7), disable_numparse=True))
    judge(f"flat: from 10 % to 100 % at most {FLAT} × ({flat:.3f} ×)", flat <= FLAT)


@contextmanager
def serving() -> Iterator[str]:
    """Run the server of streams; yield its address."""
    command = [sys.executable, str(HERE / "streams.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        finally:
            server.stdin.close()


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--events", type=int, default=1_000_000, help="of the stream that memory is measured over")
    options = parser.parse_args()
    os.environ["no_proxy"] = "*"
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("openai", "httpx2", "vcrpy"))
    print(f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, {versions}")
    with serving() as url:
        measure_speed(url, options.repeats)
        measure_memory(url, options.events)


if __name__ == "__main__":
    main()
