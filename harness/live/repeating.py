"""
Decides which failures to retry: a failure of a legal request is a verdict only if it happens twice.

A busy or restarting server fails a request or two, and a model may occasionally generate what its server can't
parse. One response does not distinguish either from a fault.
"""

from dataclasses import replace

from harness.checks.error_causes import MODEL_FAILED, told_cause
from harness.matrix.scenarios import Scenario
from harness.wire.exchange import Exchange

REFUSALS = frozenset({400, 404, 405, 422, 501})
"""Statuses by which a server says that it does not support the request."""

_SERVER_ERROR = 500


def worth_repeating(scenario: Scenario, exchanges: list[Exchange]) -> bool:
    """Return whether the response to a scenario may be chance: a failure, or the rejection of a plain request."""
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
    """Return the second response, its last exchange marked with the status of the first."""
    if not again:
        return first
    last = again[-1]
    source = replace(last.source, failed_before=first[-1].response.status)
    return [*again[:-1], replace(last, source=source)]
