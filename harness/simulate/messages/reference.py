"""Provides reference responses of Messages, for examples and faults."""

from harness.matrix.messages import MESSAGES
from harness.simulate.messages.ideal import error, exchange, recording
from harness.wire.exchange import Exchange

REFERENCES: dict[str, Exchange] = {name: recording(scenario)[-1] for name, scenario in MESSAGES.items()}
"""The ideal provider's response to the last request of each scenario."""

STREAM = REFERENCES["messages.stream"]
BODY = REFERENCES["messages.nonstream"]
CAPPED = REFERENCES["messages.capped"]
STOPPED = REFERENCES["messages.stop"]
TOOL = REFERENCES["messages.tool"]
TOOL_BODY = REFERENCES["messages.tool-nonstream"]
TWO_TOOLS = REFERENCES["messages.two-tools"]
THINKING = REFERENCES["messages.thinking-stream"]
THINKING_BODY = exchange({key: value for key, value in (THINKING.request.json or {}).items() if key != "stream"})
COUNTED = REFERENCES["messages.count-tokens"]
REFUSED = REFERENCES["messages.unknown-model"]
NO_CAP = REFERENCES["messages.no-cap"]
BAD_KEY = REFERENCES["messages.bad-key"]

__all__ = [
    "BAD_KEY", "BODY", "CAPPED", "COUNTED", "NO_CAP", "REFERENCES", "REFUSED", "STOPPED", "STREAM", "THINKING",
    "THINKING_BODY", "TOOL", "TOOL_BODY", "TWO_TOOLS", "error",
]  # fmt: skip
