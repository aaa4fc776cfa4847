"""Makes a turn of a Messages response."""

from typing import Any

from harness.wire.messages.columns import MessageColumns
from harness.wire.turn import Counts, Turn, TurnCall, count

_INPUT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def turn_of(columns: MessageColumns) -> Turn:
    """Return the content of a message."""
    texts = [block.text for block in columns.blocks if block.kind == "text"]
    thoughts = [block.thinking for block in columns.blocks if block.kind == "thinking"]
    calls = tuple(
        TurnCall(_text(block.head.get("id")), _text(block.head.get("name")), block.arguments)
        for block in columns.blocks
        if block.kind == "tool_use"
    )
    stop = columns.stop.value.get("stop_reason") if columns.stop else None
    return Turn(
        "".join(texts) if texts else None,
        "".join(thoughts) if thoughts else None,
        calls,
        _text(stop),
        counts_of(columns),
    )


def counts_of(columns: MessageColumns) -> Counts:
    """Return the token counts of a message: the latest of each kind, since they are cumulative."""
    latest: dict[str, Any] = {}
    for usage in columns.usages:
        latest |= {key: value for key, value in usage.value.items() if value is not None}
    parts = [count(latest.get(name)) for name in _INPUT]
    total = None if parts[0] is None else sum(part or 0 for part in parts)
    return Counts(total, count(latest.get("output_tokens")), parts[2])


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
