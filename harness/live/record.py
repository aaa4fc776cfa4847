"""
Asking the matrix: providers at once, each in order, and what is to be recorded kept whole.

How it works: a thread a provider asks its cases one after the other, so that a limit of one holds up no other.  Each
case is a future: who waits for one gets it as soon as it is there.  A cassette is written whole, as its exchanges come,
so a run that is interrupted loses nothing and can be taken up.  Runs on one folder take turns at each cassette: what
another one has recorded meanwhile is used, not paid for again, unless it is to be recorded anew.
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
"""``answered`` is not kept since nobody wanted it; ``missing`` was not asked, ``inconclusive`` gave no answer."""

_TOO_MANY = frozenset({429, 503})
_KEY_REFUSED = frozenset({401, 403})
_LONGEST_WAIT = 60.0
_LOOK = 0.2  # seconds after which it is looked whether somebody wants the run to end
_PAUSE = 1.0  # seconds before what failed is asked once more
_ANSWER_TOKENS = 300  # an answer's share, thoughts included


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one case, and why where it was not recorded; ``exchanges`` are what was answered."""

    case: Case
    state: State
    reason: str = ""
    exchanges: tuple[Exchange, ...] = ()


def environment_of(root: Path) -> dict[str, str]:
    """
    Return the environment, and below it what ``.env`` in ``root`` says.

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
    """Return why a case can't be asked; None where its key is set, or it wants none and its provider is ``named``."""
    unset = case.target.unset(environment)
    if unset:
        return f"{unset} is not set"
    if case.target.keyless and case.target.provider.id not in named:
        # Where nothing but an address tells it from others, any server may answer in its place.
        return f"{case.target.provider.id} needs no API key, so it is used only if you name it"
    return None


def cases_to_record(cases: list[Case], *, again: bool, long: bool = False) -> list[Case]:
    """
    Return the cases to record: those that can be asked and are not recorded, or ``again`` all that can be asked.

    What is costly comes last, and only where it is to be asked too (``long``).
    """
    asked = [case for case in cases if not case.target.skip_reason(case.scenario) and not case.target.model.retired]
    wanted = [case for case in asked if (again or not case.recorded) and (long or not case.scenario.costly)]
    return sorted(wanted, key=lambda case: case.scenario.costly)


def estimate(cases: list[Case]) -> str:
    """Return what asking will take, in a line."""
    requests = sum(case.scenario.requests for case in cases)
    providers = len({case.target.provider.id for case in cases})
    return f"{requests:,} requests to {providers} providers, about {sum(map(_tokens, cases)):,} tokens"


def _tokens(case: Case) -> int:
    return 0 if case.scenario.path else case.scenario.requests * (prompt_tokens(case.scenario) + _ANSWER_TOKENS)


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """
    How the matrix is asked.

    ``keep`` is which answers are written: none, those of cases without a recording, or all.  ``per_minute`` is how
    many requests a provider gets a minute, 0 for as many as it answers; ``named`` are the providers asked for by name.  With
    ``reuse`` what was recorded since the cases were chosen is used instead of asked for, where it would not be kept.
    ``sleep`` waits so many seconds; None is a wait that the end of the run ends.
    """

    keep: Literal["none", "missing", "all"] = "missing"
    per_minute: float = 0
    named: tuple[str, ...] = ()
    reuse: bool = False
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    sleep: Callable[[float], object] | None = None

    def keeps(self, case: Case) -> bool:
        """Tell whether the answers to ``case`` are to be written."""
        return self.keep == "all" or (self.keep == "missing" and not case.recorded)


class RecordingRun:
    """
    Cases being asked, from the moment on that it is entered; at its end nothing more is asked.

    ``over`` is why it is to end before; whoever sets it ends the run, in a signal handler too.
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
        Yield what became of each case, in the order in which they end.

        Raises:
            Unwritable: a cassette can't be written.
        """
        # Not as_completed: it yields those that have ended already in no order.
        ended = SimpleQueue[Future[Recorded]]()
        for future in self._futures.values():
            future.add_done_callback(ended.put)
        for _ in self._futures:
            yield self._next(ended).result()

    def _next(self, ended: SimpleQueue[Future[Recorded]]) -> Future[Recorded]:
        """Wait for the next case to end, and cut what is under way once the run is over."""
        while True:
            if self.over and not self._stopping.is_set():
                self._stopping.set()
                for queue in self._queues.values():
                    queue.cut(self.over.reason)
            with contextlib.suppress(Empty):
                return ended.get(timeout=_LOOK)

    def of(self, case: Case) -> Recorded:
        """Wait for one case and return what became of it; raises as iterating does."""
        return self._futures[case.id].result()

    def __contains__(self, case: Case) -> bool:
        return case.id in self._futures


@dataclass(slots=True)
class _ProviderQueue:
    """
    The cases of one provider, one after the other.

    ``stopped_reason`` is why the rest is not asked; ``answered`` is whether any chat was.
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
        """End what is being asked."""
        if self.sender:
            self.sender.cut(reason)

    def take(self) -> None:
        for case, future in self.cases:
            try:
                future.set_result(self._take_case(case))
            except BaseException as error:  # noqa: BLE001 - it is whoever waits for the case that is to get it
                self.stopping.set()  # what can't be kept is not asked for
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
        Ask, and once more after the pause that a provider asks for, or where it fails at this and answers others.

        A second limit ends its turn; a second failure is what is kept.
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
    """Return the seconds that a provider at its limit asks to wait, in whatever form; None if it does not."""
    if exchange.response.status not in _TOO_MANY:
        return None
    headers = exchange.response.headers
    waits = [_number(headers, "retry-after-ms", 1000), _number(headers, "retry-after", 1), _until(headers)]
    found = [wait for wait in waits if wait is not None]
    return max(0.0, found[0]) if found else None


def _number(headers: Headers, name: str, unit: int) -> float | None:
    # The first of several; a number so large that it is none, or not a number, says nothing.
    sent = headers.get(name, "").partition(",")[0].strip()
    with contextlib.suppress(ValueError):
        seconds = float(sent) / unit
        return seconds if 0 <= seconds < float("inf") else None
    return None


def _until(headers: Headers) -> float | None:
    with contextlib.suppress(ValueError):
        return (parsedate_to_datetime(headers.get("retry-after", "")) - datetime.now(UTC)).total_seconds()
    return None
