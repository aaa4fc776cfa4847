"""Defines the grammar of a stream of Messages as tables: the order of events, and the keys of each."""

from collections.abc import Mapping

from harness.wire.order import Order
from harness.wire.shapes import Kind

START, STOP = "message_start", "message_stop"
DELTA = "message_delta"
BLOCK_START, BLOCK_DELTA, BLOCK_STOP = "content_block_start", "content_block_delta", "content_block_stop"
PING, ERROR = "ping", "error"

MESSAGE = Order(
    first="nothing",
    next_of={
        "nothing": {START: "begun"},
        "begun": {BLOCK_START: "begun", BLOCK_DELTA: "begun", BLOCK_STOP: "begun", DELTA: "told"},
        "told": {DELTA: "told", STOP: "ended"},
        "ended": {},
    },
    leads_to={START: "begun", DELTA: "told", STOP: "ended"},
    last="ended",
)
"""The order of a message: its start, its blocks, its stop reason, its end."""

BLOCK = Order(
    first="unknown",
    next_of={
        "unknown": {BLOCK_START: "open"},
        "open": {BLOCK_DELTA: "open", BLOCK_STOP: "closed"},
        "closed": {},
    },
    leads_to={BLOCK_START: "open", BLOCK_STOP: "closed"},
    last="closed",
)
"""The order of the events of one block, by its index."""

EVENTS = frozenset({START, DELTA, STOP, BLOCK_START, BLOCK_DELTA, BLOCK_STOP, PING, ERROR})

_TEXT: tuple[Kind, ...] = ("text",)
_STRING: tuple[Kind, ...] = ("text", '""')
_OBJECT: tuple[Kind, ...] = ("object", "{}")
_LIST: tuple[Kind, ...] = ("list", "[]")

Keys = Mapping[str, tuple[Kind, ...]]
"""The required keys, as pointers from the event, and the kinds of value each may hold."""

EVENT_KEYS: Mapping[str, Keys] = {
    START: {"/message": _OBJECT},
    BLOCK_START: {"/index": ("int",), "/content_block": _OBJECT, "/content_block/type": _TEXT},
    BLOCK_DELTA: {"/index": ("int",), "/delta": _OBJECT, "/delta/type": _TEXT},
    BLOCK_STOP: {"/index": ("int",)},
    DELTA: {"/delta": _OBJECT},
}
"""Of each event except errors; usage, which belongs to message_delta too, has its own rules."""

DELTA_KEYS: Mapping[str, Keys] = {
    "text_delta": {"/delta/text": _STRING},
    "input_json_delta": {"/delta/partial_json": _STRING},
    "thinking_delta": {"/delta/thinking": _STRING},
    "signature_delta": {"/delta/signature": _STRING},
    "citations_delta": {"/delta/citation": _OBJECT},
}
"""Of each kind of delta."""

BLOCK_KEYS: Mapping[str, Keys] = {
    "text": {"/text": _STRING},
    "thinking": {"/thinking": _STRING},
    "redacted_thinking": {"/data": _STRING},
    "tool_use": {"/id": _TEXT, "/name": _TEXT, "/input": _OBJECT},
    "server_tool_use": {"/id": _TEXT, "/name": _TEXT, "/input": _OBJECT},
    "mcp_tool_use": {"/id": _TEXT, "/name": _TEXT, "/input": _OBJECT},
}
"""Of each kind of block, at its start and in a body."""

MESSAGE_KEYS: Keys = {
    "/id": _TEXT,
    "/type": _TEXT,
    "/role": _TEXT,
    "/content": _LIST,
    "/model": _TEXT,
    "/stop_reason": ("null", "text"),
    "/stop_sequence": ("null", "text", '""'),
}
"""Of the message, at its start and as a body, except usage, which has its own rules."""

DELTAS_OF: Mapping[str, frozenset[str]] = {
    "text": frozenset({"text_delta", "citations_delta"}),
    "thinking": frozenset({"thinking_delta", "signature_delta"}),
    "redacted_thinking": frozenset(),
    "tool_use": frozenset({"input_json_delta"}),
    "server_tool_use": frozenset({"input_json_delta"}),
    "mcp_tool_use": frozenset({"input_json_delta"}),
    "compaction": frozenset({"compaction_delta"}),
}
"""The kinds of delta that a block of each kind takes; nothing is known of kinds not listed."""

DELTA_KINDS = frozenset(kind for kinds in DELTAS_OF.values() for kind in kinds)

STOP_REASONS = frozenset(
    {"end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"}
)
"""Why a message may stop; Anthropic adds to them (``compaction``)."""

TEXT_OF = {
    "text_delta": "text",
    "input_json_delta": "partial_json",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
}
"""The key of a delta that holds its text."""
