"""
The official OpenAI SDK driven over a recorded exchange.

What drives it is imported when the first exchange is read; where it can't be had, `unusable` says so.
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
    """Return what the SDK's clients make of an exchange; all who ask share one reading."""
    from harness.sdk import clients

    return clients.sdk_results(exchange, depth)


def failure_location(exchange: Exchange, reading: SdkResult) -> tuple[int | None, str | int]:
    """Return the place in ``exchange``, as evidence has it, at which a reading of the default depth ended."""
    from harness.sdk import clients

    return clients.failure_location(exchange, reading)


def declares_tier(tier: str) -> bool:
    """Return whether the SDK that is installed declares ``tier`` as a ``service_tier``, which grew with its releases."""
    from harness.sdk import clients

    return tier in clients.tiers()
