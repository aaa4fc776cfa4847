"""
``results.jsonl``, the log of a run that every report renders.

It holds an object a line: first the run, then the findings, then an end line with their count.  A file without its end
line is an interrupted run and is refused.  What passes or does not apply fills nine tenths of a log, so the findings of
a recording that are alike in all but check and level share a line, of the kind ``findings``; its ``checks`` are
``{id: level}``.  The run line lists the checks in their order, in which they are read back.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from harness.errors import BadResults, Unwritable
from harness.recording.atomic import write_atomically
from harness.results.finding import UNDECIDED, UNEXPECTED, VERDICTS, Finding, Outcome
from harness.results.probing import BaselineSummary, ProbeSummary

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA = 2

_NAMES = tuple(one.name for one in fields(Finding))

_HALF_A_PAIR = re.compile("[\ud800-\udfff]")

_QUIET = frozenset({Outcome.PASS, Outcome.NA})
"""Outcomes that are told of in groups."""


@dataclass(frozen=True, slots=True)
class Run:
    """The first line of a results file: who ran what, when (ISO 8601), how."""

    harness: str
    started: str
    mode: str
    sdk: str | None = None


@dataclass(slots=True)
class Results:
    """A run and its findings."""

    run: Run
    findings: list[Finding] = field(default_factory=list)
    probe: ProbeSummary | None = None
    """What was measured of an endpoint beside its findings; no part of the log."""

    @property
    def baseline(self) -> BaselineSummary | None:
        """What became of the baseline that a probe was given; None where it was given none."""
        return self.probe.baseline if self.probe else None

    @property
    def outcomes(self) -> dict[str, int]:
        """How many findings ended in each outcome, the worst first."""
        counts = Counter(finding.outcome for finding in self.findings)
        return {str(outcome): counts[outcome] for outcome in Outcome if counts[outcome]}

    @property
    def unexpected(self) -> list[Finding]:
        """The findings nobody expected."""
        return [finding for finding in self.findings if finding.outcome in UNEXPECTED]

    @property
    def nothing_judged(self) -> str | None:
        """Why no finding is a verdict, in a line: the commonest reason; None where one is, or nothing was to be judged."""
        undecided = [finding for finding in self.findings if finding.outcome in UNDECIDED]
        if not undecided or any(finding.outcome in VERDICTS for finding in self.findings):
            return None
        return told_most(finding.message for finding in undecided)


def told_most(reasons: Iterable[str]) -> str:
    """Return the commonest of some reasons, and how many others there are."""
    counts = Counter(reasons)
    ((first, _),) = counts.most_common(1)
    others = len(counts) - 1
    return f"{first} (and {others} other reason{'s' if others > 1 else ''})" if others else first


def check_writable(path: Path) -> None:
    """Raise Unwritable if ``path`` holds something other than results, which would be lost, or can't be looked at."""
    try:
        if path.is_dir():
            raise Unwritable(f"{path}: it is a folder; name a file")
        if path.exists() and not path.is_file():
            raise Unwritable(f"{path}: it is no regular file; name one that is, or a new one")
        if path.exists() and path.stat().st_size:
            with path.open("rb") as file:
                if not file.read(64).startswith(b'{"kind":"run"'):
                    raise Unwritable(f"{path}: it exists and holds no results; name another file")
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror or error}; name another file") from None


def write_results(path: Path, results: Results) -> Results:
    """
    Write ``results`` to ``path`` as JSON lines, and return what was written; refuses to replace what holds no results.

    What is judged was scrubbed of secrets before; here goes what came another way, such as a key given as a model.
    """
    return results if write_lines(path, _lines(results)) else read_results(path)


def dump(value: Any, option: int = 0) -> bytes:
    """Return results, or a row of them, as JSON; half a surrogate pair, as in the name of a file, as the text of its escape."""
    try:
        return orjson.dumps(value, option=option)
    except orjson.JSONEncodeError:
        text = json.dumps(value, ensure_ascii=False, default=asdict, separators=(",", ":"))
        return _HALF_A_PAIR.sub(lambda half: f"\\\\u{ord(half[0]):04x}", text).encode()


def write_lines(path: Path, lines: Iterable[dict[str, Any]]) -> bool:
    """Write the lines of a log, and tell whether they went as they are: no secret was in them."""
    from harness.recording.redact import redact  # its patterns take a while to compile

    check_writable(path)
    content = b"".join(dump(line) + b"\n" for line in lines)
    clean = redact(content)
    write_atomically(path, clean)
    return clean == content


def _lines(results: Results) -> Iterator[dict[str, Any]]:
    order = list(dict.fromkeys(finding.check for finding in results.findings))
    yield {"kind": "run", "schema": SCHEMA, **asdict(results.run), "checks": order}
    for _, findings in groupby(results.findings, _recording):
        yield from _lines_of(list(findings))
    yield {"kind": "end", "findings": len(results.findings), "outcomes": results.outcomes}


def _recording(finding: Finding) -> tuple[object, ...]:
    """Return what the findings of one recording have in common."""
    about = (finding.provider, finding.model, finding.scenario, finding.cassette)
    return (*about, finding.provenance, finding.recorded_at)


def _lines_of(findings: list[Finding]) -> Iterator[dict[str, Any]]:
    """Yield the lines of one recording: those that tell of something, then what is alike in groups."""
    alike: dict[tuple[Outcome, str, str | None], list[Finding]] = {}
    for finding in findings:
        if finding.outcome in _QUIET and not finding.evidence and finding.value is None:
            alike.setdefault((finding.outcome, finding.message, finding.source), []).append(finding)
        else:
            yield {"kind": "finding", **_told(finding)}
    for group in alike.values():
        told = _told(group[0])
        del told["check"], told["level"], told["evidence"], told["value"]
        yield {"kind": "findings", **told, "checks": {finding.check: finding.level for finding in group}}


def _told(finding: Finding) -> dict[str, Any]:
    """Return a finding as a row; what is in it orjson writes as it is."""
    told = {name: getattr(finding, name) for name in _NAMES}
    for name in ("advice", "known", "rate"):
        if told[name] is None:
            del told[name]
    return told


def read_results(path: Path) -> Results:
    """
    Read a results file.

    Raises:
        BadResults: it is not there, not such a file, of another schema, or has no end line.
    """
    frame = read_frame(path)
    findings = list(_in_order(_read_lines(path, frame.rows), frame.first.get("checks")))
    results = Results(frame.run, findings)
    frame.check(path, len(findings), results.outcomes)
    return results


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the rows of a log: its run line, as a run and as it is, and its end line."""

    run: Run
    first: dict[str, Any]
    rows: list[dict[str, Any]]
    end: dict[str, Any]

    def check(self, path: Path, count: int, outcomes: dict[str, int]) -> None:
        """Raise BadResults where the end line counts other findings than there are, or there are none."""
        at = len(self.rows) + 2
        if self.end.get("findings") != count:
            raise BadResults(
                f"{path}:{at}: the end line counts {self.end.get('findings')} findings, the file holds {count}; run it again"
            )
        if self.end.get("outcomes") != outcomes:
            raise BadResults(f"{path}:{at}: the end line counts other outcomes than the file holds; run it again")
        if not count:
            raise BadResults(f"{path}: it holds no finding; run it again")


def read_frame(path: Path, made_by: str = "harness run") -> Frame:
    """
    Read the rows of a log between its run line and its end line.

    Raises:
        BadResults: it is not there, not such a file, of another schema, or has no end line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadResults(f"{path}: {error.strerror or error}; make one with: {made_by}") from None
    rows = [_object(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    run = _run(path, rows)
    if rows[-1].get("kind") != "end":
        raise BadResults(f"{path}:{len(lines)}: no end line, so the run was interrupted; run it again")
    return Frame(run, rows[0], rows[1:-1], rows[-1])


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadResults(f"{path}:{number}: not JSON ({error}); a results file holds one object a line") from None
    if not isinstance(row, dict):
        raise BadResults(f"{path}:{number}: not an object; a results file holds one object a line")
    return row


def _run(path: Path, rows: Iterable[dict[str, Any]]) -> Run:
    first = next(iter(rows), None)
    if first is None or first.get("kind") != "run":
        raise BadResults(f"{path}:1: no run line; this is not a results file of harness run")
    if first.get("schema") != SCHEMA:
        raise BadResults(f"{path}:1: schema {first.get('schema')}, this version reads {SCHEMA}; run it again")
    for key in ("harness", "started", "mode"):
        if not isinstance(first.get(key), str):
            raise BadResults(f"{path}:1: the run line has no {key!r}; run it again")
    return Run(first["harness"], first["started"], first["mode"], first.get("sdk"))


@cache
def reader_of(kind: Any) -> "TypeAdapter[Any]":
    """Return what makes a ``kind`` of a row of a log, and checks it; pydantic is imported when the first log is read."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _read_lines(path: Path, rows: list[dict[str, Any]]) -> Iterator[Finding]:
    for number, row in enumerate(rows, 2):
        kind, checks = row.pop("kind", None), row.pop("checks", None)
        if kind == "finding":
            yield _finding(path, number, row)
        elif kind == "findings" and isinstance(checks, dict):
            yield from (
                _finding(path, number, row | {"check": check, "level": level}) for check, level in checks.items()
            )
        else:
            raise BadResults(f"{path}:{number}: not a finding; only findings stand between the run and the end line")


def _in_order(findings: Iterable[Finding], order: Any) -> Iterator[Finding]:
    """Yield the findings of each recording in the order of its checks."""
    places = {check: place for place, check in enumerate(order if isinstance(order, list) else [])}
    for _, group in groupby(findings, _recording):
        yield from sorted(group, key=lambda finding: places.get(finding.check, len(places)))


def _finding(path: Path, number: int, row: dict[str, Any]) -> Finding:
    from pydantic import ValidationError

    try:
        checked: Finding = reader_of(Finding).validate_python(row)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise BadResults(f"{path}:{number}: {key}: {first['msg']}; run it again") from None
    return checked
