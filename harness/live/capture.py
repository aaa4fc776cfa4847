"""
Captures exchanges over the network as they happen.

How it works: ``Capture`` is a transport of httpx2 (or of httpx, around one of its transports), so the OpenAI SDK -
or any program built on them - sends its own requests through it.  Each segment of the response is passed on as it
arrives, and its time is recorded; at the end the whole is one ``Exchange``, given to ``on_exchange``.  Nothing is
decoded, retried or redirected.  Memory use does not grow with the response: once it is longer than usual, it is
spooled to unnamed temporary files, many segments at a time.  If the disk is full it is kept in memory, since that
is not the server's fault.

A caller that stops early does not shorten the recording: the rest is read, within limits, when the caller closes.
A response that breaks off, hangs or does not end is kept up to there, with the reason in ``error``.
"""

import contextlib
import inspect
import itertools
import time
from array import array
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO, Any

import httpx2

from harness.live.deadline import Deadline, Together
from harness.recording.http_backend import backend_of, body_of
from harness.recording.replayed import provenance_of
from harness.wire.exchange import CLOSED, NO_ANSWER, Exchange, Headers, Reads, Request, Response, Source
from harness.wire.limits import sizes

ExchangeHandler = Callable[[Exchange], None]

_IN_MEMORY = 4 << 20  # bytes of a body; few responses are larger,
_PIECES = 10_000  # or arrive in more segments


@dataclass(frozen=True, slots=True)
class Limits:
    """
    The limits of a capture.

    ``connect``, ``idle`` (between two reads) and ``total`` (from the request on) are seconds, ``size`` bytes as
    sent, ``drain`` the seconds for reading the rest when a caller closes early.  ``events`` and ``line`` (bytes
    without a line end) are of streams.  The sizes are those of ``wire/limits``, which also bound the decompressed
    size of a body. On a reused connection, ``total`` does not end response headers that never end.
    """

    connect: float = 10
    idle: float = 60
    total: float = 300
    size: int = field(default_factory=lambda: sizes().body)
    events: int = field(default_factory=lambda: sizes().events)
    line: int = field(default_factory=lambda: sizes().line)
    drain: float = 10

    @classmethod
    def within(cls, seconds: float) -> "Limits":
        """Return the limits for a request of at most ``seconds`` in total."""
        return cls(connect=min(cls().connect, seconds), idle=seconds, total=seconds)


class LimitReached(Exception):
    """The capture took too long, or grew too large."""


@dataclass(slots=True)
class _ResponseRecorder:
    """The recorder of one response as it arrives."""

    request: Any
    on_exchange: ExchangeHandler
    limits: Limits
    together: Together
    response: Any = None
    headers: Headers = field(default_factory=Headers)
    streams: bool = False
    pieces: list[bytes] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    aside: tuple[IO[bytes], ...] = ()
    kept: list[int] = field(default_factory=lambda: [0, 0, 0])
    size: int = 0
    size_aside: int = 0
    events: int = 0
    line: int = 0
    started: int = field(default_factory=time.perf_counter_ns)
    at: float = field(default_factory=time.time)
    done: bool = False
    deadline: Deadline = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = Deadline(self.limits.total, LimitReached(f"more than {self.limits.total:g} seconds"))
        self.together.add(self.deadline)

    def answered(self, response: Any) -> None:
        """Record the headers of the response."""
        self.response = response
        # Taken now: the reader may change them, to avoid decompression.
        self.headers = Headers(tuple((_text(name), _text(value)) for name, value in response.headers.raw))
        self.deadline.learn(response.extensions.get("network_stream"))
        self.streams = "event-stream" in response.headers.get("content-type", "")

    def take(self, piece: bytes) -> None:
        """Record a segment of the body, with its time; raise LimitReached if it exceeds a limit."""
        now = time.perf_counter_ns()
        self.times.append(now)
        self.pieces.append(piece)
        self.size += len(piece)
        if len(self.pieces) == _PIECES or self.size - self.size_aside > _IN_MEMORY:
            self._spool()
        if self.size > self.limits.size:
            raise LimitReached(f"more than {self.limits.size:,} bytes")
        if now - self.started > self.limits.total * 1e9:
            raise LimitReached(f"more than {self.limits.total:g} seconds")
        if self.streams:
            self._count(piece)

    def _spool(self) -> None:
        self.aside = self.aside or _files()
        held = self._held()
        try:
            _append(self.aside, held)
        except OSError:
            self.aside = tuple(_in_memory(file, size) for file, size in zip(self.aside, self.kept, strict=True))
            _append(self.aside, held)
        self.kept = [size + len(data) for size, data in zip(self.kept, held, strict=True)]
        self.size_aside = self.size
        self.pieces.clear()
        self.times.clear()

    def _held(self) -> tuple[bytes, bytes, bytes]:
        return b"".join(self.pieces), array("Q", map(len, self.pieces)).tobytes(), array("Q", self.times).tobytes()

    def _whole(self) -> "tuple[bytes, array[int], array[int]]":
        """Return the body, and the size and the time of each segment."""
        body, sizes, times = self._held()
        if self.aside:
            self._spool()
            body, sizes, times = map(_read_back, self.aside)
        return body, array("Q", sizes), array("Q", times)

    def _count(self, piece: bytes) -> None:
        # Approximates blank lines: one split between segments is not counted, and few end in CR alone.
        self.events += piece.count(b"\n\n") or piece.count(b"\n\r\n")
        if self.events > self.limits.events:
            raise LimitReached(f"more than {self.limits.events:,} events")
        end = max(piece.rfind(b"\n"), piece.rfind(b"\r"))
        self.line = self.line + len(piece) if end < 0 else len(piece) - end - 1
        if self.line > self.limits.line:
            raise LimitReached(f"a line of more than {self.limits.line:,} bytes")

    def closing(self) -> float:
        """Return until when (``time.monotonic``) the rest is read after the caller closed."""
        if not self.done:
            self.deadline.shorten(self.limits.drain, CLOSED)
        return time.monotonic() + self.limits.drain

    def end(self, error: BaseException | str | None = None) -> None:
        """Emit the exchange, once; without ``error`` the body ended properly."""
        if self.done:
            return
        self.done = True
        self.deadline.cancel()
        at = datetime.fromtimestamp(int(self.at), UTC).isoformat()
        response = self._response(self.deadline.passed or error)
        exchange = Exchange(_request(self.request), response, Source(provenance_of(response), at, ours=True))
        self.response = None  # whose stream leads back here
        self.on_exchange(exchange)

    def _response(self, error: BaseException | str | None) -> Response:
        told = error if isinstance(error, str) or error is None else f"{type(error).__name__}: {error}".rstrip(": ")
        if self.response is None:
            return Response(NO_ANSWER, eof=False, error=told)
        body, sizes, times = self._whole()
        waits = (
            (after - before) // 1000 for before, after in itertools.pairwise(itertools.chain([self.started], times))
        )
        extensions = self.response.extensions
        return Response(
            self.response.status_code,
            self.headers,
            body,
            _text(extensions.get("reason_phrase", b"")),
            Reads(tuple(sizes), tuple(waits)) if sizes else None,
            eof=error is None,
            error=told,
            http_version=_text(extensions.get("http_version", b"")) or None,
        )


def _files() -> tuple[IO[bytes], ...]:
    with contextlib.ExitStack() as opened:
        try:
            files: tuple[IO[bytes], ...] = tuple(opened.enter_context(TemporaryFile(buffering=0)) for _ in range(3))
        except OSError:
            return (BytesIO(), BytesIO(), BytesIO())
        opened.pop_all()  # closed by _read_back
        return files


def _append(files: tuple[IO[bytes], ...], parts: tuple[bytes, ...]) -> None:
    for file, data in zip(files, parts, strict=True):
        left = memoryview(data)
        while left:  # without a buffer a write may be partial
            left = left[file.write(left) :]


def _in_memory(file: IO[bytes], size: int) -> IO[bytes]:
    """Return the content of a file before a failed write, as a buffer to append to."""
    with file:
        file.seek(0)
        memory = BytesIO()
        memory.write(file.read(size))
    return memory


def _read_back(file: IO[bytes]) -> bytes:
    with file:
        file.seek(0)
        return file.read()


def _request(request: Any) -> Request:
    headers = Headers(tuple((_text(name), _text(value)) for name, value in request.headers.raw))
    return Request(request.method, str(request.url), headers, request.content)


def _text(value: bytes) -> str:
    return value.decode("latin-1")


class _Pieces:
    """The body, passed segment by segment to the recorder and on to the caller."""

    def __init__(self, stream: Any, recorder: _ResponseRecorder) -> None:
        self._stream = stream
        self._pieces: Iterator[bytes] = iter(stream)
        self._recorder = recorder

    def __iter__(self) -> Iterator[bytes]:
        while (piece := self._next()) is not None:
            yield piece

    def _next(self) -> bytes | None:
        # A generator that was collected midway raises StopIteration too, which is not the end of the body.
        collected = inspect.isgenerator(self._pieces) and inspect.getgeneratorstate(self._pieces) == inspect.GEN_CLOSED
        try:
            piece = next(self._pieces)
            self._recorder.take(piece)
        except StopIteration:
            self._recorder.end(CLOSED if collected else None)
            return None
        except LimitReached as limit:
            self._recorder.end(limit)
            return None
        except BaseException as error:
            self._recorder.end(error)
            raise
        return piece

    def close(self) -> None:
        """Read what the caller left, within limits, and release the connection."""
        deadline = self._recorder.closing()
        with contextlib.suppress(Exception):
            while not self._recorder.done and time.monotonic() < deadline:
                self._next()
        self._recorder.end(CLOSED)
        self._stream.close()


class _AsyncPieces:
    """The same for an async client."""

    def __init__(self, stream: Any, recorder: _ResponseRecorder) -> None:
        self._stream = stream
        self._pieces: AsyncIterator[bytes] = aiter(stream)
        self._recorder = recorder

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._next()) is not None:
            yield piece

    async def _next(self) -> bytes | None:
        collected = inspect.isasyncgen(self._pieces) and self._pieces.ag_frame is None
        try:
            piece = await anext(self._pieces)
            self._recorder.take(piece)
        except StopAsyncIteration:
            self._recorder.end(CLOSED if collected else None)
            return None
        except LimitReached as limit:
            self._recorder.end(limit)
            return None
        except BaseException as error:
            self._recorder.end(error)
            raise
        return piece

    async def aclose(self) -> None:
        """Read what the caller left, within limits, and release the connection."""
        deadline = self._recorder.closing()
        with contextlib.suppress(Exception):
            while not self._recorder.done and time.monotonic() < deadline:
                await self._next()
        self._recorder.end(CLOSED)
        await self._stream.aclose()


class Capture(httpx2.BaseTransport):
    """
    A transport that sends through another one, of httpx2 or httpx, and passes each exchange to ``on_exchange``.

    Captures with the same ``together`` can be aborted at once.
    """

    def __init__(
        self,
        on_exchange: ExchangeHandler,
        inner: Any = None,
        limits: Limits = Limits(),
        together: Together | None = None,
    ) -> None:
        self._on_exchange = on_exchange
        self._inner = inner
        self._limits = limits
        self._together = together or Together()

    def handle_request(self, request: Any) -> Any:
        """Send a request; the response streams through."""
        request.read()
        self._inner = self._inner or backend_of(request).HTTPTransport()  # that of its client
        recorder = _ResponseRecorder(request, self._on_exchange, self._limits, self._together)
        try:
            with recorder.deadline.watching(request):
                response = self._inner.handle_request(request)
        except BaseException as error:
            recorder.end(error)
            raise
        recorder.answered(response)
        return _through(response, _Pieces, recorder)

    def close(self) -> None:
        """Close the connections."""
        if self._inner:
            self._inner.close()


class AsyncCapture(httpx2.AsyncBaseTransport):
    """The same for an async client."""

    def __init__(self, on_exchange: ExchangeHandler, inner: Any = None, limits: Limits = Limits()) -> None:
        self._on_exchange = on_exchange
        self._inner = inner
        self._limits = limits
        self._together = Together()

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request; the response streams through."""
        await request.aread()
        self._inner = self._inner or backend_of(request).AsyncHTTPTransport()
        recorder = _ResponseRecorder(request, self._on_exchange, self._limits, self._together)
        try:
            with recorder.deadline.watching(request, in_task=True):
                response = await self._inner.handle_async_request(request)
        except BaseException as error:
            recorder.end(error)
            raise
        recorder.answered(response)
        return _through(response, _AsyncPieces, recorder)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._inner:
            await self._inner.aclose()


def _through(response: Any, pieces: Any, recorder: _ResponseRecorder) -> Any:
    response.stream = body_of(backend_of(response), pieces)(response.stream, recorder)
    return response
