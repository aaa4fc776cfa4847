"""Judges two recordings, or two folders of them, by all rules and compares their shapes: two runs side by side."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePath

from harness import __version__
from harness.checks import CHECKS
from harness.compare.shape import changes, questions
from harness.errors import NothingInCommon
from harness.judging.runner import Subject, find_missing_exchanges, judge_exchanges
from harness.matrix.dialects import EVERY_SCENARIO
from harness.matrix.providers import Matrix
from harness.matrix.scenarios import with_expectations
from harness.recording.archives import archives_in, read_archive
from harness.results import Evidence, Finding, Level, Outcome, Results, Run
from harness.sdk import version
from harness.wire.dialect import DIALECTS
from harness.wire.exchange import Exchange

MODE = "recordings"
"""The mode of a run whose recordings were judged for comparison."""

_IN_A_PROJECT = 3  # provider, model and scenario make the path of a cassette


def compare_recordings(
    old: Path, new: Path, matrix: Matrix | None, progress: Callable[[list[str]], Iterable[str]] = iter
) -> tuple[Results, Results]:
    """
    Return the findings on two cassettes or two folders of cassettes, and the differences in shape.

    No list of known deviations is used: the comparison is of what the providers did.

    Raises:
        HarnessError: one can't be read, or they have no recording in common.
    """
    before, after = _files_of_both(old, new)
    sides = _JudgedSide(), _JudgedSide()
    taken: set[tuple[str, str, str]] = set()
    for name in progress(list(dict.fromkeys([*before, *after]))):
        pair = _exchanges(before.get(name)), _exchanges(after.get(name))
        if any(pair):
            subject = _subject(name, before.get(name) or after[name], (*pair[0], *pair[1])[0], matrix)
            if (subject.provider, subject.model, subject.scenario) in taken:
                subject = Subject(subject.provider, subject.model, name, name)
            taken.add((subject.provider, subject.model, subject.scenario))
            _judge(pair, subject, sides)
    for path, side in zip((old, new), sides, strict=True):
        if not side.findings:
            raise NothingInCommon(f"{path}: no chat completion in it; give recordings of chat completions")
    return sides[0].results(), sides[1].results()


def _files_of_both(old: Path, new: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Return the recordings on both sides by the path below the folder; two files are compared whatever their names."""
    if old.is_dir() != new.is_dir():
        raise NothingInCommon(f"{old} and {new}: one is a folder and one a file; give two cassettes or two folders")
    if not old.is_dir():
        return {old.name: old}, {old.name: new}
    before, after = ({file.relative_to(path).as_posix(): file for file in archives_in(path)} for path in (old, new))
    if not before.keys() & after.keys():
        before, after = _by_scenario(before) or before, _by_scenario(after) or after
    if not before.keys() & after.keys():
        raise NothingInCommon(
            f"nothing in common: {old} holds {next(iter(before))}, {new} holds {next(iter(after))}; "
            "recordings are compared that have the same path below both folders, or the name of the same scenario"
        )
    return before, after


def _by_scenario(files: dict[str, Path]) -> dict[str, Path] | None:
    """Return files by the scenario that each is named for, in whatever folders; None if two share one."""
    named = {f"{stem}.yaml": path for path in files.values() if (stem := path.stem) in EVERY_SCENARIO}
    return named if len(named) == sum(path.stem in EVERY_SCENARIO for path in files.values()) else None


@dataclass(frozen=True, slots=True)
class _JudgedSide:
    """The findings on the recordings of one side."""

    findings: list[Finding] = field(default_factory=list)

    def results(self) -> Results:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return Results(Run(__version__, now, MODE, version()), self.findings)


def _exchanges(path: Path | None) -> list[Exchange]:
    return [entry.exchange for entry in read_archive(path, dialects=DIALECTS)] if path else []


def _subject(name: str, path: Path, exchange: Exchange, matrix: Matrix | None) -> Subject:
    """Return the subject of a recording: from its folders if they are those of a project, else from the exchange."""
    stem = PurePath(name.removesuffix(".gz")).stem
    scenario = stem if stem in EVERY_SCENARIO else name
    above = path.resolve().parents
    folders = above[1].name, above[0].name
    known = matrix.provider_of("", folders[0]) if matrix else None
    if known or (stem in EVERY_SCENARIO and len(PurePath(name).parts) >= _IN_A_PROJECT):
        return Subject(known.id if known else folders[0], folders[1], scenario, name)
    host = exchange.request.host
    found = matrix.provider_of(host) if matrix else None
    return Subject(found.id if found else host or "unknown", exchange.model or "unknown", scenario, name)


def _judge(
    pair: tuple[list[Exchange], list[Exchange]], subject: Subject, sides: tuple[_JudgedSide, _JudgedSide]
) -> None:
    """Add the findings on two recordings of one request to both sides."""
    for exchanges, side in zip(pair, sides, strict=True):
        side.findings.extend(_findings(exchanges, subject))
    for number, (old, new) in enumerate(zip(*pair, strict=False)):
        where = Subject(subject.provider, subject.model, _numbered(subject.scenario, number), subject.cassette)
        differing = [("asked", change) for change in questions(old, new)] + [
            ("shape", change) for change in changes(old, new)
        ]
        for family, change in differing:
            check = f"{family}.{change.what}"
            sides[0].findings.append(_observed(check, where, old, change.old, _evidence(old, number, change.old_at)))
            sides[1].findings.append(_observed(check, where, new, change.new, _evidence(new, number, change.new_at)))


def _findings(exchanges: list[Exchange], subject: Subject) -> Iterator[Finding]:
    """Yield the findings: on a scenario's exchanges together, on others one by one, since they are unrelated."""
    scenario = EVERY_SCENARIO.get(subject.scenario)
    if scenario and exchanges:
        ordered = with_expectations(exchanges, scenario)
        yield from judge_exchanges(ordered, subject, CHECKS.values())
        yield from find_missing_exchanges(ordered, scenario, subject)
        return
    for number, exchange in enumerate(exchanges):
        one = Subject(subject.provider, subject.model, _numbered(subject.scenario, number), subject.cassette)
        yield from judge_exchanges([exchange], one, CHECKS.values())


def _numbered(scenario: str, number: int) -> str:
    return f"{scenario}#{number}" if number else scenario


def _observed(check: str, subject: Subject, exchange: Exchange, value: str, evidence: tuple[Evidence, ...]) -> Finding:
    source = exchange.source
    return Finding(
        subject.provider, subject.model, subject.scenario, check, Level.OBSERVE, Outcome.OBSERVED, "", evidence, value,
        source.provenance, source.at, None, subject.cassette,
    )  # fmt: skip


def _evidence(exchange: Exchange, number: int, at: tuple[int, str] | None) -> tuple[Evidence, ...]:
    if at is None:
        return ()
    event, pointer = at
    offset, excerpt = exchange.place(event, pointer)
    return (Evidence(number, event if exchange.reading.parser else None, offset, pointer, excerpt),)
