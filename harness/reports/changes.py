"""
Defines the kinds of change of a cell between two runs.

How it works: two axes are kept apart.  One is whether a cell was judged at all: a lost verdict counts as a
regression, whatever it was, since a missing recording is not a pass.  The other is how bad the verdict is.  An
improvement is only claimed if the rule passes now; a failure that was listed, that is blocked, or whose rule no
longer applies is reported as such.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from harness.results import Evidence, Finding, Level, Outcome, Run

Recording = tuple[str, str, str, str]
"""Provider, model, scenario, and the path of the recording if these are ambiguous."""
Cell = tuple[Recording, str]
"""A recording and a check."""

SHAPE, ASKED = "shape", "asked"
"""
The families of observations in a comparison of two recordings: of the responses' form, and of the requests.

In an id of the first, a phase of the stream follows ``@``.
"""

UNJUDGED = frozenset({Outcome.MISSING, Outcome.INCONCLUSIVE})
"""Outcomes without a verdict."""

_KEPT = frozenset({Outcome.PASS, Outcome.OBSERVED, Outcome.FIXED})  # the rule holds
_BADNESS = {Outcome.BLOCKED: 1, Outcome.FIXED: 2, Outcome.CHANGED: 3, Outcome.FAIL: 3, Outcome.BROKEN: 4}


class Kind(StrEnum):
    """The kind of change of a cell, in the order of the report."""

    WORSE = "regression"
    FAILS = "new failure"
    LOST = "lost coverage"
    ASKED = "change of the question"
    LISTED = "newly listed deviation"
    APPLIES = "change of what applies"
    SHAPE = "change of shape"
    BEHAVIOUR = "change of behaviour"
    BETTER = "improvement"
    GAINED = "new coverage"

    @property
    def regression(self) -> bool:
        """Whether it makes the comparison fail."""
        return self in {Kind.WORSE, Kind.FAILS, Kind.LOST}


def kind_of(old: Outcome, new: Outcome) -> Kind | None:
    """Return the kind of change between two outcomes; None if there is nothing to report."""
    if new in UNJUDGED:
        return None if old in {*UNJUDGED, Outcome.NA} else Kind.LOST
    if old in UNJUDGED:
        return None if new is Outcome.NA else Kind.FAILS if badness(new) else Kind.GAINED
    return None if old is new else _of_two_verdicts(old, new)


def _of_two_verdicts(old: Outcome, new: Outcome) -> Kind:
    if badness(new) > badness(old):
        return Kind.WORSE
    if new is Outcome.KNOWN:
        return Kind.LISTED
    if Outcome.NA in {old, new}:
        return Kind.APPLIES
    better = badness(new) < badness(old) or old is Outcome.KNOWN
    return Kind.BETTER if better and new in _KEPT else Kind.BEHAVIOUR


def badness(outcome: Outcome) -> int:
    """Return how bad a verdict is; 0 for an expected one."""
    return _BADNESS.get(outcome, 0)


BETWEEN = " vs "
"""Separator of the names of two endpoints whose findings are compared as those of one."""


def place_of(cell: Cell) -> str:
    """Return ``provider/model/scenario/check``, with the file if that is ambiguous."""
    *target, where = cell[0]
    return f"{'/'.join([*target, cell[1]]).rstrip('/')}{f' in {where}' if where else ''}"


class Absence(StrEnum):
    """Why a run says nothing about a cell; the words before the name of the run."""

    RECORDING = "not in"
    VERDICT = "not judged in"
    RULE = "the rule is not in"


@dataclass(frozen=True, slots=True)
class State:
    """
    The state of a cell in one run.

    ``reason`` is the message shown; ``shared_reason`` the part of it that other recordings may share. ``finding``
    is None if the run has none: ``outcome`` is then that of the whole recording, or ``missing`` if there is none
    either, and ``absence`` says what is missing.
    """

    outcome: Outcome
    reason: str
    finding: Finding | None = None
    shared_reason: str = ""
    absence: Absence | None = None

    @property
    def judged(self) -> Outcome:
        """The outcome; ``missing`` if there is no finding, for any reason."""
        return self.outcome if self.finding else Outcome.MISSING

    @property
    def value(self) -> str | None:
        """The observed value."""
        return self.finding.value if self.finding else None

    @property
    def shown(self) -> str:
        """The outcome, or the observed value."""
        return f"{self.value}" if self.outcome is Outcome.OBSERVED and self.value is not None else self.outcome.value

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The places that show a problem."""
        return self.finding.evidence if self.finding else ()


@dataclass(frozen=True, slots=True)
class Change:
    """A cell that differs; ``by`` says who changed, as far as dates and versions show."""

    kind: Kind
    cell: Cell
    level: Level
    old: State
    new: State
    by: str

    @property
    def check(self) -> str:
        """The id of the check, without the phase."""
        return self.cell[1].partition("@")[0]

    @property
    def phase(self) -> str:
        """The phase of the stream that changed its shape; empty if all did, or for another change."""
        return self.cell[1].partition("@")[2]

    @property
    def place(self) -> str:
        """``provider/model/scenario/check``, with the file if ambiguous; only the recording if no rule is concerned."""
        return place_of((self.cell[0], "") if self.kind in {Kind.SHAPE, Kind.ASKED} else self.cell)


@dataclass(slots=True)
class Group:
    """Cells that changed in the same way: of one provider and check, or of one provider and reason."""

    kind: Kind
    changes: list[Change] = field(default_factory=list)

    @property
    def first(self) -> Change:
        """The first of them."""
        return self.changes[0]

    @property
    def provider(self) -> str:
        """The provider."""
        return self.first.cell[0][0]

    @property
    def checks(self) -> list[str]:
        """The rules."""
        return list(dict.fromkeys(change.check for change in self.changes))

    @property
    def recordings(self) -> list[Recording]:
        """The recordings."""
        return list(dict.fromkeys(change.cell[0] for change in self.changes))

    @property
    def phases(self) -> list[str]:
        """The phases of the stream; empty if it changed in all."""
        return list(dict.fromkeys(change.phase for change in self.changes if change.phase))

    @property
    def level(self) -> Level:
        """The most binding level."""
        return min((change.level for change in self.changes), key=list(Level).index)

    @property
    def transition(self) -> str:
        """The old and the new outcomes, such as ``3 pass, 1 observed → missing``."""
        sides = [[change.old for change in self.changes], [change.new for change in self.changes]]
        return " → ".join(map(_together, sides))

    @property
    def reason(self) -> str:
        """The reason in the new run, or in the old one if the new has none; both if only the reason differs."""
        old, new = self.first.old, self.first.new
        both = old.reason and new.reason and old.outcome is new.outcome
        return f"{new.reason} (before: {old.reason})" if both else new.reason or old.reason


def _together(states: list[State]) -> str:
    shown = {state.shown for state in states}
    if len(shown) == 1:
        return shown.pop()
    counts = Counter(state.outcome.value for state in states)
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items())


@dataclass(frozen=True, slots=True)
class Diff:
    """Two runs, by name, and their differences: groups, regressions first, and the number of unchanged cells."""

    old: tuple[str, Run]
    new: tuple[str, Run]
    groups: list[Group]
    same: int

    @property
    def regressions(self) -> list[Group]:
        """The groups that make the comparison fail."""
        return [group for group in self.groups if group.kind.regression]

    @property
    def counts(self) -> dict[Kind, int]:
        """The number of cells per kind of change."""
        found = Counter(dict.fromkeys(Kind, 0))
        for group in self.groups:
            found[group.kind] += len(group.changes)
        return {kind: count for kind, count in found.items() if count}
