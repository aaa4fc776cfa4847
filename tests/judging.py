"""Judges one exchange by every check, for tests."""

import dataclasses
from collections.abc import Iterable

from harness.checks import CHECKS, Check
from harness.judging.runner import Subject, judge_exchanges
from harness.results import Finding, Outcome
from harness.wire.exchange import Exchange, Expected

OF_CHAT = [name for name, check in CHECKS.items() if "chat" in check.dialects]
"""The checks of chat completions, in order."""

ABOUT = Subject("acme", "small", "chat.stream", "-")


def findings(exchange: Exchange, checks: Iterable[Check] = CHECKS.values()) -> dict[str, Finding]:
    """Return every check's finding on one exchange that is known to expect a completion."""
    owed = exchange if exchange.expected.statuses else dataclasses.replace(exchange, expected=Expected((200,)))
    return {finding.check: finding for finding in judge_exchanges([owed], ABOUT, checks)}


def alarms(exchange: Exchange) -> list[str]:
    """Return every check's report against an exchange."""
    quiet = {Outcome.PASS, Outcome.NA, Outcome.OBSERVED}
    return [f"{f.check}: {f.outcome} {f.message}" for f in findings(exchange).values() if f.outcome not in quiet]
