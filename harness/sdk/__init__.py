"""The official OpenAI SDK driven over a recorded exchange."""

from harness.sdk.clients import Depth, SdkResult, SdkResults, failure_location, sdk_results, set_depth, version

__all__ = ["Depth", "SdkResult", "SdkResults", "failure_location", "sdk_results", "set_depth", "version"]
