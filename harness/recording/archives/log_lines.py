"""
Reads lines of a gateway's log: bodies beside status and URL, in one flat object or in the attributes of a span.

Every gateway uses other names; they are compared without case, punctuation and prefix: ``http.request.body``,
``requestBody`` and ``request_body`` are equal.
"""

import re
from collections.abc import Iterator
from typing import Any

import orjson

from harness.recording.archives.pairs import STREAMED, exchange_of_pair
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, as_object, objects_in

_ASKED = (
    "requestbody",
    "requestbodycontent",
    "reqbody",
    "requestpayload",
    "requestjson",
    "rawrequest",
    "payloadrequest",
    "inputvalue",
)
_METHODS = ("requestmethod", "httprequestmethod", "httpmethod", "method")
_ANSWERED = ("responsebody", "responsebodycontent", "respbody", "resbody", "responsepayload", "responsejson", "rawresponse", "payloadresponse")  # fmt: skip
_URLS = ("requesturl", "httpurl", "urlfull", "requesturi", "url", "requestpath", "httptarget", "urlpath", "path", "uri")
_STATUSES = ("responsestatus", "responsestatuscode", "httpstatuscode", "httpresponsestatuscode", "statuscode", "httpstatus", "status")  # fmt: skip
_PROVIDERS = ("customllmprovider", "metaprovidername", "genaiprovidername", "genaisystem")
"""The names that LiteLLM, Kong and OpenTelemetry use for the provider."""
_PUNCTUATION = re.compile(r"[^a-z0-9]")
_DEEPEST = 4


def is_log_line(row: Any) -> bool:
    """Return whether a row is a line of a log with a response body."""
    return isinstance(row, dict) and _answer(_by_name(row)) is not None


def log_line_url(row: Json) -> str:
    """Return the URL in a line of a log; empty if there is none."""
    found = _first(_by_name(row), _URLS)
    return found if isinstance(found, str) else ""


def log_line_provider(row: Json) -> str | None:
    """Return the provider that a line of a log names; None if it names none."""
    found = _first(_by_name(row), _PROVIDERS)
    return found if isinstance(found, str) and found else None


def log_line_exchange(row: Json, where: str) -> Exchange:
    """
    Return the exchange in a line of a log.

    Raises:
        BadArchive: its status is invalid.
    """
    named = _by_name(row)
    asked = _first(named, _ASKED)
    if asked is not None and asked is named.get("inputvalue"):  # of a span of OpenInference, put together by an SDK
        asked, row = _whole(asked), {**row, "fidelity": "reserialized"}
    request = {"url": log_line_url(row), "body": asked if asked is not None else _parameters(row)}
    request |= {"method": _first(named, _METHODS), "headers": _first(named, ("requestheaders", "reqheaders"))}
    response = {"body": _answer(named), "headers": _first(named, ("responseheaders", "resheaders"))}
    status = _first(named, _STATUSES)
    if isinstance(status, int) or (isinstance(status, str) and status.isdecimal()):
        response["status"] = int(status)
    return exchange_of_pair({**row, "request": request, "response": response}, where)


def _answer(named: dict[str, Any]) -> Any:
    found = _first(named, _ANSWERED)
    if found is not None:
        return found
    written = named.get("outputvalue")
    if isinstance(written, str) and '"choices"' in written:
        return written
    whole = named.get("response")  # the response body itself, parsed or as text
    if isinstance(whole, str) and whole.lstrip()[:1] in {"{", "d", ":"} and whole.strip() != "{}":
        return whole
    return whole if isinstance(as_object(whole).get("choices"), list) else None


def _parameters(row: Json) -> Json | None:
    """Return the request of a log that stores its parameters separately."""
    for key in ("request", "input", "kwargs"):
        asked = row.get(key)
        asked = _object(asked) if isinstance(asked, str) else asked
        if isinstance(asked, dict) and isinstance(asked.get("messages"), list):
            return asked
    if not isinstance(row.get("messages"), list):
        return None
    return _unstreamed(
        as_object(row.get("model_parameters")) | {key: row[key] for key in ("model", "messages") if key in row}
    )


def _whole(asked: Any) -> Json | None:
    return _unstreamed((_object(asked) if isinstance(asked, str) else as_object(asked)) or {}) or None


def _unstreamed(asked: Json) -> Json:
    return {key: value for key, value in asked.items() if key not in STREAMED}


def _object(text: str) -> Json | None:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _first(named: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((named[name] for name in names if named.get(name) is not None), None)


def _by_name(row: Json) -> dict[str, Any]:
    """Return the values of a row, and of the objects in it, by normalized name."""
    named: dict[str, Any] = {}
    for path, value in _values(row, 0):
        for start in range(len(path)):
            named.setdefault("".join(path[start:]), value)
    return named


def _values(row: Json, depth: int) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in (*row.items(), *_attributes(row)):
        path = tuple(_PUNCTUATION.sub("", part) for part in re.split(r"[.]", str(key).lower()))
        yield path, value
        if isinstance(value, dict) and depth < _DEEPEST and "messages" not in value and "choices" not in value:
            yield from (((*path, *inner), one) for inner, one in _values(value, depth + 1))


def _attributes(row: Json) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a span in OTLP's form: a list of keys, each with a typed value."""
    for one in objects_in(row.get("attributes")):
        for value in as_object(one.get("value")).values():
            yield str(one.get("key")), int(value) if str(value).isdecimal() else value
