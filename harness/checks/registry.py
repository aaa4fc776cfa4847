"""
What a check is, and how one is declared.

A check is one function of an exchange.  A *rule* (MUST, SHOULD) yields the problems it finds; an
*observation* (OBSERVE) returns a short text.  The decorator carries all the rest: id, title, source, when it
applies, which checks must pass first, and examples.  The docstring says what a breach breaks for a client and, in
its second paragraph, what client code does instead.
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from harness.results import Advice, Level, Problem
from harness.wire.dialect import DIALECTS, DialectName
from harness.wire.exchange import Exchange

NotApplicableKind = Literal["blocked", "not-present", "cut"]
"""
Why a reason is more than that: ``blocked``, the request failed where an answer was due, or the other way round;
``not-present``, what the rule is about did not come, which is ``blocked`` where a check that may be why failed;
``cut``, we closed the answer ourselves, so that what depends on the rule can't be told either.
"""


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """Why a check does not apply, where the outcome hangs on the kind of the reason; a plain reason is a text: n/a."""

    reason: str
    kind: NotApplicableKind


Reason = str | NotApplicable

Applies = Callable[[Exchange], Reason | None]
"""Returns None where a check applies, else the reason why it does not."""

CHAT_ALONE: tuple[DialectName, ...] = ("chat",)
"""Given to a check that stands among those that all dialects share and is about chat completions."""

TOO_LARGE = "http.too-large"
"""The rule that blocks all others: of an answer that is too large the rest was not read."""

Find = Callable[[Exchange], Iterable[Problem]]
Observe = Callable[[Exchange], str]

Harmful = Callable[[str], bool | Advice]
"""
Tells of an observed value whether it breaks client code: legal, and other than OpenAI's, so that code written against
OpenAI raises on it, or loses, doubles or splits something.  Such values are told of beside the failures, in the words of
the check or, where those do not fit the value, in the advice that is returned.
"""

SEPARATOR = " | "
"""What stands between the values that an observation saw in the exchanges of one recording."""


class Unread(Exception):
    """
    Raised by a rule at its end, where there may be more than it could read.

    ``checks`` speak of the rest: where one of them failed a rule that found nothing is blocked, else it passes.
    """

    def __init__(self, *checks: str) -> None:
        super().__init__(*checks)
        self.checks = checks


class CannotJudge(Exception):
    """Raised by a rule whose input is outside what it can evaluate, such as a schema that is too large; outcome n/a."""


@dataclass(frozen=True, slots=True)
class Check:
    """
    One rule or observation.

    ``good`` examples are silent under every check; ``bad`` ones are caught by this check (an observation
    gives them another value than it gives the good ones).  ``harmful`` is about the values of an observation.

    Where a check in ``depends_on`` failed there is nothing to judge.  One in ``explained_by`` leaves the rest to be
    judged; what is not there, or not whole, may be in what it could not read: of that nothing is said.  ``dialects`` are those
    it is about: that of the folder it stands in, or all.
    """

    id: str
    level: Level
    title: str
    source: str
    applies: Applies
    depends_on: tuple[str, ...]
    good: tuple[Exchange, ...]
    bad: tuple[Exchange, ...]
    impact: str
    workaround: str
    explained_by: tuple[str, ...] = ()
    find: Find = lambda _: ()
    observe: Observe | None = None
    harmful: Harmful = lambda _: False
    dialects: tuple[DialectName, ...] = DIALECTS

    def harm_of(self, value: str | None) -> Advice | None:
        """Return what the values seen in a recording break, and what to do about it; None where they are harmless."""
        harms = (self.harmful(one) for one in (value.split(SEPARATOR) if value else ()))
        harm = next((one for one in harms if one), None)
        return harm if isinstance(harm, Advice) else Advice(self.impact, self.workaround) if harm else None

    def problems(self, exchange: Exchange) -> tuple[list[Problem], tuple[str, ...]]:
        """Return what a rule finds, and the checks that speak of the rest where it could not read all."""
        found: list[Problem] = []
        try:
            for problem in self.find(exchange):
                found.append(problem)  # noqa: PERF402 - those before an Unread count
        except Unread as unread:
            return found, unread.checks
        return found, ()

    @property
    def family(self) -> str:
        """What stands before the point of the id."""
        return self.id.partition(".")[0]


_declared: dict[str, Check] = {}


def declared() -> dict[str, Check]:
    """Return every check declared so far, by id, in the order of declaration."""
    return dict(_declared)


def rule(  # noqa: PLR0913 - the metadata of a check
    check_id: str,
    level: Level,
    title: str,
    source: str,
    applies: Applies,
    *,
    good: tuple[Exchange, ...],
    bad: tuple[Exchange, ...],
    depends_on: tuple[str, ...] = (),
    explained_by: tuple[str, ...] = (),
    dialects: tuple[DialectName, ...] | None = None,
) -> Callable[[Find], Find]:
    """Declare a rule; the decorated function yields the problems it finds in an exchange."""

    def declare(find: Find) -> Find:
        parts = _docstring_parts(find)
        spoken = dialects or _dialects_of(find)
        _declare(
            Check(
                check_id, level, title, source, applies, depends_on, good, bad, *parts, explained_by,
                find=find, dialects=spoken,
            )
        )  # fmt: skip
        return find

    return declare


def observation(  # noqa: PLR0913 - the metadata of a check
    check_id: str,
    title: str,
    source: str,
    applies: Applies,
    *,
    good: tuple[Exchange, ...],
    bad: tuple[Exchange, ...],
    depends_on: tuple[str, ...] = (),
    harmful: Harmful = lambda _: False,
    dialects: tuple[DialectName, ...] | None = None,
) -> Callable[[Observe], Observe]:
    """
    Declare an observation; the decorated function returns what it sees in an exchange, as a short text.

    ``harmful`` tells which values break clients: none of the good examples', and one of the bad ones', if any.
    """

    def declare(observe: Observe) -> Observe:
        level, parts = Level.OBSERVE, _docstring_parts(observe)
        spoken = dialects or _dialects_of(observe)
        _declare(
            Check(
                check_id, level, title, source, applies, depends_on, good, bad, *parts,
                observe=observe, harmful=harmful, dialects=spoken,
            )
        )  # fmt: skip
        return observe

    return declare


def _dialects_of(function: Find | Observe) -> tuple[DialectName, ...]:
    """Return the dialect whose folder a check stands in; all where it stands in none."""
    folders = function.__module__.split(".")
    return tuple(name for name in DIALECTS if name in folders) or DIALECTS


def _docstring_parts(function: Find | Observe) -> tuple[str, str]:
    """Return the paragraphs of a docstring: what breaks, and what to do instead."""
    impact, _, workaround = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
    return " ".join(impact.split()), " ".join(workaround.removeprefix("Instead:").split())


def _declare(check: Check) -> None:
    if check.id in _declared:
        raise ValueError(f"two checks are called {check.id}")
    _declared[check.id] = check
