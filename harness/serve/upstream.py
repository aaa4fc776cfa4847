"""
Forwards requests to a real endpoint, records the responses, and replays them the next time.

A response streams through as it arrives, byte for byte, and is written when it has ended, without keys, cookies and
account ids.  The name of its file is derived from the request, so the request need not be read again.  Responses
that a retry may change are not kept: a broken transfer, 408, 429 and 5xx.
"""

import asyncio
import contextlib
import hashlib
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import aiohttp
from aiohttp import web

from harness.errors import HarnessError, NotRecorded
from harness.recording.cassette import read_cassette, write_cassette
from harness.recording.pacing import pieces_of
from harness.recording.redact import Secrets
from harness.recording.replayed import NOTE, provenance_of
from harness.recording.scrub import scrub
from harness.serve.responder import send
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange, Headers, Reads, Request, Response, Source

RecordMode = Literal["none", "missing", "all", "pass"]

_NOT_PASSED = frozenset(
    {
        "host",
        "connection",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
    }
)
_NOT_KEPT = (408, 429)
_SERVER_ERROR = 500
_GRACE = 5.0
_KEYS = ("authorization", "api-key", "x-api-key")


log = logging.getLogger("harness.serve")


class NoUpstream(HarnessError):
    """The endpoint behind the server does not respond, or its URL is invalid."""

    status = 502


@dataclass
class _Came:
    """A response as it arrives: its segments, and microseconds since the one before each."""

    at: float = field(default_factory=time.perf_counter)
    pieces: list[bytes] = field(default_factory=list)
    waits: list[int] = field(default_factory=list)

    def take(self, piece: bytes) -> None:
        now = time.perf_counter()
        self.pieces.append(piece)
        self.waits.append(int((now - self.at) * 1e6))
        self.at = now


class Upstream:
    """
    An endpoint, by its base URL, and the folder of its recordings.

    ``mode`` is ``missing`` (forward requests without a recording), ``none`` (forward nothing), ``all`` (forward
    everything and record it anew) or ``pass`` (forward everything and record nothing).

    Raises:
        NoUpstream: the base URL is invalid.
    """

    def __init__(self, base_url: str, folder: Path, mode: RecordMode = "missing") -> None:
        if not base_url.startswith(("http://", "https://")):
            raise NoUpstream(f"{base_url!r} is not a base URL; begin it with https://")
        self._base_url = base_url.rstrip("/")
        self._folder = folder
        self._mode = mode
        self._session: aiohttp.ClientSession | None = None
        self._passing: set[asyncio.Future[web.StreamResponse]] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """
        Respond to a request to ``/v1/...``.

        Raises:
            NotRecorded: it has no recording, and is not forwarded.
            NoUpstream: the endpoint can't be reached.
            BadCassette: a recording can't be read.
        """
        body = await request.read()
        asked = Request(request.method, f"{self._base_url}/{request.match_info['path']}", body=body or None)
        path = self._folder / f"{_name(asked)}.yaml"
        if self._mode in {"none", "missing"} and path.exists():
            return await _replay(request, path)
        if self._mode == "none":
            raise NotRecorded(f"{path}: no response is saved for this request; send it once with --record-mode missing")
        # A client that leaves does not shorten the recording: the rest is read without it.
        passing = asyncio.ensure_future(self._passed(request, asked, path))
        self._passing.add(passing)
        passing.add_done_callback(self._ended)
        return await asyncio.shield(passing)

    def _ended(self, passing: asyncio.Future[web.StreamResponse]) -> None:
        self._passing.discard(passing)
        if not passing.cancelled():
            passing.exception()  # asyncio would log that of a client that left as never retrieved

    async def close(self, _app: web.Application) -> None:
        """Let requests under way end, for a while, and close the connections."""
        if self._passing:
            await asyncio.wait(self._passing, timeout=_GRACE)
        if self._session:
            await self._session.close()

    async def _passed(self, request: web.Request, asked: Request, path: Path) -> web.StreamResponse:
        self._session = self._session or aiohttp.ClientSession(
            auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=600)
        )
        headers = {name: value for name, value in request.headers.items() if _is_passed(name)}
        try:
            async with self._session.request(
                asked.method, asked.url, data=asked.body, headers=headers, params=request.query, allow_redirects=False
            ) as came:
                return await self._through(request, asked, came, path)
        except aiohttp.ClientConnectionError as error:
            raise NoUpstream(f"{self._base_url} can't be reached: {error}") from None

    async def _through(
        self, request: web.Request, asked: Request, came: aiohttp.ClientResponse, path: Path
    ) -> web.StreamResponse:
        pairs = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in came.raw_headers)
        answer = web.StreamResponse(status=came.status, reason=came.reason)
        for name, value in pairs:
            if _is_passed(name) or name.lower() == "content-length":
                answer.headers.add(name, value)
        kind = provenance_of(Response(came.status, Headers(pairs), b""))
        answer.headers[NOTE] = f"upstream/{path.stem}; provenance={kind}; asked now"
        await answer.prepare(request)
        taken = _Came()
        async for piece in came.content.iter_any():
            taken.take(piece)
            with contextlib.suppress(ConnectionError):  # the client left
                await answer.write(piece)
        if self._mode != "pass" and came.status < _SERVER_ERROR and came.status not in _NOT_KEPT:
            _keep(
                path,
                asked,
                Headers(tuple((str(name), value) for name, value in request.headers.items())),
                _response(came, Headers(pairs), taken),
            )
        with contextlib.suppress(ConnectionError):
            await answer.write_eof()
        return answer


def _response(came: aiohttp.ClientResponse, headers: Headers, taken: _Came) -> Response:
    reads = Reads(tuple(map(len, taken.pieces)), tuple(taken.waits))
    return Response(came.status, headers, b"".join(taken.pieces), came.reason or "", reads, http_version="HTTP/1.1")


def _keep(path: Path, asked: Request, headers: Headers, response: Response) -> None:
    keys = [headers.get(name, "").removeprefix("Bearer ").strip() for name in _KEYS]
    at = datetime.now(UTC).isoformat(timespec="seconds")
    request = Request(asked.method, asked.url, headers, asked.body)
    exchange = Exchange(request, response, Source(provenance_of(response), at, ours=True))
    try:
        write_cassette(path, [scrub(exchange, Secrets.of(keys))])
    except (OSError, HarnessError) as error:
        log.warning("%s is not kept: %s", path.name, error)  # the client has its response anyway


async def _replay(request: web.Request, path: Path) -> web.StreamResponse:
    kept = read_cassette(path)[0]
    response, pieces = kept.response, pieces_of(kept.response)
    note = f"upstream/{path.stem}; provenance={kept.source.provenance}"
    return await send(request, response, pieces, [0.0] * len(pieces), note)


def _is_passed(name: str) -> bool:
    return name.lower() not in _NOT_PASSED and not name.lower().startswith("x-harness-")


def _name(asked: Request) -> str:
    """Return a name that equal requests share: the order of keys in JSON does not matter."""
    body = json_text(asked.json, in_order=True).encode() if asked.json is not None else asked.body or b""
    what = f"{asked.method} {asked.url}\n".encode() + body
    model = str(asked.get("model") or asked.method.lower())
    plain = "".join(char if char.isalnum() or char in "._-" else "-" for char in model)[:40]
    return f"{plain}-{hashlib.sha256(what).hexdigest()[:16]}"
