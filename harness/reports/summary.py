"""Findings counted into cells: what the tables show."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.results import WORST_FIRST, Finding, Level, Outcome, Results

SYMBOLS = {
    Outcome.PASS: "✓",
    Outcome.OBSERVED: "✓",
    Outcome.FAIL: "✗",
    Outcome.KNOWN: "~",
    Outcome.CHANGED: "≠",
    Outcome.FIXED: "+",
    Outcome.BLOCKED: "⊘",
    Outcome.INCONCLUSIVE: "?",
    Outcome.BROKEN: "‼",
    Outcome.MISSING: "-",
    Outcome.NA: "n/a",
}
MADE = "○"
"""Stands for what passes where nothing but a reconstruction was judged."""

_GOOD = frozenset({Outcome.PASS, Outcome.OBSERVED})
_EVIDENCE = frozenset({"recorded", "published"})
PROVENANCES = {"recorded": "R", "published": "P", "reconstructed": "C"}

FEATURES = {
    "reasoning": "reasoning.place",
    "while thinking": "reasoning.phases",
    "usage": "usage.place",
    "role": "role.pattern",
    "finish_reason before the end": "finish_reason.form",
    "end": "sse.end",
    "content-type": "http.media-type",
}

LEGEND = (
    "✓ pass · ○ passes in a reconstruction, which is no evidence that the provider does · ~ known deviation, as listed · ✗ fail · ≠ known, but fails differently · + known, but passes now · "
    "⊘ blocked by another failure · ? inconclusive · ‼ broken check · - not recorded. "
    "Numbers are rules judged, with those not passed before the slash; recordings are those there are of those asked for, "
    "and those reconstructed (C). "
    "R recorded from the provider · P published by someone who called it · C reconstructed from cited facts; "
    "the date is that of the newest recording."
)


@dataclass(slots=True)
class Cell:
    """What findings say together, and what they rest on."""

    findings: list[Finding] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        """The worst outcome; missing where there is no finding."""
        return min((f.outcome for f in self.findings), key=WORST_FIRST.__getitem__, default=Outcome.MISSING)

    @property
    def basis(self) -> str:
        """Provenance and date, such as ``P 2025-04``; empty where nothing was judged."""
        judged = [f for f in self.findings if f.provenance and f.outcome is not Outcome.NA]
        letters = "".join(letter for name, letter in PROVENANCES.items() if any(f.provenance == name for f in judged))
        newest = max((f.recorded_at for f in judged if f.recorded_at), default="")
        return f"{letters} {newest[:7]}".strip()

    @property
    def made(self) -> bool:
        """Whether it passes, and nothing here was recorded or published: all is made of cited facts."""
        return self.outcome in _GOOD and not any(f.provenance in _EVIDENCE for f in self.findings)

    @property
    def counts(self) -> tuple[int, int]:
        """How many rules were not passed, of how many judged."""
        tally = Counter(f.outcome for f in self.findings if f.level is not Level.OBSERVE)
        judged = sum(n for outcome, n in tally.items() if outcome not in {Outcome.NA, Outcome.MISSING})
        return judged - tally[Outcome.PASS], judged

    @property
    def mark(self) -> str:
        """Symbol and counts, such as ``✗ 1/13``."""
        not_passed, judged = self.counts
        count = f"{not_passed}/{judged}" if not_passed else str(judged or "")
        symbol = MADE if self.made else SYMBOLS[self.outcome]
        return f"{symbol} {count}".rstrip()

    @property
    def text(self) -> str:
        """The cell as a table shows it: mark and basis."""
        return f"{self.mark} {self.basis}".rstrip()


def providers(results: Results) -> list[str]:
    """Return the providers in the order of the findings."""
    return list(dict.fromkeys(finding.provider for finding in results.findings))


def recorded(results: Results) -> list[str]:
    """Return the providers of whom there is a recording."""
    have = {finding.provider for finding in results.findings if finding.family != "recording"}
    return [provider for provider in providers(results) if provider in have]


def unrecorded(results: Results) -> str:
    """Return a line that names the providers and families of which nothing is recorded; empty if there are none."""
    have, shown = recorded(results), families(results)
    absent = [provider for provider in providers(results) if provider not in have]
    empty = [name for name in _all_families(results) if name not in shown]
    said = [f"No recordings yet of {', '.join(absent)}."] if absent else []
    said += [f"Nothing recorded yet that the rules of {', '.join(empty)} judge."] if empty else []
    return " ".join(said)


def families(results: Results) -> list[str]:
    """Return the families that judged something, in the order of the findings."""
    judged = {family for _, family in family_cells(results)}
    return [name for name in _all_families(results) if name in judged]


def _all_families(results: Results) -> list[str]:
    """Return the families of checks, without the stand-in for missing recordings."""
    return [name for name in dict.fromkeys(f.family for f in results.findings) if name != "recording"]


def family_cells(results: Results) -> dict[tuple[str, str], Cell]:
    """Return the cell of each provider and family; a recording that is missing shows in no family of others."""
    cells: dict[tuple[str, str], Cell] = {}
    for finding in results.findings:
        if finding.family != "recording" and finding.outcome is not Outcome.NA:
            cells.setdefault((finding.provider, finding.family), Cell()).findings.append(finding)
    return cells


def feature_cell(findings: Iterable[Finding], check: str) -> str:
    """Return the values that an observation saw, each with what it rests on."""
    by_value: dict[str, Cell] = {}
    for finding in findings:
        if finding.check == check and finding.outcome is Outcome.OBSERVED:
            by_value.setdefault(finding.value or "none", Cell()).findings.append(finding)
    if len(by_value) > 1 and "none" in by_value and check == "reasoning.place":
        del by_value["none"]  # a chat model beside a thinking one says nothing about the place
    return "; ".join(f"{value} ({cell.basis})" for value, cell in by_value.items()) or SYMBOLS[Outcome.MISSING]


def coverage(results: Results, provider: str) -> str:
    """Return how many of a provider's target × scenario cases are recorded, and how many reconstructed."""
    cases: dict[tuple[str, str], str] = {}
    for finding in results.findings:
        if finding.provider == provider and not (finding.family == "recording" and finding.outcome is Outcome.NA):
            judged = finding.family != "recording"
            cases[finding.model, finding.scenario] = (finding.provenance or "recorded") if judged else ""
    counts = Counter(cases.values())
    made = f" + {counts['reconstructed']} C" if counts["reconstructed"] else ""
    return f"{sum(counts[name] for name in _EVIDENCE)}/{len(cases)}{made}"
