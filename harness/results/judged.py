"""
Defines the result of one recording: notable findings, and the others counted in groups.

Nine tenths of findings are quiet: a rule passes, or does not apply.  Recordings of one form have these in common,
so the quiet outcomes of a family of checks are one ``QuietGroup``, which many recordings share.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Literal

from harness.results.finding import Finding, Level, Outcome

Provenance = Literal["recorded", "published", "reconstructed", "synthesised"]

QUIET = frozenset({Outcome.PASS, Outcome.OBSERVED, Outcome.NA, Outcome.BLOCKED, Outcome.INCONCLUSIVE})
"""Outcomes that are stored in groups, if they have no evidence; that of an observation is its value."""

STAND_IN = "recording"
"""The family of the finding that replaces all checks if there is nothing to judge."""


@dataclass(frozen=True, eq=False)
class QuietGroup:
    """
    The quiet outcomes of the checks of one family: outcome, message or observed value, and the ids of the checks.

    The ids of one outcome and text are in the order of the checks.  Many recordings share a group, so values
    derived from it are cached.
    """

    family: str
    told: tuple[tuple[Outcome, str, tuple[str, ...]], ...]

    @cached_property
    def counts(self) -> Counter[Outcome]:
        """The number of checks per outcome."""
        counts = Counter[Outcome]()
        for outcome, _, checks in self.told:
            counts[outcome] += len(checks)
        return counts

    def __eq__(self, other: object) -> bool:
        """Return whether another group has the same content."""
        return self is other or (isinstance(other, QuietGroup) and self._told == other._told)

    def __hash__(self) -> int:
        """Return the hash of its content."""
        return self._hash

    @property
    def _told(self) -> tuple[object, ...]:
        return self.family, self.told

    @cached_property
    def _hash(self) -> int:
        return hash(self._told)


@dataclass(slots=True)
class RecordingResult:
    """The result of one recording: notable ``findings``, in order, and ``groups`` of the others."""

    provider: str
    model: str
    scenario: str
    cassette: str | None = None
    provenance: Provenance | None = None
    recorded_at: str | None = None
    findings: list[Finding] = field(default_factory=list)
    groups: tuple[QuietGroup, ...] = ()

    @property
    def about(self) -> "About":
        """The common fields of its findings."""
        return (self.provider, self.model, self.scenario, self.cassette, self.provenance, self.recorded_at)

    @property
    def outcomes(self) -> Counter[Outcome]:
        """The number of checks per outcome."""
        counts = Counter(finding.outcome for finding in self.findings)
        for group in self.groups:
            for outcome, count in group.counts.items():
                counts[outcome] += count
        return counts

    @property
    def stands_in(self) -> bool:
        """Whether nothing was judged, and one finding says why."""
        return not self.groups and all(finding.family == STAND_IN for finding in self.findings)

    def quiet(self, checks: Mapping[str, Level]) -> Iterator[Finding]:
        """Yield the findings of the groups; ``checks`` are the levels by id."""
        for group in self.groups:
            for outcome, text, ids in group.told:
                message, value = ("", text) if outcome is Outcome.OBSERVED else (text, None)
                for check in ids:
                    yield Finding(
                        self.provider, self.model, self.scenario, check, checks[check], outcome, message, (), value,
                        self.provenance, self.recorded_at, None, self.cassette,
                    )  # fmt: skip

    def all_findings(self, checks: Mapping[str, Level]) -> list[Finding]:
        """Return every finding, in the order of ``checks``, the levels by id; unlisted ones come last."""
        places = {check: place for place, check in enumerate(checks)}
        both = [*self.findings, *self.quiet(checks)]
        return sorted(both, key=lambda finding: places.get(finding.check, len(places)))


def gathered(findings: Iterable[Finding], checks: Mapping[str, Level]) -> Iterator[RecordingResult]:
    """Yield consecutive findings by recording; ``checks`` are the levels of what may go into groups."""
    for about, of_one in groupby(findings, about_of):
        yield _judged(about, of_one, checks)


About = tuple[str, str, str, str | None, Provenance | None, str | None]
"""The common fields of the findings of one recording: provider, model, scenario, cassette, provenance and day."""


def about_of(finding: Finding) -> About:
    """Return the fields that a finding shares with the others of its recording."""
    about = (finding.provider, finding.model, finding.scenario, finding.cassette)
    return (*about, finding.provenance, finding.recorded_at)


def _judged(about: About, findings: Iterable[Finding], checks: Mapping[str, Level]) -> RecordingResult:
    told: list[Finding] = []
    quiet: dict[str, dict[tuple[Outcome, str], list[str]]] = {}
    seen: set[str] = set()
    for finding in findings:
        if is_quiet(finding) and checks.get(finding.check) is finding.level and finding.check not in seen:
            text = (finding.value if finding.outcome is Outcome.OBSERVED else finding.message) or ""
            quiet.setdefault(finding.family, {}).setdefault((finding.outcome, text), []).append(finding.check)
        else:
            told.append(finding)
        seen.add(finding.check)
    groups = tuple(
        QuietGroup(family, tuple((outcome, text, tuple(ids)) for (outcome, text), ids in by_text.items()))
        for family, by_text in quiet.items()
    )
    return RecordingResult(*about, told, groups)


def is_quiet(finding: Finding) -> bool:
    """Return whether a finding is only an outcome and a text, and does not replace a whole recording."""
    if finding.outcome not in QUIET or finding.family == STAND_IN:
        return False
    if finding.evidence or finding.source or finding.advice or finding.known or finding.rate:
        return False
    observed = finding.outcome is Outcome.OBSERVED
    return (finding.value is not None and not finding.message) if observed else finding.value is None
