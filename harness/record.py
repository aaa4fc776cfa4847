"""Recording the matrix: what is not recorded yet is asked, judged to be an answer, and kept."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Literal

from harness.matrix.scenarios import in_order
from harness.recording.asking import Asked, Asker
from harness.recording.capture import Limits
from harness.recording.cassette import write_cassette
from harness.runner import Case, doubt
from harness.wire.exchange import Exchange

State = Literal["recorded", "no key", "no answer"]

_TOO_MANY = 429
_LONGEST_WAIT = 60.0
_TOKENS = 400  # that a request takes on average: what the reference provider's recordings say, rounded up

_STOP = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one case, and why where it was not recorded."""

    case: Case
    state: State
    reason: str = ""


def due(cases: list[Case], *, again: bool) -> list[Case]:
    """Return the cases to record: those that can be asked and are not recorded, or ``again`` all that can be asked."""
    asked = [case for case in cases if not case.target.refuses(case.scenario) and not case.target.model.retired]
    return [case for case in asked if again or not case.cassette.exists()]


def estimate(cases: list[Case]) -> str:
    """Return what recording will take, in a line."""
    requests = sum(case.scenario.requests for case in cases)
    providers = len({case.target.provider.id for case in cases})
    return f"{requests} requests to {providers} providers, about {requests * _TOKENS:,} tokens"


def record(
    cases: list[Case],
    environment: Mapping[str, str],
    *,
    pause: float = 0.0,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Recorded]:
    """
    Record ``cases``, providers at once and each in order, and yield what became of each.

    Whole cassettes are written as they come, so that an interrupted run can be taken up.
    """
    by_provider: dict[str, list[Case]] = {}
    for case in cases:
        by_provider.setdefault(case.target.provider.id, []).append(case)
    queue: SimpleQueue[Recorded | None] = SimpleQueue()
    stopping = threading.Event()
    turn = _Turn(environment, pause, limits, sleep, stopping)
    with ThreadPoolExecutor(max(1, len(by_provider))) as pool:
        futures = [pool.submit(turn.take, group, queue) for group in by_provider.values()]
        left = len(futures)
        try:
            while left:
                told = queue.get()
                if told is _STOP:
                    left -= 1
                else:
                    yield told
        finally:
            stopping.set()
        for future in futures:
            future.result()


@dataclass(frozen=True, slots=True)
class _Turn:
    """The cases of one provider, one after the other."""

    environment: Mapping[str, str]
    pause: float
    limits: Limits
    sleep: Callable[[float], object]
    stopping: threading.Event

    def take(self, cases: list[Case], queue: "SimpleQueue[Recorded | None]") -> None:
        try:
            for case in cases:
                if not self.stopping.is_set():
                    queue.put(self._one(case))
        finally:
            queue.put(_STOP)

    def _one(self, case: Case) -> Recorded:
        provider, model = case.target.provider, case.target.model
        unset = case.target.unset(self.environment)
        if unset:
            return Recorded(case, "no key", f"{unset} is not set")
        url, key, thinking = case.target.url(self.environment), self.environment.get(provider.key_env), model.thinking
        asked = Asked(url, key, model.name or model.id, thinking.enable or {}, thinking.disable or {})
        with contextlib.closing(Asker(asked, self.limits)) as asker:
            exchanges = self._ask(asker, case)
        reason = next(filter(None, map(doubt, exchanges)), None)
        if reason:
            return Recorded(case, "no answer", reason)
        write_cassette(case.cassette, exchanges)
        self.sleep(self.pause)
        return Recorded(case, "recorded")

    def _ask(self, asker: Asker, case: Case) -> list[Exchange]:
        """Ask, and once more after the pause that a provider asks for."""
        exchanges = asker.ask(case.scenario)
        wait = _asked_to_wait(exchanges[-1])
        if wait is not None and not self.stopping.is_set():
            self.sleep(wait)
            exchanges = asker.ask(case.scenario)
        return in_order(exchanges, case.scenario)


def _asked_to_wait(exchange: Exchange) -> float | None:
    """Return the seconds that a provider asks to wait at its limit, within reason; None if it does not."""
    sent = exchange.response.headers.get("retry-after", "")
    if exchange.response.status != _TOO_MANY or not sent.strip().isdigit():
        return None
    return min(float(sent), _LONGEST_WAIT)
