"""The official OpenAI SDK driven over a recorded exchange."""

from harness.sdk.clients import Depth, SdkReading, SdkReadings, sdk_readings, set_depth, stopped_at, version

__all__ = ["Depth", "SdkReading", "SdkReadings", "sdk_readings", "set_depth", "stopped_at", "version"]
