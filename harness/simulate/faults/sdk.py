"""Faults that the bytes hide and the official SDK shows: legal framing and vendor keys that it stumbles over."""

from harness.simulate.edits import (
    any_chunk,
    chunks,
    compose,
    drop,
    has_content,
    only_if,
    replace_bytes,
    set_value,
    status,
)
from harness.simulate.faults.fault import Fault
from harness.wire.exchange import Exchange

_SDK = "https://github.com/openai/openai-python/blob/e43b422412a9e96c9cc5192c61fffbe2d7e04836/src/openai"
_STREAMING = f"{_SDK}/_streaming.py"
_DELTAS = f"{_SDK}/lib/streaming/_deltas.py"
_BASE_RESP = (
    b'{"base_resp":{"status_code":1004,"status_msg":"login fail"},"error":{"type":"auth","code":null,"param":null}}'
)


def _says(exchange: Exchange) -> bool:
    """Whether there is anything to lose."""
    return any(message.content for message in exchange.completion.messages)


FAULTS = (
    Fault("id-before-keep-alive", "A keep-alive comment follows an event with an id.", "chat.stream", _STREAMING, compose(replace_bytes(b"\n\n", b"\n\n: keep-alive\n\n", 1), replace_bytes(b"data: {", b"id: 7\ndata: {", 1)), "sdk.reads"),
    Fault("id-before-keep-alive-in-thought", "Keep-alive comments stand between events with ids.", "reasoning.stream", _STREAMING, replace_bytes(b"\n\ndata: {", b"\n\n: keep-alive\n\nid: 7\ndata: {"), "sdk.reads"),
    Fault("event-named-thread", "The events are named as those of another API.", "chat.stream", _STREAMING, only_if(_says, replace_bytes(b"data: {", b"event: thread.message.delta\ndata: {")), "sdk.loses-nothing"),
    Fault("vendor-list-without-index", "A list of the vendor's own grows from delta to delta.", "chat.stream", _DELTAS, chunks(has_content, set_value("choices/*/delta/reasoning_details", [{"type": "reasoning.text", "text": "Hm."}])), "sdk.stream-helper"),
    Fault("annotation-empty", "An annotation says nothing.", "chat.nonstream", f"{_SDK}/types/chat/chat_completion_message.py", chunks(any_chunk, set_value("choices/*/message/annotations", [{}])), "sdk.strict"),
    Fault("moderation-empty", "A key that the SDK knows holds an object of another form.", "chat.stream-usage", f"{_SDK}/types/chat/chat_completion_chunk.py", chunks(any_chunk, set_value("moderation", {"flagged": False})), "sdk.strict"),
    Fault("error-text-elsewhere", "The text of an error stands beside it.", "error.bad-key", f"{_SDK}/_exceptions.py", status(401, _BASE_RESP), "sdk.error-class"),
    Fault("error-text-dropped", "An error says no more than its type.", "error.wrong-type", f"{_SDK}/_exceptions.py", chunks(any_chunk, drop("error/message")), "sdk.error-class"),
)  # fmt: skip
