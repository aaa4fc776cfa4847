"""
Serves client code under test: plays the current script of each session, and records the requests.

A session is a process that runs client code, one trial after the other, so its URL stays the same.
"""

from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from harness.recording.pacing import pieces_of
from harness.serve.framing import reframe
from harness.serve.responder import send, without_additions
from harness.serve.server import Background
from harness.wire.dialect import DialectName
from harness.wire.exchange import Exchange, Response

_GAP = 0.0005  # seconds between segments that end within an event, so that they arrive separately
_MOST_GAPS = 400
_LARGEST_REQUEST = 4 * 1024 * 1024
_PATHS: dict[DialectName, str] = {"chat": "/chat/completions", "messages": "/messages", "completions": "/completions"}


@dataclass(slots=True)
class Script:
    """The responses of a session, one per request, the last repeated; ``requests`` are the bodies received."""

    exchanges: tuple[Exchange, ...] = ()
    requests: list[dict[str, Any]] = field(default_factory=list)


class AnswerServer(Background):
    """The server, while the block runs."""

    def __init__(self) -> None:
        self._sessions: dict[str, Script] = {}
        app = web.Application(client_max_size=_LARGEST_REQUEST)
        app.on_response_prepare.append(without_additions)
        for path in _PATHS.values():
            app.router.add_post("/{session}/v1" + path, self._answer)
        app.router.add_get("/{page:.*}", _page)
        super().__init__(app)

    def set_responses(self, session: str, *exchanges: Exchange) -> Script:
        """Set the responses of a session from now on."""
        script = self._sessions[session] = Script(exchanges)
        return script

    def base_url(self, session: str) -> str:
        """Return the base URL for the code of a session."""
        return f"{self.url}/{session}/v1"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        script = self._sessions.get(request.match_info["session"])
        if script is None:
            raise web.HTTPNotFound
        exchange = script.exchanges[min(len(script.requests), len(script.exchanges) - 1)]
        script.requests.append(_parsed(await request.read()))
        pieces, gap = _cut(exchange.response)
        return await send(request, exchange.response, pieces, [0.0, *[gap] * (len(pieces) - 1)][: len(pieces)], "trial")


async def _page(request: web.Request) -> web.StreamResponse:
    """Return a page for a browser, whose script sends the request; a GET instead of a POST gets an error."""
    if request.path.endswith(tuple(_PATHS.values())):
        return web.Response(status=405, headers={"Allow": "POST"})
    return web.Response(text="<!doctype html><title>trial</title>", content_type="text/html")


def _cut(response: Response) -> tuple[list[bytes], float]:
    """Return the segments of a body, as it was read or by event, and the seconds between two."""
    if response.reads is None or not response.reads.dt_us:
        by_event = reframe("events")
        return (by_event(response) if by_event else [response.body]), 0.0
    pieces = pieces_of(response)
    within = any(not piece.endswith((b"\n", b"\r")) for piece in pieces[:-1])
    return pieces, _GAP if within and len(pieces) <= _MOST_GAPS else 0.0


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
