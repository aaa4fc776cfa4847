"""
Plays a recorded response over HTTP/1.1 with aiohttp: its status, headers, segments, pace and end.

aiohttp frames the body and keeps connections alive; a transfer that broke off when recorded breaks off again.
"""

import asyncio
from collections.abc import Sequence
from functools import lru_cache

from aiohttp import HttpVersion11, web
from multidict import CIMultiDict

from harness.recording.pacing import headers_of
from harness.recording.replayed import NOTE
from harness.serve.connection_faults import SocketFault, befall
from harness.wire.exchange import NO_ANSWER, Response

_CONNECTION = frozenset(
    {"connection", "keep-alive", "date", "trailer", "upgrade", "content-length", "transfer-encoding"}
)
_ADDED = ("Content-Type", "Server")
"""Headers that aiohttp adds if the recording has none."""

_TAKEN = web.RequestKey("taken", list[str])


async def send(  # noqa: PLR0913 - one parameter a part of what is sent
    request: web.Request,
    response: Response,
    pieces: Sequence[bytes],
    waits: Sequence[float],
    note: str,
    *,
    socket_fault: SocketFault | None = None,
) -> web.StreamResponse:
    """
    Send ``pieces`` as the body of ``response``, each after its delay; ``note`` says where they come from.

    ``socket_fault`` is injected when half of the body is sent.
    """
    if response.status == NO_ANSWER:
        _end(request)
        return web.Response()
    headers = _headers(response, pieces, note)
    request[_TAKEN] = [name for name in _ADDED if name.lower() not in response.headers]
    if socket_fault is None and _is_at_once(request, response, headers, pieces, waits):
        return await _send_at_once(request, response, headers, b"".join(pieces))
    answer = web.StreamResponse(status=response.status, reason=response.reason or None, headers=headers)
    await answer.prepare(request)
    if socket_fault:
        await befall(request, answer, b"".join(pieces), socket_fault)
        return answer
    whole = response.eof and not _promises_more(answer, pieces)
    last = len(pieces) if whole else 0
    for number, (piece, wait) in enumerate(zip(pieces, waits, strict=True), 1):
        if wait:
            await asyncio.sleep(wait)
        await (answer.write_eof(piece) if number == last else answer.write(piece))  # the end goes with the last piece
    if not whole:
        _end(request)
    elif not last:
        await answer.write_eof()
    return answer


def _is_at_once(
    request: web.Request, response: Response, headers: CIMultiDict[str], pieces: Sequence[bytes], waits: Sequence[float]
) -> bool:
    """Return whether headers, body and end can go in one write: one segment, of the length in the headers."""
    if len(pieces) > 1 or any(waits) or not response.eof or request.version < HttpVersion11:
        return False
    length = headers.get("Content-Length")
    return length is None or length == str(sum(map(len, pieces)))


async def _send_at_once(
    request: web.Request, response: Response, headers: CIMultiDict[str], body: bytes
) -> web.StreamResponse:
    answer = web.Response(status=response.status, reason=response.reason or None, headers=headers, body=body)
    if "Content-Length" not in headers:
        answer.enable_chunked_encoding()
    await answer.prepare(request)
    await answer.write_eof()
    return answer


async def without_additions(request: web.Request, response: web.StreamResponse) -> None:
    """Remove the headers that the recording lacks; a signal handler of aiohttp."""
    for name in request.get(_TAKEN, ()):
        response.headers.popall(name, None)


def _headers(response: Response, pieces: Sequence[bytes], note: str) -> CIMultiDict[str]:
    headers = CIMultiDict(_sent(response))
    sent = sum(map(len, pieces))
    # A wrong length is part of the evidence; a right one stays right when re-segmented.
    length = response.headers.get("content-length", "")
    if length.isdecimal():
        headers["Content-Length"] = str(sent) if int(length) == len(response.body) else length
    headers[NOTE] = note
    return headers


def _sent(response: Response) -> list[tuple[str, str]]:
    """Return the recorded headers to send; cached for responses with the same headers."""
    if "content-encoding" in response.headers:  # whether that goes hangs on the body
        return _sendable_pairs(tuple(headers_of(response)))
    return _sendable_pairs(response.headers.pairs)


@lru_cache(256)
def _sendable_pairs(pairs: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return [(name, _sendable(value)) for name, value in pairs if _is_sent(name.lower())]


def _is_sent(name: str) -> bool:
    """Return whether a recorded header is sent; CORS is up to this server, not the provider."""
    return name not in _CONNECTION and not name.startswith("access-control-")


def _promises_more(answer: web.StreamResponse, pieces: Sequence[bytes]) -> bool:
    """Return whether the length in the headers exceeds the body, so that only closing the connection ends it."""
    return answer.content_length is not None and answer.content_length > sum(map(len, pieces))


def _sendable(value: str) -> str:
    if value.isprintable():
        return value
    return "".join(char for char in value if char.isprintable() or char == "\t")


def _end(request: web.Request) -> None:
    """Close the connection without ending the response."""
    if request.transport:
        request.transport.close()
