"""Defines findings and how problems are judged: levels, outcomes, problems, deviations."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

from harness.wire.dialect import DialectName, dialect_of_scenario


class Level(StrEnum):
    """How binding a rule is."""

    __hash__ = str.__hash__  # Enum's own is slow Python, and these are looked up often

    MUST = "MUST"
    """The specification says so."""
    SHOULD = "SHOULD"
    """The reference provider does it and clients rely on it."""
    OBSERVE = "OBSERVE"
    """A fact to show in a table, not a judgement."""


class Outcome(StrEnum):
    """The outcome of a check; the worst first."""

    __hash__ = str.__hash__  # the same

    BROKEN = "broken"
    FAIL = "fail"
    CHANGED = "changed"
    FIXED = "fixed"
    KNOWN = "known"
    INCONCLUSIVE = "inconclusive"
    BLOCKED = "blocked"
    MISSING = "missing"
    PASS = "pass"  # noqa: S105 - an outcome
    OBSERVED = "observed"
    NA = "n/a"


UNEXPECTED = frozenset({Outcome.BROKEN, Outcome.FAIL, Outcome.CHANGED, Outcome.FIXED})
"""Unexpected outcomes: the run exits with 1."""

UNDECIDED = frozenset({Outcome.INCONCLUSIVE, Outcome.MISSING})
"""Outcomes without a verdict: there was nothing that a check could judge."""

VERDICTS = frozenset(Outcome) - UNDECIDED - {Outcome.BLOCKED, Outcome.NA}
"""Outcomes of a check that was judged."""

WORST_FIRST = {outcome: rank for rank, outcome in enumerate(Outcome)}


@dataclass(frozen=True, slots=True)
class Advice:
    """The impact of one form of a problem on a client, and what client code should do instead."""

    breaks: str
    instead: str


@dataclass(frozen=True, slots=True)
class Told:
    """The texts beside a finding's message or value: the title of its check, and the advice on its form."""

    title: str
    advice: Advice


@dataclass(frozen=True, slots=True)
class Problem:
    """
    A problem found by a check.

    ``at`` are its places, as ``(event number, JSON pointer)`` or ``(None, byte offset)``.  ``advice`` is specific
    to its form, if the check's general advice would mislead.
    """

    message: str
    at: tuple[tuple[int | None, str | int], ...] = ()
    advice: Advice | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The location of a problem: the exchange of the recording, event, byte offset in the body, JSON pointer."""

    exchange: int
    event: int | None
    offset: int
    pointer: str | None
    excerpt: str


@dataclass(frozen=True, slots=True)
class Deviation:
    """
    A known problem of a provider; ``message`` is the expected one, with ``*`` for any text.

    ``sometimes`` marks what depends on chance, such as load: its absence does not count as fixed. ``first_seen``
    and ``last_seen`` are the dates of its oldest and newest evidence; ``until`` is when it was fixed, if a source
    shows that.  ``fault`` is the fault of the catalogue that shows it if no recording does: such an entry is
    documentation, and expects nothing of recordings.  ``kind`` is the kind of evidence; ``breaks`` and ``instead``
    are its impact on a client and the workaround, where they add to the check's own.
    """

    check: str
    reason: str
    source: str
    first_seen: str
    message: str
    scenarios: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    sometimes: bool = False
    kind: str = "recording"
    until: str | None = None
    fault: str | None = None
    breaks: str | None = None
    instead: str | None = None
    last_seen: str | None = None

    @property
    def seen(self) -> str:
        """When it was seen, for display: the first and the last known date."""
        return (
            self.first_seen if self.last_seen in {None, self.first_seen} else f"{self.first_seen} to {self.last_seen}"
        )

    def covers(self, check: str, scenario: str, model: str) -> bool:
        """Return whether this concerns ``check`` in ``scenario`` with ``model``; empty lists mean all."""
        return (
            self.check == check
            and (not self.scenarios or scenario in self.scenarios)
            and (not self.models or model in self.models)
        )

    def expects(self, message: str) -> bool:
        """Return whether ``message`` is the expected one."""
        return re.fullmatch(".*".join(map(re.escape, self.message.split("*"))), message, re.DOTALL) is not None


@dataclass(slots=True)
class Finding:
    """
    The outcome of one check on one recording: a line of ``results.jsonl``.

    ``advice`` is specific to the form in ``message``; None if the check's own applies.  ``known`` says since when
    and why it is known, if a recording of no scenario was compared with the deviations of its provider. ``rate`` is
    the number of responses with this outcome and the number of responses, if a request was repeated and the
    outcomes differ.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    provider: str
    model: str
    scenario: str
    check: str
    level: Level
    outcome: Outcome
    message: str = ""
    evidence: tuple[Evidence, ...] = ()
    value: str | None = None
    provenance: Literal["recorded", "published", "reconstructed", "synthesised"] | None = None
    recorded_at: str | None = None
    source: str | None = None
    cassette: str | None = None
    advice: Advice | None = None
    known: str | None = None
    rate: tuple[int, int] | None = None

    @property
    def dialect(self) -> DialectName:
        """The dialect of the exchange, by the id of the scenario; chat is the default."""
        return dialect_of_scenario(self.scenario)

    @property
    def family(self) -> str:
        """The family of the check: the part of its id before the point."""
        return self.check.partition(".")[0]

    @property
    def cell(self) -> str:
        """The id of this finding: ``provider/model/scenario/check``."""
        return f"{self.provider}/{self.model}/{self.scenario}/{self.check}"


EXPECTED = "; expected: "
"""The separator between the found and the listed message of a finding that changed."""

_MORE = re.compile(r" \(and \d+ more\)$")


def first_message(message: str) -> str:
    """Return the message of the first problem of a finding, without the count of the others."""
    return _MORE.sub("", message)


def judge(problems: Sequence[Problem], listed: Sequence[Deviation]) -> tuple[Outcome, str]:
    """
    Return the outcome and message of a check that applied, given its problems and the listed deviations.

    Every problem must be expected by one of them: a new fault does not hide behind a known one.
    """
    messages = [problem.message for problem in problems]
    more = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
    expected = "; ".join(deviation.message for deviation in listed)
    if not messages and all(deviation.sometimes for deviation in listed):
        return Outcome.PASS, ""
    if not listed:
        return Outcome.FAIL, messages[0] + more
    if not messages:
        return Outcome.FIXED, f"no longer seen, delete its line from deviations.yaml: {expected}"
    new = [message for message in messages if not any(deviation.expects(message) for deviation in listed)]
    if new:
        return Outcome.CHANGED, f"{new[0]}{more}{EXPECTED}{expected}"
    return Outcome.KNOWN, messages[0] + more
