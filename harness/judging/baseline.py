"""
A baseline: the known deviations of one's own endpoint, in the format of deviations.yaml, and the result for each.

How it works: every response is judged with the entries that apply to it, like recordings of the matrix, and for
each entry and scenario it is noted whether an expected problem occurred.  An entry is stale in a scenario that was
judged and does not show it in any repetition, unless it is marked ``sometimes``.  Scenarios not sent, not answered
or not applicable do not bear on an entry; the summary says so.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from harness.checks import CHECKS, Check
from harness.judging.baseline_text import edited
from harness.judging.deviations import load_baseline
from harness.judging.drafted import SaidProblem, alike, as_yaml, drafted_entries
from harness.judging.runner import RECORDING, Subject, judge_beside, judge_exchanges, problems_of
from harness.matrix.dialects import EVERY_SCENARIO
from harness.matrix.providers import slug
from harness.recording.atomic import write_atomically
from harness.results import BaselineEntry, BaselineSummary, Deviation, Finding, Outcome, first_message
from harness.wire.exchange import Exchange

Judge = Callable[[list[Exchange], Subject, Iterable[Check]], Iterable[Finding]]
"""Returns the findings on the exchanges of one scenario."""

_TELLING = frozenset({Outcome.FAIL, Outcome.KNOWN, Outcome.CHANGED})
_PASSING = frozenset({Outcome.PASS, Outcome.FIXED})
_HEAD = """\
# The known deviations of this endpoint, for `harness probe --baseline`.
# Write the reason of each. In a message, * stands for any text. sometimes: true is for what not every answer shows.
"""
_NOT_SELECTED = "not selected"


def judged_alone(exchanges: list[Exchange], subject: Subject, checks: Iterable[Check]) -> Iterator[Finding]:
    """Yield the findings without any known deviations."""
    return judge_beside(exchanges, subject, checks, None)


@dataclass(slots=True)
class Baseline:
    """
    The entries of a baseline while an endpoint is judged: pass each response to ``judge``, then call ``summary``.

    ``drafting`` accepts a file with reasons still empty, or a missing file.
    """

    path: Path
    model: str
    drafting: bool = False
    _listed: list[tuple[int, Deviation]] = field(default_factory=list)
    _seen: dict[tuple[int, str], bool] = field(default_factory=dict)
    _problems: dict[tuple[str, str, str], list[set[str]]] = field(default_factory=dict)
    _asked: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Read the file; raise BadDeviations if it can't be read."""
        if self.drafting and not self.path.exists():
            return
        listed = load_baseline(self.path, drafted=self.drafting)
        # An entry shown by a fault of the catalogue concerns the past: no current response has it.
        self._listed = [
            (line, replace(entry, models=()))
            for line, entry in zip(_lines(self.path), listed, strict=True)
            if not entry.fault and (not entry.models or slug(self.model) in entry.models)
        ]

    def judge(self, exchanges: list[Exchange], subject: Subject, checks: Iterable[Check]) -> Iterator[Finding]:
        """Yield the findings on the responses to one scenario, with its listed deviations."""
        self._asked[subject.scenario] += 1
        listed = tuple(entry for _, entry in self._listed)
        for finding in judge_exchanges(exchanges, subject, checks, listed):
            messages = {problem.message for problem in self._said(finding, exchanges)}
            self._keep(finding, messages)
            self._note(finding, messages)
            yield self._told(finding)

    def _keep(self, finding: Finding, messages: set[str]) -> None:
        """Record a rule's problem on one response by its subject: numbers and texts may differ in the next."""
        for about in {alike(message) for message in messages}:
            said = {message for message in messages if alike(message) == about}
            self._problems.setdefault((finding.check, finding.scenario, about), []).append(said)

    @staticmethod
    def _said(finding: Finding, exchanges: list[Exchange]) -> Any:
        return problems_of(exchanges, CHECKS[finding.check]) if finding.outcome in _TELLING else ()

    def _note(self, finding: Finding, messages: set[str]) -> None:
        if finding.outcome not in _TELLING | _PASSING:
            return
        for number, (_, entry) in enumerate(self._listed):
            if entry.covers(finding.check, finding.scenario, finding.model):
                seen = any(map(entry.expects, messages))
                self._seen[number, finding.scenario] = self._seen.get((number, finding.scenario), False) or seen

    def _told(self, finding: Finding) -> Finding:
        if finding.outcome is Outcome.KNOWN:
            entry = next(
                one for _, one in self._listed if one.check == finding.check and _of_first(one, finding.message)
            )
            finding.known, finding.source = f"{entry.seen}: {entry.reason}", entry.source
        elif finding.outcome is Outcome.FIXED:
            finding.message = finding.message.replace("deviations.yaml", self.path.name)
        return finding

    def summary(self, findings: Iterable[Finding]) -> BaselineSummary:
        """Return the result for each entry, given the findings of everything selected."""
        found = list(findings)
        return BaselineSummary(
            str(self.path),
            tuple(self._entry(number, line, entry, found) for number, (line, entry) in enumerate(self._listed)),
        )

    def _entry(self, number: int, line: int, entry: Deviation, findings: list[Finding]) -> BaselineEntry:
        judged = {scenario: seen for (one, scenario), seen in self._seen.items() if one == number}
        shown = tuple(scenario for scenario, seen in judged.items() if seen)
        gone = tuple(scenario for scenario, seen in judged.items() if not seen)
        told = (entry.message, entry.reason)
        if gone and not entry.sometimes:
            return BaselineEntry(entry.check, line, "stale", gone, *told)
        if judged:
            return BaselineEntry(entry.check, line, "known", shown, *told)
        return BaselineEntry(entry.check, line, "not judged", entry.scenarios, *told, _unjudged(entry, findings))

    def problems(self) -> Iterator[SaidProblem]:
        """Yield the problems that are not listed; ``sometimes`` if only some of several responses had them."""
        day = datetime.now(UTC).date().isoformat()
        order = {name: number for number, name in enumerate(EVERY_SCENARIO)}
        # Responses arrive in varying order; a committed file needs a fixed one.
        for (check, scenario, _), said in sorted(self._problems.items(), key=lambda one: order.get(one[0][1], 0)):
            listed = [one for _, one in self._listed if one.covers(check, scenario, self.model)]
            for message in dict.fromkeys(message for messages in said for message in sorted(messages)):
                if not any(one.expects(message) for one in listed):
                    yield SaidProblem(check, scenario, message, day, sometimes=len(said) < self._asked[scenario])

    def write(self, summary: BaselineSummary) -> int:
        """
        Rewrite the file: drop stale entries, add new ones without a reason; return how many lack one.

        Everything else is preserved, including comments and order.
        """
        if not self.path.exists():
            listed = list(drafted_entries(self.problems()))
            return self._written(_HEAD + as_yaml({"deviations": listed}), listed)
        text = self.path.read_text(encoding="utf-8")
        stale = {entry.line for entry in summary.of("stale")}
        raw = yaml.safe_load(text)["deviations"]
        changed = {
            number: self._narrowed(entry, line)
            for number, (line, entry) in enumerate(zip(_lines(self.path), raw, strict=True))
            if line in stale
        }
        added = list(drafted_entries(self.problems()))
        listed = [*filter(None, (changed.get(number, entry) for number, entry in enumerate(raw))), *added]
        told = edited(text, changed, added)
        return self._written(told or text.partition("deviations:")[0] + as_yaml({"deviations": listed}), listed)

    def _written(self, text: str, listed: list[dict[str, Any]]) -> int:
        write_atomically(self.path.resolve(), text.encode())
        return sum(not entry.get("reason") for entry in listed)

    def _narrowed(self, raw: dict[str, Any], line: int) -> dict[str, Any] | None:
        """Return a stale entry with its remaining scenarios, None if none remain."""
        ((number, entry),) = [(number, entry) for number, (at, entry) in enumerate(self._listed) if at == line]
        gone = {scenario for (one, scenario), seen in self._seen.items() if one == number and not seen}
        shown = [scenario for (one, scenario), seen in self._seen.items() if one == number and seen]
        left = [one for one in entry.scenarios if one not in gone] or shown
        return raw | {"scenarios": left} if left else None


def _of_first(entry: Deviation, message: str) -> bool:
    return entry.expects(first_message(message))


def _unjudged(entry: Deviation, findings: list[Finding]) -> str:
    """Return why an entry was not judged: the reason for its rule, or else for its scenario."""
    covered = [one for one in findings if not entry.scenarios or one.scenario in entry.scenarios]
    of_rule = [one for one in covered if one.check == entry.check] or [one for one in covered if one.check == RECORDING]
    said = Counter(f"{one.outcome}: {one.message}" if one.message else str(one.outcome) for one in of_rule)
    return said.most_common(1)[0][0] if said else _NOT_SELECTED


def _lines(path: Path) -> list[int]:
    """Return the line on which each entry of a list of deviations begins; the list has already been validated."""
    root = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    (items,) = [value.value for key, value in pairs if key.value == "deviations"]
    return [item.start_mark.line + 1 for item in items]
