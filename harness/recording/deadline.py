"""
A deadline that holds in the middle of a read.

How it works: a timeout of httpx2 is for one read, so a server that sends a byte now and then never meets it: with
headers, preliminary answers, the sizes of chunks or trailers it could go on for ever.  httpx2 tells of each connection
it makes (its ``trace`` extension), and when the time has come the socket is shut down: then what waits on it ends at
once, in whatever part of an answer, in a thread or in a task.
"""

import contextlib
import math
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any


class Deadline:
    """
    Ends a request that takes more than so many seconds; ``passed`` is then the reason that was given for it.

    The connection has to be made for the request: of one that is kept from an earlier request httpx2 does not tell.
    """

    def __init__(self, seconds: float, reason: BaseException | str) -> None:
        self.passed: BaseException | str | None = None
        self._socket: Any = None
        self._timer: threading.Timer | None = None
        self._until = math.inf
        self.shorten(seconds, reason)

    def shorten(self, seconds: float, reason: BaseException | str) -> None:
        """Let it pass ``seconds`` from now, unless it does so before."""
        until = time.monotonic() + seconds
        if until < self._until:
            self.cancel()
            self._until = until
            self._timer = threading.Timer(seconds, self._pass, [reason])
            self._timer.daemon = True
            self._timer.start()

    def cancel(self) -> None:
        """Let it never pass: the exchange is over."""
        if self._timer:
            self._timer.cancel()

    @contextlib.contextmanager
    def watching(self, request: Any, *, in_task: bool = False) -> Iterator[None]:
        """Learn of the connection that is made for ``request``, of a sync client or (``in_task``) an async one."""
        before = request.extensions.get("trace")

        def told(name: str, info: dict[str, Any]) -> Any:
            if name in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
                self._learn(info["return_value"].get_extra_info("socket"))
            return before(name, info) if before else None

        async def told_in_task(name: str, info: dict[str, Any]) -> None:
            going_on = told(name, info)
            if going_on is not None:
                await going_on

        request.extensions["trace"] = told_in_task if in_task else told
        try:
            yield
        finally:
            request.extensions.pop("trace")
            if before:
                request.extensions["trace"] = before

    def _learn(self, connected: Any) -> None:
        self._socket = connected
        if self.passed:
            self._shut()

    def _pass(self, reason: BaseException | str) -> None:
        self.passed = reason
        if self._socket is not None:
            self._shut()

    def _shut(self) -> None:
        # Through a copy, since the socket may be one of TLS or of an event loop, with a shutdown of its own.
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._socket.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)
