"""
Drives the official OpenAI SDK over a recorded exchange.

The driver is imported when the first exchange is read; if the SDK can't be used, `unusable` says why.
"""

from typing import TYPE_CHECKING

from harness.recording.sdk_release import unusable, version
from harness.sdk.empty_events import EmptyEvent, empty_events
from harness.sdk.readings import Depth, SdkResult, set_depth
from harness.wire.exchange import Exchange

if TYPE_CHECKING:
    from harness.sdk.clients import SdkResults

__all__ = [
    "Depth",
    "EmptyEvent",
    "SdkResult",
    "declares_tier",
    "empty_events",
    "failure_location",
    "sdk_results",
    "set_depth",
    "unusable",
    "version",
]


def sdk_results(exchange: Exchange, depth: Depth | None = None) -> "SdkResults":
    """Return the results of the SDK's clients for an exchange; all callers share one reading."""
    from harness.sdk import clients

    return clients.sdk_results(exchange, depth)


def failure_location(exchange: Exchange, reading: SdkResult) -> tuple[int | None, str | int]:
    """Return the place in ``exchange``, as evidence gives it, at which a reading of the default depth ended."""
    from harness.sdk import clients

    return clients.failure_location(exchange, reading)


def declares_tier(tier: str) -> bool:
    """Return whether the installed SDK declares ``tier`` as a ``service_tier``; the set grew with its releases."""
    from harness.sdk import clients

    return tier in clients.tiers()
