"""Formats the server's own errors in the form that clients of the request's dialect show."""

import re
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import hdrs, web

from harness.errors import HarnessError, NotRecorded
from harness.serve.gate import NotAllowed
from harness.serve.upstream import NoUpstream
from harness.simulate.messages import ideal as messages
from harness.wire.dialect import is_messages

LARGEST_REQUEST = 16 * 1024 * 1024
"""Maximum size of a request body, bytes."""

_NOT_FOUND, _BAD_REQUEST, _TOO_LARGE = 404, 400, 413
_WORD = re.compile(r"(?<!^)(?=[A-Z])")
_SLASHES = re.compile("/{2,}")
_DEEPEST, _AROUND = 200, 54
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class NestedTooDeep(HarnessError):
    """A request is nested deeper than OpenAI or Anthropic accept, and than an answer to it can be written."""


def refuse_nested(content: bytes) -> None:
    """
    Raise NestedTooDeep if a JSON body has more than 200 levels.

    orjson reads 1,024 levels and writes 254, of which an answer that repeats a part of the request needs some.
    """
    if content.count(b"{") + content.count(b"[") <= _DEEPEST:
        return
    try:
        body = orjson.loads(content)
        for _ in range(_AROUND):
            body = [body]
        orjson.dumps(body)
    except orjson.JSONDecodeError:
        return  # it is refused as what it is
    except TypeError as error:
        raise NestedTooDeep(f"the request is nested more than {_DEEPEST} levels deep") from error


@web.middleware
async def errors_as_json(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Return errors in the form that clients show."""
    try:
        return await handler(request)
    except HarnessError as error:
        return _refusal(request, _status(error), str(error), _WORD.sub("_", type(error).__name__).lower())
    except web.HTTPRequestEntityTooLarge:
        what = f"the request is larger than {LARGEST_REQUEST:,} bytes"
        return _refusal(request, _TOO_LARGE, what, "request_too_large")
    except web.RequestPayloadError as error:
        answer = _refusal(request, _BAD_REQUEST, f"the request's body can't be read: {error}", "bad_request")
        answer.force_close()  # aiohttp closes after such a body, so a client with a connection pool has to be told
        return answer
    except web.HTTPException as error:
        what = f"{request.method} {request.path}: {error.reason}; {_instead(request.path)}"
        answer = _refusal(request, error.status, what, str(error.reason).lower().replace(" ", "_"))
        if hdrs.ALLOW in error.headers:  # a 405 has to say what is allowed
            answer.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return answer


def _instead(path: str) -> str:
    """
    Return the URL to use instead: most providers know no path with an extra slash, so this server returns 404
    too.
    """
    tidy = _SLASHES.sub("/", path).rstrip("/")
    return "see /" if tidy == path else f"ask {tidy or '/'}, without the other slashes"


def _status(error: HarnessError) -> int:
    if isinstance(error, NotAllowed | NoUpstream):
        return error.status
    return _NOT_FOUND if isinstance(error, NotRecorded) else _BAD_REQUEST


def _refusal(request: web.Request, status: int, message: str, code: str) -> web.Response:
    said = f"harness serve: {message}"
    if is_messages(request.path):
        body = messages.error(status, said).body
    else:
        error = {"message": said, "type": "harness_error", "param": None, "code": code}
        body = orjson.dumps({"error": error})
    return web.Response(body=body, status=status, content_type="application/json")
