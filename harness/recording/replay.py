"""
Provides transports that respond from recorded exchanges, so that a client gets offline what came over the wire.

They serve httpx2, the basis of openai 3, and httpx, that of openai 2, sync and async; they never access the
network.  ``Replay`` responds with one exchange; ``Recordings`` finds the exchange by the request, and rejects one
without a recording.
"""

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx2

from harness.errors import NotRecorded
from harness.recording.cassette import read_cassette
from harness.recording.http_backend import backend_of, body_of
from harness.recording.pacing import Pace, delays, headers_of, pieces_of
from harness.wire.dumping import TOO_DEEP, json_text, same
from harness.wire.exchange import NO_ANSWER, Exchange, Request, Response

_DIFFERENCES_SHOWN = 4
_VALUE_SHOWN = 40


class _Answers(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """The common part of both transports: a request gets the response of ``_exchange_for``."""

    pace: Pace

    def _exchange_for(self, request: Any) -> Exchange:
        raise NotImplementedError

    def handle_request(self, request: Any) -> Any:
        """Respond to a request of a sync client."""
        request.read()
        return _answer(self._exchange_for(request).response, request, self.pace)

    async def handle_async_request(self, request: Any) -> Any:
        """Respond to a request of an async client."""
        await request.aread()
        return _answer(self._exchange_for(request).response, request, self.pace)


class Replay(_Answers):
    """
    Responds to any request with the response of ``exchange``: its bytes in the original reads.

    A transfer that broke off breaks off again.  ``exchange`` may be replaced between two requests.
    """

    def __init__(self, exchange: Exchange, pace: Pace = "none") -> None:
        self.exchange = exchange
        self.pace = pace

    def _exchange_for(self, request: Any) -> Exchange:  # noqa: ARG002 - it answers whatever is asked
        return self.exchange


class Recordings(_Answers):
    """
    Responds to a request with the recording of the same one: same method, URL and body.

    Bodies are compared as JSON, so that key order and white space do not matter.  Repeated requests get their
    responses in the order recorded; the last one stays.

    Raises:
        NotRecorded: no recording matches; names the most similar one and the differences.
    """

    def __init__(self, recordings: Iterable[tuple[str, Iterable[Exchange]]], pace: Pace = "none") -> None:
        self._by_question: dict[bytes, list[Exchange]] = defaultdict(list)
        self._named: list[tuple[str, Request]] = []
        self._asked: dict[bytes, int] = defaultdict(int)
        self._lock = threading.Lock()
        self.pace = pace
        for name, exchanges in recordings:
            for exchange in exchanges:
                self._by_question[_question(exchange.request)].append(exchange)
                self._named.append((name, exchange.request))

    @classmethod
    def of(cls, *paths: Path, pace: Pace = "none") -> Self:
        """
        Return the recordings in cassettes and in folders of them.

        Raises:
            BadCassette: one can't be read.
        """
        files = [file for path in paths for file in (sorted(path.rglob("*.yaml")) if path.is_dir() else [path])]
        cassettes = [file for file in files if file.name not in {"deviations.yaml", "profile.yaml"}]
        return cls([(str(file), read_cassette(file)) for file in cassettes], pace)

    def _exchange_for(self, request: Any) -> Exchange:
        asked = Request(request.method, str(request.url), body=request.content or None)
        question = _question(asked)
        with self._lock:
            answers = self._by_question.get(question)
            if not answers:
                raise NotRecorded(self._miss(asked))
            number = self._asked[question]
            self._asked[question] += 1
        return answers[min(number, len(answers) - 1)]

    def _miss(self, asked: Request) -> str:
        said = f"{asked.method} {asked.url} is not recorded"
        compared = [(_differences(one, asked), name) for name, one in self._named]
        if not compared:
            return f"{said}: there is no recording at all; record one with: harness record"
        differences, name = min(compared, key=lambda pair: len(pair[0]))
        more = f" and {len(differences) - _DIFFERENCES_SHOWN} more" if len(differences) > _DIFFERENCES_SHOWN else ""
        return f"{said}; the nearest is {name}, which has {', '.join(differences[:_DIFFERENCES_SHOWN])}{more}"


def _question(request: Request) -> bytes:
    """Return the key that two equal requests share."""
    body = request.body or b""
    if request.json is not None:
        text = json_text(request.json, in_order=True)
        body = body if text == TOO_DEEP else text.encode()
    return b"%b %b\n%b" % (request.method.upper().encode(), request.url.encode(), body)


def _differences(recorded: Request, asked: Request) -> list[str]:
    """Return how ``recorded`` differs from what is sent, each difference with its place."""
    pairs: list[tuple[str, Any, Any]] = [
        ("method", recorded.method.upper(), asked.method.upper()),
        ("url", recorded.url, asked.url),
    ]
    if recorded.json is None or asked.json is None:
        pairs.append(("body", recorded.body, asked.body))
    else:
        names = dict.fromkeys([*recorded.json, *asked.json])
        pairs += [(f"/{name}", recorded.json.get(name, ...), asked.json.get(name, ...)) for name in names]
    return [f"{place} {_shown(one)} instead of {_shown(other)}" for place, one, other in pairs if not same(one, other)]


def _shown(value: Any) -> str:
    if value is ... or value is None:
        return "none" if value is ... else "null"
    text = value if isinstance(value, str) else repr(value) if isinstance(value, bytes) else json_text(value)
    return text if len(text) <= _VALUE_SHOWN else f"{text[:_VALUE_SHOWN]}…"


class _Body:
    """The body of a response, in segments, with the error that ended it."""

    def __init__(self, pieces: list[bytes], waits: list[float], broken: Callable[[], Exception] | None) -> None:
        self._pieces = list(zip(pieces, waits, strict=True))
        self._broken = broken

    def __iter__(self) -> Iterator[bytes]:
        for piece, wait in self._pieces:
            if wait:
                time.sleep(wait)
            yield piece
        if self._broken:
            raise self._broken()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece, wait in self._pieces:
            if wait:
                await asyncio.sleep(wait)
            yield piece
        if self._broken:
            raise self._broken()


def _answer(response: Response, request: Any, pace: Pace) -> Any:
    backend = backend_of(request)
    if response.status == NO_ANSWER:
        raise _broken(response, request)
    told = {"http_version": response.http_version, "reason_phrase": response.reason}
    pieces = pieces_of(response)
    body = body_of(backend, _Body)(
        pieces, delays(response, pace, len(pieces)), None if response.eof else lambda: _broken(response, request)
    )
    return backend.Response(
        response.status,
        headers=[(_encoded(name), _encoded(value)) for name, value in headers_of(response)],
        stream=body,
        extensions={name: value.encode("ascii", "replace") for name, value in told.items() if value},
    )


def _broken(response: Response, request: Any) -> Exception:
    """Return the exception that ended the recorded transfer, of the client's own backend."""
    backend = backend_of(request)
    name, _, message = (response.error or "").partition(": ")
    kind = getattr(backend, name, None)
    if not (isinstance(kind, type) and issubclass(kind, backend.TransportError)):
        kind, message = backend.RemoteProtocolError, response.error or "the transfer broke off"
    error: Exception = kind(message, request=request)
    return error


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")
