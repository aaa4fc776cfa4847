"""
Reads an exchange as most recorders store it: an object with a request and a response.

Recorders differ only in names and forms of the parts, so one reader serves all.
"""

import re
import zlib
from typing import Any

from harness.errors import BadArchive
from harness.recording.archives.bodies import KeptBody, body_in, parsed, unbase64, wrapped_in
from harness.recording.archives.days import day_of
from harness.wire.dumping import python_text
from harness.wire.exchange import Exchange, Fidelity, Headers, Provenance, Reads, Request, Response, Source
from harness.wire.unpacking import GZIP, inflate

_URLS = ("url", "uri", "endpoint", "urlPath", "path")
_METHODS = ("method", "http_method")
_ASKED = ("request_body", "body", "parsed_body", "payload", "json", "data", "canonical_json", "body_text")
_IN_BASE64 = ("body_b64", "base64Body", "body_base64")
_ANSWERED = (
    "body_text",
    "body",
    "content",
    "sse_events",
    "events",
    "chunks",
    "jsonBody",
    "bodyAsJson",
    "json",
    "payload",
    "data",
)
_STATUSES = ("status", "code", "status_code", "statusCode")
STREAMED = frozenset({"stream", "stream_options"})
"""A request body that asks for a stream."""

_ADDRESSES = ("url", "request_url", "request_path", "path", "uri")
"""Keys of the URL if the request is the body alone."""

_BESIDE = ("status", "status_code", "statusCode", "response_status", "responseStatus", "response_code")
"""Keys of the status if the response is the body alone."""

_STATUS_LINE = re.compile(r"(?:HTTP/[\d.]+ )?(\d{3})(?: (.*))?")
_LEFT: dict[str, Fidelity] = {
    "reserialized": "reserialized",
    "chunk-json": "chunks",
    "chunks": "chunks",
    "transcript": "transcript",
    "lines": "lines",
}


def exchange_of_pair(item: Any, where: str) -> Exchange:
    """
    Return the exchange of an object with a ``request`` and a ``response``; either may be the body alone.

    Raises:
        BadArchive: one of them is missing, or a part of it has the wrong type.
    """
    request, response = part(item, "request", where), part(item, "response", where)
    if isinstance(request.get("messages"), list) or isinstance(request.get("prompt"), str | list):
        request = {"url": _url_beside(item), "body": request}
    elif not url_in(request):
        request = {**request, "url": _url_beside(item)}
    if isinstance(response.get("choices"), list):
        status = next((item[key] for key in _BESIDE if type(item.get(key)) is int), 200)
        response = {"body": response, "status": status}
        request = _put_together(request)
    return Exchange(request_in(request, f"{where}/request"), *answer_in(item, response, where))


def _url_beside(item: dict[str, Any]) -> str:
    """Return the URL beside a request, whole or in parts."""
    whole = next((item[key] for key in _ADDRESSES if isinstance(item.get(key), str)), "")
    host, scheme = item.get("host"), item.get("scheme")
    return f"{scheme}://{host}{whole}" if isinstance(host, str) and isinstance(scheme, str) else whole


def _put_together(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request without ``stream``: a recorder that stores the body alone has joined the chunks."""
    body = request.get("body")
    kept = {key: value for key, value in body.items() if key not in STREAMED} if isinstance(body, dict) else body
    return {**request, "body": kept}


def answer_in(item: dict[str, Any], response: dict[str, Any], where: str) -> tuple[Response, Source]:
    """Return the response of an item, and its source as the item gives it."""
    body = response_body(item, response, f"{where}/response")
    headers = headers_in(response.get("headers", response.get("header")))
    status, reason = status_of(response, where)
    content = _unpacked(body.content, headers)
    version = response.get("http_version")
    reads = body.reads or _reads(response, content)
    read = Response(
        status, headers, content, reason, reads=reads, http_version=version if isinstance(version, str) else None
    )
    return read, source_of(item, headers, body.fidelity)


def _unpacked(body: bytes, headers: Headers) -> bytes:
    """Decompress a body without content-encoding, unless its head is whole, with a date: recorders drop headers."""
    if not body.startswith(GZIP) or "content-encoding" in headers or "date" in headers:
        return body
    content, wrong, too_large = inflate(body, zlib.MAX_WBITS | 16)
    return body if wrong or too_large else content


def request_in(request: dict[str, Any], where: str) -> Request:
    """Return the request."""
    method = next((request[key] for key in _METHODS if request.get(key)), "POST")
    return Request(
        python_text(method).upper(),
        url_in(request),
        headers_in(request.get("headers", request.get("header"))),
        _asked(request, where),
    )


def url_in(request: Any) -> str:
    """Return the requested URL, or its path if the host was not kept; empty if neither was."""
    found = (request.get(key) for key in _URLS) if isinstance(request, dict) else ()
    return next((python_text(one) for one in found if one and not isinstance(one, dict | list)), "")


def _asked(request: dict[str, Any], where: str) -> bytes | None:
    for key in _ASKED:
        value = request.get(key)
        if value is None or value == "":  # some store a body under one of two names, and leave the other empty
            continue
        if key == "parsed_body":
            return parsed(value, f"{where}/{key}").content
        if isinstance(value, dict | list) and not _is_wrapped(value):
            return parsed(value, f"{where}/{key}", dense=True).content
        return body_in(value.get("string") if _is_empty(value) else value, f"{where}/{key}").content or None
    return None


def _is_wrapped(value: Any) -> bool:
    return isinstance(value, dict) and (
        bool({"string", "base64_string", "b64"} & value.keys()) or bool(wrapped_in(value))
    )


def _is_empty(value: Any) -> bool:
    return isinstance(value, dict) and value.get("string", ...) is None


def has_body(item: dict[str, Any], response: dict[str, Any]) -> bool:
    """Return whether a response, or its item, holds a body, which may be empty."""
    keys = {*_IN_BASE64, *_ANSWERED, "parsed_body", "choices"}
    return bool(keys & response.keys()) or isinstance(item.get("chunks"), list)


def response_body(item: Any, response: dict[str, Any], where: str) -> KeptBody:
    """Return the body of a response, from wherever it is stored; some store a stream's reads beside the response."""
    if "parsed_body" in response:
        return parsed(response["parsed_body"], f"{where}/parsed_body")
    for key in _IN_BASE64:
        if isinstance(response.get(key), str | bytes):
            return KeptBody(unbase64(response[key], f"{where}/{key}"))
    found = next((key for key in _ANSWERED if response.get(key) is not None), None)
    if isinstance(item, dict) and isinstance(item.get("chunks"), list) and (found is None or not response[found]):
        return body_in(item["chunks"], f"{where.rpartition('/')[0]}/chunks")
    if found is None and not {"body", "content"} & response.keys():
        raise BadArchive(f"{where.rpartition('/')[0]}: response has neither body_text nor body_b64, nor another body")
    if response.get("encodedBody") is True and isinstance(response.get("body"), str):
        return KeptBody(unbase64(response["body"], f"{where}/body"))
    if found in {"jsonBody", "bodyAsJson"}:
        return parsed(response[found], f"{where}/{found}")
    return body_in(response[found] if found else None, f"{where}/{found or 'body'}")


def status_of(response: dict[str, Any], where: str) -> tuple[int, str]:
    """Return status and reason, stored as a number, an object or a line."""
    reason = response.get("reason", response.get("statusText", response.get("status_message", "")))
    given = [response[key] for key in _STATUSES if response.get(key) is not None]
    # A stream from an SDK's recorder has no status, but was stored as a response, so it succeeded.
    if not given and not any(key in response for key in _STATUSES):
        return 200, python_text(reason)
    for value in given:
        inner = value.get("code", value.get("status_code")) if isinstance(value, dict) else value
        said = _STATUS_LINE.fullmatch(inner) if isinstance(inner, str) else None
        reason = value.get("message", value.get("reason", reason)) if isinstance(value, dict) else reason
        if type(inner) is int:
            return inner, python_text(reason or "")
        if said:
            return int(said[1]), said[2] or python_text(reason or "")
    shown = given[0] if given else None
    raise BadArchive(f"{where}: response/status is {python_text(shown)!r}, not a number")


def headers_in(value: Any) -> Headers:
    """Return headers, stored as a mapping to strings or lists, as pairs, as objects or as one flat list."""
    pairs: list[tuple[str, str]] = []
    if isinstance(value, dict) and isinstance(value.get("headers"), list):
        return headers_in(value["headers"])
    if isinstance(value, dict):
        for name, values in value.items():
            pairs += [(_word(name), _word(one)) for one in (values if isinstance(values, list) else [values])]
    elif isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        pairs = list(zip(value[::2], value[1::2], strict=False))
    else:
        for one in value if isinstance(value, list) else ():
            named = next(
                (key for key in ("name", "key") if isinstance(one, dict) and {key, "value"} <= one.keys()), None
            )
            if named:
                pairs.append((_word(one[named]), _word(one["value"])))
            elif isinstance(one, list) and len(one) == 2:  # noqa: PLR2004 - a pair
                pairs.append((_word(one[0]), _word(one[1])))
    return Headers(tuple(pairs))


def _word(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else python_text(value)


def _reads(response: dict[str, Any], body: bytes) -> Reads | None:
    lengths = response.get("transport_chunk_lengths")
    whole = isinstance(lengths, list) and all(type(n) is int and n >= 0 for n in lengths) and sum(lengths) == len(body)
    return Reads(tuple(lengths)) if lengths and whole else None


def source_of(item: dict[str, Any], headers: Headers, kept: Fidelity = "wire", note: str | None = None) -> Source:
    """Return the source of an exchange as its item gives it: date, origin, and changes."""
    provenance: Provenance = "published" if item.get("authenticity") == "transcript" else "recorded"
    origin = item.get("source")
    repo, path = (origin.get("repo"), origin.get("path")) if isinstance(origin, dict) else (None, None)
    return Source(
        provenance,
        day_of(item) or day_of({"date": headers.get("date")}),
        url=f"https://github.com/{repo}/blob/{origin.get('commit', 'HEAD')}/{path}"
        if isinstance(origin, dict) and repo
        else None,
        note=note,
        fidelity=_LEFT.get(python_text(item.get("fidelity")), kept),
    )


def part(container: Any, key: str, where: str) -> dict[str, Any]:
    """
    Return an object within an object.

    Raises:
        BadArchive: it is missing, or not an object.
    """
    value = container.get(key) if isinstance(container, dict) else None
    if not isinstance(value, dict):
        raise BadArchive(f"{where}: {key} is missing or not an object")
    return value
