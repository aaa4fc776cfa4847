"""
Enforces a deadline in the middle of a read.

How it works: a timeout of httpx2 applies to one read, so a server that sends a byte now and then never reaches it:
with headers, preliminary responses, chunk sizes or trailers it could go on forever.  httpx2 reports each connection
it makes (its ``trace`` extension), and at the deadline its socket is shut down: this ends any wait at once, in any
part of a response, in a thread or in a task.
"""

import contextlib
import heapq
import itertools
import math
import os
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any


class Deadline:
    """
    Aborts a request after so many seconds; ``passed`` is then the given reason.

    httpx2 does not report a reused connection until the response begins: there it applies only after the headers
    (``learn``).
    """

    def __init__(self, seconds: float, reason: BaseException | str) -> None:
        self.passed: BaseException | str | None = None
        self._socket: Any = None
        self._until = math.inf
        self._reason = reason
        self._over = False
        self.shorten(seconds, reason)

    def shorten(self, seconds: float, reason: BaseException | str) -> None:
        """Let it pass in ``seconds``, unless it passes earlier or the exchange is over."""
        until = time.monotonic() + seconds
        if until < self._until and not self._over:
            self._until, self._reason = until, reason
            _CLOCK.wake(until, self)

    def cancel(self) -> None:
        """Cancel it: the exchange is over."""
        self._over = True
        self._until = math.inf
        self._socket = None

    def look(self) -> None:
        """Let it pass if it is time."""
        if not self.passed and time.monotonic() >= self._until:
            self.passed = self._reason
            self._shut()

    def learn(self, stream: Any) -> None:
        """Register the connection to shut down when it passes."""
        self._socket = stream.get_extra_info("socket") if stream is not None else self._socket
        if self.passed:
            self._shut()

    @contextlib.contextmanager
    def watching(self, request: Any, *, in_task: bool = False) -> Iterator[None]:
        """Register the connection that is made for ``request``, of a sync client or (``in_task``) an async one."""
        before = request.extensions.get("trace")

        def told(name: str, info: dict[str, Any]) -> Any:
            if name in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
                self.learn(info["return_value"])
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

    def _shut(self) -> None:
        # Through a copy, since a socket of TLS or of an event loop has its own shutdown.
        connected = self._socket
        if connected is None:
            return
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connected.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)


class Together:
    """
    Deadlines that can be made to pass at once, including those added later.

    ``reason`` is then why.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self._open: list[weakref.ref[Deadline]] = []
        self._lock = threading.Lock()

    def add(self, deadline: Deadline) -> None:
        """Add ``deadline``."""
        with self._lock:
            self._open = [one for one in self._open if one() is not None]
            self._open.append(weakref.ref(deadline))
        if self.reason is not None:
            deadline.shorten(0, self.reason)

    def end(self, reason: str) -> None:
        """Let all of them pass now, unless they already did or were cancelled."""
        with self._lock:
            self.reason = reason
            left, self._open = self._open, []
        for one in left:
            deadline = one()
            if deadline is not None:
                deadline.shorten(0, reason)


class _Clock:
    """Checks deadlines when they may have passed: one thread for all, since one each costs as much as a request."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, weakref.ref[Deadline]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def wake(self, until: float, deadline: Deadline) -> None:
        """Check ``deadline`` at ``until``."""
        with self._changed:
            heapq.heappush(self._due, (until, next(self._numbers), weakref.ref(deadline)))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            elif self._due[0][0] == until:
                self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._due or self._due[0][0] > time.monotonic():
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                deadline = heapq.heappop(self._due)[2]()
            if deadline:
                deadline.look()


_CLOCK = _Clock()
if hasattr(os, "register_at_fork"):  # threads do not survive a fork, and one may have held a lock
    os.register_at_fork(after_in_child=_CLOCK.__init__)  # type: ignore[misc]
