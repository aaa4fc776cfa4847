"""
Counts a run as its recordings arrive, so that memory depends only on what is shown.

Quiet outcomes are counted by group, and each group is processed once.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from harness.reports.failures import FindingGroups, TellOf
from harness.reports.shown import Showing
from harness.results import (
    UNEXPECTED,
    VERDICTS,
    Finding,
    Level,
    Outcome,
    QuietGroup,
    RecordingResult,
    Results,
    Run,
    gathered,
    in_order,
    told_most,
)
from harness.results.finding import UNDECIDED

_STREAMS = frozenset({"audit.stream", "audit.messages-stream"})
_REMEMBERED = 20_000
"""Number of groups whose texts are cached; then the cache is cleared, to bound memory."""


@dataclass(slots=True)
class ProviderTally:
    """The counts of a provider: recordings, streams among them, failures by level, and other outcomes."""

    recordings: int = 0
    streams: int = 0
    failures: Counter[Level] = field(default_factory=Counter)
    outcomes: Counter[Outcome] = field(default_factory=Counter)


class Tally:
    """The counts of a run, and its findings grouped by their texts, escaped; ``tell_of`` returns the texts."""

    def __init__(self, run: Run, tell_of: TellOf) -> None:
        self.run = run
        self.groups = FindingGroups(tell_of)
        self.providers: dict[str, ProviderTally] = {}
        self.recordings, self.made, self.findings = 0, 0, 0
        self.checks: set[str] = set()
        self.red: set[Level] = set()
        self._outcomes = Counter[Outcome]()
        self._undecided = Counter[str]()
        self._tell_of = tell_of
        self._show = Showing().shown
        self._looked_at: dict[QuietGroup, list[tuple[str, str]]] = {}

    @classmethod
    def of(cls, results: Results, tell_of: TellOf) -> Self:
        """Return the tally of complete results."""
        tally, checks = cls(results.run, tell_of), results.checks
        for result in gathered(results.findings, checks):
            tally.add(result)
        return tally

    @property
    def outcomes(self) -> dict[str, int]:
        """The number of findings per outcome, the worst first."""
        return in_order(self._outcomes)

    @property
    def unexpected(self) -> bool:
        """Whether there is any unexpected outcome."""
        return any(self._outcomes[outcome] for outcome in UNEXPECTED)

    @property
    def nothing_judged(self) -> str | None:
        """Why no finding is a verdict, in a line: the main reason; None if one is, or nothing was to be judged."""
        if not self._undecided or any(self._outcomes[outcome] for outcome in VERDICTS):
            return None
        return told_most(self._undecided)

    def add(self, result: RecordingResult) -> None:
        """Count the result of one recording."""
        outcomes = result.outcomes
        self._outcomes.update(outcomes)
        self.findings += outcomes.total()
        provider = self.providers.setdefault(self._show(result.provider), ProviderTally())
        provider.outcomes.update(outcomes)
        provider.recordings += 1
        provider.streams += result.scenario in _STREAMS
        self.recordings += not result.stands_in
        self.made += result.provenance == "reconstructed"
        for finding in result.findings:
            self._add_finding(finding, provider)
        for group in result.groups:
            self._add_group(group, result)

    def _add_finding(self, finding: Finding, provider: ProviderTally) -> None:
        if finding.family != "recording":
            self.checks.add(finding.check)
        if finding.outcome in UNEXPECTED:
            self.red.add(finding.level)
        if finding.outcome is Outcome.FAIL:
            provider.failures[finding.level] += 1
        if finding.outcome in UNDECIDED:
            self._undecided[finding.message] += 1
        self.groups.add(self._show(finding))

    def _add_group(self, group: QuietGroup, result: RecordingResult) -> None:
        seen = self._looked_at.get(group)
        if seen is None:
            if len(self._looked_at) > _REMEMBERED:
                self._looked_at.clear()
            seen = self._looked_at[group] = self._look_at(group)
        for check, value in seen:
            self.groups.add(
                self._show(
                    Finding(
                        result.provider, result.model, result.scenario, check, Level.OBSERVE, Outcome.OBSERVED,
                        value=value, provenance=result.provenance, recorded_at=result.recorded_at, cassette=result.cassette,
                    )
                )
            )  # fmt: skip
        if group.counts[Outcome.INCONCLUSIVE]:
            for outcome, text, ids in group.told:
                self._undecided[text] += len(ids) if outcome in UNDECIDED else 0

    def _look_at(self, group: QuietGroup) -> list[tuple[str, str]]:
        """Return the observations of a group that have texts, as check and value."""
        self.checks.update(check for _, _, ids in group.told for check in ids)
        observed = [(check, text) for outcome, text, ids in group.told if outcome is Outcome.OBSERVED for check in ids]
        return [
            (check, value)
            for check, value in observed
            if self._tell_of(Finding("", "", "", check, Level.OBSERVE, Outcome.OBSERVED, value=value))
        ]
