"""
Defines a check, and the decorators that declare one.

A check is one function of an exchange.  A *rule* (MUST, SHOULD) yields the problems it finds; an *observation*
(OBSERVE) returns a short text.  The decorator has everything else: id, title, source, when it applies, which checks
must pass first, and examples.  The docstring gives the impact of a breach on a client and, in its second paragraph,
the workaround in client code.
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
Special kinds of reasons: ``blocked``, the request failed instead of succeeding, or the reverse; ``not-present``,
the subject of the rule was not sent, which is ``blocked`` if a check failed that may be the cause; ``cut``, harness
closed the response itself, so that dependent checks are undecided too.
"""


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """Why a check does not apply, if the outcome depends on the kind of the reason; a plain reason is a string: n/a."""

    reason: str
    kind: NotApplicableKind


Reason = str | NotApplicable

Applies = Callable[[Exchange], Reason | None]
"""Returns None if a check applies, else the reason why it does not."""

CHAT_ALONE: tuple[DialectName, ...] = ("chat",)
"""Dialects of a check about chat completions that is among those shared by all dialects."""

TOO_LARGE = "http.too-large"
"""The rule that blocks all others: a response that is too large was not read in full."""

Find = Callable[[Exchange], Iterable[Problem]]
Observe = Callable[[Exchange], str]

Harmful = Callable[[str], bool | Advice]
"""
Returns whether an observed value breaks client code: legal, but other than OpenAI's, so that code written for
OpenAI raises on it, or loses, doubles or splits something.  Such values are reported beside the failures, in the
words of the check or, if those do not fit the value, in the returned advice.
"""

SEPARATOR = " | "
"""Separator of the observed values of the exchanges of one recording."""


class Unread(Exception):
    """
    Raised by a rule at its end, if there may be more than it could read.

    ``checks`` report the rest: if one of them failed, a rule without problems is blocked, else it passes.
    """

    def __init__(self, *checks: str) -> None:
        super().__init__(*checks)
        self.checks = checks


class CannotJudge(Exception):
    """Raised by a rule that can't evaluate its input, such as a schema that is too large; outcome n/a."""


@dataclass(frozen=True, slots=True)
class Check:
    """
    One rule or observation.

    ``good`` examples are silent under every check; ``bad`` ones are caught by this check (an observation gives them
    another value than the good ones).  ``harmful`` judges the values of an observation.

    If a check in ``depends_on`` failed there is nothing to judge.  If one in ``explained_by`` failed, the rest is
    judged, but missing or incomplete values, which may be in the unreadable part, are not reported.  ``dialects``
    are those it applies to: that of its folder, or all.
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
        """Return the impact of the values observed in a recording, and the workaround; None if they are harmless."""
        harms = (self.harmful(one) for one in (value.split(SEPARATOR) if value else ()))
        harm = next((one for one in harms if one), None)
        return harm if isinstance(harm, Advice) else Advice(self.impact, self.workaround) if harm else None

    def problems(self, exchange: Exchange) -> tuple[list[Problem], tuple[str, ...]]:
        """Return the problems that a rule finds, and the checks that report what it could not read."""
        found: list[Problem] = []
        try:
            found.extend(self.find(exchange))  # those before an Unread stay
        except Unread as unread:
            return found, unread.checks
        return found, ()

    @property
    def family(self) -> str:
        """The part of the id before the point."""
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
    Declare an observation; the decorated function returns a short text about an exchange.

    ``harmful`` decides which values break clients: none of the good examples', and one of the bad ones', if any.
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
    """Return the dialect of a check's folder; all if it has none."""
    folders = function.__module__.split(".")
    return tuple(name for name in DIALECTS if name in folders) or DIALECTS


def _docstring_parts(function: Find | Observe) -> tuple[str, str]:
    """Return the paragraphs of a docstring: the impact, and the workaround."""
    impact, _, workaround = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
    return " ".join(impact.split()), " ".join(workaround.removeprefix("Instead:").split())


def _declare(check: Check) -> None:
    if check.id in _declared:
        raise ValueError(f"two checks are called {check.id}")
    _declared[check.id] = check
