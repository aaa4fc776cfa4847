"""
Proves the rules by running every fault of the catalogue against every rule.

A good rule catches its fault and raises no false positive, so each fault must be caught by the rule it is meant
for, each rule must have a fault that no other rule reports (or say why not), no legal variant and no reference may
raise an alarm, and of two faults at once both must be reported.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

from harness.checks import CHECKS, Check
from harness.judging.runner import Subject, judge_exchanges
from harness.matrix.dialects import SCENARIOS_OF
from harness.results import Finding, Level, Outcome
from harness.simulate.edits import NothingChanged
from harness.simulate.faults import FAULTS_OF, VARIANTS_OF, Fault, Variant
from harness.simulate.recordings import recording
from harness.wire.dialect import DIALECTS, DialectName
from harness.wire.exchange import Exchange

_SUBJECT = Subject("proof", "reference", "-", "-")
_RULES = {
    dialect: [check for check in CHECKS.values() if check.level is not Level.OBSERVE and check.dialects[0] == dialect]
    for dialect in DIALECTS
}
"""The rules that the faults of each dialect prove; the shared ones are proved by those of the first, chat."""
_QUIET = {Outcome.PASS, Outcome.NA, Outcome.OBSERVED}

EXEMPT: dict[str, str] = {
    "usage.before-done": "usage after the mark is something after the mark: sse.done-last",
    "sdk.error-class": "the SDK shows whatever message there is, so it fails where there is none: error.message",
    "sdk.reads": "what is wrong with the bytes has a rule, and what is legal and breaks the SDK alone is shown by sse.bom and "
    "sse.blank-lines",
    "messages.sdk-reads": "what ends the SDK lacks what a rule of its own asks for, such as messages.usage-at-start",
    "messages.sdk-loses-nothing": "the SDK passes over events that are named otherwise than their type: messages.event-name",
    "messages.sdk-error-shown": "the SDK shows whatever message there is, so it fails where there is none: "
    "messages.error-envelope",
    "completions.sdk-reads": "what ends the SDK breaks a rule that chat shares, such as sse.json or sse.no-error",
    "messages.cap-required": "where it is known that a request is to be refused, error.refused says so too",
}
"""Rules without a fault that they alone report, and why."""

_OF_SDKS = ("sdk.", "messages.sdk-", "completions.sdk-")
"""Prefixes of the rules about how an official SDK handles a response."""


@dataclass(frozen=True, slots=True)
class MutantResult:
    """The rules' results for one fault: those that fail, those blocked by failures of others, those that crash."""

    fault: Fault
    failing: tuple[str, ...]
    blocked: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def by_its_rule(self) -> bool:
        """Whether the rule it is meant for fails."""
        return self.fault.rule in self.failing

    @property
    def by_its_rule_alone(self) -> bool:
        """Whether no other rule fails; those of the SDK, which parses the same bytes again, don't count."""
        others = [rule for rule in self.failing if rule != self.fault.rule]
        second = () if self.fault.rule.startswith(_OF_SDKS) else _OF_SDKS
        return self.by_its_rule and all(rule.startswith(second) for rule in others)


PairOutcome = Literal["both fail", "one fails, one is blocked", "both are blocked", "hidden"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two faults of different rules at once, and the results of the two rules."""

    first: Fault
    second: Fault
    outcome: PairOutcome


@dataclass(slots=True)
class Proof:
    """The whole proof; ``alarms`` are reports against variants and references, of which there must be none."""

    caught: list[MutantResult]
    alarms: dict[str, list[str]]
    references: int
    pairs: list[Pair] = field(default_factory=list)
    dialect: DialectName = "chat"

    @property
    def rules(self) -> list[Check]:
        """The rules that are to be proved."""
        return _RULES[self.dialect]

    @property
    def missed(self) -> list[str]:
        """The faults that their rule does not catch."""
        return [one.fault.id for one in self.caught if not one.by_its_rule]

    def killed_only_by(self, rule: str) -> list[str]:
        """Return the faults that ``rule`` alone reports."""
        return [one.fault.id for one in self.caught if one.fault.rule == rule and one.by_its_rule_alone]

    @property
    def unproven(self) -> list[str]:
        """The rules without a fault of their own that do not say why."""
        return [check.id for check in self.rules if not self.killed_only_by(check.id) and check.id not in EXEMPT]

    @property
    def shortfalls(self) -> dict[str, list[str]]:
        """Return the unmet requirements of the proof, by kind; all empty if it holds."""
        alarms = [f"{name}: {'; '.join(said)}" for name, said in self.alarms.items()]
        broken = [f"{one.fault.id}: {', '.join(one.broken)}" for one in self.caught if one.broken]
        return {
            "missed": self.missed,
            "broken": broken,
            "no fault of its own": self.unproven,
            "alarm": alarms,
            "hidden": self.hidden,
        }

    @property
    def hidden(self) -> list[str]:
        """The pairs in which one fault is neither reported nor shown as blocked by a rule that fails."""
        return [f"{pair.first.id} + {pair.second.id}" for pair in self.pairs if pair.outcome == "hidden"]


def try_faults(dialect: DialectName = "chat", *, pairs: bool = True) -> Proof:
    """Try every fault, variant and reference of a dialect, and with ``pairs`` every pair of faults."""
    references = _references(dialect)
    innocent = references | {variant.id: variant.apply() for variant in VARIANTS_OF[dialect].values()}
    rules = [check for check in CHECKS.values() if check.level is not Level.OBSERVE]
    caught = [_caught(fault, rules) for fault in FAULTS_OF[dialect].values()]
    alarms = {name: _alarms(exchange) for name, exchange in innocent.items()}
    proof = Proof(caught, alarms, len(references), dialect=dialect)
    proof.alarms = {name: said for name, said in proof.alarms.items() if said}
    proof.pairs = list(all_pairs(FAULTS_OF[dialect].values())) if pairs else []
    return proof


def _references(dialect: DialectName) -> dict[str, Exchange]:
    """Return all responses of the ideal provider in a dialect."""
    table = SCENARIOS_OF[dialect]
    return {f"{name} #{n}": one for name in table for n, one in enumerate(recording(table[name]))}


def _findings(exchange: Exchange, checks: Iterable[Check]) -> list[Finding]:
    return list(judge_exchanges([exchange], _SUBJECT, checks))


def _caught(fault: Fault, rules: Iterable[Check]) -> MutantResult:
    found = _findings(fault.apply(), rules)
    by_outcome = {
        outcome: tuple(one.check for one in found if one.outcome is outcome)
        for outcome in (Outcome.FAIL, Outcome.BLOCKED, Outcome.BROKEN)
    }
    return MutantResult(fault, *by_outcome.values())


def _alarms(exchange: Exchange) -> list[str]:
    return [f"{one.check}: {one.message}" for one in _findings(exchange, CHECKS.values()) if one.outcome not in _QUIET]


def all_pairs(faults: Iterable[Fault]) -> Iterator[Pair]:
    """
    Yield every pair of compatible faults of one scenario and of different rules.

    Two are compatible if both change something in either order, with the same result.
    """
    by_scenario: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        by_scenario[fault.on].append(fault)
    for group in by_scenario.values():
        reference = group[0].reference()
        for first, second in combinations(group, 2):
            exchange = _with_both(reference, first, second) if first.rule != second.rule else None
            if exchange is not None:
                yield Pair(first, second, _outcome_of_pair(exchange, first, second))


def _with_both(reference: Exchange, first: Fault, second: Fault) -> Exchange | None:
    try:
        one, other = second.change(first.change(reference)), first.change(second.change(reference))
    except NothingChanged:
        return None
    return one if _same(one, other) else None


def _same(one: Exchange, other: Exchange) -> bool:
    a, b = one.response, other.response
    return (a.body, a.status, a.eof, a.error, a.headers.pairs) == (b.body, b.status, b.eof, b.error, b.headers.pairs)


def _outcome_of_pair(exchange: Exchange, first: Fault, second: Fault) -> PairOutcome:
    outcomes = [one.outcome for one in _findings(exchange, [CHECKS[first.rule], CHECKS[second.rule]])]
    if not set(outcomes) <= {Outcome.FAIL, Outcome.BLOCKED}:
        return "hidden"
    return {2: "both fail", 1: "one fails, one is blocked"}.get(outcomes.count(Outcome.FAIL), "both are blocked")  # type: ignore[return-value]


_NAMES: dict[DialectName, str] = {
    "chat": "Chat completions",
    "messages": "Messages",
    "completions": "Legacy completions",
}

OWN = "# Proof of the rules\n"
"""Pattern of the beginning of a proof file."""


def render(*proofs: Proof) -> str:
    """Return the proofs as a Markdown document, that of chat completions first."""
    parts: list[str] = []
    for proof in proofs:
        parts += ["# Proof of the rules" if not parts else f"# {_NAMES[proof.dialect]}", summary(proof)]
        parts += ["## Rules", _rules(proof), "## Faults", _faults(proof), "## Legal variants", _variants(proof)]
    return "\n\n".join(parts) + "\n"


def summary(proof: Proof) -> str:
    """Return the counts as a paragraph."""
    caught = sum(one.by_its_rule for one in proof.caught)
    alone = sum(one.by_its_rule_alone for one in proof.caught)
    seen = sum(fault.seen for fault in FAULTS_OF[proof.dialect].values())
    rules_with_own_fault = sum(bool(proof.killed_only_by(check.id)) for check in proof.rules)
    shown = Counter(pair.outcome for pair in proof.pairs)
    told = (
        f"{caught} of {len(proof.caught)} faults are caught by the rule meant for them, {alone} by it alone; "
        f"for {seen} of them a report of such an answer is cited. "
        f"{rules_with_own_fault} of {len(proof.rules)} rules have a fault that only they report, the others say why not. "
        f"Of {len(VARIANTS_OF[proof.dialect])} legal variants and {proof.references} reference exchanges {len(proof.alarms)} raise an "
        f"alarm."
    )
    if not proof.pairs:
        return told
    return told + (
        f" Of {len(proof.pairs)} pairs of faults of different rules at once, both rules fail in "
        f"{shown['both fail']}, one fails and the other is shown as blocked in {shown['one fails, one is blocked']}, "
        f"both are blocked by a third in {shown['both are blocked']}, and {shown['hidden']} hide one."
    )


def _rules(proof: Proof) -> str:
    rows: list[list[object]] = []
    for check in proof.rules:
        meant = [one for one in proof.caught if one.fault.rule == check.id]
        others = sum(check.id in one.failing for one in proof.caught) - len(meant)
        rows.append(
            [
                check.id,
                check.level.value,
                len(meant),
                len(proof.killed_only_by(check.id)),
                others,
                EXEMPT.get(check.id, ""),
            ]
        )
    headers = ["rule", "level", "faults", "that only it reports", "other faults it reports", "why none is its own"]
    return _table(headers, rows)


def _faults(proof: Proof) -> str:
    rows: list[list[object]] = [
        [
            one.fault.id,
            _cell(one.fault.title),
            one.fault.on,
            f"{one.fault.rule}{'' if one.by_its_rule else ' ✗ missed'}",
            ", ".join(rule for rule in one.failing if rule != one.fault.rule),
            len(one.blocked),
            _link(one.fault),
        ]
        for one in proof.caught
    ]
    headers = ["fault", "what is wrong", "on", "caught by", "also by", "blocks", "source"]
    return _table(headers, rows)


def _variants(proof: Proof) -> str:
    rows: list[list[object]] = [
        [one.id, _cell(one.title), one.on, _link(one)] for one in VARIANTS_OF[proof.dialect].values()
    ]
    return _table(["variant", "what is other", "on", "source"], rows)


def _table(headers: list[str], rows: list[list[object]]) -> str:
    """Return a Markdown table; not padded, since the links would make every row as long as the longest."""
    lines: list[list[object]] = [[*headers], ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _link(one: Variant) -> str:
    source = one.source or (CHECKS[one.rule].source if isinstance(one, Fault) else "")
    if not source.startswith("https://"):
        return source
    return f"[{'seen' if one.seen else 'rule'}]({source})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
