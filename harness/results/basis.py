"""
Counts what findings rest on by kind of evidence, and drops reconstructions that evidence supersedes.

A recording (R) and a published one (P) are evidence about a provider; one reconstructed (C) from cited facts, or
synthesised (S) for a request, is not.  A reconstruction is dropped where evidence of its provider shows what it
claims: in the same check, the same or worse outcome of a rule, the same value of an observation.  The rest of it
was seen in no response, and is reported separately.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.results.finding import VERDICTS, WORST_FIRST, Finding, Outcome

Provenance = Literal["recorded", "published", "reconstructed", "synthesised"]

PUBLISHED = "published"
"""
The folder of published recordings, below that of their provider; as a scenario, all of them.  One of them has the
scenario ``published.DATE-FORM``.
"""

KINDS: tuple[Provenance, ...] = ("recorded", "published", "reconstructed", "synthesised")
"""The kinds of evidence, the best first."""

EVIDENCE: frozenset[str | None] = frozenset({"recorded", "published"})
"""The kinds that show what a provider does."""


@dataclass(frozen=True, slots=True)
class Basis:
    """The recordings of one kind: how many, and the day or month of the newest; None if no day is known."""

    kind: Provenance
    recordings: int
    newest: str | None


def bases(findings: Iterable[Finding]) -> tuple[Basis, ...]:
    """Return what findings rest on: one entry per kind of evidence that was judged, the best first."""
    recordings: dict[str, dict[tuple[str | None, ...], str]] = {kind: {} for kind in KINDS}
    for one in findings:
        if one.provenance and one.outcome is not Outcome.NA:
            days, recording = recordings[one.provenance], (one.provider, one.model, one.scenario, one.cassette)
            days[recording] = max(days.get(recording, ""), one.recorded_at or "")
    return tuple(Basis(kind, len(days), max(days.values()) or None) for kind in KINDS if (days := recordings[kind]))


def standing(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings without those of reconstructions that evidence of their provider supersedes."""
    found = list(findings)
    shown = _shown(found)
    return [one for one in found if one.provenance != "reconstructed" or not _steps_back(one, shown)]


@dataclass(slots=True)
class _ShownByEvidence:
    """The results of evidence for one check of a provider: the rank of the worst verdict, and the observed values."""

    worst: int = len(WORST_FIRST)
    values: set[str | None] = field(default_factory=set)


def _shown(findings: Iterable[Finding]) -> dict[tuple[str, str], _ShownByEvidence]:
    shown: dict[tuple[str, str], _ShownByEvidence] = {}
    for one in findings:
        if one.provenance in EVIDENCE and one.outcome in VERDICTS:
            seen = shown.setdefault((one.provider, one.check), _ShownByEvidence())
            seen.worst = min(seen.worst, WORST_FIRST[one.outcome])
            seen.values.add(one.value)
    return shown


def _steps_back(claim: Finding, shown: Mapping[tuple[str, str], _ShownByEvidence]) -> bool:
    seen = shown.get((claim.provider, claim.check))
    if seen is None:
        return False
    if claim.outcome is Outcome.OBSERVED:
        return claim.value in seen.values
    return claim.outcome not in VERDICTS or WORST_FIRST[claim.outcome] >= seen.worst
