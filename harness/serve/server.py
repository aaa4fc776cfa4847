"""Runs the replay server: in the foreground until it is stopped, or in a thread beside its client."""

import asyncio
import errno
import logging
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web

from harness.errors import Unreachable

HOST = "127.0.0.1"
_GRACE = 5.0  # seconds that responses under way get when the server is stopped
_NO_GRACE = 0.001  # aiohttp takes 0 for no limit


def serve(app: web.Application, port: int, ready: Callable[[str], None]) -> None:
    """
    Serve until SIGINT or SIGTERM; ``ready`` is called with the URL.

    Raises:
        Unreachable: the port is taken, or not allowed.
    """

    async def tell(_app: web.Application) -> None:
        ready(f"http://{HOST}:{listening.getsockname()[1]}")

    listening = _listen(port)
    app.on_startup.append(tell)
    with listening:
        web.run_app(
            app, sock=listening, print=None, access_log=None, shutdown_timeout=_GRACE, handler_cancellation=True
        )


def _listen(port: int) -> socket.socket:
    """Return a listening socket; aiohttp would report a taken port by a traceback."""
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        reason = {errno.EADDRINUSE: "is in use", errno.EACCES: "is not allowed"}.get(error.errno or 0, str(error))
        raise Unreachable(f"port {port} {reason}; choose another with --port, or 0 for any free port") from None


class Background:
    """An application served on a free port by its own thread, while the block runs; ``url`` is its URL."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="replay server", daemon=True)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_NO_GRACE)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def door(self, listening: socket.socket) -> Callable[[], None]:
        """Serve on one more socket, such as one in another network; return a function that stops and closes it."""
        site = web.SockSite(self._runner, listening)
        asyncio.run_coroutine_threadsafe(site.start(), self._loop).result()
        return lambda: asyncio.run_coroutine_threadsafe(site.stop(), self._loop).result()

    async def _start(self) -> str:
        logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # closed by harness, not an error
        await self._runner.setup()
        listening = _listen(0)
        await web.SockSite(self._runner, listening).start()
        return f"http://{HOST}:{listening.getsockname()[1]}"
