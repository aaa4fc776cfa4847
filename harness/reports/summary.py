"""Counts findings into the cells of the tables."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from harness.results import UNEXPECTED, WORST_FIRST, Finding, Level, Outcome, Results
from harness.results.basis import EVIDENCE, KINDS, PUBLISHED, Provenance, bases, standing
from harness.words import translated

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
"""Mark of a cell that rests only on a reconstruction, whatever the outcome."""
MADE_KNOWN = "○~"
"""The same, with a listed deviation."""

PROVENANCES: dict[str, str] = {"recorded": "R", "published": "P", "reconstructed": "C", "synthesised": "S"}

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
    "✓ pass · ~ known deviation, as listed · ✗ fail · ≠ known, but fails differently · + known, but passes now · ⊘ "
    "blocked by another failure · ? inconclusive · ‼ broken check · - not recorded · ○ reconstruction only, no "
    "evidence about the provider: it breaks no rule; ○~ it shows a listed deviation. Numbers are rules judged, with "
    "those not passed before the slash. R recorded from the provider · P published by a user of it · C constructed "
    "from cited facts, where neither R nor P shows the same; each with the date of the newest. Recordings: scenarios "
    "with R or P of those wanted, then how many of each kind."
)
SYNTHESISED = "S synthesised by harness serve, which is not evidence about a provider."
"""Addition to the legend if responses of a replay server were judged."""
REPLAYED = "Answered by harness serve, not by a provider: {kinds}."
NOT_RECORDED = "No recordings yet of {names}."
NOT_JUDGED = "Nothing recorded yet that the rules of {names} judge."
"""Text for providers and families without recordings."""

REPLAYS = {
    "published": "{count:,} from published recordings",
    "reconstructed": "{count:,} reconstructed from cited facts",
    "synthesised": "{count:,} synthesised",
}
"""A probe's texts for responses of a replay server, by their provenance; they are counted by scenario."""


def replays(results: Results) -> str:
    """Return in a line which part of a probe a replay server answered; empty if none."""
    kinds = {one.scenario: one.provenance for one in results.findings if one.provenance in REPLAYS}
    counts: Counter[str | None] = Counter(kinds.values())
    told = [translated(said).format(count=counts[kind]) for kind, said in REPLAYS.items() if counts[kind]]
    return translated(REPLAYED).format(kinds=translated(", ").join(told)) if told else ""


@dataclass(frozen=True, slots=True)
class CellPart:
    """The combined findings of one kind of evidence; ``kind`` is None if there was no response to judge."""

    kind: Provenance | None
    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst outcome."""
        return min((one.outcome for one in self.findings), key=WORST_FIRST.__getitem__)

    @property
    def made(self) -> bool:
        """Whether it rests on a reconstruction without a bad outcome: then it has no colour."""
        return self.kind in {"reconstructed", "synthesised"} and self.outcome not in UNEXPECTED

    @property
    def counts(self) -> tuple[int, int]:
        """The number of rules not passed, and of those judged."""
        tally = Counter(one.outcome for one in self.findings if one.level is not Level.OBSERVE)
        judged = sum(n for outcome, n in tally.items() if outcome not in {Outcome.NA, Outcome.MISSING})
        return judged - tally[Outcome.PASS], judged

    @property
    def symbol(self) -> str:
        """The symbol of the outcome; its own for a reconstruction."""
        if self.made:
            return MADE_KNOWN if self.outcome in {Outcome.KNOWN, Outcome.BLOCKED} else MADE
        return SYMBOLS[self.outcome]

    @property
    def mark(self) -> str:
        """Symbol and counts, such as ``✗ 1/13``."""
        not_passed, judged = self.counts
        count = f"{not_passed}/{judged}" if not_passed else str(judged or "")
        return f"{self.symbol} {count}".rstrip()

    @property
    def basis(self) -> str:
        """Letter and date of the newest, such as ``P 2025-04``; empty if nothing was judged."""
        return " ".join(f"{PROVENANCES[one.kind]} {(one.newest or '')[:7]}".strip() for one in bases(self.findings))

    @property
    def text(self) -> str:
        """Mark and basis."""
        return f"{self.mark} {self.basis}".rstrip()


@dataclass(slots=True)
class Cell:
    """Combined findings: one part per kind of evidence, the best first."""

    findings: list[Finding] = field(default_factory=list)

    @property
    def parts(self) -> list[CellPart]:
        """The part of each kind of evidence, without superseded reconstructions."""
        by_kind: dict[str | None, list[Finding]] = {}
        for one in self.findings:
            by_kind.setdefault(one.provenance, []).append(one)
        kinds: tuple[Provenance | None, ...] = (None, *KINDS)
        return [CellPart(kind, tuple(by_kind[kind])) for kind in kinds if kind in by_kind]

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of evidence; that of a reconstruction if it is bad; missing without either."""
        coloured = [part.outcome for part in self.parts if not part.made]
        return min(coloured, key=WORST_FIRST.__getitem__, default=Outcome.MISSING)

    @property
    def made(self) -> bool:
        """Whether everything judged was reconstructed from cited facts."""
        return bool(self.findings) and all(part.made for part in self.parts)

    @property
    def text(self) -> str:
        """The cell as a table shows it, such as ``✓ 9 P 2026-08 · ○ 4 C 2026-10``."""
        return " · ".join(part.text for part in self.parts) or SYMBOLS[Outcome.MISSING]


def by_provider(results: Results) -> dict[str, list[Finding]]:
    """Return the findings of each provider, both in the order of the findings, without superseded reconstructions."""
    found: dict[str, list[Finding]] = {}
    for one in standing(results.findings):
        found.setdefault(one.provider, []).append(one)
    return found


def providers(results: Results) -> list[str]:
    """Return the providers in the order of the findings."""
    return list(dict.fromkeys(recording.provider for recording in results.recordings()))


def recorded(results: Results) -> list[str]:
    """Return the providers with recordings."""
    have = {recording.provider for recording in results.recordings() if not recording.stands_in}
    return [provider for provider in providers(results) if provider in have]


def unrecorded(results: Results, told: Callable[[str], str] = str) -> str:
    """
    Return a line with the providers and families without recordings; empty if there are none.

    ``told`` translates the sentences; documents are English.
    """
    have, shown = recorded(results), families(results)
    absent = [provider for provider in providers(results) if provider not in have]
    empty = [name for name in _all_families(results) if name not in shown]
    said = [told(NOT_RECORDED).format(names=", ".join(absent))] if absent else []
    said += [told(NOT_JUDGED).format(names=", ".join(empty))] if empty else []
    return " ".join(said)


def families(results: Results) -> list[str]:
    """Return the families with a verdict, in the order of the findings."""
    judged = {family for _, family in family_cells(results)}
    return [name for name in _all_families(results) if name in judged]


def _all_families(results: Results) -> list[str]:
    """Return the families of checks, without that of missing recordings."""
    return [name for name in dict.fromkeys(f.family for f in results.findings) if name != "recording"]


def family_cells(results: Results) -> dict[tuple[str, str], Cell]:
    """
    Return the cell of each provider and family, without superseded reconstructions; each dialect other than chat is
    a family of its own. A missing recording is counted in no family.
    """
    cells: dict[tuple[str, str], Cell] = {}
    for finding in standing(results.findings):
        if finding.outcome is not Outcome.NA and finding.family != "recording":
            cells.setdefault((finding.provider, _column(finding)), Cell()).findings.append(finding)
    return cells


def _column(finding: Finding) -> str:
    """Return the column of a finding: the family, or a dialect other than chat as a whole."""
    return finding.family if finding.dialect == "chat" else finding.dialect


def feature_cell(findings: Iterable[Finding], check: str, said: Callable[[str], str] = str) -> str:
    """
    Return the values of an observation in chat, each with the count per kind of evidence, and the newest.

    ``said`` translates a value; documents are English.
    """
    by_value: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.check == check and finding.outcome is Outcome.OBSERVED and finding.dialect == "chat":
            by_value.setdefault(finding.value or "none", []).append(finding)
    if len(by_value) > 1 and "none" in by_value and check == "reasoning.place":
        del by_value["none"]  # a chat model beside a thinking one says nothing about the place
    told = {value: counted(seen) for value, seen in sorted(by_value.items(), key=lambda item: _best_first(item[1]))}
    return "; ".join(f"{said(value)} ({basis})" for value, basis in told.items()) or SYMBOLS[Outcome.MISSING]


def _best_first(findings: list[Finding]) -> tuple[int, int]:
    best = bases(findings)
    return (KINDS.index(best[0].kind), -best[0].recordings) if best else (len(KINDS), 0)


def counted(findings: Iterable[Finding]) -> str:
    """Return the number of judged recordings of each kind, such as ``P 12 2026-08, C 3 2026-10``."""
    return ", ".join(
        f"{PROVENANCES[one.kind]} {one.recordings} {(one.newest or '')[:7]}".rstrip() for one in bases(findings)
    )


def coverage(findings: Iterable[Finding]) -> str:
    """
    Return how many of a provider's target × scenario cases have a recording, recorded or published, and how many
    are wanted, then the number of recordings of each kind, such as ``2/61: P 67 2026-08, C 48 2026-10``; then those
    in other dialects, as ``; messages 25/25: R 25 2026-11``.
    """
    by_dialect: dict[str, list[Finding]] = {}
    for one in findings:
        if not (one.family == "recording" and one.outcome is Outcome.NA):
            by_dialect.setdefault(one.dialect, []).append(one)
    told = ((name, _covered(by_dialect[name])) for name in sorted(by_dialect))
    return "; ".join(text if name == "chat" else f"{name} {text}" for name, text in told)


def _covered(judged: list[Finding]) -> str:
    cases: dict[tuple[str, str], bool] = {}
    for one in judged:
        if not one.scenario.startswith(f"{PUBLISHED}."):
            cases[one.model, one.scenario] = one.family != "recording" and one.provenance in EVIDENCE
    asked = f"{sum(cases.values())}/{len(cases)}" if cases else ""
    return ": ".join(filter(None, (asked, counted(one for one in judged if one.family != "recording"))))
