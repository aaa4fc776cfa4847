"""Loops over targets × scenarios × checks: the only such loop."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.checks import CHECKS, Check
from harness.errors import UnknownName, unknown
from harness.judging.deviations import KnownProblems, folder_of, load_deviations, told_beside
from harness.judging.judgement import inconclusive_reason
from harness.judging.recordings import CheckSet, Subject, check_set, judge_exchanges, judge_recording, problems_of
from harness.matrix.bundled import FILE_NAME, bundled
from harness.matrix.dialects import EVERY_SCENARIO
from harness.matrix.naming import hint_at
from harness.matrix.providers import Matrix, Target
from harness.matrix.scenarios import Scenario, with_expectations
from harness.recording.cassette import read_cassette
from harness.results import Deviation, Finding, Level, Outcome, RecordingResult
from harness.results.basis import EVIDENCE, PUBLISHED
from harness.wire.dialect import DIALECTS, DialectName
from harness.wire.exchange import Exchange

__all__ = [
    "PUBLISHED",
    "RECORDING",
    "Case",
    "Selection",
    "Skip",
    "Subject",
    "find_missing_exchanges",
    "inconclusive_reason",
    "judge_beside",
    "judge_case",
    "judge_exchanges",
    "judge_recording_beside",
    "plan",
    "problems_of",
    "published_cassettes",
    "run_case",
    "skipped_finding",
]

RECORDING = "recording.present"
"""Replaces a check if there is nothing to judge: no recording, or an unsupported capability."""


def known_checks() -> set[str]:
    """Return the names that select checks: their ids and families."""
    return {*CHECKS, *(check.family for check in CHECKS.values())}


@dataclass(frozen=True, slots=True)
class Selection:
    """What to run; an empty tuple means all."""

    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    level: Level = Level.OBSERVE
    dialects: tuple[DialectName, ...] = ()

    def validate(self, matrix: Matrix, others: Iterable[tuple[str, str]] = ()) -> None:
        """Raise UnknownName for a name not among matrix, scenarios, checks, or ``others``, provider and model."""
        listed = list(others)
        models = {name for target in matrix.targets() for name in (target.model.id, target.id)}
        models |= {name for provider, model in listed for name in (model, f"{provider}/{model}")}
        for what, given, known in (
            ("provider", self.providers, {*(one.id for one in matrix.providers), *(name for name, _ in listed)}),
            ("model", self.models, models),
            ("scenario", self.scenarios, {*EVERY_SCENARIO, PUBLISHED}),
            ("check", self.checks, known_checks()),
            ("dialect", self.dialects, {*DIALECTS}),
        ):
            for name in given:
                if name not in known:
                    hint = hint_at(name, matrix.providers) if what == "provider" else ""
                    raise UnknownName(f"unknown {what} {name!r}{hint}") if hint else unknown(what, name, sorted(known))

    def selects(self, target: Target, scenario: Scenario) -> bool:
        """Return whether ``scenario`` is to be judged for ``target``: it is in the target's dialect, or was named."""
        return (
            (target.speaks(scenario.dialect) or scenario.id in self.scenarios)
            and (not self.dialects or scenario.dialect in self.dialects)
            and (not self.providers or target.provider.id in self.providers)
            and (not self.models or bool({target.model.id, target.id} & set(self.models)))
            and (not self.scenarios or scenario.id in self.scenarios)
        )

    def chosen(self, dialect: DialectName | None = None) -> tuple[Check, ...]:
        """
        Return the checks to run, of one dialect or of all: by id or family, and at least at the level.

        Raises:
            UnknownName: no check or family has that name, or none of them is of that level or dialect.
        """
        known = known_checks()
        for name in self.checks:
            if name not in known:
                raise unknown("check", name, sorted(known))
        levels = list(Level)[: list(Level).index(self.level) + 1]
        chosen = tuple(
            check
            for check in CHECKS.values()
            if (dialect is None or dialect in check.dialects)
            and check.level in levels
            and (not self.checks or check.id in self.checks or check.family in self.checks)
        )
        if not chosen:
            among = f" in the dialect {dialect}" if dialect else ""
            raise UnknownName(f"no check of {', '.join(self.checks)} has level {self.level.name} or above{among}")
        return chosen


@dataclass(frozen=True, slots=True)
class Skip:
    """Why a scenario is not judged: no recording or not sent (``missing``, ``inconclusive``), or rejected (``n/a``)."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Case:
    """A target × scenario of the project at ``root``, and the path of its recording."""

    root: Path
    target: Target
    scenario: Scenario

    @property
    def id(self) -> str:
        """``provider/model/scenario``."""
        return f"{self.target.id}/{self.scenario.id}"

    @property
    def cassette(self) -> Path:
        """The path its recording is read from: in the project, or in the bundled matrix."""
        return self.target.provider.place(self.root, self.target.model.id, f"{self.scenario.id}.yaml")

    @property
    def label(self) -> str:
        """The displayed path of the recording, relative to its root."""
        return f"cassettes/{self.id}.yaml"

    @property
    def written(self) -> Path:
        """The path its recording is written to: in the project."""
        return self.root / self.label

    @property
    def recorded(self) -> bool:
        """Whether it has a recording, recorded or published; a reconstruction is not one."""
        return self.cassette.exists() and read_cassette(self.cassette)[0].source.provenance in EVIDENCE

    @property
    def skip(self) -> Skip | None:
        """Why there is nothing to judge; None if there is a recording."""
        refusal = self.target.skip_reason(self.scenario)
        if refusal:
            return Skip(Outcome.NA, refusal)
        if not self.target.speaks(self.scenario.dialect):
            return Skip(Outcome.NA, f"no address of {self.target.id} for {self.scenario.dialect} is in {FILE_NAME}")
        if not self.cassette.exists():
            return Skip(Outcome.MISSING, f"no recording at {self.label}")
        return None


def published_cassettes(root: Path) -> list[Path]:
    """Return the published cassettes in a project's folder."""
    return sorted((root / "cassettes").glob(f"*/{PUBLISHED}/*/*.yaml"))


def published_homes(root: Path) -> list[Path]:
    """Return the folders that hold published recordings: the project's and the bundled one."""
    home = bundled()
    return [root] if home is None or home.resolve() == root.resolve() else [root, home]


def plan(matrix: Matrix, root: Path, selection: Selection) -> list[Case]:
    """Return the selected cases of the matrix; with no provider named, those of the project's own providers."""
    published = (path for home in published_homes(root) for path in published_cassettes(home))
    selection.validate(matrix, {(path.parents[2].name, path.parent.name) for path in published})
    meant = matrix.providers if selection.providers or selection.models else matrix.own
    return [
        Case(root, target, scenario)
        for target in matrix.targets(meant)
        for scenario in EVERY_SCENARIO.values()
        if selection.selects(target, scenario)
    ]


def run_case(case: Case, checks: tuple[Check, ...]) -> Iterator[Finding]:
    """
    Yield the findings of one case: one per check, or one that says why there are none.

    Raises:
        HarnessError: the cassette or the list of deviations can't be read.
    """
    if case.skip:
        yield skipped_finding(case, case.skip)
        return
    yield from judge_case(case, with_expectations(read_cassette(case.cassette), case.scenario), checks)


def judge_case(case: Case, exchanges: list[Exchange], checks: tuple[Check, ...]) -> Iterator[Finding]:
    """
    Yield the findings on the exchanges of a case, in order, whatever their origin.

    Raises:
        HarnessError: the list of deviations can't be read.
    """
    subject = _subject(case)
    own = tuple(check for check in checks if case.scenario.dialect in check.dialects)
    yield from judge_exchanges(exchanges, subject, own, listed_deviations(case))
    yield from find_missing_exchanges(exchanges, case.scenario, subject)


def skipped_finding(case: Case, skip: Skip) -> Finding:
    """Return the finding that replaces all checks if there is nothing to judge."""
    subject = _subject(case)
    return Finding(subject.provider, subject.model, subject.scenario, RECORDING, Level.MUST, skip.outcome, skip.reason)


def find_missing_exchanges(exchanges: list[Exchange], scenario: Scenario, subject: Subject) -> Iterator[Finding]:
    """Yield a finding if a recording ends before its scenario does: what only the rest shows was not judged."""
    if len(exchanges) < scenario.requests:
        said = f"{len(exchanges)} of {scenario.requests} exchanges: the first response gave nothing to continue with"
        yield Finding(
            subject.provider, subject.model, subject.scenario, RECORDING, Level.MUST, Outcome.INCONCLUSIVE, said
        )


def _subject(case: Case) -> Subject:
    return Subject(case.target.provider.id, case.target.model.id, case.scenario.id, case.label)


def listed_deviations(case: Case) -> tuple[Deviation, ...]:
    """Return the known problems of the provider of a case; raise BadDeviations if the list can't be read."""
    return _deviations(folder_of(case.target.provider, case.root))


@cache
def _deviations(folder: Path) -> tuple[Deviation, ...]:
    return tuple(deviation for deviation in load_deviations(folder) if not deviation.fault)


def judge_beside(
    exchanges: list[Exchange], subject: Subject, checks: Iterable[Check], known: KnownProblems | None
) -> Iterator[Finding]:
    """
    Yield the findings as ``judge_exchanges`` does, with the provider's known problems, if listed.

    Raises:
        BadDeviations: the list can't be read.
    """
    chosen = check_set(checks)
    yield from judge_recording_beside(exchanges, subject, chosen, known).all_findings(chosen.levels)


def judge_recording_beside(
    exchanges: list[Exchange], subject: Subject, checks: CheckSet, known: KnownProblems | None
) -> RecordingResult:
    """
    Return the findings on one recording, with the provider's known problems, if listed.

    Raises:
        BadDeviations: the list can't be read.
    """
    day = max((exchange.source.at for exchange in exchanges if exchange.source.at), default=None)
    listed = known.of(subject.provider, day) if known else ()
    return judge_recording(exchanges, subject, checks, listed, lambda finding: told_beside(finding, listed))
