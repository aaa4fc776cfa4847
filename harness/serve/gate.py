"""
Checks access to the replay server: by the host name of a request, and by the origin of the page that sends it.

A web page can reach a server on loopback in two ways.  By its own origin: the browser passes on the response only
if CORS allows it, but a POST that needs no preflight is sent anyway; ``Sec-Fetch-Site`` or ``Origin`` reveals it,
and the rule is that of Go's CrossOriginProtection (https://pkg.go.dev/net/http#CrossOriginProtection).  By a name
that its owner points to 127.0.0.1 (DNS rebinding): the ``Host`` header reveals it.
"""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import hdrs, web

from harness.errors import HarnessError
from harness.recording.replayed import NOTE

ANY = "*"
"""The origin that stands for all, as an explicit choice."""

_SITE = "Sec-Fetch-Site"
_SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:/@\[\]]+)(:\d*)?", re.IGNORECASE | re.ASCII)
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@]+", re.ASCII)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class NotAllowed(HarnessError):
    """A request is rejected for its origin, or for the host name by which it reached the server."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class BadName(HarnessError):
    """An origin or host to allow is invalid."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Admits requests to loopback's own names and ``hosts``; pages of ``origins`` may read the responses."""

    origins: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, origins: Iterable[str] = (), hosts: Iterable[str] = ()) -> "Gate":
        """Return the gate that allows these; raise BadName for a value that no browser would send."""
        return cls(frozenset(map(_origin, origins)), frozenset(map(_host, hosts)))

    @web.middleware
    async def admit(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Reject other hosts, and POSTs from pages of other origins; answer preflights; raise NotAllowed."""
        host = request.headers.get(hdrs.HOST, "")
        if not self._serves(host):
            raise NotAllowed(
                421, f"the Host header is {host!r}, which is not a name of this server; allow it with --allow-host NAME"
            )
        preflight = request.method == hdrs.METH_OPTIONS and hdrs.ORIGIN in request.headers
        if (preflight or _is_of_a_page_elsewhere(request)) and not self._allowed(request):
            origin = request.headers.get(hdrs.ORIGIN) or "another site"
            named = origin if _ORIGIN.fullmatch(origin.lower()) else "ORIGIN"
            raise NotAllowed(
                403, f"requests from pages of {origin} are rejected; allow them with --allow-origin {named}"
            )
        if not preflight:
            return await handler(request)
        # A wildcard does not cover Authorization, which every client of OpenAI's API sends.
        wanted = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, ANY)
        allowed = {hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, POST", hdrs.ACCESS_CONTROL_ALLOW_HEADERS: wanted}
        return web.Response(status=204, headers=allowed)

    async def mark(self, request: web.Request, response: web.StreamResponse) -> None:
        """Allow a page of an allowed origin to read the response, whatever it is; a signal handler of aiohttp."""
        origin = self._allowed(request)
        if not origin:
            return
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = NOTE
        response.headers.add(hdrs.VARY, "Origin")  # in addition to one that a recording may have

    def _allowed(self, request: web.Request) -> str:
        """Return the origin to name in the response; empty if the request has none, or another."""
        asked = request.headers.get(hdrs.ORIGIN, "")
        if ANY in self.origins and (asked or _SITE in request.headers):
            return ANY
        return asked if asked in self.origins else ""

    def _serves(self, host: str) -> bool:
        name, loopback = _named(host)
        return loopback or name in self.hosts


@lru_cache(256)
def _named(host: str) -> tuple[str, bool]:
    """Return the name in a Host header, empty if invalid, and whether it is loopback's own."""
    found = _HOST.fullmatch(host)
    name = _plain(found[1]) if found else ""
    return name, _is_loopback(name)


def _is_of_a_page_elsewhere(request: web.Request) -> bool:
    """Return whether a page of another origin wants a change; programs other than browsers send neither header."""
    site, origin = request.headers.get(_SITE, ""), request.headers.get(hdrs.ORIGIN, "")
    if request.method in _SAFE:
        return False
    if site:
        return site not in {"same-origin", "none"}
    return origin != "" and origin.partition("://")[2].lower() != request.headers.get(hdrs.HOST, "").lower()


def _plain(host: str) -> str:
    """Return a host name for comparison: in lower case, and without the dot of the root."""
    return host.lower().removesuffix(".")


def _is_loopback(host: str) -> bool:
    """Return whether a host is loopback by name or address, as IPv4 in IPv6 too; an address can't be rebound."""
    try:
        address = ipaddress.ip_address(host[1:-1] if host.startswith("[") else host)
    except ValueError:
        return host == "localhost"
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _origin(text: str) -> str:
    said = text.lower()
    if said != ANY and not _ORIGIN.fullmatch(said):
        raise BadName(
            f"{text!r} is not an origin; write one as a browser sends it, such as http://localhost:3000, or *"
        )
    return said


def _host(text: str) -> str:
    found = _HOST.fullmatch(text)
    if not found or found[2]:
        raise BadName(f"{text!r} is not a host name; write one without a port, such as harness.internal or [::1]")
    return _plain(found[1])
