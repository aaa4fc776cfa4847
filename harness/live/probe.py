"""Probing: every scenario asked of one endpoint, judged as it comes."""

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
"""Asked before the others: they tell whether anybody answers, and what need not be tried."""

_OUT_OF_TIME = re.compile(r"ReadTimeout|WriteTimeout|ConnectTimeout|LimitReached: more than \S+ seconds")
_AT_ONCE = 4
_DEAD = 3
_LOOK = 0.2  # seconds after which the clock is looked at, and whether somebody wants it to end
_GRACE = 2.0  # seconds given to what is cut
_SHOWN = 160
_REFUSED, _FAILED = 400, 500
_LATER = frozenset({408, 429})
_NOT_SERVED = frozenset({404, 405})
_OF_THIS_REQUEST = re.compile(
    r"\b(?=\w*\d)[\w-]{6,}\b|\d+"
)  # an id or a number, in which two refusals for one reason differ
_NOBODY = {
    401: "is the key right?",
    403: "is the key right?",
    404: "does the address end in /v1, as most do, and is the model's name right?",
    402: "is there credit on the account?",
    405: "does the address end in /v1, as most do?",
}
"""What to ask oneself where a plain question gets such a status."""
_NO_MESSAGES = "are Messages served at this address, and is the model's name right?"


@dataclass(slots=True)
class Course:
    """
    How far a probe goes: no further than ``seconds`` from its beginning, nor than three time-outs in a row.

    ``over`` is why it asks no more, None while it does.  Whoever sets it ends the probe, in a signal handler too.
    """

    seconds: float = math.inf
    over: Skip | None = None
    _until: float = math.inf
    _silent: int = 0

    def begin(self) -> None:
        """Let the time begin, if it did not: what is sent several times shares it."""
        if math.isinf(self._until):
            self._until = time.monotonic() + self.seconds

    def look(self) -> Skip | None:
        """Return why no more is asked; None if more is."""
        if self.over is None and time.monotonic() >= self._until:
            self.over = Skip(Outcome.INCONCLUSIVE, f"the limit of {self.seconds:g} s (--max-seconds) is reached")
        return self.over

    def follow(self, exchanges: Iterable[Exchange]) -> None:
        """Count the time-outs in a row: after some the endpoint is told dead."""
        for exchange in exchanges:
            self._silent = self._silent + 1 if _timed_out(exchange) else 0
            if self._silent >= _DEAD and self.over is None:
                said = f"the endpoint does not respond: {_DEAD} requests in a row timed out ({exchange.response.error})"
                self.over = Skip(Outcome.INCONCLUSIVE, said)


def _timed_out(exchange: Exchange) -> bool:
    """Tell whether a request ran out of time, at a standstill or not."""
    return not exchange.response.eof and _OUT_OF_TIME.match(exchange.response.error or "") is not None


@dataclass(slots=True)
class Probed:
    """What one scenario gave: its exchanges, and the findings on them; ``refused`` where a capability was."""

    scenario: Scenario
    exchanges: list[Exchange] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    refused: bool = False

    @property
    def answered(self) -> bool:
        """Whether a chat was answered."""
        return not self.scenario.path and any(exchange.response.status == OK for exchange in self.exchanges)

    @property
    def unanswered(self) -> str | None:
        """How a chat that an answer is due to was answered instead; None where it was, or none is due."""
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
    Ask the endpoint at ``base_url`` and yield what each scenario gave; ``kept`` says where its recording is to be.

    ``judge`` makes findings of answers, by ``checks``; ``headers`` go with each request, and ``before_each`` of them is
    called.  ``chat_url`` is where chats are answered, where ``base_url`` is an address of another dialect.

    Raises:
        Unreachable: it is no address, nobody answers chats there, or the key is refused.
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
    """Return what a provider is called and how its model switches thinking; its host, and no switch, if it is unknown."""
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
    Yield what each scenario gave, in the order in which they end; all of them, also where the ``course`` is over before.

    A capability that is refused is n/a with the refusal, and what else needs it is not asked.  What a plain question is
    refused with says nothing of capabilities: it is told of the one, and blocks all that is refused alike.  What fails
    though others are answered is asked once more, last.  ``cut`` is called with the reason where what is being asked is
    to end.
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
    """Yield what is sent first, what is sent then, what is by then to be asked again, and last what costs most."""
    yield [one for one in chosen if one.id in FIRST]
    yield [one for one in chosen if one.id not in FIRST and not one.costly]
    yield [one for one in chosen if one.id in again]
    yield [one for one in chosen if one.costly]


_Result = tuple[Scenario, list[Exchange], Skip | None]
"""A scenario with its exchanges, or with the reason why it was not asked."""

_UNPROVEN = Skip(Outcome.INCONCLUSIVE, "no chat request got an answer")


@dataclass(slots=True)
class _Run:
    """
    The scenarios being asked, some at once, each in a thread that nothing waits for when the probe is over.

    ``refused`` are the capabilities that are not there, ``served`` those that are, ``plain`` the refusals of questions
    that need none, each with the scenario that met it first.  ``again`` are the failures to be asked once more.
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
        """Yield what came of each scenario, but of those that are to be asked again."""
        left, held = list(wave), list[_Result]()
        while left or self.running:
            over = self.course.look()
            if over:
                yield from [*held, *self._end(left, over)]
                return
            yield from self._begin(left)
            held += self._kept_for_later(self._ended(_LOOK))
            # What needs a capability is judged when it is known how plain questions are refused.
            if not any(one.id in FIRST and not one.needs for one in (*left, *self.running.values())):
                yield from held
                held.clear()
        if not self.answered:  # nothing proves that what failed is legal
            yield from [self._not_asked(one, _UNPROVEN) for one in wave if one.id in self.again]

    def _kept_for_later(self, results: Iterator[_Result]) -> Iterator[_Result]:
        """Yield results, each with its first answer where it is the second; keep those that are to be asked again."""
        for scenario, exchanges, skip in results:
            first = self.again.pop(scenario.id, None)
            if first:
                yield scenario, repeated(first, exchanges), None
            elif worth_repeating(scenario, exchanges):
                self.again[scenario.id] = exchanges
            else:
                yield scenario, exchanges, skip

    def judged(self, found: Probed, skip: Skip | None, subject: Subject, checks: tuple[Check, ...]) -> Probed:
        """Learn what is refused and served, and judge what a scenario gave."""
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
        """Return a skip where a question that needs nothing was refused in the same words: it is told there, once."""
        key = _refusal_key(found.scenario, found.exchanges)
        first = self.plain.get(key, found.scenario.id) if key else found.scenario.id
        if first == found.scenario.id:
            return None
        return Skip(Outcome.BLOCKED, f"refused as {first} is, with status {found.exchanges[-1].response.status}")

    def _learn(self, scenario: Scenario, exchanges: list[Exchange]) -> None:
        """Count what answers took, and note how a question that needs nothing is refused."""
        self.budget.settle(scenario, exchanges)
        self.course.follow(exchanges)
        if Probed(scenario, exchanges).answered:
            self.answered = True
            self.plain = {key: first for key, first in self.plain.items() if first != scenario.id}
        key = _refusal_key(scenario, exchanges)
        if key and not scenario.needs and scenario.expected(len(exchanges) - 1).answer:
            self.plain.setdefault(key, scenario.id)

    def stop(self, reason: str) -> None:
        """Cut what is under way, and give it a moment to end."""
        if self.running:
            self.cut(reason)
            wait(self.running, _GRACE)

    def _begin(self, left: list[Scenario]) -> Iterator[_Result]:
        """Ask as many of ``left`` as may be under way; what does not fit the budget waits until nothing is."""
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
        """Return why a scenario was not asked; what it was answered with, where it was not asked again."""
        first = self.again.pop(scenario.id, None)
        return (scenario, first, None) if first else (scenario, [], skip)

    def _ended(self, seconds: float) -> Iterator[_Result]:
        for future in wait(self.running, seconds, FIRST_COMPLETED).done:
            scenario = self.running.pop(future)
            exchanges, skip = _asked_for(future)
            self._learn(scenario, exchanges)
            yield scenario, exchanges, skip

    def _end(self, left: list[Scenario], over: Skip) -> Iterator[_Result]:
        """Cut what is under way; yield what came of it, and of the others why they are not asked."""
        self.stop(over.reason)
        for scenario, exchanges, skip in self._ended(0):
            yield self._not_asked(scenario, over) if scenario.id in self.again else (scenario, exchanges, skip)
        for scenario in self.running.values():  # a name that is looked up can't be cut, nor a connection that is made
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
    """Return the exchanges, or why there are none: what keeps one scenario from being asked ends not the others."""
    try:
        return future.result(), None
    except NotAsked as error:
        return [], Skip(Outcome.INCONCLUSIVE, str(error))


def _refusal(found: Probed) -> Skip | None:
    """Return a skip with the provider's words where it plainly refused a capability; None where it did not."""
    last = found.exchanges[-1]
    if not found.scenario.needs or last.expected.refusal or not _refusal_key(found.scenario, found.exchanges):
        return None
    if last.response.status not in REFUSALS or _says_nothing_of_capabilities(last):
        return None
    return Skip(Outcome.NA, f"{', '.join(found.scenario.needs)} refused with {last.response.status}: {_words(last)}")


def _says_nothing_of_capabilities(exchange: Exchange) -> bool:
    """Tell whether a refusal names another cause than what was asked for, such as the account, or the model's own failure."""
    told = told_cause(exchange)
    return told is not None and told.cause in {MODEL_FAILED, *WHATEVER_IS_ASKED}


def _refusal_key(scenario: Scenario, exchanges: list[Exchange]) -> str | None:
    """Return the status and words of a refusal of what an answer is due to, or may be; None where there is none."""
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
    """Return why a probe need not go on: nobody answers, or the key is refused; None if it may."""
    for exchange in found.exchanges:
        status = exchange.response.status
        if status == NO_ANSWER and not _timed_out(exchange) and not exchange.response.closed_by_us:
            return _of_no_answer(exchange.response.error or "no answer")
        question = _question(exchange)
        if question and found.scenario.statuses == (OK,) and not found.scenario.needs:
            return f"status {status}: {exchange.excerpt(0)[:_SHOWN]}; {question}"
    return None


def _of_no_answer(error: str) -> str:
    """Return what to look at where no answer came, or one that the HTTP client could not read."""
    if "WRONG_VERSION_NUMBER" in error:
        return f"{error}; it answers, but not in TLS: try http:// in place of https://"
    spoke = error.startswith("RemoteProtocolError") and "disconnected" not in error
    return f"{error}; it answers, but not in HTTP: check the scheme and the port" if spoke else f"{error}; is it up?"


def _question(exchange: Exchange) -> str | None:
    """Return what to ask oneself where a plain question is refused for a reason that any other would be."""
    told = told_cause(exchange) if exchange.response.is_error else None
    if told and told.cause in {NO_MODEL, NO_CREDIT}:
        return "is the model's name right?" if told.cause is NO_MODEL else _NOBODY[402]
    status = exchange.response.status
    return _NO_MESSAGES if exchange.dialect == "messages" and status in _NOT_SERVED else _NOBODY.get(status)
