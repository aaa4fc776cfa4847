"""
Drives the official Anthropic SDK over a recorded Messages response.

It comes with the extra ``anthropic`` and is imported when the first response is read; if it can't be used,
`unusable` says why.  A stream goes through ``messages.stream()``, which accumulates it, a body through
``messages.create()``.
"""

import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata
from typing import Any

from harness.recording.sdk_release import release_of
from harness.sdk.kept import kept_readings, key_of
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange, Response
from harness.wire.surrogates import whole_characters
from harness.wire.turn import Counts as TurnCounts
from harness.wire.turn import Turn, TurnCall

OLDEST = (0, 64)
"""The oldest supported version: it reads thinking blocks and their signatures."""

_PACKAGE = "anthropic"
_QUESTION: dict[str, Any] = {"model": "replay", "max_tokens": 1, "messages": [{"role": "user", "content": "?"}]}
_MESSAGE_LENGTH = 120
_IN_USE = threading.Lock()


@dataclass(frozen=True)
class MessageReading:
    """
    The SDK's result for a response: the ``turn`` of the message, None if there is none.

    ``error`` is the class of the exception that ended it, ``message`` its text; ``is_own`` whether it is one of
    Anthropic's errors, and ``shown`` whether it contains the provider's message.
    """

    turn: Turn | None = None
    error: str | None = None
    message: str = ""
    is_own: bool = False
    shown: bool = False


@cache
def unusable() -> str | None:
    """Return why the SDK can't be used, and what to do; None if it can."""
    oldest = ".".join(map(str, OLDEST))
    wanted = f"run: pip install '{_PACKAGE}>={oldest}'"
    try:
        found = metadata.version(_PACKAGE)
    except metadata.PackageNotFoundError:
        return f"the Anthropic SDK is not installed; {wanted}"
    return None if release_of(found) >= OLDEST else f"{_PACKAGE} {found}: this needs {oldest} or later; {wanted}"


def message_reading(exchange: Exchange) -> MessageReading:
    """Return the SDK's result for a response; cached between runs, by the bytes that were read."""
    held: MessageReading | None = vars(exchange).get("message_reading")
    if held is None:
        held = vars(exchange)["message_reading"] = _kept(exchange)
    return held


def _kept(exchange: Exchange) -> MessageReading:
    readings, response = kept_readings(), exchange.response
    if readings is None:
        return _read(exchange)
    media_type = response.headers.get("content-type")
    key = key_of(_PACKAGE, response.status, media_type, response.content, exchange.is_stream, response.eof)
    found = readings.get(key, MessageReading)
    if found is None:
        found = _read(exchange)
        readings.put(key, found)
    return found


def _read(exchange: Exchange) -> MessageReading:
    client, transport = _made()
    response = exchange.response
    plain = Response(response.status, response.headers, response.body, eof=response.eof)
    with _IN_USE:
        transport.exchange = Exchange(exchange.request, plain)
        try:
            return MessageReading(_turn(_message(client, streamed=exchange.is_stream)))
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises is what it made of the answer
            return _failure(error)


def _message(client: Any, *, streamed: bool) -> Any:
    if not streamed:
        return client.messages.create(**_QUESTION)
    with client.messages.stream(**_QUESTION) as stream:
        return stream.get_final_message()


@cache
def _made() -> tuple[Any, Any]:
    """Return a client, and the transport that serves it the response."""
    anthropic = import_module(_PACKAGE)
    base = import_module(f"{_PACKAGE}._base_client")
    backend = getattr(base, "httpx2", None) or import_module("httpx")  # its HTTP library depends on its release
    from harness.recording.replay import Replay
    from harness.wire.exchange import OK, Request

    transport = Replay(Exchange(Request("POST", ""), Response(OK)))
    http = backend.Client(transport=transport, trust_env=False)
    given: dict[str, Any] = {"api_key": "unused", "base_url": "https://replay.invalid", "max_retries": 0}
    return anthropic.Anthropic(http_client=http, **given), transport


def _turn(message: Any) -> Turn:
    """Return the turn of a message of the SDK, as ``wire/messages/turn`` makes it of the bytes."""
    blocks = [one.model_dump(exclude_unset=True, warnings=False) for one in message.content]
    texts = [whole_characters(one.get("text") or "") for one in blocks if one.get("type") == "text"]
    thoughts = [whole_characters(one.get("thinking") or "") for one in blocks if one.get("type") == "thinking"]
    calls = tuple(
        TurnCall(one.get("id"), one.get("name"), _written(one.get("input")))
        for one in blocks
        if one.get("type") == "tool_use"
    )
    return Turn(
        "".join(texts) if texts else None, "".join(thoughts) if thoughts else None, calls, message.stop_reason,
        TurnCounts(),
    )  # fmt: skip


def _written(value: Any) -> str:
    return "" if value is None else whole_characters(json_text(value))


def _failure(error: Exception) -> MessageReading:
    anthropic = import_module(_PACKAGE)
    body = getattr(error, "body", None)
    said: Any = None
    with suppress(AttributeError):
        said = body.get("error", body) if isinstance(body, dict) else body
    message = said.get("message") if isinstance(said, dict) else said
    return MessageReading(
        error=type(error).__name__,
        message=" ".join(str(error).split())[:_MESSAGE_LENGTH],
        is_own=isinstance(error, anthropic.AnthropicError),
        shown=isinstance(message, str) and bool(message.strip()),
    )
