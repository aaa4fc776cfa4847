"""The total limit ends any slow or endless response: before the headers, in them, and after them."""

import asyncio
import contextlib
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from scripted import CHUNKED, IDEAL, End, Script, Server, Step, chunk, endless, head, slow

from harness.live.asking import Endpoint, ScenarioSender
from harness.live.capture import AsyncCapture, Capture, Limits
from harness.matrix.scenarios import SCENARIOS
from harness.wire.exchange import NO_ANSWER, Exchange

QUICK = Limits(connect=2, idle=10, total=0.25)
"""An idle limit that no drip reaches: only the total ends it."""
PATIENCE = 1.5  # on a machine that is busy

STREAM = head(200, ("Content-Type", "text/event-stream"), CHUNKED)
EVENT = b'data: {"choices":[]}\n\n'
ASKED: dict[str, Any] = {"headers": {"Authorization": "Bearer good"}, "content": b'{"stream":true,"messages":[]}'}
TOO_LONG = "LimitReached: more than 0.25 seconds"


def drips(piece: bytes, *start: Step) -> Script:
    """Send ``piece`` 50 times a second, for longer than any test waits, and close."""
    return lambda _: itertools.chain(start, [0.02, piece] * 200, [End.CLOSE])


HEADS: dict[str, Script] = {
    "nothing at all": lambda _: [End.HANG],
    "header lines": drips(b"X-More: 1\r\n", b"HTTP/1.1 200 OK\r\n"),
    "a header line without end": drips(b"x", b"HTTP/1.1 200 OK\r\nX-More: "),
    "a status line without end": drips(b"O", b"HTTP/1.1 200 "),
    "preliminary answers": drips(head(103)),
}
BODIES: dict[str, Script] = {
    "comments": endless(b": ping\n\n", 0.02),
    "a chunk's size without end": drips(b"x", STREAM + chunk(EVENT) + b"5;"),
    "trailers": drips(b"X-More: 1\r\n", STREAM + chunk(EVENT) + b"0\r\n"),
    "one byte at a time": slow(IDEAL, pace=0.02),
    "a body that ends with its connection": drips(b":\n", head(200, ("Content-Type", "text/event-stream"))),
}


def ask(server: Server, limits: Limits = QUICK) -> tuple[Exchange, float]:
    sender = ScenarioSender(Endpoint(server.base_url, "good", "gpt-4o-mini", {}, {}), limits)
    begun = time.monotonic()
    exchange = sender.ask(SCENARIOS["chat.stream"])[-1]
    took = time.monotonic() - begun
    sender.close()
    return exchange, took


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_never_ends_ends_at_the_limit(name: str) -> None:
    with Server(HEADS[name]) as server:
        exchange, took = ask(server)
    assert (exchange.response.status, exchange.response.error) == (NO_ANSWER, TOO_LONG)
    assert took < QUICK.total + PATIENCE


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_never_ends_ends_at_the_limit(name: str) -> None:
    with Server(BODIES[name]) as server:
        exchange, took = ask(server)
    response = exchange.response
    assert (response.status, response.eof, response.error) == (200, False, TOO_LONG)
    assert response.body, "what came before is kept"
    assert took < QUICK.total + PATIENCE


def test_the_limit_between_two_reads_is_none_on_the_whole() -> None:
    with Server(slow(IDEAL, pace=0.005)) as server:
        exchange, _ = ask(server, Limits(idle=0.8, total=1.2))
    assert exchange.response.error == "LimitReached: more than 1.2 seconds"
    assert exchange.response.reads
    assert len(exchange.response.reads.sizes) > 50


def test_a_handshake_that_never_ends_ends_at_the_limit_of_connecting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        asked = Endpoint(f"https://127.0.0.1:{deaf.getsockname()[1]}/v1", "good", "gpt-4o-mini", {}, {})
        sender = ScenarioSender(asked, Limits(connect=0.3, idle=10, total=10))
        (exchange,) = sender.ask(SCENARIOS["chat.stream"])
        sender.close()
    assert str(exchange.response.error).startswith("ConnectTimeout")


def test_a_request_that_nobody_takes_ends_at_the_limit() -> None:
    kept: list[Exchange] = []
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        contextlib.suppress(httpx2.TransportError),
        httpx2.Client(transport=Capture(kept.append, limits=QUICK), timeout=10) as client,
    ):
        client.post(f"http://127.0.0.1:{deaf.getsockname()[1]}/v1", content=b"x" * (64 << 20))
    assert [exchange.response.error for exchange in kept] == [TOO_LONG]


def post(server: Server, limits: Limits, *, whole: bool, inner: Any = None, **options: Any) -> Exchange:
    """Send a request with a client of httpx2, and read its response or only the first segment."""
    kept: list[Exchange] = []
    with (
        contextlib.suppress(httpx2.TransportError),
        httpx2.Client(transport=Capture(kept.append, inner, limits), timeout=10) as client,
        client.stream("POST", f"{server.base_url}/chat/completions", **ASKED, **options) as answer,
    ):
        for _ in answer.iter_raw():
            if not whole:
                break
    return kept[0]


async def post_in_thread(server: Server, limits: Limits, *, whole: bool) -> Exchange:
    """The same for an async test."""
    return await asyncio.to_thread(post, server, limits, whole=whole)


async def post_in_task(server: Server, limits: Limits, *, whole: bool) -> Exchange:
    """The same in a task, with an async client."""
    kept: list[Exchange] = []
    with contextlib.suppress(httpx2.TransportError):
        async with (
            httpx2.AsyncClient(transport=AsyncCapture(kept.append, limits=limits), timeout=10) as client,
            client.stream("POST", f"{server.base_url}/chat/completions", **ASKED) as answer,
        ):
            async for _ in answer.aiter_raw():
                if not whole:
                    break
    return kept[0]


AsyncPost = Callable[..., Awaitable[Exchange]]
BOTH = pytest.mark.parametrize("ask", [post_in_thread, post_in_task], ids=["thread", "task"])


@pytest.mark.asyncio
@BOTH
@pytest.mark.parametrize("name", ["nothing at all", "header lines"])
async def test_a_client_of_ones_own_gets_no_head_without_end(name: str, ask: AsyncPost) -> None:
    with Server(HEADS[name]) as server:
        exchange = await ask(server, QUICK, whole=True)
    assert (exchange.response.status, exchange.response.error) == (NO_ANSWER, TOO_LONG)


@pytest.mark.asyncio
@BOTH
@pytest.mark.parametrize("name", ["a chunk's size without end", "a body that ends with its connection"])
async def test_a_client_of_ones_own_gets_no_body_without_end(name: str, ask: AsyncPost) -> None:
    with Server(BODIES[name]) as server:
        exchange = await ask(server, QUICK, whole=True)
    assert (exchange.response.status, exchange.response.eof, exchange.response.error) == (200, False, TOO_LONG)


LEFT: dict[str, Script] = {
    "a stall": lambda _: [STREAM + chunk(EVENT), End.HANG],
    "a chunk's size without end": BODIES["a chunk's size without end"],
}


@pytest.mark.asyncio
@BOTH
@pytest.mark.parametrize("name", LEFT)
async def test_what_a_caller_leaves_holds_it_up_no_longer_than_the_drain(name: str, ask: AsyncPost) -> None:
    begun = time.monotonic()
    with Server(LEFT[name]) as server:
        exchange = await ask(server, Limits(idle=10, drain=0.3), whole=False)
    assert time.monotonic() - begun < 0.3 + PATIENCE
    assert (exchange.response.eof, exchange.response.error) == (False, "closed before the end")
    assert exchange.response.body


def test_tls_makes_no_difference() -> None:
    with Server(BODIES["comments"], HEADS["header lines"], tls=True) as server:
        trusting = httpx2.HTTPTransport(verify=ssl.create_default_context(cadata=server.certificate))
        body, head = (post(server, QUICK, whole=True, inner=trusting) for _ in range(2))
    assert (body.response.status, body.response.error) == (200, TOO_LONG)
    assert (head.response.status, head.response.error) == (NO_ANSWER, TOO_LONG)


def test_an_answer_within_the_limit_is_left_alone_afterwards() -> None:
    with Server(IDEAL) as server:
        exchange = post(server, Limits(total=1), whole=True)
        time.sleep(1.1)
        assert post(server, Limits(total=60), whole=True).response.eof
    assert (exchange.response.eof, exchange.response.error) == (True, None)
    assert [thread.name for thread in threading.enumerate()].count("deadlines") == 1, "one thread looks at all"


def test_the_body_of_a_kept_connection_ends_at_the_limit_too() -> None:
    kept: list[Exchange] = []
    with (
        Server(IDEAL, BODIES["comments"]) as server,
        httpx2.Client(transport=Capture(kept.append, limits=QUICK), timeout=10) as client,
    ):
        for _ in range(2):
            with contextlib.suppress(httpx2.TransportError):
                client.post(f"{server.base_url}/chat/completions", **ASKED)
        assert len(server.connections) == 1
    assert [exchange.response.error for exchange in kept] == [None, TOO_LONG]


def test_the_trace_of_a_caller_goes_on() -> None:
    seen: list[str] = []
    with Server(IDEAL) as server:
        post(server, QUICK, whole=True, extensions={"trace": lambda name, _: seen.append(name)})
    assert {"connection.connect_tcp.complete", "http11.receive_response_headers.complete"} <= set(seen)
