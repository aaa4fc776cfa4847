"""A capture equals what was sent, whatever the caller does with it."""

import asyncio
import gc
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import httpx2
import openai
import pytest

from harness.live.capture import AsyncCapture, Capture, Limits
from harness.recording.http_backend import sdk_backend
from harness.simulate.reference import STREAM
from harness.wire.exchange import NO_ANSWER, Exchange

PIECES = [STREAM.response.body[n : n + 100] for n in range(0, len(STREAM.response.body), 100)]
URL = "https://api.example/v1/chat/completions"


class Played(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that arrives in segments and may break off."""

    def __init__(self, pieces: list[bytes], error: Exception | None = None) -> None:
        self.pieces, self.error, self.closed = pieces, error, False

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        if self.error:
            raise self.error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            await asyncio.sleep(0)
            yield piece

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


class Network(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Answers each request with a prepared response."""

    def __init__(self, *bodies: Played, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        self.bodies = list(bodies)
        self.headers = headers or [(b"Content-Type", b"text/event-stream"), (b"X-Twice", b"a"), (b"X-Twice", b"b")]

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:  # noqa: ARG002 - httpx2 names it
        extensions = {"http_version": b"HTTP/1.1", "reason_phrase": b"Fine"}
        return httpx2.Response(200, headers=self.headers, stream=self.bodies.pop(0), extensions=extensions)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return self.handle_request(request)


class Kept(list[Exchange]):
    def client(self, network: httpx2.BaseTransport, limits: Limits | None = None) -> httpx2.Client:
        return httpx2.Client(transport=Capture(self.append, network, limits or Limits()))

    @property
    def only(self) -> Exchange:
        (exchange,) = self
        return exchange


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_everything_is_kept_as_it_came(kept: Kept) -> None:
    network = Network(Played(PIECES))
    answer = kept.client(network).post(URL, content=b'{"stream":true}', headers={"X-Mine": "1"})
    exchange = kept.only
    assert answer.content == exchange.response.body == STREAM.response.body
    assert (exchange.response.status, exchange.response.reason, exchange.response.http_version) == (
        200,
        "Fine",
        "HTTP/1.1",
    )
    assert exchange.response.headers.pairs == (
        ("Content-Type", "text/event-stream"),
        ("X-Twice", "a"),
        ("X-Twice", "b"),
    )
    assert exchange.response.reads
    assert exchange.response.reads.sizes == tuple(map(len, PIECES))
    assert len(exchange.response.reads.dt_us) == len(PIECES)
    assert exchange.response.eof
    assert exchange.response.error is None
    assert exchange.request.body == b'{"stream":true}'
    assert exchange.request.headers["x-mine"] == "1"
    assert (exchange.source.provenance, exchange.source.at is not None) == ("recorded", True)


def test_each_piece_is_handed_on_before_the_next_comes(kept: Kept) -> None:
    seen: list[int] = []

    class Watched(Played):
        def __iter__(self) -> Iterator[bytes]:
            for number, piece in enumerate(self.pieces):
                assert len(seen) == number, "the reader has had every piece before"
                yield piece

    with kept.client(Network(Watched(PIECES))).stream("POST", URL) as answer:
        for piece in answer.iter_raw():
            assert kept == []
            seen.append(len(piece))
    assert seen == [len(piece) for piece in PIECES]


def test_a_reader_that_stops_early_does_not_shorten_the_recording(kept: Kept) -> None:
    body = Played(PIECES)
    with kept.client(Network(body)).stream("POST", URL) as answer:
        next(answer.iter_raw())
    assert kept.only.response.body == STREAM.response.body
    assert kept.only.response.eof
    assert body.closed


@pytest.mark.skipif(sdk_backend() is not httpx2, reason="this openai is given clients of httpx")
def test_the_sdk_that_stops_at_the_mark_does_not_shorten_it_either(kept: Kept) -> None:
    client = openai.OpenAI(api_key="none", http_client=kept.client(Network(Played([*PIECES, b": bye\n\n"]))))
    stream = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}], stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert text == STREAM.completion.messages[0].content
    assert kept.only.response.body == STREAM.response.body + b": bye\n\n"


def test_a_generator_collected_half_way_is_no_end(kept: Kept) -> None:
    class Collected(Played):
        def __iter__(self) -> Iterator[bytes]:
            self.generator = super().__iter__()
            return self.generator

    body = Collected(PIECES)
    with kept.client(Network(body)).stream("POST", URL) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        body.generator.close()  # type: ignore[attr-defined]  # what the garbage collector does to an abandoned one
    assert not kept.only.response.eof
    assert kept.only.response.body == PIECES[0]


def test_what_an_abandoned_stream_leaves_is_kept_once(kept: Kept) -> None:
    client = kept.client(Network(Played(PIECES)))
    answer = client.send(client.build_request("POST", URL), stream=True)
    next(answer.iter_raw())
    answer.close()
    del answer
    gc.collect()
    assert len(kept) == 1


@pytest.mark.parametrize(
    "error", [httpx2.ReadError("reset"), httpx2.RemoteProtocolError("cut"), httpx2.ReadTimeout("nothing came")]
)
def test_an_answer_that_breaks_off_is_kept_up_to_there(error: Exception, kept: Kept) -> None:
    with pytest.raises(type(error)), kept.client(Network(Played(PIECES[:3], error))).stream("POST", URL) as answer:
        for _ in answer.iter_raw():
            pass
    response = kept.only.response
    assert response.body == b"".join(PIECES[:3])
    assert (response.eof, response.error) == (False, f"{type(error).__name__}: {error}")


def test_where_nobody_answers_that_is_kept(kept: Kept) -> None:
    def refuse(_request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("connection refused")

    with pytest.raises(httpx2.ConnectError):
        kept.client(httpx2.MockTransport(refuse)).post(URL)
    assert (kept.only.response.status, kept.only.response.eof) == (NO_ANSWER, False)
    assert kept.only.response.error == "ConnectError: connection refused"


def endless() -> Iterator[bytes]:
    while True:
        time.sleep(0.001)
        yield b"x" * 1000


class Endless(Played):
    def __init__(self) -> None:
        super().__init__([])

    def __iter__(self) -> Iterator[bytes]:
        return endless()


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(size=10_000), "more than 10,000 bytes"),
        (Limits(total=0.2), "more than 0.2 seconds"),
        (Limits(line=5_000), "a line of more than 5,000 bytes"),
    ],
)
def test_an_answer_without_end_ends_at_the_limit(limits: Limits, reason: str, kept: Kept) -> None:
    kept.client(Network(Endless()), limits).post(URL)
    assert not kept.only.response.eof
    assert reason in str(kept.only.response.error)


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
def test_events_without_end_end_at_the_limit(end: bytes, kept: Kept) -> None:
    kept.client(Network(Played([b"data: 1" + end] * 500)), Limits(events=100)).post(URL)
    response = kept.only.response
    assert response.error == "LimitReached: more than 100 events"
    assert response.body == (b"data: 1" + end) * 101


@pytest.mark.parametrize("piece", [b"data: 1\n\n", b"data: 1\r\n\r\n", b"data: 1\r\r", b"x" * 90 + b"\n"])
def test_many_lines_are_no_long_line(piece: bytes, kept: Kept) -> None:
    kept.client(Network(Played([piece] * 200)), Limits(line=100)).post(URL)
    assert kept.only.response.eof


def test_a_body_that_is_no_stream_has_no_lines(kept: Kept) -> None:
    network = Network(Played([b"x" * 100] * 20), headers=[(b"Content-Type", b"application/json")])
    kept.client(network, Limits(line=100, events=1)).post(URL)
    assert kept.only.response.eof


def answered_by_httpx(_request: httpx.Request) -> httpx.Response:
    headers = {"Content-Type": "text/event-stream"}
    return httpx.Response(200, headers=headers, stream=httpx.ByteStream(STREAM.response.body))


def test_a_client_of_httpx_is_captured_alike(kept: Kept) -> None:
    transport: Any = Capture(kept.append, httpx.MockTransport(answered_by_httpx))
    with httpx.Client(transport=transport) as client:
        assert client.post(URL, content=b"{}").content == STREAM.response.body
    assert kept.only.response.body == STREAM.response.body
    assert kept.only.response.eof


@pytest.mark.asyncio
async def test_an_async_client_of_httpx_is_captured_alike(kept: Kept) -> None:
    transport: Any = AsyncCapture(kept.append, httpx.MockTransport(answered_by_httpx))
    async with httpx.AsyncClient(transport=transport) as client:
        await client.post(URL, content=b"{}")
    assert kept.only.response.body == STREAM.response.body


@pytest.mark.thorough
def test_what_a_long_answer_takes_of_memory_does_not_grow_with_it(kept: Kept) -> None:
    body = Played([])
    used: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(200_000):
            if number % 50_000 == 49_999:
                used.append(tracemalloc.get_traced_memory()[0])
            yield b"data: %d%b\n\n" % (number, b"x" * 100)

    body.__class__ = type("Made", (Played,), {"__iter__": lambda _: pieces()})
    client = kept.client(Network(body))
    tracemalloc.start()
    try:
        with client.stream("POST", URL) as answer:
            for _ in answer.iter_raw():
                pass
    finally:
        tracemalloc.stop()
    assert used[-1] - used[0] < 3_000_000, "12 bytes a piece, of 112"
    assert len(kept.only.response.body) > 20_000_000


def test_what_is_left_is_read_for_so_long_and_no_longer(kept: Kept) -> None:
    with kept.client(Network(Endless()), Limits(drain=0.1)).stream("POST", URL) as answer:
        next(answer.iter_raw())
    assert kept.only.response.error == "closed before the end"


@pytest.mark.asyncio
async def test_an_async_client_gets_the_same() -> None:
    kept: list[Exchange] = []

    async def read(pieces: list[bytes], *, whole: bool) -> None:
        client = httpx2.AsyncClient(transport=AsyncCapture(kept.append, Network(Played(pieces))))
        async with client, client.stream("POST", URL) as answer:
            async for _ in answer.aiter_raw():
                if not whole:
                    break

    await read(PIECES, whole=True)
    await read(PIECES, whole=False)
    assert [exchange.response.body for exchange in kept] == [STREAM.response.body] * 2
    assert all(exchange.response.eof for exchange in kept)


@pytest.mark.asyncio
async def test_tasks_at_once_do_not_mix() -> None:
    kept: list[Exchange] = []

    async def one(number: int) -> None:
        pieces = [b"%d:%d\n" % (number, n) for n in range(50)]
        async with httpx2.AsyncClient(transport=AsyncCapture(kept.append, Network(Played(pieces)))) as client:
            await client.post(URL, content=b"%d" % number)

    await asyncio.gather(*map(one, range(20)))
    assert len(kept) == 20
    for exchange in kept:
        number = exchange.request.body or b""
        assert exchange.response.body == b"".join(b"%b:%d\n" % (number, n) for n in range(50))


def test_threads_at_once_do_not_mix(kept: Kept) -> None:
    class Echo(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(200, stream=Played([request.content] * 20))

    client = kept.client(Echo())
    threads = [threading.Thread(target=client.post, args=(URL,), kwargs={"content": b"%d," % n}) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(exchange.request.body or b"" for exchange in kept) == sorted(b"%d," % n for n in range(30))
    assert all(exchange.response.body == (exchange.request.body or b"") * 20 for exchange in kept)
