"""A recorded exchange answers a client as the provider did: same bytes, same reads, same end."""

import asyncio
import gzip
import socket

import httpx2
import pytest

from harness.recording.replay import AsyncReplay, Replay
from harness.simulate.reference import BODY, STREAM, with_body, with_header, with_response
from harness.wire.exchange import Exchange, Headers, Reads

BYTES = STREAM.response.body
SIZES = (1, 292, 7, len(BYTES) - 300)


def get(exchange: Exchange) -> httpx2.Response:
    with httpx2.Client(transport=Replay(exchange), trust_env=False) as client:
        return client.post("https://anywhere.invalid/v1", json={})


def pieces(exchange: Exchange) -> list[bytes]:
    with (
        httpx2.Client(transport=Replay(exchange), trust_env=False) as client,
        client.stream("POST", "https://anywhere.invalid/v1") as response,
    ):
        return list(response.iter_raw())


async def async_pieces(exchange: Exchange) -> list[bytes]:
    async with (
        httpx2.AsyncClient(transport=AsyncReplay(exchange), trust_env=False) as client,
        client.stream("POST", "https://anywhere.invalid/v1") as response,
    ):
        return [piece async for piece in response.aiter_raw()]


def test_status_headers_and_body_are_those_recorded() -> None:
    exchange = with_response(
        with_header(BODY, "X-Request-Id", "req_7"), status=418, reason="Teapot", http_version="HTTP/2"
    )
    response = get(exchange)
    assert (response.status_code, response.reason_phrase, response.http_version) == (418, "Teapot", "HTTP/2")
    assert (response.headers["x-request-id"], response.headers["content-type"]) == ("req_7", "application/json")
    assert response.content == BODY.response.body


def test_repeated_headers_and_odd_values_arrive() -> None:
    headers = Headers((("Set-Cookie", "a"), ("Set-Cookie", "b"), ("x-name", "深度"), ("x-half", "\ud800")))
    response = get(with_response(BODY, headers=headers))
    assert response.headers.get_list("set-cookie") == ["a", "b"]
    assert response.headers["x-name"] == "深度"
    assert response.headers["x-half"] == "?"


@pytest.mark.parametrize("sizes", [SIZES, (len(BYTES),), (0, 5, 0, len(BYTES) - 5, 0)])
def test_the_body_comes_in_the_reads_it_came_in(sizes: tuple[int, ...]) -> None:
    exchange = with_response(STREAM, reads=Reads(sizes))
    came = pieces(exchange)
    assert [len(piece) for piece in came] == [size for size in sizes if size]
    assert b"".join(came) == BYTES
    assert asyncio.run(async_pieces(exchange)) == came


@pytest.mark.parametrize("sizes", [(1, 2), (len(BYTES) + 1,), (-5, len(BYTES) + 5), ()])
def test_reads_that_are_not_those_of_the_body_are_left_aside(sizes: tuple[int, ...]) -> None:
    assert pieces(with_response(STREAM, reads=Reads(sizes))) == [BYTES]
    assert pieces(with_response(STREAM, reads=None)) == [BYTES]


def test_an_empty_body_is_empty() -> None:
    assert pieces(with_response(with_body(STREAM, b""), reads=Reads((0,)))) == []
    assert get(with_body(BODY, b"")).content == b""


def test_a_transfer_that_broke_off_breaks_off_after_the_last_byte() -> None:
    exchange = with_response(STREAM, eof=False, error="peer closed connection", reads=Reads(SIZES))
    came: list[bytes] = []
    with (
        httpx2.Client(transport=Replay(exchange), trust_env=False) as client,
        client.stream("POST", "https://anywhere.invalid") as response,
        pytest.raises(httpx2.RemoteProtocolError, match="peer closed connection") as caught,
    ):
        came.extend(response.iter_raw())
    assert b"".join(came) == BYTES
    assert str(caught.value.request.url) == "https://anywhere.invalid"


def test_it_breaks_off_for_an_async_client_too_and_without_a_reason() -> None:
    with pytest.raises(httpx2.RemoteProtocolError, match="the transfer broke off"):
        asyncio.run(async_pieces(with_response(STREAM, eof=False)))


def test_a_compressed_body_is_served_decoded_whatever_the_header_says() -> None:
    headers = Headers(
        (("Content-Encoding", "gzip"), ("Content-Length", "3"), ("Transfer-Encoding", "chunked"), ("x-a", "1"))
    )
    packed = gzip.compress(BODY.response.body)
    for body in (packed, BODY.response.body):
        response = get(with_response(BODY, headers=headers, body=body))
        assert response.content == BODY.response.body
        assert list(response.headers) == ["x-a"]


def test_the_reads_of_a_compressed_body_do_not_cut_the_decoded_one() -> None:
    packed = gzip.compress(BYTES)
    headers = Headers((("content-encoding", "gzip"),))
    assert pieces(with_response(STREAM, headers=headers, body=packed, reads=Reads((len(packed),)))) == [BYTES]


def test_the_exchange_can_be_changed_between_two_requests() -> None:
    transport = Replay(STREAM)
    with httpx2.Client(transport=transport, trust_env=False) as client:
        first = client.post("https://anywhere.invalid").content
        transport.exchange = BODY
        assert (first, client.post("https://anywhere.invalid").content) == (BYTES, BODY.response.body)


def test_no_socket_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    for name in ("connect", "connect_ex", "bind"):
        monkeypatch.setattr(socket.socket, name, refuse, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert get(BODY).status_code == 200
    assert b"".join(pieces(STREAM)) == BYTES
