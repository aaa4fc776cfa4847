"""
Transports that answer from a recorded exchange: what a client gets offline is what came over the wire.

They are httpx2 transports, since that is what openai 3 is built on, and they never touch the network.
"""

from collections.abc import AsyncIterator, Iterator

import httpx2

from harness.wire.exchange import Exchange, Response

_ABOUT_TRANSFER = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class Replay(httpx2.BaseTransport):
    """
    Answers any request with the response of ``exchange``: its bytes in the reads they came in, all at once.

    A transfer that broke off breaks off again.  ``exchange`` may be set anew between two requests.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request."""
        return _answer(self.exchange.response, request)


class AsyncReplay(httpx2.AsyncBaseTransport):
    """The same for an async client."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request."""
        return _answer(self.exchange.response, request)


class _Body(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """The body of a response, in pieces, with the error that ended it."""

    def __init__(self, response: Response, request: httpx2.Request) -> None:
        self._response = response
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        yield from _pieces(self._response)
        if not self._response.eof:
            raise httpx2.RemoteProtocolError(self._response.error or "the transfer broke off", request=self._request)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def _answer(response: Response, request: httpx2.Request) -> httpx2.Response:
    # The content is served decoded: recorders often keep the header of an encoding they have undone.
    kept = [pair for pair in response.headers.pairs if pair[0].lower() not in _ABOUT_TRANSFER]
    headers = [(_encoded(name), _encoded(value)) for name, value in kept]
    told = {"http_version": response.http_version, "reason_phrase": response.reason}
    extensions = {name: value.encode("ascii", "replace") for name, value in told.items() if value}
    return httpx2.Response(response.status, headers=headers, stream=_Body(response, request), extensions=extensions)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _pieces(response: Response) -> Iterator[bytes]:
    """Yield the content as it was read; in one piece where the reads are not those of these bytes."""
    content = response.content
    sizes = response.reads.sizes if response.reads else ()
    if sum(sizes) != len(content) or min(sizes, default=0) < 0:
        sizes = (len(content),)
    at = 0
    for size in sizes:
        if size:
            yield content[at : at + size]
        at += size
