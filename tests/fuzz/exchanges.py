"""Changes whole exchanges: request, response, timing, and expectations."""

import gzip
import json
import random
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fuzz import odd, streams, values
from harness.matrix.scenarios import SCENARIOS
from harness.wire.exchange import Exchange, Expected, Headers, Reads, Request, Response, Source

Way = Callable[[random.Random, Exchange, bytes], Exchange]

_HEADERS = (
    "content-type", "content-encoding", "content-length", "transfer-encoding", "date", "retry-after", "retry-after-ms",
    "x-request-id", "x-ratelimit-limit-requests", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-requests", "location",
    "server", "vary", "cache-control", "openai-processing-ms", "connection", "",
)  # fmt: skip
_VALUES = (
    "text/event-stream", "text/event-stream;charset=gbk", "TEXT/EVENT-STREAM ; charset=", "application/json", "text/html",
    "application/x-ndjson", "/", ";;;", 'application/json; charset="', "multipart/x; boundary=", "gzip", "deflate", "br", "zstd",
    "gzip, gzip", "identity", "chunked", "chunked, gzip", "0", "-5", "1, 2", "6m0s", "1e400", "Thu, 99 Foo 0000 25:61:61 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT", *odd.TEXTS,
)  # fmt: skip
_STATUSES = (
    -1,
    0,
    1,
    99,
    100,
    101,
    199,
    200,
    200,
    200,
    201,
    204,
    206,
    299,
    301,
    304,
    400,
    401,
    402,
    403,
    404,
    408,
    409,
)
_MORE_STATUSES = (418, 422, 429, 451, 499, 500, 502, 503, 504, 529, 599, 600, 999, 10**20)
_VERSIONS = (None, "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3", "", "x", "HTTP/9.9")
_ERRORS = (None, "", "closed before the end", "ReadTimeout: x", "[/]\x1b[31m", "x" * 5000)
_DAYS = (None, "", "2026", "2026-13-45", "0000-00-00", "[/]", "2026-11-29", "99999-01-01", "é")
_MESSAGES: tuple[Any, ...] = (
    "x", None, [], [None], [1], ["x"], {}, [{}], [{"role": 1, "content": {}}], [{"role": "tool"}], [[]],
    [{"role": "assistant", "tool_calls": None}], [{"role": "assistant", "tool_calls": [None, 1, {}, {"function": "x", "id": []}]}],
    [{"role": "user", "content": [None, "x", {"type": "text"}, {"text": 1}]}], [{"role": "tool", "tool_call_id": {"a": []}}],
)  # fmt: skip


def changed(draw: random.Random, exchange: Exchange, other: bytes) -> tuple[Exchange, list[str]]:
    """Return an exchange with one to six things changed, and the names of the changes."""
    trail = []
    for _ in range(min(6, 1 + int(draw.expovariate(0.7)))):
        way = draw.choice(_WAYS)
        exchange = way(draw, exchange, other)
        trail.append(way.__name__.strip("_"))
    return exchange, trail


def _with_body(exchange: Exchange, body: bytes) -> Exchange:
    """Return the exchange with another body; reads whose sizes no longer fit are dropped, as from a file."""
    kept = exchange.response.reads if len(body) == len(exchange.response.body) else None
    return replace(exchange, response=replace(exchange.response, body=body, reads=kept))


def _bytes(draw: random.Random, exchange: Exchange, other: bytes) -> Exchange:
    return _with_body(exchange, draw.choice(odd.BLIND)(draw, exchange.response.body, other))


def _answer(draw: random.Random, exchange: Exchange, other: bytes) -> Exchange:
    """Change the response in its own form: events or JSON."""
    body = exchange.response.body
    if body.lstrip()[:1] not in {b"{", b"["}:
        return _with_body(exchange, streams.changed(draw, body, other))
    text = values.changed(draw, body.decode("utf-8", "replace"))
    return _with_body(exchange, body if text is None else text.encode("utf-8", "surrogatepass"))


def _other_body(draw: random.Random, exchange: Exchange, other: bytes) -> Exchange:
    whole = draw.choice(
        (b"", b"\0", other, draw.choice(odd.JSON).encode(), draw.choice(streams.EVENTS), b"<html></html>")
    )
    return _with_body(exchange, whole)


def _packed(draw: random.Random, exchange: Exchange, other: bytes) -> Exchange:
    body = exchange.response.body[:200_000]
    packed, name = draw.choice(((gzip.compress(body, mtime=0), "gzip"), (zlib.compress(body), "deflate"), (body, "br")))
    if draw.random() < 0.5:
        packed = draw.choice(odd.BLIND)(draw, packed, other)
    return _with_header(_with_body(exchange, packed), "content-encoding", name)


def _with_header(exchange: Exchange, name: str, value: str) -> Exchange:
    headers = Headers((*exchange.response.headers.pairs, (name, value)))
    return replace(exchange, response=replace(exchange.response, headers=headers))


def _header(draw: random.Random, exchange: Exchange, _: bytes) -> Exchange:
    """Add a header, change one that is there, or drop all of its name."""
    name = draw.choice((*_HEADERS, *(name for name, _ in exchange.response.headers.pairs)))
    kept = [pair for pair in exchange.response.headers.pairs if pair[0] != name or draw.random() < 0.2]
    if draw.random() < 0.8:
        kept.insert(draw.randrange(len(kept) + 1), (draw.choice((name, name.upper())), draw.choice(_VALUES)))
    return replace(exchange, response=replace(exchange.response, headers=Headers(tuple(kept))))


def _status(draw: random.Random, exchange: Exchange, _: bytes) -> Exchange:
    status = draw.choice((*_STATUSES, *_MORE_STATUSES))
    return replace(exchange, response=replace(exchange.response, status=status, reason=draw.choice(("OK", *odd.TEXTS))))


def _arrival(draw: random.Random, exchange: Exchange, _: bytes) -> Exchange:
    size = len(exchange.response.body)
    cuts = sorted(draw.randrange(size + 1) for _ in range(draw.choice((0, 1, 5, 50))))
    sizes = tuple(end - begin for begin, end in zip([0, *cuts], [*cuts, size], strict=True))
    times = tuple(draw.choice((0, 1, 50_000, 10**7, 10**15, 10**30)) for _ in sizes)  # none below 0: no clock gives it
    response = replace(
        exchange.response,
        reads=draw.choice((None, Reads(sizes), Reads(sizes, times))),
        eof=draw.random() < 0.5,
        error=draw.choice(_ERRORS),
        http_version=draw.choice(_VERSIONS),
    )
    return replace(exchange, response=response)


def _parameter(draw: random.Random, exchange: Exchange, _: bytes) -> Exchange:
    """Set a parameter of the request to an odd value, or a part of it."""
    body = (exchange.request.body or b"{}").decode("utf-8", "replace")
    text = values.changed(draw, body, values.ASKED)
    if text is None:  # it is no JSON, or too deep to be written here
        return exchange
    if draw.random() < 0.5 and exchange.request.json is not None:
        asked: dict[str, Any] = {**exchange.request.json, draw.choice(values.ASKED): "@"}
        text = json.dumps(asked).replace('"@"', draw.choice(odd.JSON))
    elif draw.random() < 0.3 and exchange.request.json is not None:
        text = json.dumps({**exchange.request.json, "messages": draw.choice(_MESSAGES)})
    return _asking(exchange, text.encode("utf-8", "surrogatepass"))


def _asking(exchange: Exchange, body: bytes | None) -> Exchange:
    return replace(exchange, request=replace(exchange.request, body=body))


def _request(draw: random.Random, exchange: Exchange, other: bytes) -> Exchange:
    """Change the bytes of the request, or its URL and method."""
    body = exchange.request.body or b""
    draw_body = draw.choice((None, b"", b"null", b"[]", b"\xff", draw.choice(odd.BLIND)(draw, body, other)))
    method = draw.choice(("POST", "POST", "GET", "get", "", "²", "PUT"))
    url = draw.choice((exchange.request.url, exchange.request.url, *odd.TEXTS))
    headers = Headers(((draw.choice(("Authorization", "user-agent", "x-api-key", "")), draw.choice(_VALUES)),))
    return replace(exchange, request=draw.choice((
        replace(exchange.request, body=draw_body), replace(exchange.request, method=method),
        replace(exchange.request, url=url), replace(exchange.request, headers=headers), Request(method, url),
    )))  # fmt: skip


def _source(draw: random.Random, exchange: Exchange, _: bytes) -> Exchange:
    source = Source(
        draw.choice(("recorded", "published", "reconstructed")),
        draw.choice(_DAYS),
        draw.choice((None, *odd.TEXTS)),
        draw.choice((None, *odd.TEXTS)),
        draw.choice(("wire", "lines", "reserialized", "chunks", "transcript")),
    )
    return replace(exchange, source=source)


def _expected(draw: random.Random, exchange: Exchange, _: bytes) -> Exchange:
    """Assign the exchange to any scenario, so that the rules for that apply."""
    scenario = draw.choice(sorted(SCENARIOS))
    expected = SCENARIOS[scenario].expected(draw.randrange(SCENARIOS[scenario].requests))
    return replace(exchange, expected=replace(expected, cancelled_by_client=draw.random() < 0.1))


def _after_another(draw: random.Random, exchange: Exchange, other: bytes) -> Exchange:
    earlier = _with_body(exchange, draw.choice((exchange.response.body, other)))
    if draw.random() < 0.7:
        earlier = draw.choice((_answer, _bytes, _parameter, _status))(draw, earlier, other)
    return replace(exchange, earlier=(replace(earlier, expected=Expected((200,))),))


def _no_answer(draw: random.Random, exchange: Exchange, _: bytes) -> Exchange:
    return replace(exchange, response=Response(0, eof=False, error=draw.choice(_ERRORS)))


_WAYS: tuple[Way, ...] = (
    *[_answer] * 12, *[_bytes] * 4, *[_parameter] * 3, *[_header] * 2, *[_expected] * 3, _other_body, _packed, _status,
    _arrival, _request, _source, _after_another, _no_answer,
)  # fmt: skip
