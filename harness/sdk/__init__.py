"""The official OpenAI SDK driven over a recorded exchange."""

from harness.sdk.clients import Depth, SdkResult, SdkResults, failure_location, sdk_results, set_depth, version
from harness.sdk.empty_events import EmptyEvent, empty_events

__all__ = [
    "Depth",
    "EmptyEvent",
    "SdkResult",
    "SdkResults",
    "empty_events",
    "failure_location",
    "sdk_results",
    "set_depth",
    "version",
]
