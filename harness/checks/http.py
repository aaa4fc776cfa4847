"""Checks the envelope: status, headers, and whether the body is of the requested kind."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from harness.checks import json_forms, sources
from harness.checks.applies import (
    all_of,
    answer_with_headers,
    any_exchange,
    body,
    come,
    stream,
    success_status,
    uncut,
)
from harness.checks.error_causes import MODEL_FAILED, told_cause
from harness.checks.registry import TOO_LARGE, observation, rule
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import error
from harness.simulate.reference import (
    BODY,
    STREAM,
    replace_in_body,
    with_body,
    with_expected_status,
    with_header,
    with_request_params,
    with_response,
)
from harness.wire.dialect import WITH_CHOICES
from harness.wire.dumping import json_text
from harness.wire.exchange import OK, Exchange
from harness.wire.json_faults import fault_of
from harness.wire.shapes import as_object
from harness.wire.sse import is_utf8

MUST = Level.MUST

_STREAM_TYPE, _BODY_TYPE = "text/event-stream", "application/json"
_ERROR_BODY = with_body(BODY, b'{"error":{"message":"overloaded","type":"server_error","param":null,"code":null}}')
_FLAT = ("/message", "/base_resp", "/error_code", "/error_msg", "/errors", "/detail", "/ResponseMetadata/Error")
_LIMIT = "LimitReached: a line of more than 8,388,608 bytes"
_REFUSED, _FAILED = 400, 500
_START = ((None, 0),)
_MOVES = (301, 302, 303, 307, 308)
_MOVED = Advice(
    "Clients that don't follow it, as curl, end without an answer; others drop the key at another host, and after 301 to 303 ask by GET, without the body.",
    "Set the base URL to the address in `location`.",
)
_ONCE = with_expected_status(with_response(BODY, status=503, body=error(503, "Try again later.").body), OK)
_TRIED = with_expected_status(_ONCE, OK, 400, tested_parameter="seed")
_NO_CALL = b'{"error":{"message":"The call fits no tool.","type":"invalid_request_error","param":null,"code":"tool_use_failed"}}'

FAILED = Advice(
    "The request is valid and others succeed, but this one fails each time: retrying, as the SDK does twice, only "
    "takes longer.",
    "Use `max_retries=1`; if `openai.InternalServerError` comes again, drop the feature that this scenario requests.",
)
"""The impact of a repeated failure."""

MODEL_ERROR = Advice(
    "The SDK raises BadRequestError for a faulty model output and does not retry, though the same request may "
    "succeed the next time.",
    "If `error.code` says so, as `tool_use_failed` does, ask again; the model's output may be in `failed_generation`.",
)
"""The impact of rejecting a request for the model's own failure."""
_HTML = with_body(BODY, b"<!DOCTYPE html><title>502 Bad Gateway</title>")


def _media_type(exchange: Exchange) -> tuple[str, str]:
    """Return the media type in lower case, and its parameters."""
    media_type, _, parameters = exchange.response.headers.get("content-type", "").partition(";")
    return media_type.strip().lower(), parameters.strip()


def _refusable(exchange: Exchange) -> str | None:
    due = exchange.expected.answer and not exchange.expected.tested_parameter
    if exchange.response.is_error and not due and not _failed_twice(exchange):
        return f"status {exchange.response.status}: an answer is not known to be due"
    return any_exchange(exchange)


def _failed_twice(exchange: Exchange) -> bool:
    return exchange.response.status >= _FAILED and (exchange.source.failed_before or 0) >= _FAILED


@rule(
    "http.status", MUST, "A request that the provider serves is answered with status 200.",
    sources.REQUEST, _refusable,
    good=(STREAM, BODY),
    bad=(
        with_response(BODY, status=201),
        with_response(STREAM, status=302),
        replace(_ONCE, source=replace(BODY.source, failed_before=502)),
        replace(_TRIED, source=replace(BODY.source, failed_before=500)),
        with_response(with_expected_status(BODY, OK), status=400, body=_NO_CALL),
    ),
)  # fmt: skip
def status(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that checks for 200, as EventSource does, sees a failure in what is an answer.

    Instead: Accept every 2xx (`resp.is_success` in httpx; the OpenAI SDK does), and raise with the body's text
    on the rest.
    """
    code, told = exchange.response.status, told_cause(exchange) if exchange.response.is_error else None
    if _failed_twice(exchange):
        tried = exchange.expected.tested_parameter
        where = f" with {tried}" if tried else ""
        before = exchange.source.failed_before
        yield Problem(f"the status is {code}{where}, and the same request got {before} just before", _START, FAILED)
    elif told and told.cause is MODEL_FAILED:
        yield Problem(
            f"the status is {code}: {told.cause.name} ({told.words}) is sent as a client error", _START, MODEL_ERROR
        )
    elif code != OK:
        yield Problem(f"the status is {code}", _START, _MOVED if code in _MOVES else None)


@rule(
    "http.content-type", MUST, "The content-type of a stream is `text/event-stream`, and that of a body `application/json`.",
    sources.REQUEST, answer_with_headers,
    good=(STREAM, BODY, with_header(STREAM, "content-type", "text/event-stream;charset=UTF-8")),
    bad=(with_header(STREAM, "content-type", "application/json"), with_header(BODY, "content-type", "text/plain")),
    depends_on=("http.stream-asked", "http.body-asked"),
)  # fmt: skip
def content_type(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients choose their parser by it: EventSource refuses the stream, others hand the text on unparsed.

    Instead: Pick the parser by `stream=True` in the request, not by the header, as the OpenAI SDK does;
    httpx-sse raises.
    """
    media_type, _ = _media_type(exchange)
    expected = _STREAM_TYPE if exchange.is_stream else _BODY_TYPE
    if media_type != expected:
        yield Problem(f"the content-type is {media_type or 'absent'}, not {expected}", ((None, 0),))


@rule(
    "http.charset", MUST, "The charset, if given, is utf-8.",
    sources.SSE_TYPE, answer_with_headers,
    good=(STREAM, with_header(STREAM, "content-type", "text/event-stream")),
    bad=(with_header(STREAM, "content-type", "text/event-stream; charset=iso-8859-1"),),
)  # fmt: skip
def charset(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that obeys it garbles all Chinese text.

    Instead: Decode as UTF-8 whatever the header says: set `resp.encoding = "utf-8"` before reading text; the
    OpenAI SDK does so itself.
    """
    found = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", _media_type(exchange)[1], re.IGNORECASE)
    if found and found[1].lower() not in {"utf-8", "utf8"}:
        yield Problem(f"the charset is {found[1]}", ((None, 0),))


@rule(
    "http.not-empty", MUST, "A response has a body.",
    sources.REQUEST, all_of(success_status, come),
    good=(STREAM, BODY),
    bad=(with_body(STREAM, b""), with_body(BODY, b"\n\n\n")),
)  # fmt: skip
def not_empty(exchange: Exchange) -> Iterator[Problem]:
    """
    On a stream, the OpenAI SDK yields no chunk and raises nothing: the empty answer looks like success.

    Instead: Raise when a stream ends without a chunk, catch ValueError from parsing a body, and retry in both
    cases.
    """
    if exchange.reading.body_kind == "empty":
        what = "an empty" if not exchange.response.body else "a blank"
        yield Problem(f"status {exchange.response.status} with {what} body", ((None, 0),))


@rule(
    TOO_LARGE, MUST, "A response is small enough for a client to hold in memory.",
    sources.HTTP_LENGTH, lambda x: None if x.too_large else success_status(x),
    good=(STREAM, BODY),
    bad=(with_response(STREAM, eof=False, error=_LIMIT), with_response(BODY, eof=False, error="LimitReached: more than 67,108,864 bytes")),
)  # fmt: skip
def too_large(exchange: Exchange) -> Iterator[Problem]:
    """
    A client without limits uses memory until it is killed: a body that unpacks to a thousand times its size, an
    endless stream or line. The rest was not read, so nothing else is checked.

    Instead: Count the bytes as they come (`iter_bytes`, not `content`) and close the response when there are too many.
    """
    if exchange.too_large:
        yield Problem(f"the response is too large: {exchange.too_large}", ((None, 0),))


@rule(
    "http.complete", MUST, "The transfer ends as HTTP requires.",
    sources.HTTP_INCOMPLETE, all_of(success_status, uncut),
    good=(STREAM,),
    bad=(with_response(STREAM, eof=False, error="RemoteProtocolError: peer closed connection"),),
)  # fmt: skip
def complete(exchange: Exchange) -> Iterator[Problem]:
    """
    The client gets a connection error after part of the text, and most keep the part as the answer.

    Instead: Catch `openai.APIError` (`httpx.TransportError` without the SDK) around the loop, mark the part as
    unfinished, and retry.
    """
    if not exchange.response.eof:
        yield Problem(
            f"the transfer broke off after {len(exchange.response.body)} bytes: {exchange.response.error or 'no reason'}",
            ((None, max(0, len(exchange.response.content) - 80)),),
        )


@rule(
    "http.not-html", MUST, "A response is not an HTML page.",
    sources.REQUEST, success_status,
    good=(BODY,),
    bad=(_HTML, with_body(STREAM, _HTML.response.body)),
)  # fmt: skip
def not_html(exchange: Exchange) -> Iterator[Problem]:
    """
    A gateway's page at status 200: where a stream was asked for, the OpenAI SDK yields no chunk and raises nothing.

    Instead: Treat a stream without chunks, or a result that is not a `ChatCompletion`, as a gateway failure: wait,
    then retry.
    """
    if exchange.reading.body_kind == "html":
        yield Problem("status 200 with an HTML page", ((None, 0),))


@rule(
    "http.stream-asked", MUST, "A request with `stream: true` gets a stream.",
    sources.REQUEST, stream,
    good=(STREAM,),
    bad=(
        with_body(STREAM, BODY.response.body),
        with_body(STREAM, b"upstream unavailable"),
        with_body(STREAM, BODY.response.body.decode().encode("utf-16")),
        with_body(STREAM, _ERROR_BODY.response.body + b"\n\ndata: [DONE]\n\n"),
        with_body(STREAM, STREAM.response.body.replace(b"data: [DONE]", b"").replace(b"data: ", b"")),
    ),
    depends_on=("http.not-empty", "http.not-html", "http.encoding", "http.no-error"),
)  # fmt: skip
def stream_asked(exchange: Exchange) -> Iterator[Problem]:
    """
    The OpenAI SDK finds no event in a JSON body: no chunk, no exception, no text.

    Instead: Before the loop test `stream.response.headers.get("content-type")`; at JSON parse
    `stream.response.read()` instead.
    """
    if exchange.reading.body_kind != "stream":
        error = json_forms.bare_error(exchange)
        lines = 0 if error else json_forms.bare_lines(exchange)
        said = f"the response is {_look(exchange)}, not a stream"
        if error:
            said = f"an error came in the stream as plain JSON, outside any event: {error.text}"
        elif lines:
            said = f"the response is lines of JSON, {lines} or more without data:, not a stream of events"
        yield Problem(said, ((None, 0),), json_forms.BARE_ERROR if error else json_forms.AS_LINES if lines else None)


@rule(
    "http.body-asked", MUST, "A request without `stream: true` gets one JSON body.",
    sources.REQUEST, all_of(body, uncut),
    good=(BODY, with_body(BODY, b"\n\n\n" + BODY.response.body)),
    bad=(with_body(with_request_params(STREAM, stream=False), STREAM.response.body), replace_in_body(BODY, "}", "", 1), with_body(BODY, json_text(BODY.response.body.decode()).encode())),
    depends_on=("http.not-empty", "http.not-html", "http.encoding", "http.no-error"),
)  # fmt: skip
def body_asked(exchange: Exchange) -> Iterator[Problem]:
    """
    The client's JSON parser fails on the first byte that is not JSON.

    Instead: Send `stream=True` and join the deltas; or retry on ValueError and on a result that is a `str`.
    """
    if exchange.reading.body_kind != "json":
        yield Problem(f"the response is {_look(exchange)}, not a JSON body", ((None, 0),))
    elif exchange.reading.syntax_error:
        fault = fault_of(exchange.response.content[exchange.reading.start :], exchange.reading.syntax_error)
        yield Problem(f"the body is not JSON: {fault.said}", ((None, 0),), json_forms.OF_BODY.get(fault.form))
    elif json_forms.encoded_twice(exchange.chunk(0)):
        yield Problem("the body is a JSON string that holds JSON: it was encoded twice", ((None, 0),), json_forms.TWICE)


def _look(exchange: Exchange) -> str:
    """Return a word for the form of a response; an empty JSON value is shown."""
    short = exchange.response.content.strip()
    if short in _NOTHING:
        return f"the JSON {short.decode()}"
    look = exchange.reading.body_kind
    if look == "text" and short[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "text in UTF-16"
    if look == "text" and _SIZED.match(short):
        return (
            "a JSON body between the sizes of chunked transfer"
            if b"{" in short[:16]
            else "events between the sizes of chunked transfer"
        )
    if look == "text" and _SHOUTED.match(short):
        return "text in which the fields of a stream begin with capital letters"
    return "lines of JSON without data:" if look == "json" and _are_lines(short) else _LOOKS[look]


def _are_lines(content: bytes) -> bool:
    """Return whether a content is several JSON objects, one per line."""
    lines = content[:_HEAD].splitlines()
    return len(lines) > 1 and all(line.startswith(b"{") and line.rstrip().endswith(b"}") for line in lines[:2])


_SIZED = re.compile(rb"[0-9a-fA-F]{1,8}(?:;[^\r\n]*)?\r?\n(?:\{|data:|event:|:)")
_SHOUTED = re.compile(rb"(?:DATA|Data|EVENT|Event)\s?:")
_HEAD = 1 << 16
_NOTHING = {b"null", b"true", b"false"}
_LOOKS = {"stream": "a stream", "json": "a JSON body", "html": "an HTML page", "text": "plain text", "empty": "empty"}


@rule(
    "http.no-error", MUST, "A body with status 200 is not an error.",
    sources.REQUEST, success_status,
    good=(STREAM, BODY, replace_in_body(BODY, '"id":', '"error":null,"id":')),
    bad=(
        _ERROR_BODY,
        with_body(STREAM, _ERROR_BODY.response.body),
        with_body(BODY, b'{"code":20012,"message":"bad","data":null}'),
        with_body(BODY, b'{"error_code":336003,"error_msg":"bad","id":"as-1"}'),
        with_body(BODY, b'"Api key is invalid"'),
        with_body(BODY, b'[{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}]'),
        with_body(BODY, b'{"success":false,"data":"no quota"}'),
        with_body(BODY, b'{"code":500,"msg":"no quota","data":null}'),
        with_body(BODY, b'{"title":"Unavailable","status":503}'),
        with_body(BODY, b'{"id":"","object":"","created":0,"model":"","choices":null,"usage":null}'),
        replace_in_body(BODY, '"finish_reason":"stop"', '"finish_reason":"stop","error":{"message":"cut"}'),
    ),
    dialects=WITH_CHOICES,
)  # fmt: skip
def no_error(exchange: Exchange) -> Iterator[Problem]:
    """
    Of 22 client entry points measured, 12 treat a JSON error at status 200 as an answer.

    Instead: Raise on `getattr(resp, "error", None)` or `not resp.choices`; treat a stream without a single chunk as
    an error too.
    """
    if exchange.reading.body_kind != "json":
        return
    for found in exchange.columns.errors[:1]:
        yield Problem(f"an error came with status 200: {found.text}", ((found.chunk, found.pointer),))
    if exchange.columns.kinds("/choices").keys() & {"list", "[]"} or json_forms.envelope(exchange):
        return
    if _is_blank(exchange.chunk(0)):
        yield Problem("every field of the body is empty: it is no completion", ((0, ""),), _BLANK)
        return
    flat = any(exchange.columns.kinds(place).keys() - {"missing", "null", "[]"} for place in _FLAT)
    text = any(what == "text" for _, what in exchange.columns.not_objects) and not json_forms.encoded_twice(
        exchange.chunk(0)
    )
    if flat or text or (not exchange.columns.errors and _says_error(exchange.chunk(0))):
        yield Problem("the body is an error without choices, at status 200", ((0, ""),))


_BLANK = Advice(
    "The SDK returns a completion whose `choices` is None: `response.choices[0]` raises TypeError, and why it failed is lost.",
    "Raise on `not response.choices`, and ask again.",
)
"""The impact of an empty body made by a gateway."""


def _is_blank(value: Any) -> bool:
    """Return whether a completion has keys and all are empty."""
    return isinstance(value, dict) and "choices" in value and not any(value.values())


def _says_error(value: Any) -> bool:
    """Return whether a body without choices is an error in words other than the specification's."""
    inner = as_object(value[0] if isinstance(value, list) and value else value)
    named = inner.get("error") or inner.get("error_message") or inner.get("success") is False
    if named or (isinstance(inner.get("msg"), str) and "code" in inner):
        return True
    status = inner.get("status", inner.get("status_code"))
    return status in {"error", "failed", "fail"} or (type(status) is int and status >= _REFUSED)


@observation(
    "http.media-type", "The content-type header as sent.",
    sources.REQUEST, answer_with_headers,
    good=(STREAM,),
    bad=(with_header(STREAM, "content-type", "text/event-stream"),),
)  # fmt: skip
def media_type_sent(exchange: Exchange) -> str:
    """
    Little: code that compares the whole header with one text takes another spelling for another type.

    Instead: Compare the part before the first `;`, in lower case.
    """
    return exchange.response.headers.get("content-type", "none")


@observation(
    "http.request-id", "The header that carries the request id.",
    sources.SDK_STREAM.replace("_streaming", "_response"), answer_with_headers,
    good=(STREAM,),
    bad=(with_header(STREAM, "x-request-id", None),),
)  # fmt: skip
def request_id(exchange: Exchange) -> str:
    """
    Support asks for it; the OpenAI SDK shows x-request-id only.

    Instead: Log every header ending in `id`, and `cf-ray`, from `stream.response.headers` or
    `with_raw_response`, at each failure.
    """
    names = [name for name in exchange.response.headers if re.search(r"(request|trace|log)-?id$|^cf-ray$", name)]
    return ", ".join(sorted(names, key=lambda name: (name != "x-request-id", name))) or "none"


@rule(
    "http.utf8", MUST, "A JSON body is UTF-8.",
    sources.JSON_UTF8, success_status,
    good=(BODY, replace_in_body(BODY, "你好", "\\u4f60\\u597d")),
    bad=(with_body(BODY, BODY.response.body.replace("你好".encode(), "你好".encode("gbk"))), with_body(BODY, BODY.response.body.replace("你".encode(), b"\xe4\xbd"))),
    depends_on=("http.body-asked",),
)  # fmt: skip
def utf8(exchange: Exchange) -> Iterator[Problem]:
    """
    `json.loads(response.content)` raises UnicodeDecodeError; others show mojibake.

    Instead: Decode with `errors="replace"` before parsing, and keep the bytes.
    """
    content = exchange.response.content
    if exchange.reading.body_kind == "json" and not is_utf8(content):
        try:
            content.decode()
        except UnicodeDecodeError as wrong:
            yield Problem("the body holds invalid UTF-8", ((None, wrong.start),))
