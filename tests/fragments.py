"""Makes streams of tool calls from their fragments."""

from typing import Any

import orjson

from harness.simulate.reference import TOOLS, with_body
from harness.wire.exchange import Exchange

_CHUNK = {
    "id": "chatcmpl-reference", "object": "chat.completion.chunk", "created": 1_760_000_000,
    "model": "gpt-4o-mini-2024-07-18", "service_tier": "default", "system_fingerprint": "fp_reference",
}  # fmt: skip


def fragment(
    arguments: Any = None, call: Any = None, name: Any = None, index: Any = 0, **others: Any
) -> dict[str, Any]:
    """Return a fragment of the call with id ``call``; None values are left out, and one with an id has a type."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    typed = {"type": "function"} if call is not None else {}
    given = {"index": index, "id": call, **typed, "function": function, **others}
    return {key: value for key, value in given.items() if value is not None}


def streamed(*fragments: Any, finish: str | None = "tool_calls", asked: Exchange = TOOLS) -> Exchange:
    """Return a stream with each of ``fragments`` in its own chunk; a list is used as it is."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
    deltas += [{"tool_calls": one if isinstance(one, list) or one is None else [one]} for one in fragments]
    choices: list[dict[str, Any]] = [
        {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None} for delta in deltas
    ]
    choices.append({"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish})
    events = [b"data: " + orjson.dumps({**_CHUNK, "choices": [choice]}) + b"\n\n" for choice in choices]
    return with_body(asked, b"".join([*events, b"data: [DONE]\n\n"]))
