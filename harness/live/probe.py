"""Probes an endpoint: sends every scenario, and judges the responses as they arrive."""

import contextlib
import math
import re
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from types import MappingProxyType

from harness.checks import CHECKS
from harness.checks.error_causes import MODEL_FAILED, NO_CREDIT, NO_MODEL, WHATEVER_IS_ASKED, told_cause
from harness.checks.registry import Check
from harness.errors import NotAsked, Unreachable
from harness.judging.baseline import Judge, judged_alone
from harness.judging.runner import (
    RECORDING,
    Skip,
    Subject,
    find_missing_exchanges,
    inconclusive_reason,
)
from harness.live.asking import Endpoint, ScenarioSender
from harness.live.budget import Budget
from harness.live.capture import Limits
from harness.live.repeating import REFUSALS, repeated, worth_repeating
from harness.matrix.addresses import check_address
from harness.matrix.providers import Matrix, Thinking
from harness.matrix.scenarios import SCENARIOS, Scenario, with_expectations
from harness.recording.redact import Secrets
from harness.recording.scrub import scrub_url
from harness.results import Finding, Level, Outcome
from harness.wire.exchange import NO_ANSWER, OK, Exchange

FIRST = (
    "chat.nonstream", "chat.stream", "chat.stream-usage", "tools.auto",
    "messages.nonstream", "messages.stream", "messages.tool",
)  # fmt: skip
"""Sent before the others: they show whether the endpoint responds, and what need not be tried."""

_OUT_OF_TIME = re.compile(r"ReadTimeout|WriteTimeout|ConnectTimeout|LimitReached: more than \S+ seconds")
_AT_ONCE = 4
_DEAD = 3
_LOOK = 0.2  # seconds between checks of the clock and of requests to stop
_GRACE = 2.0  # seconds given to aborted requests
_SHOWN = 160
_REFUSED, _FAILED = 400, 500
_LATER = frozenset({408, 429})
_NOT_SERVED = frozenset({404, 405})
_OF_THIS_REQUEST = re.compile(
    r"\b(?=\w*\d)[\w-]{6,}\b|\d+"
)  # an id or a number, which varies between rejections for one reason
_NOBODY = {
    401: "is the key right?",
    403: "is the key right?",
    404: "does the address end in /v1, as most do, and is the model's name right?",
    402: "is there credit on the account?",
    405: "does the address end in /v1, as most do?",
}
"""Advice if a plain request gets such a status."""
_NO_MESSAGES = "are Messages served at this address, and is the model's name right?"


@dataclass(slots=True)
class Course:
    """
    The limits of a probe: ``seconds`` from its beginning, and three consecutive time-outs.

    ``over`` is why it stops, None while it continues.  Setting it stops the probe, in a signal handler too.
    """

    seconds: float = math.inf
    over: Skip | None = None
    _until: float = math.inf
    _silent: int = 0

    def begin(self) -> None:
        """Start the time, once: repeated rounds share it."""
        if math.isinf(self._until):
            self._until = time.monotonic() + self.seconds

    def look(self) -> Skip | None:
        """Return why the probe stops; None if it continues."""
        if self.over is None and time.monotonic() >= self._until:
            self.over = Skip(Outcome.INCONCLUSIVE, f"the limit of {self.seconds:g} s (--max-seconds) is reached")
        return self.over

    def follow(self, exchanges: Iterable[Exchange]) -> None:
        """Count consecutive time-outs: after some the endpoint counts as dead."""
        for exchange in exchanges:
            self._silent = self._silent + 1 if _timed_out(exchange) else 0
            if self._silent >= _DEAD and self.over is None:
                said = f"the endpoint does not respond: {_DEAD} requests in a row timed out ({exchange.response.error})"
                self.over = Skip(Outcome.INCONCLUSIVE, said)


def _timed_out(exchange: Exchange) -> bool:
    """Return whether a request ran out of time, stalled or not."""
    return not exchange.response.eof and _OUT_OF_TIME.match(exchange.response.error or "") is not None


@dataclass(slots=True)
class Probed:
    """The result of one scenario: its exchanges, and their findings; ``refused`` if a capability was rejected."""

    scenario: Scenario
    exchanges: list[Exchange] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    refused: bool = False

    @property
    def answered(self) -> bool:
        """Whether a chat request succeeded."""
        return not self.scenario.path and any(exchange.response.status == OK for exchange in self.exchanges)

    @property
    def unanswered(self) -> str | None:
        """The response to a chat request that should succeed and did not; None if it did, or need not."""
        if self.answered or self.scenario.path or self.scenario.statuses != (OK,) or not self.exchanges:
            return None
        last = self.exchanges[-1]
        return inconclusive_reason(last) or f"status {last.response.status}: {last.excerpt(0)[:_SHOWN]}"


def probe_endpoint(  # noqa: PLR0913, PLR0917 - what a user says of a probe
    base_url: str,
    model: str,
    key: str | None,
    matrix: Matrix | None,
    scenarios: Iterable[Scenario],
    budget: Budget,
    limits: Limits,
    course: Course,
    secrets: Secrets = Secrets(),  # noqa: B008 - frozen
    kept: Callable[[Scenario], str | None] = lambda _: None,
    judge: Judge = judged_alone,
    checks: Iterable[Check] = CHECKS.values(),
    headers: Mapping[str, str] = MappingProxyType({}),
    before_each: Callable[[], None] = lambda: None,
    chat_url: str | None = None,
) -> Generator[Probed, None, None]:
    """
    Probe the endpoint at ``base_url`` and yield the result of each scenario; ``kept`` is the path of its recording.

    ``judge`` makes findings of responses, by ``checks``; ``headers`` go with each request, and ``before_each`` is
    called before it.  ``chat_url`` is the base URL of chats, if ``base_url`` is one of another dialect.

    Raises:
        Unreachable: it is not a URL, no chat gets a response there, or the key is rejected.
    """
    secrets = secrets.and_of(key, base_url).and_of(key, chat_url or base_url)
    shown = scrub_url(base_url, secrets)
    host = check_address(base_url, shown).rpartition("@")[2]
    provider, thinking = _known(host, model, matrix)
    endpoint = Endpoint(base_url, key, model, thinking.enable or {}, thinking.disable or {}, headers, chat_url)
    sender = ScenarioSender(endpoint, limits, before_each, secrets)
    asked = probe(
        sender.ask,
        lambda scenario: Subject(provider, secrets.redact_text(model), scenario.id, kept(scenario)),
        scenarios,
        checks,
        budget=budget,
        course=course,
        cut=sender.cut,
        judge=judge,
    )
    answered = False
    with contextlib.closing(sender), contextlib.closing(asked):
        for one in asked:
            reason = None if answered else _unreachable(one)
            answered = answered or one.answered
            if reason:
                raise Unreachable(f"{shown}: {reason}")
            yield one


def _known(host: str, model: str, matrix: Matrix | None) -> tuple[str, Thinking]:
    """Return the name of a provider and its model's thinking switch; its host, and no switch, if it is unknown."""
    provider = matrix.provider_of(host) if matrix else None
    models = {one.name or one.id: one for one in provider.models} if provider else {}
    switch = models[model].thinking if model in models else Thinking(enable={}, disable={})
    return provider.id if provider else host, switch


def probe(  # noqa: PLR0913, PLR0917 - what there is to say of a probe
    ask: Callable[[Scenario], list[Exchange]],
    subject: Callable[[Scenario], Subject],
    scenarios: Iterable[Scenario] = SCENARIOS.values(),
    checks: Iterable[Check] = CHECKS.values(),
    budget: Budget | None = None,
    course: Course | None = None,
    cut: Callable[[str], None] = lambda _: None,
    judge: Judge = judged_alone,
) -> Generator[Probed, None, None]:
    """
    Yield the result of each scenario, in the order in which they end; all of them, even if the ``course`` stops
    early.

    A rejected capability is n/a with the rejection, and other scenarios that need it are not sent.  The rejection
    of a plain request says nothing about capabilities: it is reported once, and blocks all that are rejected alike.
    A failure while other requests succeed is retried once, last.  ``cut`` is called with the reason to abort the
    requests under way.
    """
    chosen, checks = list(scenarios), tuple(checks)
    run = _Run(ask, cut, budget or Budget(), course or Course(), judge)
    run.budget.begin(chosen)
    run.course.begin()
    try:
        for wave in _waves(chosen, run.again):
            for scenario, exchanges, skip in run.asked(wave):
                yield run.judged(
                    Probed(scenario, with_expectations(exchanges, scenario)), skip, subject(scenario), checks
                )
    finally:
        run.stop("the probe is over")


def _waves(chosen: list[Scenario], again: dict[str, list[Exchange]]) -> Iterator[list[Scenario]]:
    """Yield the first scenarios, then the others, then those to retry, and last the costliest."""
    yield [one for one in chosen if one.id in FIRST]
    yield [one for one in chosen if one.id not in FIRST and not one.costly]
    yield [one for one in chosen if one.id in again]
    yield [one for one in chosen if one.costly]


_Result = tuple[Scenario, list[Exchange], Skip | None]
"""A scenario with its exchanges, or with the reason why it was not sent."""

_UNPROVEN = Skip(Outcome.INCONCLUSIVE, "no chat request got an answer")


@dataclass(slots=True)
class _Run:
    """
    The scenarios under way, some concurrently, each in a thread that is not joined when the probe is over.

    ``refused`` are the capabilities known to be absent, ``served`` those known to be present, ``plain`` the
    rejections of requests that need none, each with the scenario that met it first.  ``again`` are the failures to
    retry.
    """

    ask: Callable[[Scenario], list[Exchange]]
    cut: Callable[[str], None]
    budget: Budget
    course: Course
    judge: Judge
    refused: dict[str, Skip] = field(default_factory=dict)
    served: set[str] = field(default_factory=set)
    plain: dict[str, str] = field(default_factory=dict)
    again: dict[str, list[Exchange]] = field(default_factory=dict)
    answered: bool = False
    running: dict[Future[list[Exchange]], Scenario] = field(default_factory=dict)

    def asked(self, wave: list[Scenario]) -> Iterator[_Result]:
        """Yield the result of each scenario, except those to retry."""
        left, held = list(wave), list[_Result]()
        while left or self.running:
            over = self.course.look()
            if over:
                yield from [*held, *self._end(left, over)]
                return
            yield from self._begin(left)
            held += self._kept_for_later(self._ended(_LOOK))
            # Scenarios with capabilities are judged once it is known how plain requests are rejected.
            if not any(one.id in FIRST and not one.needs for one in (*left, *self.running.values())):
                yield from held
                held.clear()
        if not self.answered:  # nothing proves that what failed is legal
            yield from [self._not_asked(one, _UNPROVEN) for one in wave if one.id in self.again]

    def _kept_for_later(self, results: Iterator[_Result]) -> Iterator[_Result]:
        """Yield results, a retry with its first response; keep those to retry."""
        for scenario, exchanges, skip in results:
            first = self.again.pop(scenario.id, None)
            if first:
                yield scenario, repeated(first, exchanges), None
            elif worth_repeating(scenario, exchanges):
                self.again[scenario.id] = exchanges
            else:
                yield scenario, exchanges, skip

    def judged(self, found: Probed, skip: Skip | None, subject: Subject, checks: tuple[Check, ...]) -> Probed:
        """Learn which capabilities are rejected and served, and judge the result of a scenario."""
        needs = found.scenario.needs
        skip = skip or self._refused_alike(found)
        refusal = None if skip else _refusal(found)
        if refusal:
            self.refused |= dict.fromkeys((need for need in needs if need not in self.served), refusal)
        skip = skip or refusal
        if skip:
            found.refused = skip.outcome is Outcome.NA
            found.findings = [_skipped(subject, skip)]
        else:
            self.served.update(needs if found.answered else ())
            found.findings = list(self.judge(found.exchanges, subject, checks))
            found.findings += find_missing_exchanges(found.exchanges, found.scenario, subject)
        return found

    def _refused_alike(self, found: Probed) -> Skip | None:
        """Return a skip if a plain request was rejected in the same words: it is reported there, once."""
        key = _refusal_key(found.scenario, found.exchanges)
        first = self.plain.get(key, found.scenario.id) if key else found.scenario.id
        if first == found.scenario.id:
            return None
        return Skip(Outcome.BLOCKED, f"refused as {first} is, with status {found.exchanges[-1].response.status}")

    def _learn(self, scenario: Scenario, exchanges: list[Exchange]) -> None:
        """Settle the usage of responses, and note how a plain request is rejected."""
        self.budget.settle(scenario, exchanges)
        self.course.follow(exchanges)
        if Probed(scenario, exchanges).answered:
            self.answered = True
            self.plain = {key: first for key, first in self.plain.items() if first != scenario.id}
        key = _refusal_key(scenario, exchanges)
        if key and not scenario.needs and scenario.expected(len(exchanges) - 1).answer:
            self.plain.setdefault(key, scenario.id)

    def stop(self, reason: str) -> None:
        """Abort the requests under way, and give them a moment to end."""
        if self.running:
            self.cut(reason)
            wait(self.running, _GRACE)

    def _begin(self, left: list[Scenario]) -> Iterator[_Result]:
        """Start as many of ``left`` as allowed; what does not fit the budget waits until none is under way."""
        while left and len(self.running) < _AT_ONCE and not self.course.over:
            scenario = left[0]
            refused = next((self.refused[need] for need in scenario.needs if need in self.refused), None)
            skip = refused or self.budget.try_reserve(scenario)
            if skip and self.running and not refused:
                return
            del left[0]
            if skip:
                yield self._not_asked(scenario, skip)
            else:
                self.running[_in_thread(self.ask, scenario)] = scenario

    def _not_asked(self, scenario: Scenario, skip: Skip) -> _Result:
        """Return why a scenario was not sent; its first response, if it was not retried."""
        first = self.again.pop(scenario.id, None)
        return (scenario, first, None) if first else (scenario, [], skip)

    def _ended(self, seconds: float) -> Iterator[_Result]:
        for future in wait(self.running, seconds, FIRST_COMPLETED).done:
            scenario = self.running.pop(future)
            exchanges, skip = _asked_for(future)
            self._learn(scenario, exchanges)
            yield scenario, exchanges, skip

    def _end(self, left: list[Scenario], over: Skip) -> Iterator[_Result]:
        """Abort the requests under way; yield their results, and why the others are not sent."""
        self.stop(over.reason)
        for scenario, exchanges, skip in self._ended(0):
            yield self._not_asked(scenario, over) if scenario.id in self.again else (scenario, exchanges, skip)
        for scenario in self.running.values():  # a name lookup can't be aborted, nor a connection attempt
            yield self._not_asked(scenario, over)
        self.running.clear()
        for scenario in left:
            yield self._not_asked(scenario, Skip(over.outcome, f"not sent: {over.reason}"))


def _in_thread(ask: Callable[[Scenario], list[Exchange]], scenario: Scenario) -> Future[list[Exchange]]:
    future = Future[list[Exchange]]()

    def run() -> None:
        try:
            future.set_result(ask(scenario))
        except BaseException as error:  # noqa: BLE001 - it is whoever waits that is to get it
            future.set_exception(error)

    threading.Thread(target=run, name=f"asking {scenario.id}", daemon=True).start()
    return future


def _asked_for(future: Future[list[Exchange]]) -> tuple[list[Exchange], Skip | None]:
    """Return the exchanges, or why there are none: an error in one scenario does not end the others."""
    try:
        return future.result(), None
    except NotAsked as error:
        return [], Skip(Outcome.INCONCLUSIVE, str(error))


def _refusal(found: Probed) -> Skip | None:
    """Return a skip with the provider's words if it plainly rejected a capability; None if it did not."""
    last = found.exchanges[-1]
    if not found.scenario.needs or last.expected.refusal or not _refusal_key(found.scenario, found.exchanges):
        return None
    if last.response.status not in REFUSALS or _says_nothing_of_capabilities(last):
        return None
    return Skip(Outcome.NA, f"{', '.join(found.scenario.needs)} refused with {last.response.status}: {_words(last)}")


def _says_nothing_of_capabilities(exchange: Exchange) -> bool:
    """Return whether a rejection is not about a capability, such as the account, or a failure of the model."""
    told = told_cause(exchange)
    return told is not None and told.cause in {MODEL_FAILED, *WHATEVER_IS_ASKED}


def _refusal_key(scenario: Scenario, exchanges: list[Exchange]) -> str | None:
    """Return the status and words of the rejection of a request that may or should succeed; None if there is none."""
    if not exchanges or scenario.path:
        return None
    last = exchanges[-1].response
    plainly = last.status in REFUSALS or (_REFUSED <= last.status < _FAILED and last.status not in _LATER)
    if not plainly:
        return None
    return f"{last.status} {_OF_THIS_REQUEST.sub('*', _words(exchanges[-1]))}"


def _words(exchange: Exchange) -> str:
    errors = exchange.columns.errors
    return errors[0].text if errors else exchange.excerpt(0)[:_SHOWN]


def _skipped(subject: Subject, skip: Skip) -> Finding:
    return Finding(subject.provider, subject.model, subject.scenario, RECORDING, Level.MUST, skip.outcome, skip.reason)


def _unreachable(found: Probed) -> str | None:
    """Return why a probe should not continue: no response, or a rejected key; None if it should."""
    for exchange in found.exchanges:
        status = exchange.response.status
        if status == NO_ANSWER and not _timed_out(exchange) and not exchange.response.closed_by_us:
            return _of_no_answer(exchange.response.error or "no answer")
        question = _question(exchange)
        if question and found.scenario.statuses == (OK,) and not found.scenario.needs:
            return f"status {status}: {exchange.excerpt(0)[:_SHOWN]}; {question}"
    return None


def _of_no_answer(error: str) -> str:
    """Return what to check if no response came, or one that the HTTP client could not read."""
    if "WRONG_VERSION_NUMBER" in error:
        return f"{error}; it answers, but not in TLS: try http:// in place of https://"
    spoke = error.startswith("RemoteProtocolError") and "disconnected" not in error
    return f"{error}; it answers, but not in HTTP: check the scheme and the port" if spoke else f"{error}; is it up?"


def _question(exchange: Exchange) -> str | None:
    """Return advice if a plain request is rejected for a reason that affects any other."""
    told = told_cause(exchange) if exchange.response.is_error else None
    if told and told.cause in {NO_MODEL, NO_CREDIT}:
        return "is the model's name right?" if told.cause is NO_MODEL else _NOBODY[402]
    status = exchange.response.status
    return _NO_MESSAGES if exchange.dialect == "messages" and status in _NOT_SERVED else _NOBODY.get(status)
