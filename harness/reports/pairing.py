"""
Compares two runs: findings are paired by cell, and grouped by change, with who changed.

How it works: if one run has no finding for a cell, its finding on the whole recording is used (``missing``, a
rejected capability), or else its absence.  Cells that changed alike become one group: those of one provider and
rule, or of one provider and reason if a reason explains many rules.
"""

import re
from collections.abc import Iterable
from pathlib import PurePath

from harness.errors import NothingInCommon
from harness.reports.changes import (
    ASKED,
    BETWEEN,
    SHAPE,
    UNJUDGED,
    Absence,
    Cell,
    Change,
    Diff,
    Group,
    Kind,
    Recording,
    State,
    badness,
    kind_of,
    place_of,
)
from harness.results import Finding, Level, Outcome, RecordingResult, Results, Run

_RECORDING = "recording"  # the family of the finding that replaces the checks if there is nothing to judge
_WORDED = frozenset({Outcome.BLOCKED, Outcome.NA, *UNJUDGED})  # the reason says more than the rule
_BY_HAND = frozenset({Outcome.KNOWN, Outcome.CHANGED, Outcome.FIXED})  # what deviations.yaml affects
_OF_WORDS = frozenset({"parity.text", "multi_turn.result-used"})  # another response may well differ
_VOLATILE = re.compile(r" \(and \d+ more\)|'[^']*'|\"[^\"]*\"|[\w.-]*\d[\w.-]*")  # in a message: values, counts, ids
_TIMES = re.compile(r"×\d+")
_PART = re.compile(r"(?:#|:)\d+$")


def compare(runs: tuple[Results, Results], names: tuple[str, str] = ("OLD", "NEW")) -> Diff:
    """
    Compare two runs; ``names`` are their names.

    Raises:
        NothingInCommon: not one cell is in both.
    """
    before, after = _sides(*runs)
    if not before.shares(after):
        raise NothingInCommon(
            f"nothing in common: {names[0]} has {before.about}, {names[1]} has {after.about}; "
            "give two runs of the same targets"
        )
    pairs = _PairedCells(before, after, names)
    for recording in after.recordings:
        pairs.add(recording, after)
    for recording in before.recordings:
        pairs.add(recording, before)
    return Diff((names[0], before.run), (names[1], after.run), sorted(pairs.groups.values(), key=_weight), pairs.same)


def _weight(group: Group) -> tuple[int, int, int, int]:
    kinds, levels = list(Kind), list(Level)
    worst = max(badness(change.new.outcome) for change in group.changes)
    return kinds.index(group.kind), levels.index(group.level), -worst, -len(group.changes)


class _Side:
    """The findings of one run, by recording; those of a recording are made on access."""

    def __init__(self, results: Results, *, tail: int | None) -> None:
        self.run = results.run
        self.recordings: dict[Recording, list[RecordingResult]] = {}
        self._levels = results.checks
        self._looked_at: tuple[Recording | None, dict[str, Finding]] = (None, {})
        for judged in results.recordings():
            where = "" if tail is None else (judged.cassette or "")[tail:]
            recording = (judged.provider, judged.model, judged.scenario, where)
            self.recordings.setdefault(recording, []).append(judged)
        asked = (one for one, found in self.recordings.items() if any(_tells_of_question(judged) for judged in found))
        self.asked_otherwise = {_question(recording) for recording in asked}

    def findings(self, recording: Recording) -> dict[str, Finding]:
        """Return the findings on a recording by check; none if it is not in the run."""
        if self._looked_at[0] != recording:
            found = self.recordings.get(recording, ())
            by_check = {one.check: one for judged in found for one in judged.all_findings(self._levels)}
            self._looked_at = recording, by_check
        return self._looked_at[1]

    @property
    def about(self) -> str:
        """The recordings in it, by their first cell."""
        first = next(iter(self.recordings))
        return place_of((first, next(iter(self.findings(first)))))

    def shares(self, other: "_Side") -> bool:
        """Return whether any cell is in both, directly or by a finding on the whole recording."""
        both = [recording for recording in self.recordings if recording in other.recordings]
        unjudged = any(side.stand_in(recording) for recording in both for side in (self, other))
        return unjudged or any(self.findings(one).keys() & other.findings(one).keys() for one in both)

    def stands_in(self, cell: Cell) -> bool:
        """Return whether the recording of ``cell`` was not judged, and this is the finding that says so."""
        return self.stand_in(cell[0]) is not None and cell[1].startswith(f"{_RECORDING}.")

    def state(self, cell: Cell, name: str) -> State:
        """Return the state of a cell in the run; ``name`` is the name of the run."""
        recording, check = cell
        finding = self.findings(recording).get(check)
        if finding:
            return State(finding.outcome, finding.message, finding, finding.message)
        stand_in = self.stand_in(recording)
        if stand_in:
            shared = "" if stand_in.outcome is Outcome.MISSING else stand_in.message  # it names the missing file
            return State(stand_in.outcome, stand_in.message, None, shared)
        if recording not in self.recordings:
            return _absent(Absence.RECORDING, name)
        if check.startswith(f"{_RECORDING}."):  # it is reported only if a part is missing
            whole = self.recordings[recording][0]
            return State(Outcome.PASS, "", Finding(*recording[:3], check, Level.MUST, Outcome.PASS, recorded_at=whole.recorded_at))  # fmt: skip
        return _absent(Absence.VERDICT if check in self._levels else Absence.RULE, name)

    def stand_in(self, recording: Recording) -> Finding | None:
        """Return the finding that says why a recording was not judged; None if it was."""
        found = self.recordings.get(recording, [])
        alone = found[0].findings if len(found) == 1 and not found[0].groups else []
        return alone[0] if len(alone) == 1 and alone[0].family == _RECORDING else None


class _PairedCells:
    """The cells of two runs, paired one recording at a time."""

    def __init__(self, before: _Side, after: _Side, names: tuple[str, str]) -> None:
        self.groups: dict[tuple[object, ...], Group] = {}
        self.same = 0
        self._sides, self._names = (before, after), names

    def add(self, recording: Recording, of: _Side) -> None:
        """Pair a run's cells of a recording; of the old run only those that the new one lacks."""
        before, after = self._sides
        new = after.findings(recording)
        checks = list(new) if of is after else [check for check in before.findings(recording) if check not in new]
        for check in checks:
            cell = (recording, check)
            if before.stands_in(cell) == after.stands_in(cell):  # else the checks that it replaces are compared
                self._pair(cell, before.state(cell, self._names[0]), after.state(cell, self._names[1]))

    def _pair(self, cell: Cell, old: State, new: State) -> None:
        change = _change(cell, old, new, self._sides)
        if change is None:
            self.same += old.judged is new.judged
        else:
            self.groups.setdefault(_alike(change), Group(change.kind)).changes.append(change)


def _tells_of_question(judged: RecordingResult) -> bool:
    families = {*(group.family for group in judged.groups), *(finding.family for finding in judged.findings)}
    return ASKED in families


def _absent(what: Absence, name: str) -> State:
    reason = f"{what.value} {name}"
    return State(Outcome.MISSING, reason, None, reason, what)


def _sides(old: Results, new: Results) -> tuple[_Side, _Side]:
    """Return both runs by cell; recordings of an audit are identified by path, without its common part."""
    if not any(_told_by_path(results) for results in (old, new)):
        return _Side(old, tail=None), _Side(new, tail=None)
    whole = _Side(old, tail=0), _Side(new, tail=0)
    if whole[0].shares(whole[1]):
        return whole
    return _Side(old, tail=_common(old)), _Side(new, tail=_common(new))


def _told_by_path(results: Results) -> bool:
    return any(judged.scenario.startswith("audit.") for judged in results.recordings())


def _common(results: Results) -> int:
    """Return the length of the common beginning of the paths of all recordings: whole folders, or the one file."""
    origins = {judged.cassette or "" for judged in results.recordings()}
    files = {_PART.sub("", origin) for origin in origins}
    if len(files) == 1:
        return len(files.pop())
    parents = [PurePath(file).parent.parts for file in files]
    shared = 0
    while all(len(parts) > shared and parts[shared] == parents[0][shared] for parts in parents):
        shared += 1
    folder = str(PurePath(*parents[0][:shared]))
    return len(folder) + 1 if shared else 0


def _change(cell: Cell, old: State, new: State, sides: tuple[_Side, _Side]) -> Change | None:
    kind = kind_of(old.judged, new.judged) or _value_change(cell[1], old, new)
    if kind is None:
        return None
    found = new.finding or old.finding
    level = found.level if found else Level.MUST
    return Change(kind, cell, level, old, new, _attribution(cell, old, new, sides))


def _value_change(check: str, old: State, new: State) -> Kind | None:
    """Return the kind of change if the outcome stayed and its value or problem did not; counts do not matter."""
    if not old.finding or not new.finding or old.outcome is not new.outcome:
        return None
    if old.outcome is Outcome.OBSERVED:
        if check in _OF_WORDS and old.finding.recorded_at != new.finding.recorded_at:
            return None
        if _TIMES.sub("", old.value or "") == _TIMES.sub("", new.value or ""):
            return None
        return {SHAPE: Kind.SHAPE, ASKED: Kind.ASKED}.get(new.finding.family, Kind.BEHAVIOUR)
    said = badness(old.outcome) > 1 or old.outcome is Outcome.KNOWN
    return Kind.BEHAVIOUR if said and _VOLATILE.sub("", old.reason) != _VOLATILE.sub("", new.reason) else None


def _alike(change: Change) -> tuple[object, ...]:
    """Return the grouping key of changes: the reason if it explains many rules, else the rule."""
    shared = (change.kind, change.cell[0][0], change.by)
    old, new = change.old, change.new
    if new.outcome in _WORDED:
        return (*shared, "now", new.outcome, new.shared_reason)
    if old.outcome in _WORDED and change.kind in {Kind.GAINED, Kind.APPLIES, Kind.BETTER}:
        return (*shared, "before", old.outcome, old.shared_reason)
    return (*shared, change.check, old.outcome, new.outcome, old.value, new.value)


def _question(recording: Recording) -> Recording:
    """Return the recording without the number of the exchange."""
    return (*recording[:2], recording[2].partition("#")[0], recording[3])


def _attribution(cell: Cell, old: State, new: State, sides: tuple[_Side, _Side]) -> str:
    """Return who changed: the provider, if its recording did; else harness or the SDK, by version; else unknown."""
    before, after = old.finding, new.finding
    tools = _tools(cell[1], (old, new), sides[0].run, sides[1].run)
    if before is None or after is None:
        if Absence.RULE in {old.absence, new.absence}:
            return tools
        return f"recorded {after.recorded_at[:10]}" if after and after.recorded_at else ""
    if any(BETWEEN in name for name in cell[0][:2]):
        return f"another endpoint{f', or {tools}' if tools else ''}"
    if before.recorded_at != after.recorded_at or before.provenance != after.provenance:
        otherwise = _question(cell[0]) in sides[1].asked_otherwise
        who = "another question" if otherwise else "provider"
        return f"{who}: {_recorded_anew(before, after)}{f', or {tools}' if tools else ''}"
    same = f"same recording{'' if before.recorded_at else ', as far as one without a date tells'}"
    if tools:
        return f"{tools}, {same}"
    listed = "deviations.yaml, " if {old.outcome, new.outcome} & _BY_HAND else ""
    return f"{same}, harness and SDK: an edit of {listed}providers.yaml, the recording or the code"


def _recorded_anew(before: Finding, after: Finding) -> str:
    old, new = _day(before), _day(after)
    if before.provenance != after.provenance:
        return f"{after.provenance} {new} (before: {before.provenance} {old})"
    if old == new:
        return f"recorded anew the same day, {new}"
    return f"{'an older recording of' if new < old else 'recorded anew'} {new} (before: {old})"


def _day(finding: Finding) -> str:
    return finding.recorded_at[:10] if finding.recorded_at else "on a day unknown"


def _tools(check: str, states: Iterable[State], old: Run, new: Run) -> str:
    """Return the changed versions that affect the check: that of the SDK in its own family only."""
    reads = check.startswith("sdk.") or any(state.reason.startswith("sdk.") for state in states)
    changed = [f"harness {old.harness} → {new.harness}"] if old.harness != new.harness else []
    changed += [f"SDK {old.sdk} → {new.sdk}"] if old.sdk != new.sdk and reads else []
    return " and ".join(changed)
