"""
Records the matrix: providers concurrently, the cases of each in order.

How it works: a thread per provider sends its cases one after the other, so that one's rate limit does not delay
others.  Each case is a future: a waiter gets it as soon as it is done.  A cassette is written atomically when its
exchanges are complete, so an interrupted run loses nothing and can be resumed.  Runs on one folder take turns at
each cassette: what another one has recorded meanwhile is used, not paid for again, unless it is to be recorded
anew.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Literal, Self

from harness.errors import HarnessError, NotAsked
from harness.judging.runner import Case, Skip, inconclusive_reason
from harness.live.asking import Endpoint, ScenarioSender
from harness.live.budget import prompt_tokens
from harness.live.capture import Limits
from harness.live.repeating import repeated, worth_repeating
from harness.matrix.scenarios import with_expectations
from harness.recording.atomic import turn_at
from harness.recording.cassette import read_cassette, write_cassette
from harness.recording.redact import Secrets, configured
from harness.wire.exchange import NO_ANSWER, OK, Exchange, Headers

State = Literal["recorded", "answered", "missing", "inconclusive"]
"""``answered`` was not to be saved; ``missing`` was not sent, ``inconclusive`` got no response."""

_TOO_MANY = frozenset({429, 503})
_KEY_REFUSED = frozenset({401, 403})
_LONGEST_WAIT = 60.0
_LOOK = 0.2  # seconds between checks whether the run is to stop
_PAUSE = 1.0  # seconds before a failure is retried
_ANSWER_TOKENS = 300  # a response's share, including reasoning


@dataclass(frozen=True, slots=True)
class Recorded:
    """The result of one case, with the reason if it was not recorded; ``exchanges`` are the responses."""

    case: Case
    state: State
    reason: str = ""
    exchanges: tuple[Exchange, ...] = ()


def environment_of(root: Path) -> dict[str, str]:
    """
    Return the environment, with ``.env`` in ``root`` for variables that are not set.

    Raises:
        HarnessError: the file can't be read.
    """
    from dotenv import dotenv_values

    path = root / ".env"
    try:
        told = dotenv_values(path)
    except UnicodeDecodeError as error:
        raise HarnessError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise HarnessError(f"{path}: {error.strerror or error}; let it be read, or move it away") from None
    return {**{key: value for key, value in told.items() if value}, **os.environ}


def missing_credentials(case: Case, environment: Mapping[str, str], named: Container[str]) -> str | None:
    """Return why a case can't be sent; None if its key is set, or it needs none and its provider is ``named``."""
    unset = case.target.unset(environment)
    if unset:
        return f"{unset} is not set"
    if case.target.keyless and case.target.provider.id not in named:
        # Without a key, any server on this URL may answer in its place.
        return f"{case.target.provider.id} needs no API key, so it is used only if you name it"
    return None


def cases_to_record(cases: list[Case], *, again: bool, long: bool = False) -> list[Case]:
    """
    Return the cases to record: those that can be sent and have no recording, or with ``again`` all that can be
    sent.

    Costly ones come last, and only if requested (``long``).
    """
    asked = [case for case in cases if not case.target.skip_reason(case.scenario) and not case.target.model.retired]
    wanted = [case for case in asked if (again or not case.recorded) and (long or not case.scenario.costly)]
    return sorted(wanted, key=lambda case: case.scenario.costly)


def estimate(cases: list[Case]) -> str:
    """Return the expected requests and tokens, in a line."""
    requests = sum(case.scenario.requests for case in cases)
    providers = len({case.target.provider.id for case in cases})
    return f"{requests:,} requests to {providers} providers, about {sum(map(_tokens, cases)):,} tokens"


def _tokens(case: Case) -> int:
    return 0 if case.scenario.path else case.scenario.requests * (prompt_tokens(case.scenario) + _ANSWER_TOKENS)


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """
    How the matrix is recorded.

    ``keep`` selects the responses to write: none, those of cases without a recording, or all.  ``per_minute``
    limits the requests per minute to a provider, 0 for no limit; ``named`` are the providers selected by name.
    With ``reuse``, recordings made since the cases were chosen are used instead of a request, if it would not be
    saved. ``sleep`` waits so many seconds; None is a wait that the end of the run ends.
    """

    keep: Literal["none", "missing", "all"] = "missing"
    per_minute: float = 0
    named: tuple[str, ...] = ()
    reuse: bool = False
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    sleep: Callable[[float], object] | None = None

    def keeps(self, case: Case) -> bool:
        """Return whether the responses to ``case`` are to be written."""
        return self.keep == "all" or (self.keep == "missing" and not case.recorded)


class RecordingRun:
    """
    Cases being sent, from the time it is entered; on exit nothing more is sent.

    ``over`` is why it stops early; setting it stops the run, in a signal handler too.
    """

    over: Skip | None = None

    def __init__(
        self, cases: Iterable[Case], environment: Mapping[str, str], options: RecordOptions = RecordOptions()
    ) -> None:
        self._stopping = threading.Event()
        self._futures: dict[str, Future[Recorded]] = {}
        self._queues: dict[str, _ProviderQueue] = {}
        cases = list(cases)
        secrets = configured(environment, {case.target.provider.key_env for case in cases})
        for case in cases:
            name = case.target.provider.id
            queue = self._queues.setdefault(name, _ProviderQueue(environment, secrets, options, self._stopping))
            queue.cases.append((case, self._futures.setdefault(case.id, Future())))
        self._pool = ThreadPoolExecutor(max(1, len(self._queues)), "asking")

    def __enter__(self) -> Self:
        for queue in self._queues.values():
            self._pool.submit(queue.take)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._pool.shutdown()

    def __iter__(self) -> Iterator[Recorded]:
        """
        Yield the result of each case, in the order in which they end.

        Raises:
            Unwritable: a cassette can't be written.
        """
        # Not as_completed: it yields finished ones in no order.
        ended = SimpleQueue[Future[Recorded]]()
        for future in self._futures.values():
            future.add_done_callback(ended.put)
        for _ in self._futures:
            yield self._next(ended).result()

    def _next(self, ended: SimpleQueue[Future[Recorded]]) -> Future[Recorded]:
        """Wait for the next case to end, and abort the requests under way once the run is over."""
        while True:
            if self.over and not self._stopping.is_set():
                self._stopping.set()
                for queue in self._queues.values():
                    queue.cut(self.over.reason)
            with contextlib.suppress(Empty):
                return ended.get(timeout=_LOOK)

    def of(self, case: Case) -> Recorded:
        """Wait for one case and return its result; raises as iterating does."""
        return self._futures[case.id].result()

    def __contains__(self, case: Case) -> bool:
        return case.id in self._futures


@dataclass(slots=True)
class _ProviderQueue:
    """
    The cases of one provider, one after the other.

    ``stopped_reason`` is why the rest is not sent; ``answered`` is whether any chat request succeeded.
    """

    environment: Mapping[str, str]
    secrets: Secrets
    options: RecordOptions
    stopping: threading.Event
    cases: list[tuple[Case, Future[Recorded]]] = field(default_factory=list)
    sender: ScenarioSender | None = None
    stopped_reason: str = ""
    answered: bool = False
    last: float = 0.0

    def cut(self, reason: str) -> None:
        """Abort the request under way."""
        if self.sender:
            self.sender.cut(reason)

    def take(self) -> None:
        for case, future in self.cases:
            try:
                future.set_result(self._take_case(case))
            except BaseException as error:  # noqa: BLE001 - it is whoever waits for the case that is to get it
                self.stopping.set()  # no request if the response can't be saved
                future.set_exception(error)

    def _take_case(self, case: Case) -> Recorded:
        reason = missing_credentials(case, self.environment, self.options.named)
        if reason:
            return Recorded(case, "missing", reason)
        if self.stopped_reason or self.stopping.is_set():
            return Recorded(case, "missing", self.stopped_reason or "the run was ended before it was asked")
        if self.options.keep == "none":
            return self._ask_and_record(case, keep=False)
        with turn_at(case.written, self.stopping.wait) as ours:
            if not ours:
                return Recorded(case, "missing", "the run was ended before it was asked")
            keep = self.options.keeps(case)
            if not keep and self.options.reuse:
                kept = with_expectations(read_cassette(case.cassette), case.scenario)
                return Recorded(case, "recorded", "by another run meanwhile", tuple(kept))
            return self._ask_and_record(case, keep=keep)

    def _ask_and_record(self, case: Case, *, keep: bool) -> Recorded:
        try:
            exchanges = tuple(with_expectations(self._ask(case), case.scenario))
        except NotAsked as error:
            return Recorded(case, "inconclusive", str(error))
        if self.stopping.is_set() and any(one.response.closed_by_us for one in exchanges):
            return Recorded(case, "missing", "the run was ended before it was answered")
        reason = next(filter(None, map(inconclusive_reason, exchanges)), None)
        if reason:
            return Recorded(case, "inconclusive", reason, exchanges)
        if not keep:
            return Recorded(case, "answered", "", exchanges)
        write_cassette(case.written, exchanges)
        return Recorded(case, "recorded", "", exchanges)

    def _ask(self, case: Case) -> list[Exchange]:
        """
        Send a case, and once more after the pause that a provider asks for, or if it fails while others succeed.

        A second rate limit stops the queue; a second failure is kept.
        """
        provider, model = case.target.provider, case.target.model
        url, key, thinking = (
            case.target.url(self.environment, case.scenario.dialect),
            self.environment.get(provider.key_env),
            model.thinking,
        )
        chats = case.target.url(self.environment)
        name = model.name or model.id
        endpoint = Endpoint(url, key, name, thinking.enable or {}, thinking.disable or {}, chat_url=chats)
        with contextlib.closing(ScenarioSender(endpoint, self.options.limits, self._pace, self.secrets)) as sender:
            self.sender = sender
            if self.stopping.is_set():  # between the look at it and now
                sender.cut("the run was ended")
            exchanges = sender.ask(case.scenario)
            wait = seconds_to_wait(exchanges[-1])
            if wait is not None and wait <= _LONGEST_WAIT:
                self._sleep(wait)
                exchanges = sender.ask(case.scenario)
                wait = seconds_to_wait(exchanges[-1])
            elif wait is None and self.answered and worth_repeating(case.scenario, exchanges):
                self._sleep(_PAUSE)
                exchanges = repeated(exchanges, sender.ask(case.scenario))
        self.answered |= not case.scenario.path and any(one.response.status == OK for one in exchanges)
        status, error = exchanges[-1].response.status, exchanges[-1].response.error or ""
        if status == NO_ANSWER and error.startswith("ConnectError"):
            self.stopped_reason = f"not sent: no connection to {url}"
        elif wait is not None:
            self.stopped_reason = f"not sent: {provider.id} limits the rate and asks to wait {wait:g} s"
        elif status in _KEY_REFUSED and case.scenario.expected(len(exchanges) - 1).answer:
            self.stopped_reason = f"not sent: {provider.key_env} was rejected with status {status}"
        return exchanges

    def _sleep(self, seconds: float) -> None:
        (self.options.sleep or self.stopping.wait)(seconds)

    def _pace(self) -> None:
        """Wait until the next request is due."""
        if self.options.per_minute:
            due_at = self.last + 60 / self.options.per_minute
            if due_at > time.monotonic():
                self._sleep(due_at - time.monotonic())
            self.last = time.monotonic()


def seconds_to_wait(exchange: Exchange) -> float | None:
    """Return the seconds that a rate-limiting provider asks to wait, in any form; None if it does not."""
    if exchange.response.status not in _TOO_MANY:
        return None
    headers = exchange.response.headers
    waits = [_number(headers, "retry-after-ms", 1000), _number(headers, "retry-after", 1), _until(headers)]
    found = [wait for wait in waits if wait is not None]
    return max(0.0, found[0]) if found else None


def _number(headers: Headers, name: str, unit: int) -> float | None:
    # The first of several; infinity and NaN are ignored.
    sent = headers.get(name, "").partition(",")[0].strip()
    with contextlib.suppress(ValueError):
        seconds = float(sent) / unit
        return seconds if 0 <= seconds < float("inf") else None
    return None


def _until(headers: Headers) -> float | None:
    with contextlib.suppress(ValueError):
        return (parsedate_to_datetime(headers.get("retry-after", "")) - datetime.now(UTC)).total_seconds()
    return None
