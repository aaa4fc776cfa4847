"""
Asking once more: a failure of a request that others prove legal is a verdict only where it comes twice.

A server that is busy or restarts fails a request or two, and a model may now and then say what its server can't read.
Neither is told from a fault by one answer.
"""

from dataclasses import replace

from harness.checks.error_causes import MODEL_FAILED, told_cause
from harness.matrix.scenarios import Scenario
from harness.wire.exchange import Exchange

REFUSALS = frozenset({400, 404, 405, 422, 501})
"""The statuses by which a server says that it does not serve what was asked."""

_SERVER_ERROR = 500


def worth_repeating(scenario: Scenario, exchanges: list[Exchange]) -> bool:
    """Tell whether what a scenario was answered with may be chance: a failure, or a refusal of what needs nothing special."""
    if not exchanges or scenario.path or scenario.cancels or scenario.costly:
        return False
    last, due = exchanges[-1], scenario.expected(len(exchanges) - 1)
    status = last.response.status
    if status in due.statuses:
        return False
    if status in REFUSALS:
        told = told_cause(last)
        return due.answer and (not scenario.needs or (told is not None and told.cause is MODEL_FAILED))
    return status >= _SERVER_ERROR


def repeated(first: list[Exchange], again: list[Exchange]) -> list[Exchange]:
    """Return what was answered the second time, its last exchange marked with the status of the first time."""
    if not again:
        return first
    last = again[-1]
    source = replace(last.source, failed_before=first[-1].response.status)
    return [*again[:-1], replace(last, source=source)]
