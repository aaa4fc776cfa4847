"""Reads logs of schemas 1 and 2: one finding per line; in schema 2, those alike but for check and level share one."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from harness.results.finding import Finding, Level
from harness.results.frame import LineReader
from harness.results.judged import RecordingResult, about_of, gathered


def read_older(reader: LineReader, checks: dict[str, Level]) -> Iterator[RecordingResult]:
    """Yield the result of each recording, and add their levels to ``checks``, in their order."""
    order = reader.first.get("checks")
    places = {check: place for place, check in enumerate(order if isinstance(order, list) else [])}
    for _, found in groupby(_findings(reader), about_of):
        of_one = sorted(found, key=lambda finding: places.get(finding.check, len(places)))
        known = len(checks)
        for finding in of_one:
            checks.setdefault(finding.check, finding.level)
        if len(checks) > known:
            listed = sorted(checks.items(), key=lambda item: places.get(item[0], len(places)))
            checks.clear()
            checks.update(listed)
        yield from gathered(of_one, checks)


def _findings(reader: LineReader) -> Iterator[Finding]:
    for number, row in reader.rows():
        kind, checks = row.pop("kind", None), row.pop("checks", None)
        if kind == "finding":
            yield _finding(reader, number, row)
        elif kind == "findings" and isinstance(checks, dict):
            for check, level in checks.items():
                yield _finding(reader, number, row | {"check": check, "level": level})
        else:
            raise reader.bad(number, "not a finding; only findings stand between the run and the end line")


def _finding(reader: LineReader, number: int, row: dict[str, Any]) -> Finding:
    finding: Finding = reader.made(Finding, number, row)
    return finding
