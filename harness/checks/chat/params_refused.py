"""Finds the parameter of OpenAI's API that an error refuses, though its value is one that the specification allows."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from harness.checks.error_causes import BAD_REQUEST, beyond_specification, error_text, request_mistake, told_cause
from harness.wire.exchange import Exchange
from harness.wire.shapes import as_object

_STATUSES = {400, 404, 422, 500, 501}
_BOUND = re.compile(
    r"\b(?:at most|maximum|max(?:imum)? of|too (?:large|many|long)|exceeds?|less than|up to)\b", re.IGNORECASE
)
"""Words of an error about a bound that a model has: such a value may be too large for it."""
_MOST_TOPS, _MOST_OF_LEGACY, _MOST_STOPS = 20, 5, 4


def _number(value: Any) -> bool:
    return type(value) in {int, float}


def _positive(value: Any) -> bool:
    return type(value) is int and value > 0


def _stops(value: Any) -> bool:
    listed = value if isinstance(value, list) else [value]
    return 0 < len(listed) <= _MOST_STOPS and all(isinstance(one, str) and one for one in listed)


_LEGAL: Mapping[str, Callable[[Any], bool]] = {
    "temperature": _number, "top_p": _number, "presence_penalty": _number, "frequency_penalty": _number,
    "max_tokens": _positive, "max_completion_tokens": _positive, "n": _positive, "seed": lambda value: type(value) is int,
    "stop": _stops, "stream": lambda value: isinstance(value, bool), "stream_options": lambda value: isinstance(value, dict),
    "top_logprobs": lambda value: type(value) is int and value <= _MOST_TOPS,
    "logit_bias": lambda value: isinstance(value, dict), "tools": lambda value: isinstance(value, list), "parallel_tool_calls": lambda value: isinstance(value, bool),
    "tool_choice": lambda value: value in {"none", "auto", "required"} if isinstance(value, str) else isinstance(value, dict),
    "response_format": lambda value: as_object(value).get("type") in ("text", "json_object", "json_schema"),
    "store": lambda value: isinstance(value, bool), "echo": lambda value: isinstance(value, bool), "suffix": lambda value: isinstance(value, str),
}  # fmt: skip
"""The parameters that many clients send, with a test of their values; ranges are those of ``beyond_specification``."""


def refused_parameter(exchange: Exchange) -> str | None:
    """Return the legal parameter of the request that an error names as its cause; None if there is none."""
    asked = exchange.request.json
    if exchange.response.status not in _STATUSES or not asked or request_mistake(exchange):
        return None
    told, text = told_cause(exchange), error_text(exchange)
    if (told and told.cause is not BAD_REQUEST) or _BOUND.search(text) or beyond_specification(exchange):
        return None
    value = exchange.chunk(0) if exchange.reading.body_kind == "json" else None
    named = as_object(as_object(value).get("error")).get("param")
    legal = [name for name in asked if _is_legal(exchange, name, asked[name])]
    return next((name for name in legal if named == name or _names(text, name)), None)


def _is_legal(exchange: Exchange, name: str, value: Any) -> bool:
    if name == "logprobs":
        is_legacy = exchange.dialect == "completions"
        return type(value) is int and 0 <= value <= _MOST_OF_LEGACY if is_legacy else isinstance(value, bool)
    return name in _LEGAL and _LEGAL[name](value)


def _names(text: str, name: str) -> bool:
    """Return whether an error names a parameter: short names are words too, and must be quoted or be its subject."""
    if "_" in name or name == "logprobs":
        return re.search(rf"(?<!\w){name}(?!\w)", text) is not None
    return re.search(rf"['\"`]{name}['\"`]|(?<!\w){name}:? (?:must|should|is not|isn't) ", text) is not None
