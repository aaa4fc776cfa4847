"""Records the requests of an app's own client once, and replays them."""

from pathlib import Path
from typing import Any

from harness.errors import NotRecorded
from harness.live.capture import AsyncCapture, Capture
from harness.recording.cassette import write_cassette
from harness.recording.http_backend import sdk_backend
from harness.recording.redact import Secrets
from harness.recording.replay import Recordings
from harness.recording.scrub import scrub
from harness.wire.exchange import Exchange


class CompatRecorder:
    """
    Transports for httpx and httpx2, and clients of the one that the installed OpenAI SDK is built on.

    ``mode`` is ``none`` (replay only), ``missing`` (record if there is no recording) or ``all`` (record again).
    Recordings are written when the test ends, without keys, cookies and account ids.

    Raises:
        NotRecorded: it may not record and has no recording; raised when a transport is requested.
    """

    def __init__(self, path: Path, mode: str) -> None:
        self.path = path
        self._mode = mode
        self._kept: list[Exchange] = []
        self._opened: list[Capture] = []
        self._recordings: Recordings | None = None

    @property
    def records(self) -> bool:
        """Whether requests go over the network."""
        return self._mode == "all" or (self._mode == "missing" and not self.path.exists())

    @property
    def transport(self) -> Any:
        """A transport for a sync client of httpx or httpx2."""
        if not self.records:
            return self._replayed()
        self._opened.append(Capture(self._kept.append))
        return self._opened[-1]

    @property
    def async_transport(self) -> Any:
        """A transport for an async client of httpx or httpx2."""
        return AsyncCapture(self._kept.append) if self.records else self._replayed()

    def http_client(self) -> Any:
        """Return a client for ``OpenAI(http_client=...)``."""
        return sdk_backend().Client(transport=self.transport)

    def async_http_client(self) -> Any:
        """Return a client for ``AsyncOpenAI(http_client=...)``."""
        return sdk_backend().AsyncClient(transport=self.async_transport)

    def close(self) -> None:
        """Close the connections of sync clients, and write what was recorded."""
        for transport in self._opened:
            transport.close()
        if self._kept:
            write_cassette(self.path, [scrub(one, _secrets_of(one)) for one in self._kept])

    def _replayed(self) -> Recordings:
        if not self.path.exists():
            raise NotRecorded(f"{self.path}: there is no recording; record it with: pytest --compat-record=missing")
        if self._recordings is None:
            self._recordings = Recordings.of(self.path)
        return self._recordings


def _secrets_of(exchange: Exchange) -> Secrets:
    """Return the key of a request."""
    said = [exchange.request.headers.get(name, "") for name in ("authorization", "api-key", "x-api-key")]
    return Secrets.of([value.removeprefix("Bearer ").strip() for value in said if len(value) > len("Bearer ")])
