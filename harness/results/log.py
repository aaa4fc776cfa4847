"""
Reads and writes ``results.jsonl``, the log of a run that every report renders; ``results.schema.json`` is its JSON
Schema.

A line of the kind ``recording`` says what was judged.  Its notable findings follow in lines of the kind
``finding``. Quiet ones, such as rules that pass, are stored in lines of the kind ``group``: one for all outcomes of
the checks of a family that recordings share, with their counts; a recording refers to its groups by number.  The
run line lists the checks with their levels, in the order in which they are read back.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, overload

from harness.results.finding import UNDECIDED, UNEXPECTED, VERDICTS, Advice, Evidence, Finding, Level, Outcome
from harness.results.frame import SCHEMA, LineReader, LineWriter, Run
from harness.results.judged import Provenance, QuietGroup, RecordingResult, gathered
from harness.results.older import read_older
from harness.results.probing import BaselineSummary, ProbeSummary

_GROUPS = 20_000
"""Maximum number of groups that are remembered; then numbering restarts, to bound memory."""

_OF_A_RECORDING = frozenset({"provider", "model", "scenario", "cassette", "provenance", "recorded_at"})
_OWN = tuple(one.name for one in fields(Finding) if one.name not in _OF_A_RECORDING)
_UNSAID: dict[str, Any] = {"message": "", "evidence": ()}
"""Default values of a finding that are left out; of other keys, None."""

_STRICT: dict[str, Any] = {"extra": "forbid"}


@dataclass(slots=True)
class Results:
    """A run and its findings."""

    run: Run
    findings: Sequence[Finding] = field(default_factory=list)
    probe: ProbeSummary | None = None
    """Measurements of an endpoint beside its findings; not part of the log."""

    @property
    def baseline(self) -> BaselineSummary | None:
        """The result for the baseline given to a probe; None if there was none."""
        return self.probe.baseline if self.probe else None

    @property
    def outcomes(self) -> dict[str, int]:
        """The number of findings per outcome, the worst first."""
        return in_order(Counter(finding.outcome for finding in self.findings))

    @property
    def unexpected(self) -> list[Finding]:
        """The findings with an unexpected outcome."""
        return [finding for finding in self.findings if finding.outcome in UNEXPECTED]

    @property
    def nothing_judged(self) -> str | None:
        """Why no finding is a verdict, in a line: the main reason; None if one is, or there was nothing to judge."""
        undecided = [finding for finding in self.findings if finding.outcome in UNDECIDED]
        if not undecided or any(finding.outcome in VERDICTS for finding in self.findings):
            return None
        return told_most(finding.message for finding in undecided)

    @property
    def checks(self) -> dict[str, Level]:
        """The level of each check with a finding, by id, in their order."""
        if isinstance(self.findings, GroupedFindings):
            return dict(self.findings.checks)
        levels: dict[str, Level] = {}
        for finding in self.findings:
            levels.setdefault(finding.check, finding.level)
        return levels

    def recordings(self) -> Iterator[RecordingResult]:
        """Yield the findings by recording, quiet ones in groups."""
        if isinstance(self.findings, GroupedFindings):
            yield from self.findings.recordings
        else:
            yield from gathered(self.findings, self.checks)


class GroupedFindings(Sequence[Finding]):
    """
    The findings of many recordings, held as in a log: quiet ones in groups that recordings share.

    Each iteration creates them anew, those of a recording in the order of its checks: few groups instead of many
    findings take a hundredth of the memory.
    """

    def __init__(self, recordings: Iterable[RecordingResult], checks: Mapping[str, Level]) -> None:
        self.recordings = list(recordings)
        self.checks = checks  # for older logs it is complete only now
        self._count = sum(one.outcomes.total() for one in self.recordings)

    def __iter__(self) -> Iterator[Finding]:
        for judged in self.recordings:
            yield from judged.all_findings(self.checks)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> Finding: ...
    @overload
    def __getitem__(self, at: slice) -> list[Finding]: ...
    def __getitem__(self, at: int | slice) -> Finding | list[Finding]:
        return list(self)[at]

    def __eq__(self, other: object) -> bool:
        """Return whether other findings are the same, in the same order."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def in_order(counts: Mapping[Outcome, int]) -> dict[str, int]:
    """Return counts of outcomes, the worst first, without zeros."""
    return {str(outcome): counts[outcome] for outcome in Outcome if counts.get(outcome)}


def told_most(reasons: Iterable[str] | Mapping[str, int]) -> str:
    """Return the commonest of some reasons, or of counts of them, and the number of others."""
    counts = Counter(reasons)
    ((first, _),) = counts.most_common(1)
    others = len(counts) - 1
    return f"{first} (and {others} other reason{'s' if others > 1 else ''})" if others else first


def write_results(path: Path, results: Results) -> Results:
    """Write ``results`` to ``path``, and return what was written; refuse to replace a file that holds no results."""
    checks = results.checks
    with LogWriter(path, results.run, checks) as log:
        for judged in gathered(results.findings, checks):
            log.add(judged)
        log.keep()
    return results if log.clean else read_results(path)


def read_results(path: Path) -> Results:
    """
    Read a results file as a whole.

    Raises:
        BadResults: it is missing, not such a file, of another schema, or has no end line.
    """
    log = Log(path)
    return Results(log.run, GroupedFindings(log, log.checks))


class LogWriter:
    """
    Writes a log as its recordings come, gzipped if the path ends in ``.gz``; the file appears once it is kept.

    ``checks`` are the levels of the checks by id, in their order.
    """

    def __init__(self, path: Path, run: Run, checks: Mapping[str, Level]) -> None:
        self._lines = LineWriter(path)
        self._groups: dict[QuietGroup, int] = {}
        self._outcomes = Counter[Outcome]()
        self._recordings = 0
        self._lines.write({"kind": "run", "schema": SCHEMA, **asdict(run), "checks": dict(checks)})

    @property
    def clean(self) -> bool:
        """Whether everything was written unchanged: it held no secret."""
        return self._lines.clean

    @property
    def empty(self) -> bool:
        """Whether nothing was added."""
        return not self._recordings

    def add(self, judged: RecordingResult) -> None:
        """Write the result of one recording."""
        if len(self._groups) + len(judged.groups) > _GROUPS:
            self._groups = {}
        self._recordings += 1
        self._outcomes.update(judged.outcomes)
        groups = [self._groups.get(group) or self._define(group) for group in judged.groups]
        about = {name: getattr(judged, name) for name in ("cassette", "provenance", "recorded_at")}
        self._lines.write({
            "kind": "recording", "recording": self._recordings, "provider": judged.provider, "model": judged.model,
            "scenario": judged.scenario, **{name: told for name, told in about.items() if told is not None},
            **({"groups": groups} if groups else {}),
        })  # fmt: skip
        for finding in judged.findings:
            told = {name: getattr(finding, name) for name in _OWN}
            own = {name: value for name, value in told.items() if value != _UNSAID.get(name)}
            self._lines.write({"kind": "finding", "recording": self._recordings, **own})

    def keep(self) -> None:
        """End the log and move it to its place."""
        count, outcomes = self._outcomes.total(), in_order(self._outcomes)
        self._lines.write({"kind": "end", "recordings": self._recordings, "findings": count, "outcomes": outcomes})
        self._lines.keep()

    def _define(self, group: QuietGroup) -> int:
        number = self._groups[group] = len(self._groups) + 1
        outcomes: dict[str, dict[str, tuple[str, ...]]] = {}
        for outcome, text, ids in group.told:
            outcomes.setdefault(outcome.value, {})[text] = ids
        self._lines.write({
            "kind": "group", "group": number, "family": group.family, "counts": in_order(group.counts),
            "outcomes": outcomes,
        })  # fmt: skip
        return number

    def __enter__(self) -> Self:
        """Open the file."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; remove it unless it was kept."""
        self._lines.__exit__()


@dataclass(frozen=True, slots=True)
class GroupLine:
    """
    The quiet outcomes of the checks of one family, shared by recordings.

    ``outcomes`` are the ids of the checks by outcome and message; for observations, by value.
    """

    __pydantic_config__: ClassVar = _STRICT

    kind: Literal["group"]
    group: int
    family: str
    counts: dict[Outcome, int]
    outcomes: dict[Outcome, dict[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class RecordingLine:
    """A recording that was judged; ``groups`` refer to the last groups with these numbers before it."""

    __pydantic_config__: ClassVar = _STRICT

    kind: Literal["recording"]
    recording: int
    provider: str
    model: str
    scenario: str
    cassette: str | None = None
    provenance: Provenance | None = None
    recorded_at: str | None = None
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FindingLine:
    """A notable finding, of the recording with this number."""

    __pydantic_config__: ClassVar = _STRICT

    kind: Literal["finding"]
    recording: int
    check: str
    level: Level
    outcome: Outcome
    message: str = ""
    evidence: tuple[Evidence, ...] = ()
    value: str | None = None
    source: str | None = None
    advice: Advice | None = None
    known: str | None = None
    rate: tuple[int, int] | None = None


@dataclass(slots=True)
class Log:
    """
    A log, read recording by recording on each iteration, which ends by verifying that it is complete.

    ``checks`` are the levels of the checks by id, in their order; of older files, those that were read so far.

    Raises:
        BadResults: it is missing, not such a file, of another schema, or, at its end, incomplete.
    """

    path: Path
    run: Run = field(init=False)
    checks: dict[str, Level] = field(init=False)

    def __post_init__(self) -> None:
        reader = LineReader(self.path)
        self.run, self.checks = reader.run, _checks(reader)

    def __iter__(self) -> Iterator[RecordingResult]:
        """Yield the result of each recording."""
        reader = LineReader(self.path)
        outcomes = Counter[Outcome]()
        recordings = read_older(reader, self.checks) if reader.schema != SCHEMA else self._recordings(reader)
        for judged in recordings:
            outcomes.update(judged.outcomes)
            yield judged
        reader.check(outcomes.total(), in_order(outcomes))

    def findings(self) -> Iterator[Finding]:
        """Yield all findings, those of a recording in the order of its checks."""
        for judged in self:
            yield from judged.all_findings(self.checks)

    def _recordings(self, reader: LineReader) -> Iterator[RecordingResult]:
        groups: dict[int, QuietGroup] = {}
        judged, at = None, 0
        for number, row in reader.rows():
            kind = row.get("kind")
            if kind == "finding" and judged:
                judged.findings.append(_finding(judged, at, reader, number, row))
                continue
            if judged:
                yield judged
            judged = None
            if kind == "recording":
                line: RecordingLine = reader.made(RecordingLine, number, row)
                judged, at = _judged(line, groups, reader, number), line.recording
            elif kind == "group":
                of_number, group = self._group(reader, number, row)
                groups[of_number] = group
            else:
                raise reader.bad(number, "not a finding; only findings stand between the run and the end line")
        if judged:
            yield judged

    def _group(self, reader: LineReader, number: int, row: dict[str, Any]) -> tuple[int, QuietGroup]:
        line: GroupLine = reader.made(GroupLine, number, row)
        told = tuple((outcome, text, ids) for outcome, texts in line.outcomes.items() for text, ids in texts.items())
        group = QuietGroup(line.family, told)
        unknown = [check for _, _, ids in told for check in ids if check not in self.checks]
        if unknown:
            raise reader.bad(number, f"the run line lists no check {unknown[0]!r}; run it again")
        if group.counts != line.counts:
            raise reader.bad(number, "the group counts other outcomes than it lists; run it again")
        return line.group, group


def _checks(reader: LineReader) -> dict[str, Level]:
    """Return the levels that the run line lists; none for older files, which list only the order."""
    if reader.schema != SCHEMA:
        return {}
    checks: dict[str, Level] = reader.made(RunLine, 1, reader.first).checks
    return checks


@dataclass(frozen=True, slots=True)
class RunLine:
    """The first line: who ran what, when (ISO 8601), how; the checks in their order, with their levels."""

    __pydantic_config__: ClassVar = _STRICT

    kind: Literal["run"]
    schema: Literal[3]
    harness: str
    started: str
    mode: str
    sdk: str | None
    checks: dict[str, Level]


@dataclass(frozen=True, slots=True)
class EndLine:
    """The last line, which proves that the run is complete: the number of recordings and findings, also by outcome."""

    __pydantic_config__: ClassVar = _STRICT

    kind: Literal["end"]
    recordings: int
    findings: int
    outcomes: dict[Outcome, int]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a line of a log."""
    from pydantic import TypeAdapter

    lines: Any = RunLine | GroupLine | RecordingLine | FindingLine | EndLine
    about = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of a results file of llm-compat-harness, schema 3",
    }
    return about | TypeAdapter(lines).json_schema()


def _judged(line: RecordingLine, groups: dict[int, QuietGroup], reader: LineReader, number: int) -> RecordingResult:
    absent = [one for one in line.groups if one not in groups]
    if absent:
        raise reader.bad(number, f"no group {absent[0]} stands before it; run it again")
    return RecordingResult(
        line.provider, line.model, line.scenario, line.cassette, line.provenance, line.recorded_at, [],
        tuple(groups[one] for one in line.groups),
    )  # fmt: skip


def _finding(judged: RecordingResult, at: int, reader: LineReader, number: int, row: dict[str, Any]) -> Finding:
    line: FindingLine = reader.made(FindingLine, number, row)
    if line.recording != at:
        raise reader.bad(number, f"it is of recording {line.recording}, and stands below recording {at}; run it again")
    return Finding(
        judged.provider, judged.model, judged.scenario, line.check, line.level, line.outcome, line.message,
        line.evidence, line.value, judged.provenance, judged.recorded_at, line.source, judged.cassette, line.advice,
        line.known, line.rate,
    )  # fmt: skip
