"""
Merges the findings of repeated requests, for verdicts that depend on the model's text.

A failure in only some responses is still a failure, with its rate.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from harness.checks.registry import SEPARATOR
from harness.results import VERDICTS, WORST_FIRST, Finding, Outcome


def merged(rounds: Iterable[list[Finding]]) -> list[Finding]:
    """Return one finding per check and scenario, merged from all rounds in which it was judged."""
    asked = list(rounds)
    if len(asked) == 1:
        return asked[0]
    by_scenario: dict[str, list[list[Finding]]] = {}
    for findings in asked:
        for scenario in dict.fromkeys(finding.scenario for finding in findings):
            own = [finding for finding in findings if finding.scenario == scenario]
            by_scenario.setdefault(scenario, []).append(own)
    return [finding for found in by_scenario.values() for finding in _of_scenario(found)]


def _of_scenario(rounds: list[list[Finding]]) -> Iterator[Finding]:
    """Yield the findings of a scenario; if none of its responses was judged, those of the first."""
    judged = [found for found in rounds if any(finding.outcome in VERDICTS for finding in found)] or rounds[:1]
    by_check: dict[str, list[Finding]] = {}
    for finding in (finding for found in judged for finding in found):
        by_check.setdefault(finding.check, []).append(finding)
    return map(_worst, by_check.values())


def _worst(findings: list[Finding]) -> Finding:
    """Return the worst finding, with its rate if not all are alike."""
    verdicts = [finding for finding in findings if finding.outcome in VERDICTS]
    if not verdicts:
        return findings[0]
    outcomes = {finding.outcome for finding in verdicts}
    if outcomes == {Outcome.OBSERVED}:
        return _observed(verdicts)
    # A listed deviation was seen, though not each time.
    passing = {Outcome.FIXED} if Outcome.KNOWN in outcomes else set[Outcome]()
    worst = min((one for one in verdicts if one.outcome not in passing), key=lambda one: WORST_FIRST[one.outcome])
    alike = sum(one.outcome is worst.outcome for one in verdicts)
    return worst if alike == len(verdicts) else replace(worst, rate=(alike, len(verdicts)))


def _observed(findings: list[Finding]) -> Finding:
    values = dict.fromkeys(value for one in findings for value in (one.value or "").split(SEPARATOR))
    return replace(findings[0], value=SEPARATOR.join(values))
