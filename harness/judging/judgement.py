"""Runs checks on one exchange: whether each applies, what it depends on, and the problems that it finds."""

import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from harness.checks import CHECKS, Check
from harness.checks.error_causes import BAD_REQUEST, NO_MODEL, ONE_FORM, TOO_LONG, told_cause
from harness.checks.registry import TOO_LARGE, Applies, CannotJudge, NotApplicable, NotApplicableKind, Reason
from harness.results import Outcome, Problem
from harness.wire.exchange import NO_ANSWER, Exchange

_BLOCKING = frozenset({Outcome.FAIL, Outcome.BLOCKED, Outcome.BROKEN})
_NO_VERDICT = frozenset({401, 402, 403, 408, 429})
_FORBIDDEN, _LIMITED, _SERVER_ERROR = 403, 429, 500
_BUSY = frozenset({503, 529})
_OF_LIMITS = frozenset({"http.retry-after-form", "http.retry-after-given"})
_OF_THE_REQUEST = (BAD_REQUEST, NO_MODEL, ONE_FORM, TOO_LONG)


@dataclass(slots=True)
class Verdict:
    """The result of one check on one exchange; ``message`` is the observed value, ``kind`` that of its reason."""

    outcome: Outcome
    message: str = ""
    problems: list[Problem] = field(default_factory=list)
    kind: NotApplicableKind | None = None


def crash(error: Exception) -> str:
    """Return the message for a bug in a check."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} at {Path(frame.filename).name}:{frame.lineno}; please report it"


class Judgement:
    """
    The verdicts on one exchange so far.

    A check that others depend on is run once, and so is a condition that many checks share.  ``_clear`` are the checks
    that block nothing.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._done: dict[str, Verdict] = {}
        self._reasons: dict[Applies, Reason | None] = {}
        self._clear: set[str] = set()
        reason = inconclusive_reason(exchange)
        self._inconclusive = Verdict(Outcome.INCONCLUSIVE, reason) if reason else None
        self._models = exchange.is_models_request
        # A response that was not read in full is not reported as incomplete.
        self._unread = Verdict(Outcome.BLOCKED, f"{TOO_LARGE} must pass first") if exchange.too_large else None

    @property
    def plain(self) -> bool:
        """Whether it is a completed chat that was read in full: then conditions alone decide what does not apply."""
        return not (self._inconclusive or self._unread or self._models)

    def reasons(self, conditions: Sequence[Applies]) -> tuple[Reason | None, ...] | None:
        """Return why conditions do not hold, None for each that does; None for all if one crashes or is undecided."""
        try:
            found = tuple([condition(self._exchange) or None for condition in conditions])
        except Exception:  # noqa: BLE001 - it is a finding of each check that asks it, when it is asked
            return None
        self._reasons = dict(zip(conditions, found, strict=True))
        return found

    def verdict(self, check: Check) -> Verdict:
        """Return the verdict of a check."""
        found = self._done.get(check.id)
        return found or self._keep(check, self._undecided(check) or self._out_of_scope(check) or self._judge(check))

    def planned(self, checks: Iterable[Check]) -> list[Verdict]:
        """Return the verdicts of checks whose conditions a plan has already decided."""
        done = self._done
        return [done.get(check.id) or self._keep(check, self._judge(check)) for check in checks]

    def _keep(self, check: Check, verdict: Verdict) -> Verdict:
        self._done[check.id] = verdict
        if verdict is PASSED or (verdict.outcome not in _BLOCKING and verdict.kind != "cut"):
            self._clear.add(check.id)
        return verdict

    def _undecided(self, check: Check) -> Verdict | None:
        return None if self._inconclusive is None or self._says_no_badly(check) else self._inconclusive

    def _says_no_badly(self, check: Check) -> bool:
        """Return whether an inconclusive response is itself malformed, which is still reported."""
        return check.id in _OF_LIMITS and self._judge(check).outcome is Outcome.FAIL

    def _out_of_scope(self, check: Check) -> Verdict | None:
        """Return the verdict if a chat rule meets a request for models, or the reverse, or a too large response."""
        if self._unread:
            return None if check.id == TOO_LARGE else self._unread
        if self._exchange.dialect not in check.dialects:
            return _OTHER_DIALECT
        if self._models == check.id.startswith("models."):
            return None
        return _NO_CHAT if self._models else _NO_MODELS

    def _judge(self, check: Check) -> Verdict:
        try:
            reason = self._reason(check.applies)
            if reason:
                return self._not_applicable(check, verdict_of(reason))
            return self._block(check.depends_on) or self._found(check)
        except CannotJudge as reason:
            return Verdict(Outcome.NA, str(reason))
        except Exception as error:  # noqa: BLE001 - a crash in a check is our bug, and a finding of its own
            return Verdict(Outcome.BROKEN, crash(error))

    def _not_applicable(self, check: Check, verdict: Verdict) -> Verdict:
        """Return the verdict if a condition does not hold: failed checks may be why something is absent."""
        absent = verdict.kind == "not-present"
        return (self._block(check.depends_on) or self._block(check.explained_by) if absent else None) or verdict

    def _found(self, check: Check) -> Verdict:
        """Return the verdict of a check that applies to the exchange."""
        if check.observe:
            return Verdict(Outcome.OBSERVED, check.observe(self._exchange))
        problems, rest = check.problems(self._exchange)
        if not problems:
            return (self._block(rest) if rest else None) or PASSED
        return self._block(check.explained_by) or Verdict(Outcome.FAIL, "", problems)

    def _reason(self, applies: Applies) -> Reason | None:
        """Return why a condition does not hold; None if it does."""
        reason = self._reasons.get(applies, _UNASKED)
        if reason is _UNASKED:
            reason = self._reasons[applies] = applies(self._exchange)
        return reason

    def _block(self, needs: tuple[str, ...]) -> Verdict | None:
        """Return the verdict if a check that it depends on failed or is undecided; None if all passed."""
        if self._clear.issuperset(needs):
            return None
        for need in needs:
            verdict = self.verdict(CHECKS[need])
            if verdict.kind == "cut":
                return verdict
            if verdict.outcome in _BLOCKING:
                return Verdict(Outcome.BLOCKED, f"{need} must pass first")
        return None


_OTHER_DIALECT = Verdict(Outcome.NA, "it is about another dialect")
_NO_CHAT = Verdict(Outcome.NA, "the request is for models, not for chat")
_NO_MODELS = Verdict(Outcome.NA, "the request is not for models")
PASSED = Verdict(Outcome.PASS)
"""The verdict of every check that passed: one object."""
_UNASKED = ""


@lru_cache(4096)
def verdict_of(reason: Reason) -> Verdict:
    """Return the verdict for a condition that does not hold."""
    if isinstance(reason, NotApplicable):
        return Verdict(Outcome.BLOCKED if reason.kind == "blocked" else Outcome.NA, reason.reason, kind=reason.kind)
    return Verdict(Outcome.NA, reason)


def inconclusive_reason(exchange: Exchange) -> str | None:
    """Return why an exchange shows nothing about the provider, such as a rate limit; None if it does."""
    status, expected = exchange.response.status, exchange.expected
    if status == NO_ANSWER:
        return f"no answer: {exchange.response.error or 'no reason'}"
    if exchange.response.unsupported_encoding:
        return exchange.response.unsupported_encoding
    if not expected.statuses or status in expected.statuses:
        return None
    wrong = expected.refusal and status == _FORBIDDEN
    no_verdict = status in _NO_VERDICT and not wrong and not (status == _LIMITED and _is_too_long(exchange))
    if no_verdict or (status >= _SERVER_ERROR and not _conclusive(exchange)):
        return f"status {status}: no verdict on what was asked"
    return None


def _is_too_long(exchange: Exchange) -> bool:
    """Return whether an error says that the prompt is too long, which a retry does not change."""
    told = told_cause(exchange)
    return told is not None and told.cause is TOO_LONG


def _conclusive(exchange: Exchange) -> bool:
    """Return whether a 5xx is a verdict: it came twice, the request is known to be invalid, or the error says so."""
    status, told = exchange.response.status, told_cause(exchange)
    if (exchange.source.failed_before or 0) >= _SERVER_ERROR:
        return True
    if exchange.expected.refusal and status not in _BUSY:
        return True
    return told is not None and told.cause in _OF_THE_REQUEST
