"""
Reads and writes ``digest.jsonl``: a run with one line per recording, small enough to commit, unlike
``results.jsonl``.

A line counts the outcomes of one recording and has a checksum over all its findings, so that a change in any
finding changes one line.  Lines are in the order of the run, so the changes of a provider are adjacent.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

from harness.results.finding import Finding, Level
from harness.results.frame import SCHEMA, LineReader, LineWriter, Run, dump
from harness.results.judged import RecordingResult, gathered
from harness.results.log import Results, in_order

DIGEST = "digest.jsonl"
_SIGNS = 16
"""Hexadecimal digits of a checksum."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A run, and its recordings as ``rows``; ``outcomes`` are those of the whole run."""

    run: Run
    rows: tuple[dict[str, Any], ...]
    outcomes: dict[str, int]

    def same_as(self, other: "Digest") -> bool:
        """Return whether two runs differ only in their start time."""
        return replace(self, run=replace(self.run, started=other.run.started)) == other


def digest_of(results: Results) -> Digest:
    """Return the digest of a run."""
    checks = results.checks
    rows = tuple(_rows(gathered(results.findings, checks), checks))
    return Digest(results.run, rows, results.outcomes)


def write_digest(path: Path, digest: Digest) -> None:
    """Write a digest; refuse to replace a file that holds no results."""
    with LineWriter(path) as lines:
        lines.write({"kind": "run", "schema": SCHEMA, "digest": True, **asdict(digest.run)})
        for row in digest.rows:
            lines.write(row)
        lines.write({"kind": "end", "findings": sum(digest.outcomes.values()), "outcomes": digest.outcomes})
        lines.keep()


def read_digest(path: Path) -> Digest:
    """
    Read a digest.

    Raises:
        BadResults: it is missing, not a digest, or incomplete.
    """
    reader = LineReader(path)
    if reader.first.get("digest") is not True:
        raise reader.bad(1, "it is not a digest; make one with: harness run")
    rows = tuple(row for _, row in reader.rows())
    return Digest(reader.run, rows, reader.end.get("outcomes", {}))


def _rows(recordings: Iterable[RecordingResult], checks: Mapping[str, Level]) -> Iterator[dict[str, Any]]:
    """Yield a row per judged recording, and one for a target's recordings that were skipped for a similar reason."""
    for (target, _), alike in groupby(recordings, _row_of):
        of_one = list(alike)
        about = of_one[0]
        findings = [finding for judged in of_one for finding in judged.all_findings(checks)]
        counts = in_order(Counter(finding.outcome for finding in findings))
        if about.stands_in:
            row: dict[str, Any] = {
                "kind": "unjudged",
                "target": target,
                "scenarios": [judged.scenario for judged in of_one],
            }
        else:
            dated = {"provenance": about.provenance, "recorded_at": about.recorded_at}
            row = {"kind": "recording", "target": target, "scenario": about.scenario, **dated}
        yield {**row, "outcomes": counts, "checksum": _checksum(findings)}


def _row_of(judged: RecordingResult) -> tuple[str, object]:
    """Return the grouping key of a recording's row: the outcome of those that were skipped, nothing for others."""
    target = f"{judged.provider}/{judged.model}"
    return target, tuple(in_order(judged.outcomes)) if judged.stands_in else judged.about


def _checksum(findings: list[Finding]) -> str:
    """Return a checksum over findings."""
    return sha256(dump(findings)).hexdigest()[:_SIGNS]
