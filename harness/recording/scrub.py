"""
Scrubs an exchange: removes secrets, and headers that are not needed.

An exchange is scrubbed as it is captured and as it is read, before any other use, so that everything derived from
it is clean: findings, terminal output, reports, cassettes.  Headers are kept by an allow-list: an unknown one is
dropped, not leaked.

What stays: ``fragments`` and ``pieces`` say what they find.  Not found are secrets that a model altered or put in
words; those in other spellings, such as octal, full-width letters or base32, or with a JSON key for each character;
those spread over more than two megabytes, or over several responses; and of a secret of fewer than nine letters and
digits, or of words only, parts, and every form but itself, escaped, in base64 and as a fingerprint.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from harness.recording.key_shapes import find_key_patterns
from harness.recording.redact import Secrets, filler
from harness.wire.exchange import Exchange, Headers, Request, Response
from harness.wire.sse import is_utf8

_REQUEST_HEADERS = frozenset({"accept", "accept-encoding", "content-type", "user-agent"})

_RESPONSE_HEADERS = frozenset(
    {
        "age", "cache-control", "content-encoding", "content-length", "content-type", "date", "keep-alive",
        "connection", "location", "openai-processing-ms", "openai-version", "retry-after", "retry-after-ms", "server",
        "transfer-encoding", "vary", "via",
    }
)  # fmt: skip

# Headers that identify the sender: their values are secrets, even unknown ones.
_IDENTITY = re.compile(r"authorization$|api-key$|(?:organi[sz]ation|project|org|account)(?:-id)?$")

# What the rules http.request-id and http.rate-limit list.
_LISTED = re.compile(r"(?:request|trace|log)-?id$|^cf-ray$|ratelimit")

# User and password, the value of a parameter that is called a key, and the account in the paths of Cloudflare's
# gateway: https://developers.cloudflare.com/ai-gateway/usage/chat-completion/
_IN_URL = re.compile(
    r"(?<=//)[^/@?#]+(?=@)|(?<=/)[0-9a-f]{32}(?=[/?#]|$)"
    r"|(?:(?<=key=|sig=)|(?<=token=)|(?<=secret=)|(?<=password=))[^&#]+",
    re.IGNORECASE,
)

_GZIP = b"\x1f\x8b"


def scrub(exchange: Exchange, secrets: Secrets = Secrets()) -> Exchange:  # noqa: B008 - frozen
    """Return the exchange without ``secrets``, what identifies the sender, what looks like it, and other headers."""
    told = [value for value in _identity(exchange) if value not in secrets.values]
    secrets, source = Secrets.of([*secrets.values, *told]) if told else secrets, exchange.source
    clean = replace(
        exchange,
        request=_request(exchange.request, secrets),
        response=_response(exchange.response, secrets),
        source=replace(source, url=_words(source.url, secrets), note=_words(source.note, secrets)),
    )
    if secrets.values or not _spells_a_key(clean):
        return clean
    return replace(clean, response=_with_clean_body(clean.response, secrets, in_pieces=True))


def _spells_a_key(exchange: Exchange) -> bool:
    """Return whether the joined fragments of a message hold what is shaped like a key."""
    return any(next(find_key_patterns(text.encode("utf-8", "replace")), None) for text in _texts(exchange) if text)


def _texts(exchange: Exchange) -> Iterator[str | None]:
    """Yield the texts that a response adds up to, whatever its dialect."""
    if exchange.dialect == "messages":
        turn = exchange.turn
        yield from (turn.text, turn.reasoning, *(call.arguments for call in turn.calls))
    for message in exchange.completion.messages:
        yield from (message.content, message.reasoning, message.refusal)
        yield from (call.arguments for call in message.tool_calls)


def _identity(exchange: Exchange) -> Iterator[str]:
    for name, value in (*exchange.request.headers.pairs, *exchange.response.headers.pairs):
        if _IDENTITY.search(name.lower()) and value.strip():
            yield value.split()[-1]
            if value[:6].lower() == "basic ":
                yield from _basic(value[6:])


def _basic(packed: str) -> Iterator[str]:
    """Yield the password of basic authentication: https://www.rfc-editor.org/rfc/rfc7617#section-2."""
    try:
        yield base64.b64decode(packed).decode("utf-8", "replace").partition(":")[2]
    except binascii.Error:
        return


def scrub_url(url: str, secrets: Secrets) -> str:
    """Return a URL without secrets, and without user, password or the value of a key, whatever they look like."""
    return _IN_URL.sub(lambda found: filler(found[0].encode()).decode(), secrets.redact_text(url))


def _request(request: Request, secrets: Secrets) -> Request:
    kept = [pair for pair in request.headers.pairs if pair[0].lower() in _REQUEST_HEADERS]
    body = request.body and secrets.redact_content(request.body, in_pieces=bool(secrets.values))
    return replace(request, url=scrub_url(request.url, secrets), headers=_headers(kept, secrets), body=body)


def _response(response: Response, secrets: Secrets) -> Response:
    response = _with_clean_body(response, secrets, in_pieces=bool(secrets.values))
    kept = [pair for pair in response.headers.pairs if _is_kept(pair[0].lower())]
    return response.beside(
        headers=_headers(kept, secrets),
        reason=secrets.redact_text(response.reason),
        error=_words(response.error, secrets),
        http_version=_words(response.http_version, secrets),
    )


def _is_kept(name: str) -> bool:
    return name in _RESPONSE_HEADERS or _LISTED.search(name) is not None


def _headers(pairs: Iterable[tuple[str, str]], secrets: Secrets) -> Headers:
    return Headers(tuple((name, _value(name.lower(), value, secrets)) for name, value in pairs))


def _value(name: str, value: str, secrets: Secrets) -> str:
    if name.endswith("key"):  # such as x-ratelimit-key: kept by name
        return filler(value.encode()).decode()
    return scrub_url(value, secrets) if name == "location" else secrets.redact_text(value)


def _words(text: str | None, secrets: Secrets) -> str | None:
    return None if text is None else secrets.redact_text(text)


def _with_clean_body(response: Response, secrets: Secrets, *, in_pieces: bool) -> Response:
    content = secrets.redact_content(response.content, in_pieces=in_pieces)
    if response.content is response.body:
        opaque = secrets.values and _is_opaque(response)
        return replace(response, body=_hidden(content) if opaque else content)
    if content != response.content:
        return _with_content(response, content)
    body = secrets.redact(response.body)
    return response if body == response.body else replace(response, body=body)


def _with_content(response: Response, content: bytes) -> Response:
    """Return the response with redacted content, and without compression."""
    headers = Headers(tuple(pair for pair in response.headers.pairs if pair[0].lower() != "content-encoding"))
    # What was wrong with the compression would be lost with it.
    wrong = f"LimitReached: {response.too_large}" if response.too_large else response.undecodable
    whole, error = response.eof and not wrong, response.error or wrong
    return replace(response, body=content, headers=headers, reads=None, eof=whole, error=error)


def _is_opaque(response: Response) -> bool:
    """Return whether a body can't be decoded, so that its content is unknown."""
    encoded = response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}
    return response.body[:2] == _GZIP or (encoded and not is_utf8(response.body))


def _hidden(body: bytes) -> bytes:
    """Return filler that can't be decoded either: it begins like the original, and is not text."""
    return body[:2] + b"\0" + filler(body[3:]) if body[3:] else body
