"""Runs cases by seed and number; minimizes failures and writes them down."""

import base64
import contextlib
import json
import random
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from fuzz import exchanges, files
from fuzz.corpus import Corpus, Recording
from fuzz.holding import hold, hold_reports
from harness.wire.exchange import Exchange

TRIES = 300
"""Maximum number of attempts to minimize a case: an exchange takes some hundredths of a second."""

_SHOWN = 0.25
"""The share of cases for which all reports are rendered, which takes longer than all checks."""


class Crash(NamedTuple):
    """A failing case: its number, input and changes, the failure, and the minimized input."""

    seed: int
    number: int
    trail: str
    error: str
    suffix: str
    content: bytes

    @property
    def what(self) -> str:
        """The failure, in a line."""
        return self.error.strip().splitlines()[-1][:300]


class Fuzzer:
    """
    Draws cases and tries them; ``scratch`` is a folder to write changed files to.

    A case that takes longer than ``limit`` seconds fails; 0 is no limit, and required outside the main thread.
    """

    def __init__(self, corpus: Corpus, seed: int, scratch: Path, limit: int = 0) -> None:
        self._corpus, self._seed, self._scratch, self._limit = corpus, seed, scratch, limit
        archives = [*files.made_archives(scratch / "made"), *corpus.others]
        self._files = files.files_of(corpus.own, archives, [files.made_log(scratch / "made", corpus.own)])
        self._known: set[str] = set()

    def run(self, numbers: Iterable[int]) -> Iterator[Crash | None]:
        """Run these cases; yield for each the failure, or None."""
        for number in numbers:
            draw = random.Random(f"{self._seed}/{number}")
            yield self._file(draw, number) if draw.random() < 0.3 else self._exchange(draw, number)

    def _exchange(self, draw: random.Random, number: int) -> Crash | None:
        recording, other = self._corpus.draw(draw), self._corpus.draw(draw).exchanges[0].response.body
        changed, trail = list(recording.exchanges), [recording.name]
        at = draw.randrange(len(changed))
        changed[at], ways = exchanges.changed(draw, changed[at], other)
        changed[at + 1 :] = [
            replace(one, earlier=tuple(changed[: n + at + 1])) for n, one in enumerate(changed[at + 1 :])
        ]
        shown = draw.random() < _SHOWN
        broke = broken_by(lambda: hold_all(changed, recording, shown=shown), self._limit)
        if not broke:
            return None
        smallest = changed[at]
        if self._is_new(broke):
            smallest = smaller_exchange(smallest, lambda one: broken_by(lambda: hold_all([one], recording)) == broke)
        content = b"\n".join([*(_row(one) for one in [*changed, smallest]), b""])
        return Crash(self._seed, number, " ".join([*trail, *ways]), broke.error, ".jsonl", content)

    def _file(self, draw: random.Random, number: int) -> Crash | None:
        file, other = draw.choice(draw.choice(self._files)), draw.choice(draw.choice(self._files))
        content, trail = files.changed(draw, file, other.path.read_bytes()[:100_000])
        broke = broken_by(lambda: files.hold(file, content, self._scratch), self._limit)
        if not broke:
            return None
        if self._is_new(broke):
            content = smaller(content, lambda one: broken_by(lambda: files.hold(file, one, self._scratch)) == broke)
        return Crash(self._seed, number, " ".join([file.path.name, *trail]), broke.error, f"-{file.name}", content)

    def _is_new(self, broke: "Broke") -> bool:
        """Return whether a case is worth minimizing: the first of its kind, and not a timeout."""
        new = broke.place not in self._known
        self._known.add(broke.place)
        return new and Hung.__name__ not in broke.place


def hold_all(changed: Sequence[Exchange], recording: Recording, *, shown: bool = True) -> None:
    """Check the invariants of exchanges, and of their reports."""
    findings = hold(changed, recording.deviations)
    if shown:
        hold_reports(findings)


@dataclass(frozen=True, slots=True)
class Broke:
    """A failure; equal to others with the same kind of error at the same place."""

    place: str
    error: str = field(compare=False)


class Hung(Exception):
    """A case timed out."""


def broken_by(what: Callable[[], object], limit: int = 0) -> Broke | None:
    """Return the failure of a case; None if there is none."""
    try:
        with _within(limit):
            what()
    except Exception as error:  # noqa: BLE001 - every one is a find
        frame = traceback.extract_tb(error.__traceback__)[-1]
        said = str(error).partition(":")[0] if isinstance(error, AssertionError) else ""
        place = "" if isinstance(error, Hung) else f"{frame.filename}:{frame.lineno}"
        return Broke(f"{type(error).__name__} {said} {place}", traceback.format_exc())
    return None


@contextlib.contextmanager
def _within(limit: int) -> Iterator[None]:
    if not limit:
        yield
        return

    def stop(*_: object) -> None:
        raise Hung(f"it takes longer than {limit} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(limit)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def smaller(content: bytes, breaks: Callable[[bytes], bool]) -> bytes:
    """Return a minimal part of ``content`` that still fails: halves are left out first, single bytes last."""
    size, at = max(1, len(content) // 2), 0
    for _ in range(TRIES):
        left = content[:at] + content[at + size :]
        if len(left) < len(content) and breaks(left):
            content = left
        else:
            at += size
        if at >= len(content):
            size, at = size // 2, 0
        if not size:
            break
    return content


def smaller_exchange(exchange: Exchange, breaks: Callable[[Exchange], bool]) -> Exchange:
    """Return a minimal exchange that still fails: in its response, then in its request."""
    if not breaks(exchange):
        return exchange

    def with_body(body: bytes) -> Exchange:
        return replace(exchange, response=replace(exchange.response, body=body, reads=None))

    if breaks(with_body(exchange.response.body)):
        exchange = with_body(smaller(exchange.response.body, lambda body: breaks(with_body(body))))
    asked = exchange.request.body or b""
    least = smaller(asked, lambda body: breaks(replace(exchange, request=replace(exchange.request, body=body))))
    return replace(exchange, request=replace(exchange.request, body=least)) if asked else exchange


def _row(exchange: Exchange) -> bytes:
    """Return an exchange as a line of JSON that ``harness audit`` reads."""
    request, response = exchange.request, exchange.response
    asked = None if request.body is None else request.body.decode("utf-8", "replace")
    body = {
        "status": response.status,
        "headers": dict(response.headers),
        "body_b64": base64.b64encode(response.body).decode(),
    }
    told = {"expected": str(exchange.expected), "source": str(exchange.source), "earlier": len(exchange.earlier)}
    row = {"request": {"method": request.method, "url": request.url, "body": asked}, "response": body, "told": told}
    return json.dumps(row).encode()


def write(crash: Crash, folder: Path) -> Path:
    """Write down a crash: its input, and beside it its origin."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"crash-{crash.seed}-{crash.number}{crash.suffix}"
    path.write_bytes(crash.content)
    path.with_suffix(".txt").write_text(
        f"seed {crash.seed}, case {crash.number}: {crash.trail}\n\n{crash.error}",
        encoding="utf-8",
        errors="backslashreplace",
    )
    return path
