"""
Keeps when each finding about a provider was seen, in a small file that every report updates, to show drift.

How it works: for each provider it stores the days of the recordings that were judged, and for each rule with
failures the spans of such days: a day without one ends a span.  The days are those of the recordings, not of the
runs, and adding the same results twice changes nothing.  Reconstructions do not count.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import BadResults
from harness.recording.atomic import write_atomically
from harness.results import Level, Outcome, Results
from harness.results.basis import EVIDENCE

VERSION = 1
_SEEN = frozenset({Outcome.FAIL, Outcome.CHANGED, Outcome.KNOWN})
_JUDGED = _SEEN | {Outcome.PASS, Outcome.FIXED}

Span = tuple[str, str]
"""The first and the last day of consecutive recordings with a finding, such as ``("2026-10-01", "2026-11-29")``."""


@dataclass(slots=True)
class Sightings:
    """For one provider: the days of judged recordings, and by check the days of those that did not pass it."""

    judged: set[str] = field(default_factory=set)
    seen: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def spans(self, check: str) -> list[Span]:
        """Return the days on which a check was not passed, merged if no recording between them passed it."""
        found: list[Span] = []
        going = False
        for day in sorted(self.judged):
            if day not in self.seen[check]:
                going = False
            elif going:
                found[-1] = (found[-1][0], day)
            else:
                found.append((day, day))
                going = True
        return found


History = dict[str, Sightings]
"""By provider."""


def read_history(path: Path) -> History:
    """
    Read a history; an empty one if the file is missing.

    Raises:
        BadResults: the file can't be read, or is not a history.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise BadResults(f"{path}: {getattr(error, 'strerror', None) or error}; name another file") from None
    if not text:
        return {}
    try:
        return _read(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BadResults(
            f"{path}: it is not a history file of version {VERSION}; name another file, or delete this one"
        ) from None


def _read(document: Any) -> History:
    if document["version"] != VERSION:
        raise ValueError("another version")
    history: History = {}
    for provider, kept in document["providers"].items():
        one = history.setdefault(provider, Sightings(set(map(_day, kept["judged"]))))
        for check, spans in kept["seen"].items():
            one.seen[check] = {day for first, last in spans for day in one.judged if _day(first) <= day <= _day(last)}
    return history


def _day(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a day is a string")
    return value


def add_results(history: History, results: Results) -> None:
    """Add the findings of the recordings of some results, each on its own day."""
    for finding in results.findings:
        judges = finding.level is not Level.OBSERVE and finding.outcome in _JUDGED
        if judges and finding.provenance in EVIDENCE and finding.recorded_at:
            one, day = history.setdefault(finding.provider, Sightings()), finding.recorded_at[:10]
            one.judged.add(day)
            if finding.outcome in _SEEN:
                one.seen[finding.check].add(day)


def write_history(path: Path, history: History) -> None:
    """Write a history, one line per rule, so that it diffs well."""
    write_atomically(path, ("\n".join(_lines(history)) + "\n").encode())


def _lines(history: History) -> Iterator[str]:
    yield f'{{"version": {VERSION}, "providers": {{'
    yield from _joined(_provider(name, one) for name, one in sorted(history.items()))
    yield "}}"


def _provider(name: str, one: Sightings) -> str:
    rows = _joined(
        f"  {json.dumps(check)}: {json.dumps(one.spans(check))}" for check in sorted(one.seen) if one.seen[check]
    )
    seen = "\n".join(["{", *rows, "  }"])
    return f'{json.dumps(name)}: {{"judged": {json.dumps(sorted(one.judged))},\n  "seen": {seen}}}'


def _joined(rows: Iterable[str]) -> Iterator[str]:
    """Yield rows with a comma after each but the last."""
    found = list(rows)
    yield from (f"{row}," for row in found[:-1])
    yield from found[-1:]
