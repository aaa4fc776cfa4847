"""Describes a failed item in the reader's language."""

from harness.checks import CHECKS, advice_on
from harness.reports.shown import shown
from harness.reports.terminal import place_of
from harness.results import Finding
from harness.words import translated


def described(finding: Finding) -> str:
    """Return the finding with its bytes, its impact and the workaround, a line each."""
    finding = shown(finding)
    check, advice = CHECKS[finding.check], advice_on(finding)
    lines = [f"{finding.outcome.value}: {finding.message}  ({finding.level.value})", translated(check.title)]
    lines += [f"  {place_of(one)} {one.pointer or ''}: {one.excerpt}" for one in finding.evidence]
    made = f"{finding.provenance}, {finding.recorded_at or translated('no date')}"
    told = {
        translated("breaks"): translated(advice.breaks),
        translated("instead"): translated(advice.instead),
        translated("source"): finding.source or check.source,
        translated("recording"): f"{finding.cassette} ({made})",
    }
    return "\n".join([*lines, *(translated("{word}: {meaning}").format(word=w, meaning=m) for w, m in told.items())])
