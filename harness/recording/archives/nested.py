"""
Finds exchanges nested in documents of tools without a reader, such as Hoverfly, Scotch, Postman and the Azure SDK's
proxy.

They are converted to the common form: keys in lower case, ``raw`` and ``value`` unwrapped.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from harness.recording.archives.log_lines import is_log_line
from harness.recording.archives.pairs import url_in
from harness.wire.shapes import Json, as_object

_REQUESTS = ("request", "originalRequest")
_DEEPEST = 12
_HOLDERS = ("raw", "value")


def pairs_within(document: Any) -> list[Any] | None:
    """Return the pairs in a document, at any depth; None if there is none."""
    return list(_pairs(document, 0)) or None


def log_lines_within(document: Any) -> list[Any] | None:
    """Return the lines of a log, or the spans, in a document, at any depth; None if there is none."""
    return list(_log_lines(document, 0)) or None


def _log_lines(value: Any, depth: int) -> Iterator[Json]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict) and is_log_line(value):
        yield value
        return
    for one in _inner(value):
        yield from _log_lines(one, depth + 1)


def _pairs(value: Any, depth: int) -> Iterator[Json]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        small = _small(value)
        request = next((small[key] for key in _REQUESTS if isinstance(small.get(key), dict)), None)
        request = request or (small if url_in(small) and "method" in small else None)
        response = small if "originalRequest" in small else small.get("response")
        if request and isinstance(response, dict):
            yield {**small, "request": _side(request), "response": _side(response)}
            return
    for one in _inner(value):
        yield from _pairs(one, depth + 1)


def _inner(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _small(value: dict[Any, Any]) -> Json:
    return {f"{str(key)[:1].lower()}{str(key)[1:]}": one for key, one in value.items()}


def _side(side: Json) -> Json:
    """Return a request or a response with its parts unwrapped."""
    parts = {key: _bare(value) for key, value in _small(side).items()}
    headers = next((parts[key] for key in ("headers", "header") if parts.get(key)), None)
    apart = as_object(parts.get("requestHeaders") or parts.get("responseHeaders")) | as_object(
        parts.get("contentHeaders")
    )
    parts["headers"] = headers or apart or _among(parts)
    if isinstance(parts.get("status"), dict):
        parts["status"] = _small(parts["status"])
    elif type(parts.get("code")) is int:
        parts["status"] = parts["code"]
    return _with_address(parts)


def _among(parts: Json) -> Json:
    """Return the headers that are mixed with the parts of a response, by the dash in their names."""
    return {key: value for key, value in parts.items() if isinstance(value, str) and ("-" in key or key == "date")}


def _with_address(parts: Json) -> Json:
    if "url" not in parts and isinstance(parts.get("path"), str) and isinstance(parts.get("destination"), str):
        return {**parts, "url": f"{parts.get('scheme') or 'https'}://{parts['destination']}{parts['path']}"}
    return parts


def _bare(value: Any) -> Any:
    """Return the content of a matcher or a wrapper."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and "matcher" in value[0]:
        value = value[0]
    held = [value[key] for key in _HOLDERS if isinstance(value, dict) and isinstance(value.get(key), str)]
    return held[0] if held else value
