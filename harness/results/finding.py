"""What a check found, and how it is judged: problems, deviations, findings and their outcomes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

from harness.wire.dialect import DialectName, dialect_of_scenario


class Level(StrEnum):
    """How binding a rule is."""

    __hash__ = str.__hash__  # that of an Enum is written in Python, and these are looked up over and over

    MUST = "MUST"
    """The specification says so."""
    SHOULD = "SHOULD"
    """The reference provider does it and clients rely on it."""
    OBSERVE = "OBSERVE"
    """A fact worth a column, no judgement."""


class Outcome(StrEnum):
    """What became of a check; the worst first."""

    __hash__ = str.__hash__  # likewise

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
"""Outcomes nobody expected: the run exits with 1."""

UNDECIDED = frozenset({Outcome.INCONCLUSIVE, Outcome.MISSING})
"""Outcomes that are none: nothing came that a check could judge."""

VERDICTS = frozenset(Outcome) - UNDECIDED - {Outcome.BLOCKED, Outcome.NA}
"""Outcomes of a check that did judge."""

WORST_FIRST = {outcome: rank for rank, outcome in enumerate(Outcome)}


@dataclass(frozen=True, slots=True)
class Advice:
    """What one form of a problem breaks for a client, and what client code does instead."""

    breaks: str
    instead: str


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a finding beside its message or value: the title of its check, and the advice on its form."""

    title: str
    advice: Advice


@dataclass(frozen=True, slots=True)
class Problem:
    """
    What a check found wrong.

    ``at`` are the places that show it, as ``(event number, JSON pointer)`` or ``(None, byte offset)``.  ``advice`` is
    that of its form, where what the check says of all its forms would lead astray.
    """

    message: str
    at: tuple[tuple[int | None, str | int], ...] = ()
    advice: Advice | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a problem shows: the exchange of the recording, event, byte offset in the body, JSON pointer."""

    exchange: int
    event: int | None
    offset: int
    pointer: str | None
    excerpt: str


@dataclass(frozen=True, slots=True)
class Deviation:
    """
    A known problem of a provider; ``message`` is the expected one, ``*`` standing for any text.

    ``sometimes`` is for what hangs on chance, such as the load: where it does not show, it is not taken for fixed.
    ``first_seen`` and ``last_seen`` are when the oldest and the newest of what shows it are from; ``until`` is when it
    went, where a source shows that it did.  ``fault`` is the one of the catalogue that shows it where no
    recording does: such an entry is told of, and expects nothing of recordings.  ``kind`` says what is known of it;
    ``breaks`` and ``instead`` what it breaks for a client and what client code does about it, where that is more than
    the check says.
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
        """When it was seen, for people: the first and the last time that are known."""
        return (
            self.first_seen if self.last_seen in {None, self.first_seen} else f"{self.first_seen} to {self.last_seen}"
        )

    def covers(self, check: str, scenario: str, model: str) -> bool:
        """Tell whether this is about ``check`` in ``scenario`` with ``model``; empty lists mean all."""
        return (
            self.check == check
            and (not self.scenarios or scenario in self.scenarios)
            and (not self.models or model in self.models)
        )

    def expects(self, message: str) -> bool:
        """Tell whether ``message`` is the expected one."""
        return re.fullmatch(".*".join(map(re.escape, self.message.split("*"))), message, re.DOTALL) is not None


@dataclass(slots=True)
class Finding:
    """
    The outcome of one check on one recording: a line of ``results.jsonl``.

    ``advice`` is that of the form that ``message`` tells of; None where the check's own holds.  ``known`` says since when
    and why it is known, where a recording of no scenario was judged beside what is listed of its provider.  ``rate`` is
    in how many of how many answers it came so, where the same was asked several times and not all were alike.
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
        """The dialect that was spoken: chat, which goes unsaid, or what the id of the scenario says."""
        return dialect_of_scenario(self.scenario)

    @property
    def family(self) -> str:
        """The family of the check: what stands before the point of its id."""
        return self.check.partition(".")[0]

    @property
    def cell(self) -> str:
        """The id of this finding: ``provider/model/scenario/check``."""
        return f"{self.provider}/{self.model}/{self.scenario}/{self.check}"


EXPECTED = "; expected: "
"""What stands between what was found and what is listed, in the message of a finding that changed."""

_MORE = re.compile(r" \(and \d+ more\)$")


def first_message(message: str) -> str:
    """Return the message of the first problem that a finding tells of, without the count of the others."""
    return _MORE.sub("", message)


def judge(problems: Sequence[Problem], listed: Sequence[Deviation]) -> tuple[Outcome, str]:
    """
    Return the outcome and message of a check that applied, given what it found and the deviations listed for it.

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
