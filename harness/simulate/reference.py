"""
Provides reference responses, and small changes to them, for examples and faults.

They come from the ideal provider: see ``simulate/chat/ideal.py`` for their form.
"""

import dataclasses
from typing import Any

import orjson

from harness.simulate.chat import ideal
from harness.wire.exchange import Exchange, Expected, Headers, Source

_WEATHER = [{"type": "function", "function": {"name": "get_weather"}}]
_BOTH = [*_WEATHER, {"type": "function", "function": {"name": "get_time"}}]


def ask(text: str = "你好", **params: Any) -> Exchange:
    """Return the reference response to a request with these parameters."""
    return ideal.exchange({"model": ideal.MODEL, "messages": [{"role": "user", "content": text}], **params})


STREAM = ask(stream=True)
STREAM_USAGE = ask(stream=True, stream_options={"include_usage": True})
TOOLS = ask(stream=True, tools=_WEATHER)
TOOLS_PARALLEL = ask("both", stream=True, tools=_BOTH)
TOOLS_BODY = ask(tools=_WEATHER)
REASONING = ask(stream=True, stream_options={"include_usage": True}, reasoning_effort="medium")
BODY = ask()
REASONING_BODY = ask(reasoning_effort="medium")

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


def replace_in_body(exchange: Exchange, old: str, new: str, times: int = -1) -> Exchange:
    """Return the exchange with ``old`` replaced by ``new`` in its response body, ``times`` times from the left."""
    body = exchange.response.body
    if old.encode() not in body:
        raise ValueError(f"the body does not hold {old!r}, so this change changes nothing")
    return with_body(exchange, body.replace(old.encode(), new.encode(), times))


def replace_last_in_body(exchange: Exchange, old: str, new: str) -> Exchange:
    """Return the exchange with the last ``old`` in its response body replaced by ``new``."""
    head, found, rest = exchange.response.body.rpartition(old.encode())
    if not found:
        raise ValueError(f"the body does not hold {old!r}, so this change changes nothing")
    return with_body(exchange, head + new.encode() + rest)


def with_body(exchange: Exchange, body: bytes) -> Exchange:
    """Return the exchange with another response body."""
    return dataclasses.replace(exchange, response=dataclasses.replace(exchange.response, body=body))


def with_header(exchange: Exchange, name: str, value: str | None) -> Exchange:
    """Return the exchange with a response header set, or removed if ``value`` is None."""
    pairs = [pair for pair in exchange.response.headers.pairs if pair[0].lower() != name.lower()]
    headers = Headers((*pairs, (name, value)) if value is not None else tuple(pairs))
    return dataclasses.replace(exchange, response=dataclasses.replace(exchange.response, headers=headers))


def with_response(exchange: Exchange, **changes: Any) -> Exchange:
    """Return the exchange with other fields of its response."""
    return dataclasses.replace(exchange, response=dataclasses.replace(exchange.response, **changes))


def recorded(exchange: Exchange) -> Exchange:
    """Return the exchange as if the provider had been recorded."""
    return dataclasses.replace(exchange, source=Source("recorded", "2026-01-01"))


def with_request_params(exchange: Exchange, **params: Any) -> Exchange:
    """Return the exchange with request parameters set, or removed if None."""
    body = {**(exchange.request.json or {}), **params}
    kept = {key: value for key, value in body.items() if value is not None}
    return dataclasses.replace(exchange, request=dataclasses.replace(exchange.request, body=orjson.dumps(kept)))


def with_expected_status(exchange: Exchange, *statuses: int, tested_parameter: str | None = None) -> Exchange:
    """Return the exchange with ``statuses`` as the acceptable ones."""
    return dataclasses.replace(exchange, expected=Expected(statuses, tested_parameter))


def with_earlier(exchange: Exchange, *earlier: Exchange) -> Exchange:
    """Return the exchange in a recording that begins with ``earlier`` ones."""
    return dataclasses.replace(exchange, earlier=earlier)


def in_archive(exchange: Exchange, *before: Exchange) -> Exchange:
    """Return the exchange in an archive of another tool, after the ``before`` ones of the provider."""
    from harness.wire.siblings import Siblings

    return dataclasses.replace(exchange, siblings=Siblings(one.facts for one in before))
