"""A recorded exchange is replayed as the provider sent it: same bytes, same reads, same end."""

import gzip
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import httpx2
import openai
import pytest

from harness.errors import NotRecorded, UnsupportedSdk
from harness.recording import http_backend
from harness.recording.cassette import write_cassette
from harness.recording.pacing import Pace
from harness.recording.replay import Recordings, Replay
from harness.simulate.reference import BODY, STREAM, with_body, with_header, with_response
from harness.wire.exchange import NO_ANSWER, Exchange, Headers, Reads, Request

BACKENDS = [pytest.param(httpx2, id="httpx2"), pytest.param(httpx, id="httpx")]

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
        httpx2.AsyncClient(transport=Replay(exchange), trust_env=False) as client,
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


@pytest.mark.asyncio
@pytest.mark.parametrize("sizes", [SIZES, (len(BYTES),), (0, 5, 0, len(BYTES) - 5, 0)])
async def test_the_body_comes_in_the_reads_it_came_in(sizes: tuple[int, ...]) -> None:
    exchange = with_response(STREAM, reads=Reads(sizes))
    came = pieces(exchange)
    assert [len(piece) for piece in came] == [size for size in sizes if size]
    assert b"".join(came) == BYTES
    assert await async_pieces(exchange) == came


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


@pytest.mark.asyncio
async def test_it_breaks_off_for_an_async_client_too_and_without_a_reason() -> None:
    with pytest.raises(httpx2.RemoteProtocolError, match="the transfer broke off"):
        await async_pieces(with_response(STREAM, eof=False))


def test_a_compressed_body_is_served_as_it_was_sent_and_the_client_unpacks_it() -> None:
    headers = Headers((("Content-Encoding", "gzip"), ("Content-Length", "3"), ("x-a", "1")))
    packed = gzip.compress(BODY.response.body)
    exchange = with_response(BODY, headers=headers, body=packed, reads=Reads((10, len(packed) - 10)))
    response = get(exchange)
    assert response.content == BODY.response.body
    assert list(response.headers) == ["content-encoding", "x-a"]
    assert pieces(exchange) == [packed[:10], packed[10:]]


def test_a_body_that_its_recorder_unpacked_loses_the_header_of_the_packing() -> None:
    headers = Headers((("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked"), ("x-a", "1")))
    response = get(with_response(BODY, headers=headers))
    assert response.content == BODY.response.body
    assert list(response.headers) == ["x-a"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("ReadTimeout: nothing came", "ReadTimeout"),
        ("ReadError: reset by peer", "ReadError"),
        ("RemoteProtocolError: incomplete chunked read", "RemoteProtocolError"),
        ("LimitReached: more than 10 bytes", "RemoteProtocolError"),
        (None, "RemoteProtocolError"),
    ],
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_transfer_ends_the_way_it_ended(error: str | None, kind: str, backend: Any) -> None:
    exchange = with_response(STREAM, eof=False, error=error, reads=Reads(SIZES))
    came: list[bytes] = []
    with (
        backend.Client(transport=Replay(exchange), trust_env=False) as client,
        client.stream("POST", "https://anywhere.invalid") as response,
        pytest.raises(getattr(backend, kind)),
    ):
        came.extend(response.iter_raw())
    assert [len(piece) for piece in came] == list(SIZES)


@pytest.mark.parametrize("backend", BACKENDS)
def test_where_nobody_answered_nobody_answers(backend: Any) -> None:
    exchange = with_response(STREAM, status=NO_ANSWER, body=b"", eof=False, error="ConnectError: refused")
    with (
        backend.Client(transport=Replay(exchange), trust_env=False) as client,
        pytest.raises(backend.ConnectError, match="refused"),
    ):
        client.post("https://anywhere.invalid")


@pytest.mark.asyncio
@pytest.mark.parametrize("backend", BACKENDS)
async def test_both_backends_get_the_same_sync_and_async(backend: Any) -> None:
    exchange = with_response(STREAM, reads=Reads(SIZES))
    with (
        backend.Client(transport=Replay(exchange), trust_env=False) as client,
        client.stream("POST", "https://anywhere.invalid") as response,
    ):
        came = list(response.iter_raw())
    assert [len(piece) for piece in came] == list(SIZES)
    async with (
        backend.AsyncClient(transport=Replay(exchange), trust_env=False) as asker,
        asker.stream("POST", "https://anywhere.invalid") as response,
    ):
        assert [piece async for piece in response.aiter_raw()] == came


def test_at_the_recorded_pace_each_piece_takes_as_long_as_it_did() -> None:
    reads = Reads(SIZES, (30_000, 0, 60_000, 0))
    arrivals = list(timed(with_response(STREAM, reads=reads), "recorded"))
    waits = [after - before for before, after in pairwise([0.0, *arrivals])]
    assert waits[0] >= 0.03
    assert waits[2] >= 0.06
    assert max(waits[1], waits[3]) < waits[0], "what came together comes together"
    paced = [list(timed(with_response(STREAM, reads=reads), pace))[-1] for pace in ("none", 0.02)]
    assert paced[0] < paced[1]
    assert paced[1] >= 0.06


def timed(exchange: Exchange, pace: Pace) -> Iterator[float]:
    began = time.monotonic()
    with (
        httpx2.Client(transport=Replay(exchange, pace), trust_env=False) as client,
        client.stream("POST", "https://anywhere.invalid") as response,
    ):
        for _ in response.iter_raw():
            yield time.monotonic() - began


QUESTION: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
ADDRESS = "https://api.example/v1/chat/completions"


def asked(exchange: Exchange, **params: Any) -> Exchange:
    body = json.dumps({**QUESTION, **params}).encode()
    return replace(exchange, request=Request("POST", ADDRESS, Headers(), body))


@pytest.fixture
def recordings() -> Recordings:
    return Recordings([("chat.stream", [asked(STREAM, stream=True)]), ("chat.nonstream", [asked(BODY)])])


def test_what_is_asked_finds_its_recording_in_any_order_of_keys(recordings: Recordings) -> None:
    with httpx2.Client(transport=recordings, trust_env=False) as client:
        turned = dict(reversed(list({**QUESTION, "stream": True}.items())))
        assert client.post(ADDRESS, json=turned).content == STREAM.response.body
        assert client.post(ADDRESS, json=QUESTION).content == BODY.response.body


@pytest.mark.asyncio
async def test_the_sdk_finds_it_too_sync_and_async(recordings: Recordings) -> None:
    given: dict[str, Any] = {"api_key": "none", "base_url": "https://api.example/v1", "max_retries": 0}
    client = openai.OpenAI(http_client=http_backend.sdk_backend().Client(transport=recordings), **given)
    text = "".join(
        one.choices[0].delta.content or "" for one in client.chat.completions.create(**QUESTION, stream=True)
    )
    asker = openai.AsyncOpenAI(http_client=http_backend.sdk_backend().AsyncClient(transport=recordings), **given)
    answer = await asker.chat.completions.create(**QUESTION)
    assert text == STREAM.completion.messages[0].content
    assert answer.choices[0].message.content == BODY.completion.messages[0].content


def test_what_nobody_recorded_is_refused_with_the_nearest_and_what_differs(recordings: Recordings) -> None:
    given: dict[str, Any] = {"api_key": "none", "base_url": "https://api.example/v1", "max_retries": 0}
    client = openai.OpenAI(http_client=http_backend.sdk_backend().Client(transport=recordings), **given)
    with pytest.raises((NotRecorded, openai.APIConnectionError)) as caught:
        client.chat.completions.create(**QUESTION | {"model": "gpt-9"}, stream=True, temperature=0)
    # openai 3 lets it through; openai 2 makes an error of its own of whatever a transport raises, and names the cause.
    said = caught.value if openai.VERSION.startswith("3") else caught.value.__cause__
    assert str(said) == (
        f"POST {ADDRESS} is not recorded; the nearest is chat.stream, which has /model gpt-4o-mini instead of gpt-9, "
        "/temperature none instead of 0"
    )


@pytest.mark.parametrize("depth", [300, 1000])
def test_a_question_of_any_depth_is_found_or_refused_in_words(depth: int) -> None:
    deep = [b'{"x":' + b"[" * depth + value + b"]" * depth + b"}" for value in (b"1", b"2")]
    kept = replace(BODY, request=Request("POST", ADDRESS, Headers(), deep[0]))
    with httpx2.Client(transport=Recordings([("deep", [kept])])) as client:
        assert client.post(ADDRESS, content=deep[0]).content == BODY.response.body
        with pytest.raises(NotRecorded, match=r"the nearest is deep, which has /x "):
            client.post(ADDRESS, content=deep[1])


def test_another_address_is_not_the_same_question(recordings: Recordings) -> None:
    with httpx2.Client(transport=recordings) as client, pytest.raises(NotRecorded, match=r"which has url https://api"):
        client.post("https://other.example/v1/chat/completions", json=QUESTION)


def test_what_was_asked_twice_is_answered_in_order_and_the_last_stays() -> None:
    other = with_body(BODY, b'{"second": true}')
    recordings = Recordings([("parity.chat", [asked(BODY), asked(other)])])
    with httpx2.Client(transport=recordings) as client:
        bodies = [client.post(ADDRESS, json=QUESTION).content for _ in range(3)]
    assert bodies == [BODY.response.body, other.response.body, other.response.body]


def test_threads_at_once_get_each_their_own() -> None:
    exchanges = [asked(with_body(BODY, b"%d" % n), seed=n) for n in range(40)]
    with httpx2.Client(transport=Recordings([("many", exchanges)])) as client, ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda n: client.post(ADDRESS, json={**QUESTION, "seed": n}).content, range(40)))
    assert bodies == [b"%d" % n for n in range(40)]


@pytest.mark.parametrize(
    ("version", "backend"), [("3.52.0", "httpx2"), ("2.20.0", "httpx"), ("2.54.0", "httpx"), ("10.0.0", "httpx2")]
)
def test_the_sdk_gets_transports_of_its_own_backend(
    version: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: version)
    assert http_backend.sdk_backend.__wrapped__().__name__ == backend


def test_an_sdk_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", absent)
    with pytest.raises(UnsupportedSdk, match=r"^the OpenAI SDK is not installed; run: pip install 'openai>=2\.20'"):
        http_backend.sdk_backend.__wrapped__()


@pytest.mark.parametrize("version", ["0.28.1", "1.109.1", "2.0.0"])
def test_an_sdk_that_is_too_old_is_refused_with_what_to_do(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: version)
    with pytest.raises(UnsupportedSdk, match=rf"^openai {version}: this needs 2\.20 or later; run: pip install"):
        http_backend.sdk_backend.__wrapped__()


def test_a_folder_of_cassettes_answers(tmp_path: Path) -> None:
    write_cassette(tmp_path / "acme/small/chat.stream.yaml", [asked(STREAM, stream=True)])
    (tmp_path / "acme/deviations.yaml").write_text("deviations: []\n")
    with httpx2.Client(transport=Recordings.of(tmp_path)) as client:
        assert client.post(ADDRESS, json={**QUESTION, "stream": True}).content == STREAM.response.body
        with pytest.raises(NotRecorded, match=r"chat\.stream\.yaml, which has /stream true instead of none"):
            client.post(ADDRESS, json=QUESTION)
    with httpx2.Client(transport=Recordings([])) as client, pytest.raises(NotRecorded, match="no recording at all"):
        client.post(ADDRESS, json=QUESTION)


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
