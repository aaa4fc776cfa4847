"""Checks errors, as a status, as a body with status 200, and within a stream; and requests with other outcomes."""

import re
from collections.abc import Iterator
from dataclasses import replace

from harness.checks import sources
from harness.checks.applies import error_status
from harness.checks.messages.answers import answer, counts, stream
from harness.checks.registry import Reason, observation, rule
from harness.results import Level, Problem
from harness.simulate.edits import chunks, drop, replace_bytes, set_value
from harness.simulate.messages.edits import added, typed
from harness.simulate.messages.ideal import error, of_other
from harness.simulate.messages.reference import BAD_KEY, BODY, NO_CAP, REFUSED, STREAM
from harness.simulate.reference import with_body, with_response
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, as_object, objects_in

_JSON = ("error.json", "error.not-empty")
_OVERLOADED: Json = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
_OPENAI = b'{"error":{"message":"model not found","type":"invalid_request_error","param":null,"code":null}}'
_CHAT_KEYS = {"param", "code"}
"""Keys of an error of chat completions that no error of Messages has."""
_KINDS = {
    401: {"authentication_error"},
    403: {"permission_error"},
    404: {"not_found_error", "invalid_request_error"},
    413: {"request_too_large", "invalid_request_error"},
    429: {"rate_limit_error"},
    400: {"invalid_request_error", "billing_error"},
    500: {"api_error"},
    529: {"overloaded_error"},
}
"""The documented types by status; invalid_request_error covers other 4xx."""

_SYSTEM = of_other(STREAM, messages=[{"role": "user", "content": "Hi"}, {"role": "system", "content": "Be short."}])


def _any(_chunk: Json) -> bool:
    return True


def _failed(exchange: Exchange) -> Reason | None:
    """An error with a body that is an object."""
    return error_status(exchange) or (None if isinstance(exchange.chunk(0), dict) else "the error is not an object")


def _request_cap(exchange: Exchange) -> Reason | None:
    """A request without max_tokens, which is required."""
    asked = exchange.request.json
    lacks = asked is not None and "max_tokens" not in asked and bool(asked.get("messages"))
    return None if lacks and not counts(exchange) else "the request has max_tokens, or is not known"


def _request_system(exchange: Exchange) -> Reason | None:
    """A request with a message of role system among others."""
    roles = [one.get("role") for one in objects_in(exchange.request.get("messages"))]
    return None if "system" in roles else "no message has role system"


@rule(
    "messages.error-envelope", Level.SHOULD, "An error has the type `error` and an object under `error`.",
    sources.MESSAGES_ERRORS, _failed,
    good=(REFUSED, BAD_KEY, NO_CAP),
    bad=(with_body(REFUSED, _OPENAI), chunks(_any, set_value("type", "invalid_request"))(BAD_KEY)),
    depends_on=(*_JSON, "error.envelope"),
)  # fmt: skip
def envelope(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that tells errors from messages by the outer type treats it as a broken answer, and asks again.

    Instead: Go by the status: `if response.status_code >= 400`, and read `body["error"]["message"]`.
    """
    found = as_object(exchange.chunk(0))
    if found.get("type") != "error":
        said = f"type is {found['type']!r}" if "type" in found else "type is absent"
        chats = _CHAT_KEYS & as_object(found.get("error")).keys()
        form = ", which has the format of OpenAI's chat completions" if "type" not in found and chats else ""
        yield Problem(f"{said} in the error{form}", ((0, "/type" if "type" in found else ""),))


@rule(
    "messages.error-type", Level.SHOULD, "The type of an error fits its status.",
    sources.MESSAGES_ERRORS, _failed,
    good=(REFUSED, BAD_KEY, NO_CAP),
    bad=(
        chunks(_any, set_value("error/type", "invalid_api_key"))(BAD_KEY),
        chunks(_any, set_value("error/type", "server_error"))(NO_CAP),
    ),
    depends_on=(*_JSON, "messages.error-envelope", "error.type"),
)  # fmt: skip
def error_type(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients decide by it whether to retry, to ask for a key, or to give up.

    Instead: Go by the status, which is always there: retry 429 and 5xx, nothing else.
    """
    status = exchange.response.status
    kinds = _KINDS.get(status)
    kind = as_object(as_object(exchange.chunk(0)).get("error")).get("type")
    if kinds and kind not in kinds:
        yield Problem(f"status {status} comes with type {kind!r}", ((0, "/error/type"),))


@rule(
    "messages.error-event", Level.MUST, "An error within a stream is an event of type `error`, with `type` and `message` under `error`.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM,),
    bad=(
        added(typed("content_block_stop"), {"type": "error", "message": "Overloaded"})(STREAM),
        added(typed("content_block_stop"), {"type": "error", "error": {"message": "Overloaded"}})(STREAM),
        added(typed("content_block_stop"), {"error": {"message": "Overloaded", "code": 529}})(STREAM),
        replace_bytes(b"event: message_delta\n", b'event: error\ndata: {"type":"timeout_error","message":"Too slow"}\n\nevent: message_delta\n')(STREAM),
    ),
    depends_on=("http.stream-asked", "sse.json"),
)  # fmt: skip
def error_event(exchange: Exchange) -> Iterator[Problem]:
    """
    The SDK raises without a reason, or drops the error as an unknown event.

    Instead: Look for `error` in every event: `if "error" in data: raise Failed(data["error"])`.
    """
    for one in exchange.message.errors[:1]:
        inner = as_object(one.value.get("error"))
        for key in ("type", "message"):
            if not isinstance(inner.get(key), str) or not inner[key]:
                yield Problem(f"an error event without {key} under error", ((one.event, "/error"),))
                return
    for number in exchange.message.untyped:
        if as_object(exchange.chunk(number)).get("error"):
            yield Problem("an error comes in an event without a type", ((number, "/error"),))
            return
    parser = exchange.reading.parser
    for number in (number for number, one in enumerate(parser.events if parser else ()) if one.type == b"error"):
        found = as_object(exchange.chunk(number))
        if found.get("type") != "error" and not found.get("error"):
            said = f"an event is named error, and its type is {found.get('type')!r}, with nothing under error"
            yield Problem(said, ((number, ""),))
            return


@rule(
    "messages.no-error", Level.MUST, "A response with status 200 is not an error and contains none.",
    sources.MESSAGES_ERRORS, answer,
    good=(STREAM, BODY),
    bad=(
        with_body(BODY, error(429, "Too many").body),
        added(typed("content_block_stop"), _OVERLOADED)(STREAM),
        with_body(BODY, _OPENAI),
    ),
    depends_on=("http.not-empty", "http.not-html"),
)  # fmt: skip
def no_error(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that goes by the status treats it as an answer, and shows half of one or nothing.

    Instead: Look for the event error, and for `type == "error"` in a body, before you read a message.
    """
    for one in exchange.message.errors[:1]:
        inner = one.value.get("error")
        words = [as_object(inner).get(key) for key in ("type", "message")] if isinstance(inner, dict) else [inner]
        said = ": ".join(" ".join(str(word).split())[:80] for word in words)
        yield Problem(
            f"an error came with status {exchange.response.status}: {said}", ((one.event, f"{one.pointer}/error"),)
        )


@rule(
    "messages.cap-required", Level.SHOULD, "A request without `max_tokens` is rejected.",
    sources.MESSAGES_API, _request_cap,
    good=(NO_CAP,),
    bad=(of_other(STREAM, max_tokens=None), of_other(BODY, max_tokens=None)),
)  # fmt: skip
def cap_required(exchange: Exchange) -> Iterator[Problem]:
    """
    Code that omits it works here and fails at Anthropic; length and cost of the answer have no limit.

    Instead: Always send max_tokens.
    """
    if exchange.response.is_success:
        yield Problem(f"status {exchange.response.status} without max_tokens", ((0, ""),))


_FAILED = with_response(_SYSTEM, status=500, body=error(500, "system message must be at the beginning").body)
_FAILED_TWICE = replace(_FAILED, source=replace(_FAILED.source, failed_before=500))
_OF_SYSTEM = re.compile(rb"system (?:message|role)|role.{0,9}system", re.IGNORECASE)


@rule(
    "messages.system-taken", Level.SHOULD, "A message with the role `system` is accepted among the others.",
    "https://github.com/QwenLM/Qwen/issues/2244", _request_system,
    good=(_SYSTEM,),
    bad=(
        with_response(_SYSTEM, status=400, body=error(400, 'messages: Unexpected role "system"').body),
        _FAILED_TWICE,
    ),
)  # fmt: skip
def system_taken(exchange: Exchange) -> Iterator[Problem]:
    """
    Claude Code has sent such messages since 2.1.154: every session ends at the first one.

    Instead: Move them into `system`, or send them as role user: `{"role": "user", "content": f"<system>{text}</system>"}`.
    """
    response = exchange.response
    told = response.is_error and _OF_SYSTEM.search(response.content) is not None  # such as a 500 of the template
    if response.status in {400, 422} or told:
        yield Problem(f"status {response.status} for a message of role system", ((0, ""),))


@observation(
    "messages.error-request-id", "Whether an error has the id of its request.",
    sources.MESSAGES_ERRORS, _failed,
    good=(REFUSED, BAD_KEY),
    bad=(chunks(_any, drop("request_id"))(REFUSED),),
    depends_on=_JSON,
)  # fmt: skip
def error_request_id(exchange: Exchange) -> str:
    """
    Without it, support cannot look up the failure.

    Instead: Keep the header `request-id`, or the time.
    """
    return "yes" if isinstance(as_object(exchange.chunk(0)).get("request_id"), str) else "no"
