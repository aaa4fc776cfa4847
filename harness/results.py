"""
What a run yields: problems judged into findings, and ``results.jsonl``, the log that every report renders.

The log holds an object a line: first the run, then the findings, then an end line with their count.  A file
without its end line is an interrupted run and is refused.  What passes or does not apply fills nine tenths of a log,
so the findings of a recording that are alike in all but check and level share a line, of the kind ``findings``; its
``checks`` are ``{id: level}``.  The run line lists the checks in their order, in which they are read back.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar, Literal

import orjson
from pydantic import ConfigDict, TypeAdapter, ValidationError

from harness.errors import BadResults, Unwritable
from harness.recording.atomic import write_atomically
from harness.recording.redact import redact

SCHEMA = 2


class Level(StrEnum):
    """How binding a rule is."""

    MUST = "MUST"
    """The specification says so."""
    SHOULD = "SHOULD"
    """The reference provider does it and clients rely on it."""
    OBSERVE = "OBSERVE"
    """A fact worth a column, no judgement."""


class Outcome(StrEnum):
    """What became of a check; the worst first."""

    BROKEN = "broken"
    FAIL = "fail"
    CHANGED = "changed"
    FIXED = "fixed"
    KNOWN = "known"
    INCONCLUSIVE = "inconclusive"
    BLOCKED = "blocked"
    MISSING = "missing"
    PASS = "pass"  # noqa: S105 - an outcome
    OBSERVED = "observed"
    NA = "n/a"


RED = frozenset({Outcome.BROKEN, Outcome.FAIL, Outcome.CHANGED, Outcome.FIXED})
"""Outcomes nobody expected: the run exits with 1."""

_QUIET = frozenset({Outcome.PASS, Outcome.NA})
"""Outcomes that are told of in groups."""

WORST_FIRST = {outcome: rank for rank, outcome in enumerate(Outcome)}


@dataclass(frozen=True, slots=True)
class Problem:
    """
    What a check found wrong.

    ``at`` are the places that show it, as ``(event number, JSON pointer)`` or ``(None, byte offset)``.
    """

    message: str
    at: tuple[tuple[int | None, str | int], ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a problem shows: the exchange of the recording, event, byte offset in the body, JSON pointer."""

    exchange: int
    event: int | None
    offset: int
    pointer: str | None
    excerpt: str


@dataclass(frozen=True, slots=True)
class Deviation:
    """
    A known problem of a provider; ``message`` is the expected one, ``*`` standing for any text.

    ``sometimes`` is for what hangs on chance, such as the load: where it does not show, it is not taken for fixed.
    ``until`` is when it was last seen, where it is gone.  ``fault`` is the one of the catalogue that shows it where no
    recording does: such an entry is told of, and expects nothing of recordings.  ``kind`` says what is known of it;
    ``breaks`` and ``instead`` what it breaks for a client and what client code does about it, where that is more than
    the check says.
    """

    check: str
    reason: str
    source: str
    since: str
    message: str
    scenarios: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    sometimes: bool = False
    kind: str = "recording"
    until: str | None = None
    fault: str | None = None
    breaks: str | None = None
    instead: str | None = None

    def covers(self, check: str, scenario: str, model: str) -> bool:
        """Tell whether this is about ``check`` in ``scenario`` with ``model``; empty lists mean all."""
        return (
            self.check == check
            and (not self.scenarios or scenario in self.scenarios)
            and (not self.models or model in self.models)
        )

    def expects(self, message: str) -> bool:
        """Tell whether ``message`` is the expected one."""
        return re.fullmatch(".*".join(map(re.escape, self.message.split("*"))), message, re.DOTALL) is not None


@dataclass(slots=True)
class Finding:
    """The outcome of one check on one recording: a line of ``results.jsonl``."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    provider: str
    model: str
    scenario: str
    check: str
    level: Level
    outcome: Outcome
    message: str = ""
    evidence: tuple[Evidence, ...] = ()
    value: str | None = None
    provenance: Literal["recorded", "published", "reconstructed"] | None = None
    recorded_at: str | None = None
    source: str | None = None
    cassette: str | None = None

    @property
    def family(self) -> str:
        """The family of the check: what stands before the point of its id."""
        return self.check.partition(".")[0]

    @property
    def cell(self) -> str:
        """The id of this finding: ``provider/model/scenario/check``."""
        return f"{self.provider}/{self.model}/{self.scenario}/{self.check}"


def judge(problems: Sequence[Problem], listed: Sequence[Deviation]) -> tuple[Outcome, str]:
    """
    Return the outcome and message of a check that applied, given what it found and the deviations listed for it.

    Every problem must be expected by one of them: a new fault does not hide behind a known one.
    """
    messages = [problem.message for problem in problems]
    more = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
    expected = "; ".join(deviation.message for deviation in listed)
    if not messages and all(deviation.sometimes for deviation in listed):
        return Outcome.PASS, ""
    if not listed:
        return Outcome.FAIL, messages[0] + more
    if not messages:
        return Outcome.FIXED, f"no longer seen, delete its line from deviations.yaml: {expected}"
    new = [message for message in messages if not any(deviation.expects(message) for deviation in listed)]
    if new:
        return Outcome.CHANGED, f"{new[0]}{more}; expected: {expected}"
    return Outcome.KNOWN, messages[0] + more


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

    @property
    def outcomes(self) -> dict[str, int]:
        """How many findings ended in each outcome, the worst first."""
        counts = Counter(finding.outcome for finding in self.findings)
        return {str(outcome): counts[outcome] for outcome in Outcome if counts[outcome]}

    @property
    def red(self) -> list[Finding]:
        """The findings nobody expected."""
        return [finding for finding in self.findings if finding.outcome in RED]


def check_writable(path: Path) -> None:
    """Raise Unwritable if ``path`` holds something other than results: it would be lost."""
    if path.is_dir():
        raise Unwritable(f"{path}: it is a folder; name a file")
    if path.exists() and path.stat().st_size:
        with path.open("rb") as file:
            if not file.read(64).startswith(b'{"kind":"run"'):
                raise Unwritable(f"{path}: it exists and holds no results; name another file")


def write_results(path: Path, results: Results) -> Results:
    """
    Write ``results`` to ``path`` as JSON lines, and return what was written; refuses to replace what holds no results.

    What is judged was scrubbed of secrets before; here goes what came another way, such as a key given as a model.
    """
    check_writable(path)
    content = b"".join(orjson.dumps(line) + b"\n" for line in _lines(results))
    clean = redact(content)
    write_atomically(path, clean)
    return results if clean == content else read_results(path)


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
            yield {"kind": "finding", **asdict(finding)}
    for group in alike.values():
        told = asdict(group[0])
        del told["check"], told["level"], told["evidence"], told["value"]
        yield {"kind": "findings", **told, "checks": {finding.check: finding.level for finding in group}}


def read_results(path: Path) -> Results:
    """
    Read a results file.

    Raises:
        BadResults: it is not there, not such a file, of another schema, or has no end line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadResults(f"{path}: {error.strerror or error}; make one with: harness run") from None
    rows = [_object(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    run = _run(path, rows)
    if rows[-1].get("kind") != "end":
        raise BadResults(f"{path}:{len(lines)}: no end line, so the run was interrupted; run it again")
    findings = list(_in_order(_read_lines(path, rows[1:-1]), rows[0].get("checks")))
    if rows[-1].get("findings") != len(findings):
        raise BadResults(
            f"{path}:{len(lines)}: the end line counts {rows[-1].get('findings')} findings, "
            f"the file holds {len(findings)}; run it again"
        )
    results = Results(run, findings)
    if rows[-1].get("outcomes") != results.outcomes:
        raise BadResults(f"{path}:{len(lines)}: the end line counts other outcomes than the file holds; run it again")
    if not findings:
        raise BadResults(f"{path}: it holds no finding; run it again")
    return results


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


_CHECKED = TypeAdapter(Finding)


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
    try:
        return _CHECKED.validate_python(row)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise BadResults(f"{path}:{number}: {key}: {first['msg']}; run it again") from None
