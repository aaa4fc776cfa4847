"""Injects connection faults in the middle of a response: reset, stall, slow transfer, or half-close."""

import asyncio
import socket
import struct
from typing import Literal

from aiohttp import web

SocketFault = Literal["reset", "stall", "slow", "half-closed"]

_STALLED = 600.0
"""Seconds; longer than clients wait."""
_SLOW_PIECE, _SLOW_WAIT = 64, 0.05
_AT_ONCE = struct.pack("ii", 1, 0)


async def befall(request: web.Request, answer: web.StreamResponse, body: bytes, fault: SocketFault) -> None:
    """Send half of ``body`` and inject ``fault`` into the connection; a slow one sends all, 64 bytes at a time."""
    if fault == "slow":
        for at in range(0, len(body), _SLOW_PIECE):
            await answer.write(body[at : at + _SLOW_PIECE])
            await asyncio.sleep(_SLOW_WAIT)
        await answer.write_eof()
        return
    await answer.write(body[: len(body) // 2])
    transport = request.transport
    if transport is None:
        return
    if fault == "reset":
        raw: socket.socket | None = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        transport.abort()
        return
    if fault == "half-closed":
        transport.write_eof()
    await asyncio.sleep(_STALLED)  # until the client leaves
    transport.close()
