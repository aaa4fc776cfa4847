"""
Words errors about a value of a wrong type as servers written in Rust do: serde's message after axum's.

The column is that in a request without white space between tokens, as most clients send it.
"""

from typing import Any

from harness.simulate.chat.refusing import Wrong
from harness.wire.dumping import json_text
from harness.wire.shapes import Json

_WANTED = {
    "u32": ("max_tokens", "max_completion_tokens", "top_logprobs", "n"),
    "i64": ("seed",),
    "f32": ("temperature", "top_p", "presence_penalty", "frequency_penalty"),
    "a boolean": ("stream", "logprobs", "parallel_tool_calls", "store"),
    "a string": ("model", "user", "reasoning_effort", "service_tier"),
    "a sequence": ("messages", "tools", "modalities"),
    "a map": ("logit_bias", "metadata"),
    "struct StreamOptions": ("stream_options",),
}
_KINDS = {dict: "map", list: "sequence", type(None): "null"}


def told(wrong: Wrong, body: Json) -> str | None:
    """Return the message about a parameter of ``body`` with a wrong type; None for any other error."""
    wanted = next((kind for kind, names in _WANTED.items() if wrong.param in names), None)
    if wrong.code != "invalid_type" or wrong.param not in body or wanted is None:
        return None
    value = body[wrong.param]
    before = dict(list(body.items())[: list(body).index(wrong.param) + 1])
    column = len(json_text(before).encode("utf-8", "surrogatepass")) - 1  # it ends with a brace
    what = f"{wrong.param}: invalid type: {_kind(value)}, expected {wanted}"
    return f"Failed to deserialize the JSON body into the target type: {what} at line 1 column {column}"


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return f"string {json_text(value[:80])}"
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"{'integer' if isinstance(value, int) else 'floating point'} `{value}`"
    return _KINDS.get(type(value), "unit")
