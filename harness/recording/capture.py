"""
Capture: exchanges over the network, kept as they come.

How it works: ``Capture`` is an httpx2 transport, so the OpenAI SDK - or any program built on httpx2 - sends its own
requests through it.  Each piece of the answer is handed on as it comes, with its time noted on the way; at the
end the whole is one ``Exchange``, given to ``keep``.  Nothing is decoded, retried or followed.

A caller that stops early does not shorten the recording: what is left is read, within limits, when the caller
closes.  An answer that breaks off, hangs or grows without end is kept up to there, with the reason in ``error``.
"""

import contextlib
import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx2

from harness.recording.deadline import Deadline
from harness.wire.exchange import NO_ANSWER, Exchange, Headers, Reads, Request, Response, Source

Keep = Callable[[Exchange], None]

# A deadline is told of new connections only.
_ONE_REQUEST_EACH = httpx2.Limits(max_keepalive_connections=0)


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Where a capture ends that does not end by itself.

    ``connect``, ``idle`` (between two reads) and ``total`` (from the request on) are seconds, ``size`` bytes as sent,
    ``drain`` the seconds given to what is left when a caller closes early.
    """

    connect: float = 10
    idle: float = 60
    total: float = 300
    size: int = 64 << 20
    drain: float = 10

    @property
    def timeout(self) -> httpx2.Timeout:
        """The same as httpx2 takes it."""
        return httpx2.Timeout(self.idle, connect=self.connect)


class LimitReached(Exception):
    """The capture went on for too long, or grew too large."""


@dataclass(slots=True)
class _Tape:
    """One answer while it comes."""

    request: httpx2.Request
    keep: Keep
    limits: Limits
    response: httpx2.Response | None = None
    pieces: list[bytes] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    size: int = 0
    started: int = field(default_factory=time.perf_counter_ns)
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    done: bool = False
    deadline: Deadline = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = Deadline(self.limits.total, LimitReached(f"more than {self.limits.total:g} seconds"))

    def take(self, piece: bytes) -> None:
        """Note a piece of the body, with its time."""
        self.times.append(time.perf_counter_ns())
        self.pieces.append(piece)
        self.size += len(piece)
        if self.size > self.limits.size:
            raise LimitReached(f"more than {self.limits.size:,} bytes")
        if self.times[-1] - self.started > self.limits.total * 1e9:
            raise LimitReached(f"more than {self.limits.total:g} seconds")

    def closing(self) -> float:
        """Return until when (``time.monotonic``) what is left may come, now that the caller closes."""
        if not self.done:
            self.deadline.shorten(self.limits.drain, "closed before the end")
        return time.monotonic() + self.limits.drain

    def end(self, error: BaseException | str | None = None) -> None:
        """Hand the exchange over, once; without ``error`` the body came to its proper end."""
        if self.done:
            return
        self.done = True
        self.deadline.cancel()
        error = self.deadline.passed or error
        self.keep(Exchange(_request(self.request), self._response(error), Source(at=self.at)))

    def _response(self, error: BaseException | str | None) -> Response:
        told = error if isinstance(error, str) or error is None else f"{type(error).__name__}: {error}".rstrip(": ")
        if self.response is None:
            return Response(NO_ANSWER, eof=False, error=told)
        moments = [self.started, *self.times]
        waits = [(after - before) // 1000 for before, after in zip(moments, self.times, strict=False)]
        sizes = tuple(map(len, self.pieces))
        extensions = self.response.extensions
        return Response(
            self.response.status_code,
            Headers(tuple((_text(name), _text(value)) for name, value in self.response.headers.raw)),
            b"".join(self.pieces),
            _text(extensions.get("reason_phrase", b"")),
            Reads(sizes, tuple(waits)) if sizes else None,
            eof=error is None,
            error=told,
            http_version=_text(extensions.get("http_version", b"")) or None,
        )


def _request(request: httpx2.Request) -> Request:
    headers = Headers(tuple((_text(name), _text(value)) for name, value in request.headers.raw))
    return Request(request.method, str(request.url), headers, request.content)


def _text(value: bytes) -> str:
    return value.decode("latin-1")


class _Pieces(httpx2.SyncByteStream):
    """The body, piece by piece, onto the tape and on to the caller."""

    def __init__(self, stream: httpx2.SyncByteStream, tape: _Tape) -> None:
        self._stream = stream
        self._pieces = iter(stream)
        self._tape = tape

    def __iter__(self) -> Iterator[bytes]:
        while (piece := self._next()) is not None:
            yield piece

    def _next(self) -> bytes | None:
        # A generator that was collected half-way gives StopIteration too, and that is no end of the body.
        collected = inspect.isgenerator(self._pieces) and inspect.getgeneratorstate(self._pieces) == inspect.GEN_CLOSED
        try:
            piece = next(self._pieces)
            self._tape.take(piece)
        except StopIteration:
            self._tape.end("closed before the end" if collected else None)
            return None
        except LimitReached as limit:
            self._tape.end(limit)
            return None
        except BaseException as error:
            self._tape.end(error)
            raise
        return piece

    def close(self) -> None:
        """Read what the caller left, within limits, and let the connection go."""
        deadline = self._tape.closing()
        with contextlib.suppress(Exception):
            while not self._tape.done and time.monotonic() < deadline:
                self._next()
        self._tape.end("closed before the end")
        self._stream.close()


class _AsyncPieces(httpx2.AsyncByteStream):
    """The same for an async client."""

    def __init__(self, stream: httpx2.AsyncByteStream, tape: _Tape) -> None:
        self._stream = stream
        self._pieces = aiter(stream)
        self._tape = tape

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._next()) is not None:
            yield piece

    async def _next(self) -> bytes | None:
        collected = inspect.isasyncgen(self._pieces) and self._pieces.ag_frame is None
        try:
            piece = await anext(self._pieces)
            self._tape.take(piece)
        except StopAsyncIteration:
            self._tape.end("closed before the end" if collected else None)
            return None
        except LimitReached as limit:
            self._tape.end(limit)
            return None
        except BaseException as error:
            self._tape.end(error)
            raise
        return piece

    async def aclose(self) -> None:
        """Read what the caller left, within limits, and let the connection go."""
        deadline = self._tape.closing()
        with contextlib.suppress(Exception):
            while not self._tape.done and time.monotonic() < deadline:
                await self._next()
        self._tape.end("closed before the end")
        await self._stream.aclose()


class Capture(httpx2.BaseTransport):
    """A transport that sends through another one and gives each exchange to ``keep``."""

    def __init__(
        self,
        keep: Keep,
        inner: httpx2.BaseTransport | None = None,
        limits: Limits = Limits(),
    ) -> None:
        self._keep = keep
        self._inner = inner or httpx2.HTTPTransport(limits=_ONE_REQUEST_EACH)
        self._limits = limits

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; the answer streams through."""
        request.read()
        tape = _Tape(request, self._keep, self._limits)
        try:
            with tape.deadline.watching(request):
                response = tape.response = self._inner.handle_request(request)
        except BaseException as error:
            tape.end(error)
            raise
        stream = response.stream
        assert isinstance(stream, httpx2.SyncByteStream)  # noqa: S101 - what a sync transport answers with
        return _through(response, _Pieces(stream, tape))

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


class AsyncCapture(httpx2.AsyncBaseTransport):
    """The same for an async client."""

    def __init__(
        self,
        keep: Keep,
        inner: httpx2.AsyncBaseTransport | None = None,
        limits: Limits = Limits(),
    ) -> None:
        self._keep = keep
        self._inner = inner or httpx2.AsyncHTTPTransport(limits=_ONE_REQUEST_EACH)
        self._limits = limits

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; the answer streams through."""
        await request.aread()
        tape = _Tape(request, self._keep, self._limits)
        try:
            with tape.deadline.watching(request, in_task=True):
                response = tape.response = await self._inner.handle_async_request(request)
        except BaseException as error:
            tape.end(error)
            raise
        stream = response.stream
        assert isinstance(stream, httpx2.AsyncByteStream)  # noqa: S101 - what an async transport answers with
        return _through(response, _AsyncPieces(stream, tape))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _through(response: httpx2.Response, stream: _Pieces | _AsyncPieces) -> httpx2.Response:
    headers = response.headers.raw
    return httpx2.Response(response.status_code, headers=headers, stream=stream, extensions=response.extensions)
