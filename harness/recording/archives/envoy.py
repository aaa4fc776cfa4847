"""
Reads the output of Envoy's tap filter: a request and its response, buffered, with the pseudo-headers of HTTP/2.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/tap_filter
"""

from typing import Any

from harness.errors import BadArchive
from harness.recording.archives.pairs import exchange_of_pair
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, as_object, objects_in

_TRACE = "http_buffered_trace"


def is_tap(row: Any) -> bool:
    """Return whether an object is a trace of the tap filter."""
    return isinstance(as_object(row).get(_TRACE), dict)


def tap_url(row: Json) -> str:
    """Return the requested URL; empty if the trace lacks it."""
    named = _pseudo(as_object(row[_TRACE]).get("request"))
    host, path = named.get(":authority", ""), named.get(":path", "")
    return f"{named.get(':scheme', 'https')}://{host}{path}" if host else path


def tap_exchange(row: Json, where: str) -> Exchange:
    """
    Return the exchange of a trace.

    Raises:
        BadArchive: it lacks a part, or the filter cut a body.
    """
    request, response = (as_object(as_object(row[_TRACE]).get(name)) for name in ("request", "response"))
    for name, part in (("request", request), ("response", response)):
        if as_object(part.get("body")).get("truncated"):
            limit = "max_buffered_rx_bytes" if name == "request" else "max_buffered_tx_bytes"
            raise BadArchive(f"{where}: the tap filter cut the body of the {name}; raise its {limit}, or leave it out")
    asked = {"url": tap_url(row), "method": _pseudo(request).get(":method", "POST"), "headers": _headers(request)}
    status = _pseudo(response).get(":status", "")
    answered = {"headers": _headers(response), **({"status": int(status)} if status.isdecimal() else {})}
    return exchange_of_pair(
        {"request": asked | _body(request), "response": {"body_text": ""} | answered | _body(response)}, where
    )


def _pseudo(part: Any) -> dict[str, str]:
    return {name: value for name, value in _fields(part) if name.startswith(":")}


def _headers(part: Json) -> dict[str, str]:
    return {name: value for name, value in _fields(part) if not name.startswith(":")}


def _fields(part: Any) -> list[tuple[str, str]]:
    listed = objects_in(as_object(part).get("headers"))
    return [
        (str(one["key"]).lower(), str(one.get("value") or one.get("raw_value") or "")) for one in listed if "key" in one
    ]


def _body(part: Json) -> Json:
    body = as_object(part.get("body"))
    if body.get("as_bytes") is not None:
        return {"body_b64": body["as_bytes"]}
    return {"body_text": body["as_string"]} if body.get("as_string") is not None else {}
