"""The only loop over targets × scenarios × checks."""

import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from harness.checks import CHECKS, Check
from harness.checks.registry import Applies
from harness.deviations import load_deviations
from harness.errors import unknown
from harness.matrix.providers import Matrix, Target
from harness.matrix.scenarios import SCENARIOS, Scenario
from harness.recording.cassette import read_cassette
from harness.results import Deviation, Evidence, Finding, Level, Outcome, Problem, judge
from harness.wire.exchange import Exchange

RECORDING = "recording.present"
"""Stands in the place of a check where there is nothing to judge: no recording, or no such capability."""

_BLOCKING = frozenset({Outcome.FAIL, Outcome.KNOWN, Outcome.CHANGED, Outcome.BLOCKED, Outcome.BROKEN})
_NO_VERDICT = frozenset({401, 402, 403, 408, 429})
_SERVER_ERROR = 500
_EVIDENCE_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Selection:
    """What to run; an empty tuple means all."""

    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    level: Level = Level.OBSERVE

    def validate(self, matrix: Matrix) -> None:
        """Raise UnknownName for a name that is nowhere in the matrix, the scenarios or the checks."""
        models = {name for target in matrix.targets() for name in (target.model.id, target.id)}
        families = {check.family for check in CHECKS.values()}
        for what, given, known in (
            ("provider", self.providers, {provider.id for provider in matrix.providers}),
            ("model", self.models, models),
            ("scenario", self.scenarios, set(SCENARIOS)),
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

    def chosen(self) -> tuple[Check, ...]:
        """Return the checks to run: by id or family, and no less binding than the level."""
        levels = list(Level)[: list(Level).index(self.level) + 1]
        return tuple(
            check
            for check in CHECKS.values()
            if check.level in levels and (not self.checks or check.id in self.checks or check.family in self.checks)
        )


@dataclass(frozen=True, slots=True)
class Case:
    """A target × scenario of a project, and where its recording is or would be."""

    root: Path
    target: Target
    scenario: Scenario

    @property
    def id(self) -> str:
        """``provider/model/scenario``."""
        return f"{self.target.id}/{self.scenario.id}"

    @property
    def cassette(self) -> Path:
        """The path of the recording."""
        return self.root / "cassettes" / self.target.provider.id / self.target.model.id / f"{self.scenario.id}.yaml"

    @property
    def absent(self) -> tuple[Outcome, str] | None:
        """Why there is nothing to judge; None if there is a recording."""
        refusal = self.target.refuses(self.scenario)
        if refusal:
            return Outcome.NA, refusal
        if not self.cassette.exists():
            return Outcome.MISSING, f"no recording at {self.cassette.relative_to(self.root)}"
        return None


def plan(matrix: Matrix, root: Path, selection: Selection) -> list[Case]:
    """Return the cases of the matrix that are selected."""
    selection.validate(matrix)
    return [
        Case(root, target, scenario)
        for target in matrix.targets()
        for scenario in SCENARIOS.values()
        if selection.selects(target, scenario)
    ]


def run_case(case: Case, checks: tuple[Check, ...]) -> Iterator[Finding]:
    """
    Yield the findings of one case: one a check, or one that says why there are none.

    Raises:
        HarnessError: the cassette or the list of deviations can't be read.
    """
    about = About(case.target.provider.id, case.target.model.id, case.scenario.id, _relative(case))
    if case.absent:
        outcome, reason = case.absent
        yield Finding(about.provider, about.model, about.scenario, RECORDING, Level.MUST, outcome, reason)
        return
    deviations = _deviations(case.cassette.parent.parent)
    exchanges = [replace(exchange, expects_answer=True) for exchange in read_cassette(case.cassette)]
    yield from judge_exchanges(exchanges, about, checks, deviations)


def _relative(case: Case) -> str:
    return case.cassette.relative_to(case.root).as_posix()


@cache
def _deviations(folder: Path) -> tuple[Deviation, ...]:
    return load_deviations(folder)


@dataclass(frozen=True, slots=True)
class About:
    """What a recording is of, and where it stands."""

    provider: str
    model: str
    scenario: str
    cassette: str


def judge_exchanges(
    exchanges: list[Exchange], about: About, checks: Iterable[Check], deviations: tuple[Deviation, ...] = ()
) -> Iterator[Finding]:
    """Yield one finding for each check on the exchanges of one recording."""
    judgement = _Judgement(exchanges, about, deviations)
    for check in checks:
        yield judgement.finding(check)


class _Judgement:
    """The findings on one recording so far; a check that others need is judged once."""

    def __init__(self, exchanges: list[Exchange], about: About, deviations: tuple[Deviation, ...]) -> None:
        self._exchanges = exchanges
        self._about = about
        self._deviations = deviations
        self._done: dict[str, Finding] = {}
        self._conditions: dict[Applies, list[str | None]] = {}
        self._doubt = next(filter(None, map(_doubt, exchanges)), None)

    def finding(self, check: Check) -> Finding:
        found = self._done.get(check.id)
        if found is None:
            found = self._done[check.id] = self._judge(check)
        return found

    def _judge(self, check: Check) -> Finding:
        try:
            if self._doubt:
                return self._finding(check, Outcome.INCONCLUSIVE, self._doubt)
            reasons = self._reasons(check.applies)
            if None not in reasons:
                return self._finding(check, Outcome.NA, reasons[0] or "")
            for need in check.needs:
                if self.finding(CHECKS[need]).outcome in _BLOCKING:
                    return self._finding(check, Outcome.BLOCKED, f"{need} must pass first")
            numbers = [number for number, reason in enumerate(reasons) if reason is None]
            if check.observe:
                return self._observed(check, [check.observe(self._exchanges[number]) for number in numbers])
            problems = [(n, problem) for n in numbers for problem in check.find(self._exchanges[n])]
            return self._ruled(check, problems)
        except Exception as error:  # noqa: BLE001 - a crash in a check is our bug, and a finding of its own
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(frame.filename).name}:{frame.lineno}"
            return self._finding(check, Outcome.BROKEN, f"{type(error).__name__}: {error} at {where}; please report it")

    def _reasons(self, applies: Applies) -> list[str | None]:
        """Return why a condition does not hold, for each exchange; a few conditions serve all checks."""
        known = self._conditions.get(applies)
        if known is None:
            known = self._conditions[applies] = [applies(exchange) for exchange in self._exchanges]
        return known

    def _observed(self, check: Check, values: list[str]) -> Finding:
        finding = self._finding(check, Outcome.OBSERVED, "")
        finding.value = " | ".join(dict.fromkeys(values))
        return finding

    def _ruled(self, check: Check, problems: list[tuple[int, Problem]]) -> Finding:
        deviation = self._deviation(check) if self._deviations else None
        outcome, message = judge([problem for _, problem in problems], deviation)
        finding = self._finding(check, outcome, message)
        if problems:
            finding.evidence = tuple(self._evidence(problems))
            finding.source = deviation.source if deviation else check.source
        return finding

    def _deviation(self, check: Check) -> Deviation | None:
        about = self._about
        return next((d for d in self._deviations if d.covers(check.id, about.scenario, about.model)), None)

    def _evidence(self, problems: list[tuple[int, Problem]]) -> list[Evidence]:
        places = [(number, place) for number, problem in problems for place in problem.at]
        return [self._place(number, event, at) for number, (event, at) in places[:_EVIDENCE_SHOWN]]

    def _place(self, number: int, event: int | None, at: str | int) -> Evidence:
        exchange = self._exchanges[number]
        if isinstance(at, int):
            return Evidence(number, event, at, None, exchange.excerpt(at))
        offset, excerpt = exchange.place(event, at)
        return Evidence(number, event if exchange.reading.parser else None, offset, at, excerpt)

    def _finding(self, check: Check, outcome: Outcome, message: str) -> Finding:
        about, source = self._about, self._exchanges[0].source
        return Finding(
            about.provider, about.model, about.scenario, check.id, check.level, outcome, message,
            provenance=source.provenance, recorded_at=source.at, cassette=about.cassette,
        )  # fmt: skip


def _doubt(exchange: Exchange) -> str | None:
    """Return why an exchange that should be an answer says nothing about the provider; None if it does."""
    status = exchange.response.status
    if exchange.expects_answer and (status in _NO_VERDICT or status >= _SERVER_ERROR):
        return f"status {status}: no verdict on the answer's form"
    return None
