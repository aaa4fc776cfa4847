"""Faults that only the official SDK shows, and legal framing that only it fails on."""

from harness.simulate.edits import (
    any_chunk,
    chunks,
    compose,
    drop,
    has_content,
    has_tool_calls,
    insert,
    only_if,
    replace_bytes,
    set_value,
    status,
)
from harness.simulate.fault import Fault, Variant
from harness.wire.exchange import Exchange

_SDK = "https://github.com/openai/openai-python/blob/e43b422412a9e96c9cc5192c61fffbe2d7e04836/src/openai"
_STREAMING = f"{_SDK}/_streaming.py"
_DELTAS = f"{_SDK}/lib/streaming/_deltas.py"
_GATEWAY = "https://github.com/theopenco/llmgateway/pull/2334"
_META_ONLY = "https://github.com/openai/openai-python/issues/2722"
_BASE_RESP = (
    b'{"base_resp":{"status_code":1004,"status_msg":"login fail"},"error":{"type":"auth","code":null,"param":null}}'
)


def _says(exchange: Exchange) -> bool:
    """Whether there is any content to lose."""
    return any(message.content for message in exchange.completion.messages)


FAULTS = (
    Fault("data-empty-of-ping", "A ping event has empty data.", "chat.long", "https://github.com/NousResearch/hermes-agent/issues/111887", insert(has_content, b"event: ping\ndata:\n\n"), "sdk.reads"),
    Fault("mark-misspelt", "The mark is written in small letters.", "chat.long", _STREAMING, replace_bytes(b"[DONE]", b"[done]"), "sdk.reads"),
    Fault("event-named-thread", "The events are named as those of another API.", "chat.stream", _STREAMING, only_if(_says, replace_bytes(b"data: {", b"event: thread.message.delta\ndata: {")), "sdk.loses-nothing"),
    Fault("vendor-list-without-index", "A list of the vendor's own grows from delta to delta.", "chat.stream", _DELTAS, chunks(has_content, set_value("choices/*/delta/reasoning_details", [{"type": "reasoning.text", "text": "Hm."}])), "sdk.stream-helper"),
    Fault("annotation-empty", "An annotation says nothing.", "chat.nonstream", f"{_SDK}/types/chat/chat_completion_message.py", chunks(any_chunk, set_value("choices/*/message/annotations", [{}])), "sdk.strict"),
    Fault("moderation-empty", "A key that the SDK knows contains an object of another form.", "chat.stream-usage", f"{_SDK}/types/chat/chat_completion_chunk.py", chunks(any_chunk, set_value("moderation", {"flagged": False})), "sdk.strict"),
    Fault("error-text-elsewhere", "The text of an error is beside it.", "error.bad-key", f"{_SDK}/_exceptions.py", status(401, _BASE_RESP), "sdk.error-class"),
    Fault("error-text-dropped", "An error says no more than its type.", "error.wrong-type", f"{_SDK}/_exceptions.py", chunks(any_chunk, drop("error/message")), "sdk.error-class"),
)  # fmt: skip

VARIANTS = (
    Variant("id-before-keep-alive", "A keep-alive comment follows an event with an id.", "chat.stream", _GATEWAY, compose(replace_bytes(b"\n\n", b"\n\n: keep-alive\n\n", 1), replace_bytes(b"data: {", b"id: 7\ndata: {", 1))),
    Variant("id-before-keep-alive-in-thought", "Keep-alive comments are between events with ids.", "reasoning.stream", _GATEWAY, replace_bytes(b"\n\ndata: {", b"\n\n: keep-alive\n\nid: 7\ndata: {")),
    Variant("id-before-blank-lines", "Two blank lines follow each event, which has an id.", "tools.auto", _META_ONLY, compose(replace_bytes(b"\n\n", b"\n\n\n"), replace_bytes(b"data: {", b"id: 7\ndata: {"))),
    Variant("block-ping", "A ping event has no data.", "chat.stream", _META_ONLY, insert(has_content, b"event: ping\n\n")),
    Variant("block-retry", "A block has a retry field and nothing else.", "chat.stream", _META_ONLY, insert(any_chunk, b"retry: 3000\n\n")),
    Variant("block-id", "A block has an id and nothing else.", "tools.auto", _META_ONLY, insert(has_tool_calls, b"id: 1\n\n")),
)  # fmt: skip
