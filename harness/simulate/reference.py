"""
The reference form of an answer, and small changes to it: what examples and faults are made of.

``STREAM``, ``STREAM_USAGE``, ``BODY`` and ``TOOLS`` have the form that OpenAI's own recordings have;
``REASONING`` and ``REASONING_BODY`` the form that DeepSeek documents, since OpenAI sends no reasoning text
(https://api-docs.deepseek.com/guides/thinking_mode).  The texts and ids are made up.
"""

import dataclasses
from typing import Any

import orjson

from harness.wire.exchange import Exchange, Headers, Request, Response, Source

_ID = "chatcmpl-reference"
_CREATED = 1_760_000_000
_MODEL = "gpt-4o-mini-2024-07-18"
_SOURCE = Source("reconstructed", note="reference form")
_COMMON = {"created": _CREATED, "model": _MODEL, "service_tier": "default", "system_fingerprint": "fp_reference"}


def _request(**params: Any) -> Request:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "你好"}], **params}
    headers = Headers((("Content-Type", "application/json"),))
    return Request("POST", "https://api.openai.com/v1/chat/completions", headers, orjson.dumps(body))


def _response(body: bytes, media_type: str) -> Response:
    return Response(200, Headers((("Content-Type", media_type), ("x-request-id", "req_reference"))), body, "OK")


def _chunk(choices: list[dict[str, Any]], **extra: Any) -> bytes:
    chunk = {"id": _ID, "object": "chat.completion.chunk", **_COMMON, "choices": choices, **extra}
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _choice(delta: dict[str, Any], finish: str | None = None) -> list[dict[str, Any]]:
    return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]


def _usage(reasoning: int = 0) -> dict[str, Any]:
    return {
        "prompt_tokens": 9,
        "completion_tokens": 4 + reasoning,
        "total_tokens": 13 + reasoning,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0},
    }


def _stream(deltas: list[dict[str, Any]], finish: str, last_delta: dict[str, Any], **extra: Any) -> bytes:
    chunks = [_chunk(_choice(delta), **extra) for delta in deltas]
    return b"".join([*chunks, _chunk(_choice(last_delta, finish), **extra)])


_DONE = b"data: [DONE]\n\n"
_EVENT_STREAM = "text/event-stream; charset=utf-8"
_TEXT: list[dict[str, Any]] = [
    {"role": "assistant", "content": "", "refusal": None},
    *({"content": t} for t in ("你好", "! How can I", " help?")),
]
_WEATHER: list[dict[str, Any]] = [
    {"role": "assistant", "content": None, "refusal": None}
    | {
        "tool_calls": [
            {"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": ""}}
        ]
    },
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"city":'}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '"Paris"}'}}]},
]
_SECOND: list[dict[str, Any]] = [
    {
        "tool_calls": [
            {"index": 1, "id": "call_2", "type": "function", "function": {"name": "get_time", "arguments": ""}}
        ]
    },
    {"tool_calls": [{"index": 1, "function": {"arguments": '{"zone":"CET"}'}}]},
]
_CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
_THINKING: list[dict[str, Any]] = [
    {"role": "assistant", "content": None, "reasoning_content": ""},
    {"content": None, "reasoning_content": "The user greets me."},
    {"content": None, "reasoning_content": " I greet back."},
    {"content": "你好", "reasoning_content": None},
    {"content": "!", "reasoning_content": None},
]


def _body(message: dict[str, Any], finish: str, usage: dict[str, Any]) -> bytes:
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return orjson.dumps({"id": _ID, "object": "chat.completion", **_COMMON, "choices": [choice], "usage": usage})


STREAM = Exchange(_request(stream=True), _response(_stream(_TEXT, "stop", {}) + _DONE, _EVENT_STREAM), _SOURCE)
STREAM_USAGE = Exchange(
    _request(stream=True, stream_options={"include_usage": True}),
    _response(_stream(_TEXT, "stop", {}, usage=None) + _chunk([], usage=_usage()) + _DONE, _EVENT_STREAM),
    _SOURCE,
)
TOOLS = Exchange(
    _request(stream=True, tools=[{"type": "function", "function": {"name": "get_weather"}}]),
    _response(_stream(_WEATHER, "tool_calls", {}) + _DONE, _EVENT_STREAM),
    _SOURCE,
)
TOOLS_PARALLEL = Exchange(
    TOOLS.request, _response(_stream(_WEATHER + _SECOND, "tool_calls", {}) + _DONE, _EVENT_STREAM), _SOURCE
)
TOOLS_BODY = Exchange(
    _request(tools=[{"type": "function", "function": {"name": "get_weather"}}]),
    _response(
        _body({"role": "assistant", "content": None, "tool_calls": [_CALL], "refusal": None}, "tool_calls", _usage()),
        "application/json",
    ),
    _SOURCE,
)
REASONING = Exchange(
    _request(stream=True, stream_options={"include_usage": True}),
    _response(
        _stream(_THINKING, "stop", {"content": "", "reasoning_content": None}, usage=None)
        + _chunk([], usage=_usage(8))
        + _DONE,
        _EVENT_STREAM,
    ),
    _SOURCE,
)
BODY = Exchange(
    _request(),
    _response(
        _body({"role": "assistant", "content": "你好! How can I help?", "refusal": None}, "stop", _usage()),
        "application/json",
    ),
    _SOURCE,
)
REASONING_BODY = Exchange(
    _request(),
    _response(
        _body(
            {"role": "assistant", "content": "你好!", "reasoning_content": "The user greets me.", "refusal": None},
            "stop",
            _usage(8),
        ),
        "application/json",
    ),
    _SOURCE,
)

REFERENCES = {
    "stream": STREAM,
    "stream-usage": STREAM_USAGE,
    "tools": TOOLS,
    "tools-parallel": TOOLS_PARALLEL,
    "tools-body": TOOLS_BODY,
    "reasoning": REASONING,
    "body": BODY,
    "reasoning-body": REASONING_BODY,
}


def swap(exchange: Exchange, old: str, new: str, times: int = -1) -> Exchange:
    """Return the exchange with ``old`` replaced by ``new`` in its response body, ``times`` times from the left."""
    body = exchange.response.body
    if old.encode() not in body:
        raise ValueError(f"the body does not hold {old!r}, so this change changes nothing")
    return with_body(exchange, body.replace(old.encode(), new.encode(), times))


def swap_last(exchange: Exchange, old: str, new: str) -> Exchange:
    """Return the exchange with the last ``old`` in its response body replaced by ``new``."""
    head, found, rest = exchange.response.body.rpartition(old.encode())
    if not found:
        raise ValueError(f"the body does not hold {old!r}, so this change changes nothing")
    return with_body(exchange, head + new.encode() + rest)


def with_body(exchange: Exchange, body: bytes) -> Exchange:
    """Return the exchange with another response body."""
    return dataclasses.replace(exchange, response=dataclasses.replace(exchange.response, body=body))


def with_header(exchange: Exchange, name: str, value: str | None) -> Exchange:
    """Return the exchange with a response header set, or removed where ``value`` is None."""
    pairs = [pair for pair in exchange.response.headers.pairs if pair[0].lower() != name.lower()]
    headers = Headers((*pairs, (name, value)) if value is not None else tuple(pairs))
    return dataclasses.replace(exchange, response=dataclasses.replace(exchange.response, headers=headers))


def with_response(exchange: Exchange, **changes: Any) -> Exchange:
    """Return the exchange with other fields of its response."""
    return dataclasses.replace(exchange, response=dataclasses.replace(exchange.response, **changes))


def asked(exchange: Exchange, **params: Any) -> Exchange:
    """Return the exchange with request parameters set, or removed where None."""
    body = {**(exchange.request.json or {}), **params}
    kept = {key: value for key, value in body.items() if value is not None}
    return dataclasses.replace(exchange, request=dataclasses.replace(exchange.request, body=orjson.dumps(kept)))
