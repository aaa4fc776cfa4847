"""
Checks error responses: their status, and the form of the error.

All of it is SHOULD: the specification gives the form of an error, and mentions it for this endpoint only at 429.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from harness.checks import sources
from harness.checks.applies import all_of, error_status, has_headers
from harness.checks.error_causes import (
    BAD_KEY,
    IN_JSON,
    LIMIT,
    NO_CREDIT,
    NO_MODEL,
    NO_WORD,
    OVERLOADED,
    TOO_LONG,
    ToldCause,
    beyond_specification,
    inner_error,
    kind_of,
    request_mistake,
    told_cause,
)
from harness.checks.marks import mojibake
from harness.checks.registry import observation, rule
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import exchange
from harness.simulate.reference import (
    BODY,
    replace_in_body,
    with_body,
    with_expected_status,
    with_header,
    with_request_params,
    with_response,
)
from harness.wire.exchange import OK, Exchange
from harness.wire.repeated_keys import repeated_in
from harness.wire.shapes import as_object
from harness.wire.sse import is_utf8

SHOULD = Level.SHOULD

_REFUSED = with_expected_status(exchange({"model": "no-such-model", "messages": []}), 404, 400)
_KEY = with_expected_status(exchange({}, key="wrong"), 401, 403)
_HTML = b"<!DOCTYPE html><title>404 Not Found</title>"
_FRAME = b'data: {"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}\n\n'
_GBK = '{"error":{"message":"没有这个模型","type":"x","param":null,"code":null}}'.encode("gbk")
_TWO_ERRORS = Advice(
    "Parsers keep the last, the first or neither: two clients show two errors, or one of them none.",
    "Keep the first that says something: `json.loads(text, object_pairs_hook=lambda pairs: dict(reversed([one for one in pairs if one[1]])))`.",
)
_READ = 1 << 16
"""Bytes of an error that are searched for repeated keys."""
GARBLED = Advice(
    "The user cannot read why the request failed, and code that looks for words in it finds none.",
    'Undo it: `text.encode("cp1252", "ignore").decode("utf-8", "ignore")`, and show the status beside it.',
)
_SHOWN = 60
_FORBIDDEN, _LIMITED, _SERVER_ERROR = 403, 429, 500

_SAYS_NOTHING = NO_WORD | {"[object Object]", "error", "Error", "{}", "[]", "%s", "<nil>", "NoneType: None"}
_MISTAKEN = {
    LIMIT.name: {400, 401, 403, 404, 422}, OVERLOADED.name: {400, 401, 403, 404, 422}, TOO_LONG.name: {401, 403, 404, 429}, NO_MODEL.name: {401, 429}, NO_CREDIT.name: {401, 404},
}  # fmt: skip
"""Statuses below 500 that make a client react wrongly to a cause: give up, retry, ask for a key."""

LIMIT_AS_MISTAKE = Advice(
    "A temporary limit is taken as a mistake in the request: the SDK raises another class than RateLimitError, and "
    "does not retry.",
    'Retry if the error text says so: `if "rate limit" in str(error).lower()`.',
)
OVERLOAD_AS_MISTAKE = Advice(
    "A temporary overload is taken as a mistake in the request: the SDK does not retry, and a router looks for no other server.",
    'Retry if the error text says so: `if re.search("overloaded|unavailable|capacity", str(error))`.',
)
LENGTH_AS_LIMIT = Advice(
    "The SDK retries twice a request that can never succeed, and the user waits for a limit that does not exist.",
    'If the error text says so, shorten the prompt and do not retry: `if "context" in str(error).lower()`.',
)

SERVER_ERROR = Advice(
    "The SDK treats a 5xx as temporary and retries twice: a request that can never succeed is sent three times, and "
    "a circuit breaker or fallback that counts 5xx marks the endpoint as down.",
    "Use `max_retries=0`, and retry yourself only if `error.status_code` is 429 or 5xx and `str(error.body)` reports "
    "no mistake in the request.",
)
"""The impact of a 5xx for a client's mistake."""

CHARSET = Advice(
    "A client that obeys it shows mojibake if the message is not ASCII, or fails to decode it.",
    "Decode the body of an error as UTF-8, whatever its header says: `error.response.content.decode()`.",
)
"""The impact of a wrong charset."""


def _refusal_expected(exchange: Exchange) -> str | None:
    due = exchange.expected.statuses and not exchange.expected.answer
    return None if due else "no refusal was expected"


def _json(exchange: Exchange) -> Any:
    return exchange.chunk(0) if exchange.reading.body_kind == "json" else None


@rule(
    "error.refused", SHOULD, "An invalid request is rejected.",
    sources.SDK_ERRORS, lambda x: None if x.expected.refusal or beyond_specification(x) else "the request is not known to be wrong",
    good=(_REFUSED, _KEY),
    bad=(with_response(_REFUSED, status=OK), with_response(_KEY, status=OK, body=BODY.response.body), with_request_params(BODY, max_tokens=0), with_request_params(BODY, top_p=2.0), with_request_params(BODY, model="")),
)  # fmt: skip
def refused(exchange: Exchange) -> Iterator[Problem]:
    """
    No client raises at status 200: a wrong key or model goes unnoticed.

    Instead: Look for `error` in every response, whatever its status.
    """
    if not exchange.response.is_error:
        beyond = beyond_specification(exchange)
        why = f": {beyond}" if beyond else ""
        yield Problem(f"an invalid request gets status {exchange.response.status}{why}", ((None, 0),))


def _cause_known(exchange: Exchange) -> str | None:
    """The cause is known by the scenario, by the request, or by the words of the error."""
    known = _refusal_expected(exchange) is None or _mistake(exchange) or told_cause(exchange)
    return None if known else "neither the request nor the error tells what was wrong"


@rule(
    "error.status", SHOULD, "The status of an error says what was wrong.",
    sources.SDK_ERRORS, all_of(error_status, _cause_known),
    good=(_REFUSED, _KEY),
    bad=(
        with_response(_KEY, status=400),
        with_response(_REFUSED, status=500),
        with_response(with_expected_status(_REFUSED), status=502),
        with_response(with_body(with_expected_status(BODY), b'{"error":{"message":"The model is overloaded.","type":"x","param":null,"code":null}}'), status=400),
        with_response(with_body(BODY, b'{"message":"Bad Request","code":"upstream_error"}'), status=502),
        with_response(with_expected_status(_KEY), status=400),
        with_response(with_body(BODY, b'{"error":{"message":"Rate limit reached.","type":"x","param":null,"code":null}}'), status=400),
        with_response(with_body(BODY, b'{"error":{"message":"The prompt is too long.","type":"x","param":null,"code":null}}'), status=429),
    ),
)  # fmt: skip
def status(exchange: Exchange) -> Iterator[Problem]:
    """
    The SDK raises a different class from the one caught: a wrong key looks like an invalid request, or is retried.

    Instead: Decide on `error.status_code` and `error.body` together, and retry at 429 and 5xx only.
    """
    code = exchange.response.status
    advice = SERVER_ERROR if code >= _SERVER_ERROR else None
    if _refusal_expected(exchange) is None:
        due = [one for one in exchange.expected.statuses if one != OK]
        if code not in due:
            yield Problem(f"the status is {code}, not {_any_of(due)}", ((None, 0),), advice)
        return
    mistake, told = _mistake(exchange), told_cause(exchange)
    if mistake and (code >= _SERVER_ERROR or (code == _FORBIDDEN and told is None)):
        yield Problem(f"status {code} for a request with {mistake}, expected 400 or 422", ((None, 0),), advice)
    elif told and code not in told.cause.due and (code >= _SERVER_ERROR or _is_mistaken(code, told)):
        yield Problem(_misleading(code, told), ((None, 0),), advice or _advice_on(code, told))


def _mistake(exchange: Exchange) -> str | None:
    """Return what is wrong in a request: its form, or a value out of its specified range."""
    beyond = beyond_specification(exchange)
    return request_mistake(exchange) or (f"a value out of range, {beyond}" if beyond else None)


def _is_mistaken(code: int, told: ToldCause) -> bool:
    return told.cause is BAD_KEY or code in _MISTAKEN.get(told.cause.name, ())


def _advice_on(code: int, told: ToldCause) -> Advice | None:
    if told.cause is OVERLOADED:
        return OVERLOAD_AS_MISTAKE
    if told.cause is LIMIT:
        return LIMIT_AS_MISTAKE
    return LENGTH_AS_LIMIT if told.cause is TOO_LONG and code == _LIMITED else None


def _misleading(code: int, told: ToldCause) -> str:
    due = _any_of(told.cause.due[:2])
    return f'the status is {code}, but the error reports {told.cause.name} ("{told.words[:_SHOWN]}"), expected {due}'


def _any_of(codes: Sequence[int]) -> str:
    return " or ".join(map(str, codes))


@rule(
    "error.not-empty", SHOULD, "An error has a body.",
    sources.ERROR, error_status,
    good=(_REFUSED,),
    bad=(with_body(_REFUSED, b""), with_body(_REFUSED, b"\n")),
)  # fmt: skip
def not_empty(exchange: Exchange) -> Iterator[Problem]:
    """
    The user does not learn what was wrong.

    Instead: Show the status and its reason phrase if the body says nothing.
    """
    if exchange.reading.body_kind == "empty":
        yield Problem(f"status {exchange.response.status} without a body", ((None, 0),))


@rule(
    "error.not-html", SHOULD, "An error is not an HTML page.",
    sources.ERROR, error_status,
    good=(_REFUSED,),
    bad=(with_header(with_body(_REFUSED, _HTML), "content-type", "text/html"),),
)  # fmt: skip
def not_html(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads a gateway's page, or its HTML tags.

    Instead: Show `error.message` only if the content-type is JSON, otherwise the status.
    """
    if exchange.reading.body_kind == "html":
        yield Problem(f"status {exchange.response.status} with an HTML page", ((None, 0),))


@rule(
    "error.not-stream", SHOULD, "An error is not an event of a stream.",
    sources.ERROR, error_status,
    good=(_REFUSED,),
    bad=(with_body(_REFUSED, _FRAME), with_header(with_body(_KEY, _FRAME), "content-type", "text/event-stream")),
)  # fmt: skip
def not_stream(exchange: Exchange) -> Iterator[Problem]:
    """
    The SDK treats the event as plain text: `error.body` is a str, `error.code` is None.

    Instead: If `error.body` is a str, remove `data:` and parse the rest.
    """
    if exchange.reading.body_kind == "stream":
        yield Problem(f"status {exchange.response.status} with an event of a stream", ((None, 0),))


@rule(
    "error.json", SHOULD, "An error is one JSON object, in which no key stands twice.",
    sources.ERROR, error_status,
    good=(_REFUSED,),
    bad=(with_body(_REFUSED, b"model not found"), with_body(_REFUSED, b'"model not found"'), replace_in_body(_REFUSED, "}}", "}"), with_body(_REFUSED, _GBK), replace_in_body(_REFUSED, '"param":null', '"param":null,"message":""')),
    depends_on=("error.not-empty", "error.not-html", "error.not-stream"),
)  # fmt: skip
def is_json(exchange: Exchange) -> Iterator[Problem]:
    """
    `error.body["message"]` raises TypeError: the body is a string.

    Instead: Read `error.body` as a dict only if it is one; otherwise show it as text.
    """
    look = exchange.reading.body_kind
    value = _json(exchange)
    if not isinstance(value, dict):
        what = exchange.reading.syntax_error or ("plain text" if look != "json" else f"a JSON {kind_of(value)}")
        yield Problem(f"the error is not a JSON object: {what}", ((None, 0),))
    elif not is_utf8(exchange.response.content):
        yield Problem("the error is not UTF-8", ((None, 0),))
    else:
        twice = repeated_in(exchange.response.content[exchange.reading.start : exchange.reading.start + _READ])
        for pointer in sorted(twice, key=lambda pointer: not pointer.endswith("/message"))[:1]:
            yield Problem(f"{pointer} stands twice in the error", ((0, pointer),), _TWO_ERRORS)


@rule(
    "error.content-type", SHOULD, "The content-type of an error is `application/json`.",
    sources.ERROR, all_of(error_status, has_headers),
    good=(_REFUSED, with_header(_REFUSED, "content-type", "application/json; charset=utf-8")),
    bad=(with_header(_REFUSED, "content-type", "application/octet-stream"), with_header(_REFUSED, "content-type", "application/json; charset=gb2312"), with_header(_KEY, "content-type", "text/event-stream")),
    depends_on=IN_JSON,
)  # fmt: skip
def content_type(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that choose a parser by it show the error as raw text.

    Instead: Try to parse an error body as JSON, whatever its content-type.
    """
    sent = exchange.response.headers.get("content-type")
    # Recorders that trim headers drop those of an error; only a present one can be wrong.
    if sent is None:
        return
    media_type, _, parameters = sent.partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", parameters, re.IGNORECASE)
    if media_type.strip().lower() != "application/json":
        yield Problem(f"the content-type is {sent}, not application/json", ((None, 0),))
    elif charset and charset[1].lower() not in {"utf-8", "utf8"}:
        yield Problem(f"the charset is {charset[1]}", ((None, 0),), CHARSET)


@rule(
    "error.envelope", SHOULD, "An error is an object under the field `error`.",
    sources.ERROR, error_status,
    good=(_REFUSED, _KEY),
    bad=(
        with_body(_REFUSED, b'{"detail":"Not found"}'),
        with_body(_REFUSED, b'{"code":20012,"message":"Model does not exist","data":null}'),
        with_body(_REFUSED, b'{"code":"not_found","error":"no such model"}'),
    ),
    depends_on=IN_JSON,
)  # fmt: skip
def envelope(exchange: Exchange) -> Iterator[Problem]:
    """
    The SDK finds no code, type or param, and its message is the raw body.

    Instead: Look for the text under `error`, `message`, `detail`, `errors` and `base_resp`, in that order.
    """
    value = _json(exchange)
    if not isinstance(value.get("error"), dict):
        yield Problem(f"the error is {shape(exchange)}, not an object under error", ((0, ""),))


@rule(
    "error.message", SHOULD, "An error has a `message`, a string that is not empty.",
    sources.ERROR, error_status,
    good=(_REFUSED,),
    bad=(
        with_body(_REFUSED, b'{"error":{"type":"x","param":null,"code":null}}'),
        with_body(_REFUSED, b'{"error":{"message":"","type":"x","param":null,"code":null}}'),
        with_body(_REFUSED, b'{"error":{"message":{"detail":[]},"type":"x","param":null,"code":null}}'),
        with_body(_REFUSED, b'{"error":{"message":"[object Object]","type":"x","param":null,"code":null}}'),
    ),
    depends_on=IN_JSON,
    explained_by=("error.envelope",),
)  # fmt: skip
def has_message(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads "None", or a dump of nested objects.

    Instead: If the message is not a string, show the whole of `error.body` as JSON.
    """
    value = inner_error(exchange).get("message")
    if not isinstance(value, str) or not value.strip():
        shown = (
            "absent" if "message" not in inner_error(exchange) else '""' if isinstance(value, str) else kind_of(value)
        )
        yield Problem(f"message is {shown}", ((0, "/error/message"),))
    elif garbled := mojibake(value):
        yield Problem(
            f"message is UTF-8 that was read as another encoding: {garbled[:_SHOWN]}", ((0, "/error/message"),), GARBLED
        )
    elif value.strip(" .:") in _SAYS_NOTHING:
        yield Problem(f"message is {value!r}, which says nothing", ((0, "/error/message"),))


@observation(
    "error.shape", "The form of an error.",
    sources.ERROR, error_status,
    good=(_REFUSED,),
    bad=(
        with_body(_REFUSED, b'{"detail":"Not found"}'),
        with_body(_REFUSED, b'{"error":true,"message":"Not found"}'),
        with_body(_REFUSED, b'{"base_resp":{"status_code":1004,"status_msg":"no"}}'),
        with_body(_REFUSED, b'{"errors":[{"code":7003,"message":"no"}],"success":false}'),
        with_body(_REFUSED, b'"no"'),
        with_body(_REFUSED, b"no"),
    ),
)  # fmt: skip
def shape(exchange: Exchange) -> str:
    """
    Each form needs its own parser; most clients know the nested one only.

    Instead: Try `error`, `message`, `detail`, `errors` and `base_resp` in turn, and fall back to the text.
    """
    value = _json(exchange)
    if not isinstance(value, dict):
        look = exchange.reading.body_kind
        return "a JSON string" if isinstance(value, str) else "a JSON array" if isinstance(value, list) else look
    if isinstance(value.get("error"), dict):
        return "nested"
    names = ("error", "detail", "errors", "base_resp", "ResponseMetadata", "error_msg", "message")
    found = next((name for name in names if value.get(name) and value.get(name) is not True), None)
    return {"error": "text under error", "message": "flat", None: "unknown"}.get(found, str(found))


@observation(
    "error.words", "The status, type and code of an error.",
    sources.ERROR, error_status,
    good=(_REFUSED,),
    bad=(_KEY, replace_in_body(_REFUSED, "model_not_found", "not_found_error")),
)  # fmt: skip
def words(exchange: Exchange) -> str:
    """
    Providers use the same word for different errors, and different words for the same error.

    Instead: Keep a table of the words each provider uses, and branch on the status otherwise.
    """
    value = _json(exchange)
    found = value.get("error", value) if isinstance(value, dict) else None
    inner = as_object(found)
    given = [inner.get(key) for key in ("type", "code")]
    return " ".join([str(exchange.response.status), *(str(one)[:_SHOWN] if one else "-" for one in given)])
