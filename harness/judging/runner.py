"""The only loop over targets × scenarios × checks."""

import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from harness.checks import CHECKS, Check
from harness.checks.error_causes import BAD_REQUEST, NO_MODEL, ONE_FORM, TOO_LONG, told_cause
from harness.checks.registry import SEPARATOR, TOO_LARGE, Applies, CannotJudge, NotApplicable, NotApplicableKind, Unread
from harness.errors import unknown
from harness.judging.deviations import KnownProblems, folder_of, load_deviations, told_beside
from harness.matrix.providers import Matrix, Target
from harness.matrix.scenarios import SCENARIOS, Scenario, with_expectations
from harness.recording.cassette import read_cassette
from harness.results import WORST_FIRST, Deviation, Evidence, Finding, Level, Outcome, Problem, judge
from harness.results.basis import PUBLISHED
from harness.wire.dialect import DialectName
from harness.wire.exchange import NO_ANSWER, Exchange

RECORDING = "recording.present"
"""Stands in the place of a check where there is nothing to judge: no recording, or no such capability."""

_BLOCKING = frozenset({Outcome.FAIL, Outcome.BLOCKED, Outcome.BROKEN})
_NO_VERDICT = frozenset({401, 402, 403, 408, 429})
_FORBIDDEN, _SERVER_ERROR = 403, 500
_BUSY = frozenset({503, 529})
_OF_LIMITS = frozenset({"http.retry-after-form"})
_OF_THE_REQUEST = (BAD_REQUEST, NO_MODEL, ONE_FORM, TOO_LONG)
_EVIDENCE_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Selection:
    """What to run; an empty tuple means all."""

    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    level: Level = Level.OBSERVE

    def validate(self, matrix: Matrix, others: Iterable[tuple[str, str]] = ()) -> None:
        """Raise UnknownName for a name that is nowhere in the matrix, the scenarios, the checks, or ``others``, provider and model."""
        listed = list(others)
        models = {name for target in matrix.targets() for name in (target.model.id, target.id)}
        models |= {name for provider, model in listed for name in (model, f"{provider}/{model}")}
        families = {check.family for check in CHECKS.values()}
        for what, given, known in (
            ("provider", self.providers, {*(one.id for one in matrix.providers), *(name for name, _ in listed)}),
            ("model", self.models, models),
            ("scenario", self.scenarios, {*SCENARIOS, PUBLISHED}),
            ("check", self.checks, {*CHECKS, *families}),
        ):
            for name in given:
                if name not in known:
                    raise unknown(what, name, sorted(known))

    def selects(self, target: Target, scenario: Scenario) -> bool:
        """Tell whether ``scenario`` is to be judged for ``target``."""
        return (
            (not self.providers or target.provider.id in self.providers)
            and (not self.models or bool({target.model.id, target.id} & set(self.models)))
            and (not self.scenarios or scenario.id in self.scenarios)
        )

    def chosen(self, dialect: DialectName = "chat") -> tuple[Check, ...]:
        """Return the checks of a dialect to run: by id or family, and no less binding than the level."""
        levels = list(Level)[: list(Level).index(self.level) + 1]
        return tuple(
            check
            for check in CHECKS.values()
            if dialect in check.dialects
            and check.level in levels
            and (not self.checks or check.id in self.checks or check.family in self.checks)
        )


@dataclass(frozen=True, slots=True)
class Skip:
    """
    Why a scenario is not judged: there is no recording or it is not asked (``missing``, ``inconclusive``), or it
    is refused (``n/a``).
    """

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Case:
    """A target × scenario of the project at ``root``, and where its recording is or would be."""

    root: Path
    target: Target
    scenario: Scenario

    @property
    def id(self) -> str:
        """``provider/model/scenario``."""
        return f"{self.target.id}/{self.scenario.id}"

    @property
    def cassette(self) -> Path:
        """Where its recording is read: in the project, or with what came with the program."""
        return self.target.provider.place(self.root, self.target.model.id, f"{self.scenario.id}.yaml")

    @property
    def label(self) -> str:
        """The path of the recording as it is told: below the folder that it is in."""
        return f"cassettes/{self.id}.yaml"

    @property
    def written(self) -> Path:
        """Where its recording is written: in the project."""
        return self.root / self.label

    @property
    def recorded(self) -> bool:
        """Whether there is a recording of the provider's own, recorded or published; a reconstruction is none."""
        return self.cassette.exists() and read_cassette(self.cassette)[0].source.provenance != "reconstructed"

    @property
    def skip(self) -> Skip | None:
        """Why there is nothing to judge; None if there is a recording."""
        refusal = self.target.skip_reason(self.scenario)
        if refusal:
            return Skip(Outcome.NA, refusal)
        if not self.cassette.exists():
            return Skip(Outcome.MISSING, f"no recording at {self.label}")
        return None


def published_cassettes(root: Path) -> list[Path]:
    """Return the cassettes of a project that others published."""
    return sorted((root / "cassettes").glob(f"*/{PUBLISHED}/*/*.yaml"))


def plan(matrix: Matrix, root: Path, selection: Selection) -> list[Case]:
    """Return the cases of the matrix that are selected; where nobody is named, those of the project's own providers."""
    selection.validate(matrix, {(path.parents[2].name, path.parent.name) for path in published_cassettes(root)})
    meant = matrix.providers if selection.providers or selection.models else matrix.own
    return [
        Case(root, target, scenario)
        for target in matrix.targets(meant)
        for scenario in SCENARIOS.values()
        if selection.selects(target, scenario)
    ]


def run_case(case: Case, checks: tuple[Check, ...]) -> Iterator[Finding]:
    """
    Yield the findings of one case: one a check, or one that says why there are none.

    Raises:
        HarnessError: the cassette or the list of deviations can't be read.
    """
    if case.skip:
        yield skipped_finding(case, case.skip)
        return
    yield from judge_case(case, with_expectations(read_cassette(case.cassette), case.scenario), checks)


def judge_case(case: Case, exchanges: list[Exchange], checks: tuple[Check, ...]) -> Iterator[Finding]:
    """
    Yield the findings on the exchanges of a case, in order, wherever they come from.

    Raises:
        HarnessError: the list of deviations can't be read.
    """
    subject = _subject(case)
    yield from judge_exchanges(exchanges, subject, checks, _deviations(folder_of(case.target.provider, case.root)))
    yield from find_missing_exchanges(exchanges, case.scenario, subject)


def skipped_finding(case: Case, skip: Skip) -> Finding:
    """Return the finding that stands for all checks where there is nothing to judge."""
    subject = _subject(case)
    return Finding(subject.provider, subject.model, subject.scenario, RECORDING, Level.MUST, skip.outcome, skip.reason)


@dataclass(frozen=True, slots=True)
class Subject:
    """
    What a recording is of, and where it stands; None where it is kept nowhere.

    Names of files may hold bytes that are no UTF-8; here they are written out, so that a log can hold them.
    """

    provider: str
    model: str
    scenario: str
    cassette: str | None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            text = getattr(self, name)
            if text and not text.isascii():
                object.__setattr__(self, name, text.encode("utf-8", "backslashreplace").decode())


def find_missing_exchanges(exchanges: list[Exchange], scenario: Scenario, subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a recording ends before its scenario does: what only the rest shows was not judged."""
    if len(exchanges) < scenario.requests:
        said = f"{len(exchanges)} of {scenario.requests} exchanges: the first gave nothing to go on with"
        yield Finding(
            subject.provider, subject.model, subject.scenario, RECORDING, Level.MUST, Outcome.INCONCLUSIVE, said
        )


def _subject(case: Case) -> Subject:
    return Subject(case.target.provider.id, case.target.model.id, case.scenario.id, case.label)


@cache
def _deviations(folder: Path) -> tuple[Deviation, ...]:
    return tuple(deviation for deviation in load_deviations(folder) if not deviation.fault)


def judge_exchanges(
    exchanges: list[Exchange], subject: Subject, checks: Iterable[Check], deviations: tuple[Deviation, ...] = ()
) -> Iterator[Finding]:
    """Yield one finding for each check on the exchanges of one recording: what is worst of any, with all problems."""
    judgements = [_Judgement(exchange) for exchange in exchanges]
    provenance = exchanges[0].source.provenance
    recorded_at = max((exchange.source.at for exchange in exchanges if exchange.source.at), default=None)
    listed: dict[str, list[Deviation]] = {}
    for deviation in deviations:
        if deviation.covers(deviation.check, subject.scenario, subject.model):
            listed.setdefault(deviation.check, []).append(deviation)
    spoken = {exchange.dialect for exchange in exchanges}
    for check in checks:
        if spoken.isdisjoint(check.dialects):
            continue
        verdicts = [judgement.verdict(check) for judgement in judgements]
        worst = verdicts[0] if len(verdicts) == 1 else min(verdicts, key=_rank)
        finding = Finding(
            subject.provider, subject.model, subject.scenario, check.id, check.level, worst.outcome, worst.message,
            (), None, provenance, recorded_at, None, subject.cassette,
        )  # fmt: skip
        if worst.outcome is Outcome.OBSERVED:
            finding.value = SEPARATOR.join(dict.fromkeys(v.message for v in verdicts if v.outcome is Outcome.OBSERVED))
            finding.message = ""
        elif worst.outcome is Outcome.FAIL or (worst.outcome is Outcome.PASS and check.id in listed):
            try:
                _apply_deviations(finding, check, verdicts, listed.get(check.id, []))
                finding.evidence = tuple(_evidence(exchanges, verdicts))
            except Exception as error:  # noqa: BLE001 - as in a check: our bug, and no reason to end the run
                finding.outcome, finding.message = Outcome.BROKEN, _crash(error)
        yield finding


def judge_beside(
    exchanges: list[Exchange], subject: Subject, checks: Iterable[Check], known: KnownProblems | None
) -> Iterator[Finding]:
    """
    Yield the findings as ``judge_exchanges`` does, with what is known of the provider, where there is a list of it.

    Raises:
        BadDeviations: the list can't be read.
    """
    day = max((exchange.source.at for exchange in exchanges if exchange.source.at), default=None)
    listed = known.of(subject.provider, day) if known else ()
    for finding in judge_exchanges(exchanges, subject, checks, listed):
        yield told_beside(finding, listed)


def problems_of(exchanges: list[Exchange], check: Check) -> list[Problem]:
    """Return all that a check finds in the exchanges of one recording; nothing where it does not judge them."""
    return [problem for exchange in exchanges for problem in _Judgement(exchange).verdict(check).problems]


def _apply_deviations(finding: Finding, check: Check, verdicts: list["_Verdict"], listed: list[Deviation]) -> None:
    problems = [problem for verdict in verdicts for problem in verdict.problems]
    finding.outcome, finding.message = judge(problems, listed)
    if problems:
        finding.source = listed[0].source if listed else check.source
        finding.advice = next((one.advice for one in problems if finding.message.startswith(one.message)), None)


def _evidence(exchanges: list[Exchange], verdicts: list["_Verdict"]) -> Iterator[Evidence]:
    places = [(n, at) for n, verdict in enumerate(verdicts) for problem in verdict.problems for at in problem.at]
    for number, (event, at) in places[:_EVIDENCE_SHOWN]:
        exchange = exchanges[number]
        if isinstance(at, int):
            yield Evidence(number, event, at, None, exchange.excerpt(at))
        else:
            offset, excerpt = exchange.place(event, at)
            yield Evidence(number, event if exchange.reading.parser else None, offset, at, excerpt)


@dataclass(slots=True)
class _Verdict:
    """What one check says of one exchange; ``message`` is the value where it observes, ``kind`` that of its reason."""

    outcome: Outcome
    message: str = ""
    problems: list[Problem] = field(default_factory=list)
    kind: NotApplicableKind | None = None


def _crash(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} at {Path(frame.filename).name}:{frame.lineno}; please report it"


def _rank(verdict: _Verdict) -> int:
    return WORST_FIRST[verdict.outcome]


class _Judgement:
    """
    The verdicts on one exchange so far.

    A check that others need is asked once, and so is a condition or a set of needs that many checks share.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._done: dict[str, _Verdict] = {}
        self._not_applicable: dict[Applies, _Verdict | None] = {}
        self._blocked: dict[int, _Verdict | None] = {}
        reason = inconclusive_reason(exchange)
        self._inconclusive = _Verdict(Outcome.INCONCLUSIVE, reason) if reason else None
        self._models = exchange.is_models_request
        # Nothing is said of an answer whose rest we did not read, such as that its end is missing.
        self._unread = _Verdict(Outcome.BLOCKED, f"{TOO_LARGE} must pass first") if exchange.too_large else None

    def verdict(self, check: Check) -> _Verdict:
        found = self._done.get(check.id)
        if found is None:
            found = self._done[check.id] = self._undecided(check) or self._out_of_scope(check) or self._judge(check)
        return found

    def _undecided(self, check: Check) -> _Verdict | None:
        return None if self._inconclusive is None or self._says_no_badly(check) else self._inconclusive

    def _says_no_badly(self, check: Check) -> bool:
        """Tell whether what can't be answered now is said in a wrong way, which is found though it is no verdict."""
        return check.id in _OF_LIMITS and self._judge(check).outcome is Outcome.FAIL

    def _out_of_scope(self, check: Check) -> _Verdict | None:
        """Return the verdict where a rule of chats meets a question for models, or the other way, or too large an answer."""
        if self._unread:
            return None if check.id == TOO_LARGE else self._unread
        if self._exchange.dialect not in check.dialects:
            return _Verdict(Outcome.NA, "it is about another dialect")
        if self._models == (check.family == "models"):
            return None
        return _Verdict(Outcome.NA, "models were asked for, no chat" if self._models else "no models were asked for")

    def _judge(self, check: Check) -> _Verdict:
        try:
            not_applicable = self._not_applicable.get(check.applies, _UNKNOWN)
            if not_applicable is _UNKNOWN:
                not_applicable = self._not_applicable[check.applies] = self._reason(check.applies)
            # Checks live as long as we do, and so do their needs.
            blocked = self._blocked.get(id(check.depends_on), _UNKNOWN)
            if blocked is _UNKNOWN:
                blocked = self._blocked[id(check.depends_on)] = self._block(check.depends_on)
            if not_applicable:
                absent = not_applicable.kind == "not-present"
                return (blocked or self._block(check.explained_by) if absent else None) or not_applicable
            return blocked or self._found(check)
        except CannotJudge as reason:
            return _Verdict(Outcome.NA, str(reason))
        except Exception as error:  # noqa: BLE001 - a crash in a check is our bug, and a finding of its own
            return _Verdict(Outcome.BROKEN, _crash(error))

    def _found(self, check: Check) -> _Verdict:
        """Return what a check says of an exchange that it applies to."""
        if check.observe:
            return _Verdict(Outcome.OBSERVED, check.observe(self._exchange))
        try:
            problems = list(check.find(self._exchange))
        except Unread as rest:
            return self._block(rest.checks) or _PASSED
        if not problems:
            return _PASSED
        return self._block(check.explained_by) or _Verdict(Outcome.FAIL, "", problems)

    def _reason(self, applies: Applies) -> _Verdict | None:
        """Return the verdict where a condition does not hold; None where it does."""
        reason = applies(self._exchange)
        if not reason:
            return None
        if isinstance(reason, NotApplicable):
            outcome = Outcome.BLOCKED if reason.kind == "blocked" else Outcome.NA
            return _Verdict(outcome, reason.reason, kind=reason.kind)
        return _Verdict(Outcome.NA, reason)

    def _block(self, needs: tuple[str, ...]) -> _Verdict | None:
        """Return the verdict where a check that is needed failed, or can't be told; None where all hold."""
        for need in needs:
            verdict = self.verdict(CHECKS[need])
            if verdict.kind == "cut":
                return verdict
            if verdict.outcome in _BLOCKING:
                return _Verdict(Outcome.BLOCKED, f"{need} must pass first")
        return None


_PASSED, _UNKNOWN = _Verdict(Outcome.PASS), _Verdict(Outcome.NA)


def inconclusive_reason(exchange: Exchange) -> str | None:
    """Return why an exchange says nothing about the provider, such as a limit that was hit; None if it does."""
    status, expected = exchange.response.status, exchange.expected
    if status == NO_ANSWER:
        return f"no answer: {exchange.response.error or 'no reason'}"
    if exchange.response.unsupported_encoding:
        return exchange.response.unsupported_encoding
    if not expected.statuses or status in expected.statuses:
        return None
    no_verdict = status in _NO_VERDICT and not (expected.refusal and status == _FORBIDDEN)
    if no_verdict or (status >= _SERVER_ERROR and not _conclusive(exchange)):
        return f"status {status}: no verdict on what was asked"
    return None


def _conclusive(exchange: Exchange) -> bool:
    """Tell whether a 5xx is a verdict: it came twice, the request is known to be wrong, or the error says that it is."""
    status, told = exchange.response.status, told_cause(exchange)
    if (exchange.source.failed_before or 0) >= _SERVER_ERROR:
        return True
    if exchange.expected.refusal and status not in _BUSY:
        return True
    return told is not None and told.cause in _OF_THE_REQUEST
