"""
Blocks the network while a test runs: with ``--compat-block-network``, or by the marker ``block_network``.

How it works: connecting and name lookups raise `NetworkBlocked`, except for the replay server of the session and
for allowed hosts.  Unix sockets are allowed, and so is a socket pair, which Windows makes of a connection to
itself.  uvloop has its own connections, which are guarded likewise; anyio and trio use Python's sockets.  A
recorder that records lifts it for its test.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness.pytest.options import ALLOWED, BLOCK

MARKER = "block_network"
_OTHER = "recording"  # pytest-recording, whose marker has the same name, acts on it itself

_servers: set[tuple[str | None, int | None]] = set()
_lifted = False


class NetworkBlocked(RuntimeError):
    """A test accessed the network while it was blocked."""


@contextlib.contextmanager
def reachable(url: str) -> Iterator[None]:
    """Let tests reach a server of harness despite the block."""
    parts = urlsplit(url)
    _servers.add((parts.hostname, parts.port))
    try:
        yield
    finally:
        _servers.discard((parts.hostname, parts.port))


@contextlib.contextmanager
def lifted() -> Iterator[None]:
    """Let a test access the network, to record."""
    global _lifted  # noqa: PLW0603 - one a process, as what it lifts
    _lifted = True
    try:
        yield
    finally:
        _lifted = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Block the network during setup, call and teardown of a test, if requested."""
    allowed = allowed_hosts(item)
    if allowed is None:
        return (yield)
    with blocked(allowed):
        return (yield)


def allowed_hosts(item: pytest.Item) -> list[re.Pattern[str]] | None:
    """
    Return the hosts that a test may connect to; None if it may connect to all.

    Raises:
        UsageError: one is not a regular expression.
    """
    marker = None if item.config.pluginmanager.has_plugin(_OTHER) else item.get_closest_marker(MARKER)
    if not marker and not item.config.getoption(BLOCK):
        return None
    named = marker.kwargs.get("allowed_hosts", ()) if marker else ()
    given = [one.strip() for one in item.config.getoption(ALLOWED).split(",") if one.strip()]
    return [_pattern(one, item) for one in (*given, *([named] if isinstance(named, str) else named))]


def _pattern(text: str, item: pytest.Item) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise pytest.UsageError(
            rf"{item.nodeid}: allowed host {text!r}: no regular expression: {error}; write one such as .*\.example\.com"
        ) from None


@contextlib.contextmanager
def blocked(allowed: list[re.Pattern[str]]) -> Iterator[None]:
    """Block the network except for ``allowed`` hosts."""
    with pytest.MonkeyPatch.context() as patch:
        for owner, name, guarded in _places(_Guard(allowed)):
            patch.setattr(owner, name, guarded(getattr(owner, name)))
        yield


def _places(guard: _Guard) -> Iterator[tuple[Any, str, Callable[[Any], Any]]]:
    """Yield each function that connects or looks up a name: its owner, its name, its guard."""
    yield socket.socket, "connect", guard.connecting
    yield socket.socket, "connect_ex", guard.connecting
    yield socket, "socketpair", guard.pairing
    yield socket, "getaddrinfo", guard.lookup
    loop = _uvloop()
    if loop:
        yield loop, "create_connection", guard.opening
        yield loop, "create_datagram_endpoint", guard.opening_datagrams
        yield loop, "getaddrinfo", guard.lookup_in_loop


def _uvloop() -> Any:
    """Return uvloop's event loop, which does not use Python's sockets; None if it is not installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


class _Guard:
    """Wraps the functions of a socket: knows the allowed hosts, and the addresses that their names resolved to."""

    def __init__(self, allowed: list[re.Pattern[str]]) -> None:
        self._allowed = allowed
        self._found: set[str] = set()
        self._pairing = threading.local()

    def _names(self, host: str) -> bool:
        return any(one.fullmatch(host) for one in self._allowed)

    def _check(self, host: str, port: Any) -> None:
        """Raise NetworkBlocked for a host that is not allowed."""
        if not (_lifted or host in self._found or (host, port) in _servers or self._names(host)):
            raise NetworkBlocked(
                f"the network is blocked in tests, and this one connects to {host}; use the client's transport from "
                f"compat_recorder, or allow the host with {ALLOWED}"
            )

    def connecting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def connect(own: socket.socket, address: Any, *more: Any) -> Any:
            if own.family in {socket.AF_INET, socket.AF_INET6} and not getattr(self._pairing, "under_way", False):
                try:
                    self._check(str(address[0]), address[1])
                except NetworkBlocked:
                    own.close()  # its creator expects an OSError, and closes it only then
                    raise
            return original(own, address, *more)

        return connect

    def pairing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def socketpair(*arguments: Any, **named: Any) -> Any:
            self._pairing.under_way = True
            try:
                return original(*arguments, **named)
            finally:
                self._pairing.under_way = False

        return socketpair

    def lookup(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def getaddrinfo(host: Any, port: Any, *more: Any, **named: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if name and not _local(name):
                self._check(name, port)
            return self._kept(name, original(host, port, *more, **named))

        return getaddrinfo

    def _kept(self, name: str | None, found: Any) -> Any:
        """Return the addresses found for a name, after recording those of an allowed one."""
        if name and self._names(name):
            self._found.update(address[0] for *_, address in found)
        return found

    def opening(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def create_connection(loop: Any, factory: Any, host: Any = None, port: Any = None, **named: Any) -> Any:
            if host is not None:
                self._check(str(host), port)
            return await original(loop, factory, host, port, **named)

        return create_connection

    def opening_datagrams(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def create_datagram_endpoint(
            loop: Any, factory: Any, local_addr: Any = None, remote_addr: Any = None, **named: Any
        ) -> Any:
            if remote_addr:
                self._check(str(remote_addr[0]), remote_addr[1])
            return await original(loop, factory, local_addr, remote_addr, **named)

        return create_datagram_endpoint

    def lookup_in_loop(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def getaddrinfo(loop: Any, host: Any, port: Any, **named: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if name and not _local(name):
                self._check(name, port)
            return self._kept(name, await original(loop, host, port, **named))

        return getaddrinfo


def _local(name: str) -> bool:
    """Return whether a name lookup needs no network: an address, or this machine; both are checked on connecting."""
    if name == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return bool(ip_address(name.partition("%")[0]))
    return False
