"""The scripted server sends what its scripts say."""

import contextlib
import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import orjson
import pytest
from scripted import (
    CHUNKED,
    IDEAL,
    LAST_CHUNK,
    NO_HTTP,
    RETRY_AFTER,
    SILENT,
    End,
    Received,
    Script,
    Server,
    Step,
    big_header,
    chunk,
    cut,
    cut_chunk,
    endless,
    endless_line,
    followed,
    gzip_bomb,
    head,
    html_error,
    http10,
    ideal,
    interim,
    plays,
    raw,
    redirects,
    refuses,
    resets,
    slow,
    slow_head,
    stale,
    stalls,
    too_many,
    trailing,
    whole,
    wrong_length,
)

from harness.matrix.scenarios import SCENARIOS
from harness.simulate.chat import ideal as provider
from harness.simulate.reference import REFERENCES, STREAM, with_header, with_response
from harness.wire.exchange import Exchange, Headers, Reads, Request, Response

HEADERS = Headers((("content-TYPE", "text/event-stream"), ("X-Odd", "1"), ("X-Odd", "2")))
HEAD = b"HTTP/1.1 200 OK\r\ncontent-TYPE: text/event-stream\r\nX-Odd: 1\r\nX-Odd: 2\r\n"
SMALL = Exchange(Request("POST", "/"), Response(200, HEADERS, b"data: 1\n\ndata: 2\n\n", "OK"))
SMALL_SENT = HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n"
START = len(HEAD) + len(b"Transfer-Encoding: chunked\r\n\r\n")
BODY = Exchange(Request("POST", "/"), Response(200, Headers((("Content-Type", "application/json"),)), b'{"a":1}', "OK"))
BODY_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
QUESTION = {"model": provider.MODEL, "messages": [{"role": "user", "content": "你好"}]}
KEY = {"Authorization": "Bearer good"}
CLIENT = httpx2.Client(transport=httpx2.HTTPTransport(verify=False, limits=httpx2.Limits(max_keepalive_connections=0)))

small, whole_body = plays(SMALL), plays(BODY)


def question(*, close: bool = False, body: bytes = b"{}", path: str = "/v1/chat/completions") -> bytes:
    ending = b"Connection: close\r\n" if close else b""
    return b"POST %b HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n%b" % (path.encode(), ending, len(body), body)


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=5)


def read(sock: socket.socket, quiet: float = 5) -> tuple[bytes, str]:
    """Return everything received, and the end: closed, reset, or silent for some seconds."""
    sock.settimeout(quiet)
    got = []
    try:
        while piece := sock.recv(1 << 16):
            got.append(piece)
    except ConnectionResetError:
        return b"".join(got), "reset"
    except TimeoutError:
        return b"".join(got), "silent"
    return b"".join(got), "closed"


def exactly(sock: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size and (piece := sock.recv(size - len(got))):
        got += piece
    return got


def talk(*scripts: Script, quiet: float = 5, close: bool = False) -> tuple[bytes, str]:
    with Server(*scripts) as server, connect(server) as sock:
        sock.sendall(question(close=close))
        return read(sock, quiet)


def watch(seen: Any, sent: bytes, *scripts: Script) -> None:
    with Server(*scripts) as server, connect(server) as sock:
        sock.sendall(sent)
        seen.append(read(sock))


def until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("connection")]


class TestAnswers:
    def test_an_exchange_is_played_with_its_headers_one_event_a_chunk(self) -> None:
        assert talk(small, close=True) == (SMALL_SENT, "closed")

    def test_a_connection_is_kept_unless_the_client_says_otherwise(self) -> None:
        with Server(small) as server, connect(server) as sock:
            for _ in range(3):
                sock.sendall(question())
                assert exactly(sock, len(SMALL_SENT)) == SMALL_SENT
        assert [(got.connection, got.nth, got.number) for got in server.requests] == [(0, 0, 0), (0, 1, 1), (0, 2, 2)]

    def test_recorded_reads_are_chunks(self) -> None:
        reads = plays(with_response(SMALL, reads=Reads((3, 0, 5))))
        sent, _ = talk(reads, close=True)
        assert sent[START:] == chunk(b"dat") + chunk(b"a: 1\n") + chunk(b"\ndata: 2\n\n") + LAST_CHUNK

    def test_pieces_are_chunks_and_come_at_their_pace(self) -> None:
        with Server(plays(SMALL, pieces=[b"a", b"", b"bc"], pace=0.1)) as server, connect(server) as sock:
            started = time.monotonic()
            sock.sendall(question())
            assert exactly(sock, START + 6)[START:] == b"1\r\na\r\n"
            assert exactly(sock, 12) == b"2\r\nbc\r\n0\r\n\r\n"
            assert time.monotonic() - started > 0.09

    def test_a_body_has_a_length(self) -> None:
        assert talk(whole_body, close=True) == (BODY_HEAD + b'Content-Length: 7\r\n\r\n{"a":1}', "closed")

    def test_framing_headers_stay_where_they_stood(self) -> None:
        given = with_header(with_header(BODY, "CONTENT-length", "99"), "x-last", "1")
        sent = BODY_HEAD + b'CONTENT-length: 7\r\nx-last: 1\r\n\r\n{"a":1}'
        assert talk(plays(given), close=True) == (sent, "closed")
        chunked = plays(with_header(BODY, "transfer-encoding", "chunked"))
        assert talk(chunked, close=True)[0].endswith(b'transfer-encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n0\r\n\r\n')

    def test_framing_can_be_chosen(self) -> None:
        assert talk(plays(SMALL, framing="length"), close=True)[0] == (
            HEAD + b"Content-Length: 18\r\n\r\ndata: 1\n\ndata: 2\n\n"
        )
        assert talk(plays(SMALL, framing="close")) == (HEAD + b"\r\ndata: 1\n\ndata: 2\n\n", "closed")

    def test_an_answer_that_broke_off_breaks_off(self) -> None:
        broken = with_response(SMALL, eof=False, error="ReadError")
        assert talk(plays(broken)) == (SMALL_SENT.removesuffix(LAST_CHUNK), "closed")
        assert talk(plays(broken, framing="close")) == (HEAD + b"\r\ndata: 1\n\ndata: 2\n\n", "reset")
        body = with_response(BODY, eof=False)
        assert talk(plays(body)) == (BODY_HEAD + b'Content-Length: 8\r\n\r\n{"a":1}', "closed")
        promised = with_header(body, "Content-Length", "70")
        assert talk(plays(promised)) == (BODY_HEAD + b'Content-Length: 70\r\n\r\n{"a":1}', "closed")

    def test_no_answer_is_none(self) -> None:
        assert talk(plays(with_response(BODY, status=0))) == (b"", "closed")

    def test_what_has_no_body_has_no_framing(self) -> None:
        empty = with_response(SMALL, status=204, body=b"", reason="No Content")
        assert talk(plays(empty), close=True)[0] == HEAD.replace(b"200 OK", b"204 No Content") + b"\r\n"

    def test_an_old_version_is_played_as_one(self) -> None:
        old = plays(with_response(BODY, http_version="HTTP/1.0"))
        assert talk(old) == (BODY_HEAD.replace(b"1.1", b"1.0") + b'\r\n{"a":1}', "closed")

    def test_an_exchange_is_made_of_the_request(self) -> None:
        def echo(request: Received) -> Exchange:
            return with_response(BODY, body=request.body)

        with Server(plays(echo)) as server:
            assert CLIENT.post(server.base_url, content=b"abc").content == b"abc"

    def test_a_whole_answer_and_an_error_have_a_length(self) -> None:
        assert talk(whole(200, b"abc", ("A", "b")), close=True)[0] == (
            b"HTTP/1.1 200 \r\nA: b\r\nContent-Length: 3\r\n\r\nabc"
        )
        with Server(refuses(503, ("X-A", "b"), message="No.")) as server:
            answer = CLIENT.post(server.base_url)
        assert (answer.status_code, answer.headers["x-a"]) == (503, "b")
        assert answer.json()["error"]["message"] == "No."

    @pytest.mark.parametrize("form", RETRY_AFTER)
    def test_429_tells_when_to_come_back(self, form: str) -> None:
        sent, _ = talk(too_many(form), close=True)
        lines = [line for line in sent.split(b"\r\n") if line.lower().startswith(b"retry-after")]
        assert sent.startswith(b"HTTP/1.1 429 ")
        assert len(lines) == {"none": 0, "both": 2, "twice": 2}.get(form, 1)
        assert (b"-ms: 50" in b"".join(lines)) is (form in {"milliseconds", "both"})
        if form.startswith("date"):
            date = parsedate_to_datetime(lines[0].decode().partition(": ")[2]).timestamp()
            assert (date < time.time()) is (form == "date-past")

    def test_a_gateway_answers_with_a_page(self) -> None:
        with Server(html_error(504)) as server:
            answer = CLIENT.get(server.base_url)
        assert (answer.status_code, answer.headers["content-type"]) == (504, "text/html")
        assert answer.text.startswith("<html>")


class TestIdeal:
    @pytest.mark.parametrize("name", REFERENCES)
    def test_the_reference_answers_come_over_the_wire(self, name: str) -> None:
        reference = REFERENCES[name]
        with Server() as server:
            got = CLIENT.post(server.base_url + "/chat/completions", content=reference.request.body, headers=KEY)
        assert got.content == reference.response.body.replace(b"chatcmpl-reference", b"chatcmpl-0")
        assert got.headers["content-type"] == reference.response.headers["content-type"]
        assert ("content-length" in got.headers) is not reference.is_stream
        assert got.extensions["reason_phrase"] == b"OK"

    def test_every_scenario_is_answered(self) -> None:
        with Server() as server, httpx2.Client(verify=False) as client:
            for scenario in SCENARIOS.values():
                for exchange in provider.recording(scenario):
                    key = {"Authorization": "Bearer good" if scenario.key == "own" else "Bearer bad"}
                    sent = exchange.request
                    url = server.base_url + sent.url.removeprefix("https://api.openai.com/v1")
                    got = client.request(sent.method, url, content=sent.body, headers=key)
                    assert got.status_code == exchange.response.status, scenario.id
        assert len(server.connections) == 1

    def test_a_stream_comes_event_by_event(self) -> None:
        events = STREAM.response.body.count(b"\n\n")
        with Server(ideal(pace=0.02)) as server:
            stream = QUESTION | {"stream": True}
            started = time.monotonic()
            with CLIENT.stream("POST", server.base_url + "/chat/completions", json=stream, headers=KEY) as got:
                pieces = list(got.iter_raw())
        assert time.monotonic() - started > 0.018 * (events - 1)
        assert all(piece.endswith(b"\n\n") for piece in pieces)

    def test_models_are_listed(self) -> None:
        with Server(IDEAL) as server:
            got = CLIENT.get(server.base_url + "/models", headers=KEY)
        assert [model["id"] for model in got.json()["data"]] == [provider.MODEL]

    @pytest.mark.parametrize(
        ("path", "key", "body", "status"),
        [
            ("/chat/completions", "bad", b"{}", 401),
            ("/models", "good", b"{}", 404),
            ("/elsewhere", "bad", b"{}", 401),
            ("/elsewhere", "good", b"{}", 404),
            ("/chat/completions", "good", b"{", 400),
            ("/chat/completions", "good", b"[]", 400),
            ("/chat/completions", "good", b"", 400),
        ],
    )
    def test_what_is_wrong_is_refused(self, path: str, key: str, body: bytes, status: int) -> None:
        with Server() as server:
            got = CLIENT.post(server.base_url + path, content=body, headers={"Authorization": f"Bearer {key}"})
        assert got.status_code == status
        assert got.json()["error"]["message"]


class TestFaults:
    @pytest.mark.parametrize("size", [0, 1, 10, START, START + 4, len(SMALL_SENT) - 1, len(SMALL_SENT)])
    def test_a_reset_comes_after_so_many_bytes(self, size: int) -> None:
        assert talk(resets(small, size)) == (SMALL_SENT[:size], "reset")

    @pytest.mark.parametrize("size", [0, 5, 15])
    def test_the_bytes_of_the_body_can_be_counted(self, size: int) -> None:
        assert talk(resets(small, size, body=True)) == (SMALL_SENT[: START + size], "reset")
        assert talk(cut(small, size, End.CLOSE, body=True)) == (SMALL_SENT[: START + size], "closed")

    def test_a_reset_waits_until_a_large_answer_has_arrived(self) -> None:
        big = plays(with_response(BODY, body=b"x" * 300_000))
        sent, how = talk(resets(big, 200_000, body=True))
        assert (sent[-200_000:], how) == (b"x" * 200_000, "reset")

    def test_a_stall_keeps_the_connection(self) -> None:
        assert talk(stalls(small, 20), quiet=0.2) == (SMALL_SENT[:20], "silent")
        assert talk(stalls(small), quiet=0.2) == (b"", "silent")

    def test_a_hang_ends_when_the_client_goes(self) -> None:
        with Server(stalls(small)) as server:
            with connect(server) as sock:
                sock.sendall(question())
                assert read(sock, 0.1) == (b"", "silent")
            assert server.connections[0].done.wait(2)
            assert server.connections[0].ended == "client"

    def test_a_chunk_is_cut(self) -> None:
        assert talk(cut_chunk(small, 0, 2)) == (SMALL_SENT[:START] + b"9\r\nda", "closed")
        second = SMALL_SENT[:START] + chunk(b"data: 1\n\n") + b"9\r\ndat"
        assert talk(cut_chunk(small)) == (second, "closed")
        assert talk(cut_chunk(small, end=End.RESET)) == (second, "reset")

    def test_a_length_is_wrong(self) -> None:
        assert talk(wrong_length(BODY, 3)) == (BODY_HEAD + b'Content-Length: 10\r\n\r\n{"a":1}', "closed")
        assert talk(wrong_length(BODY, -3), close=True)[0] == BODY_HEAD + b'Content-Length: 4\r\n\r\n{"a":1}'
        with Server(wrong_length(SMALL)) as server, pytest.raises(httpx2.RemoteProtocolError):
            CLIENT.post(server.base_url)

    def test_bytes_come_slowly(self) -> None:
        sent = talk(whole_body, close=True)[0]
        assert self.arrival(slow(whole_body, pace=0.05, size=3), sent) > 0.14  # in three pieces
        assert self.arrival(slow(whole_body, pace=0.05, size=7), sent) > 0.04

    def test_a_head_comes_slowly(self) -> None:
        sent = talk(whole_body, close=True)[0]
        assert self.arrival(slow_head(whole_body, pace=0.05), sent) > 0.19  # in four lines

    @staticmethod
    def arrival(script: Script, expected: bytes) -> float:
        """Return the seconds until everything has been received."""
        with Server(script) as server, connect(server) as sock:
            started = time.monotonic()
            sock.sendall(question())
            assert exactly(sock, len(expected)) == expected
        return time.monotonic() - started

    def test_a_header_is_big(self) -> None:
        sent, _ = talk(big_header(whole_body, 1 << 20), close=True)
        lines = sent.split(b"\r\n")
        assert len(lines[3]) + 2 == 1 << 20
        assert lines[:3] + lines[4:] == talk(whole_body, close=True)[0].split(b"\r\n")

    def test_an_old_answer_ends_with_the_connection(self) -> None:
        assert talk(http10(BODY)) == (BODY_HEAD.replace(b"1.1", b"1.0") + b'\r\n{"a":1}', "closed")
        with Server(http10()) as server:
            got = CLIENT.post(server.base_url + "/chat/completions", json=QUESTION | {"stream": True}, headers=KEY)
        assert got.extensions["http_version"] == b"HTTP/1.0"
        assert got.content.endswith(b"data: [DONE]\n\n")

    def test_preliminary_answers_come_first(self) -> None:
        sent = talk(interim(small, 103, ("Link", "</a>"), times=2), close=True)[0]
        assert sent == b"HTTP/1.1 103 \r\nLink: </a>\r\n\r\n" * 2 + SMALL_SENT
        assert talk(resets(interim(small, 100), 3, body=True))[0] == b"HTTP/1.1 100 \r\n\r\n" + SMALL_SENT[: START + 3]
        edited = talk(big_header(interim(whole_body, 100), 20), close=True)[0]
        assert edited.startswith(b"HTTP/1.1 100 \r\n\r\nHTTP/1.1 200 OK\r\n")
        with Server(interim()) as server:
            assert CLIENT.post(server.base_url + "/chat/completions", json=QUESTION, headers=KEY).status_code == 200

    def test_garbage_trails(self) -> None:
        assert talk(trailing(small), close=True) == (SMALL_SENT + b"trailing garbage", "closed")

    def test_a_stream_is_endless(self) -> None:
        with Server(endless(b"abc")) as server, connect(server) as sock:
            sock.sendall(question())
            sent = exactly(sock, 200_000)
        assert sent.partition(b"\r\n\r\n")[2].startswith(b"3\r\nabc\r\n" * 1000)
        assert CHUNKED[0].encode() in sent
        assert server.connections[0].ended in {"client", "stopped"}

    def test_a_line_is_endless(self) -> None:
        with Server(endless_line(b"x" * 50)) as server, CLIENT.stream("POST", server.base_url) as got:
            body = b""
            for piece in got.iter_raw():
                body += piece
                if len(body) > 100_000:
                    break
        assert body.startswith(b"data: xxx")
        assert b"\n" not in body

    def test_a_bomb_is_small_until_it_is_unpacked(self) -> None:
        with Server(gzip_bomb(50, b"ab")) as server, CLIENT.stream("POST", server.base_url) as got:
            packed = b"".join(got.iter_raw())
        assert len(packed) < 60_000
        content = gzip.decompress(packed)
        assert (len(content), content[:4]) == (50 << 20, b"abab")

    def test_a_bomb_is_packed_only_while_it_is_read(self) -> None:
        with Server(gzip_bomb(1_000_000)) as server, CLIENT.stream("POST", server.base_url) as got:
            packer, content, pieces = zlib.decompressobj(31), b"", got.iter_raw()
            while not content:
                content = packer.decompress(next(pieces), 10)
        assert content == b" " * 10

    def test_what_is_no_http_comes_as_it_is(self) -> None:
        assert talk(NO_HTTP) == (b"this is no HTTP\r\n\r\n", "closed")
        assert talk(raw(b"a", b"\0")) == (b"a\0", "closed")
        assert talk(SILENT) == (b"", "closed")

    def test_a_redirect_shows_whether_the_key_goes_along(self) -> None:
        with Server() as second, Server(redirects(second.base_url + "/models", 302)) as first:
            got = CLIENT.get(first.base_url + "/models", headers=KEY, follow_redirects=True)
        assert (got.history[0].status_code, first.requests[0].authorized) == (302, True)
        assert (second.requests[0].path, second.requests[0].authorized) == ("/v1/models", False)

    def test_a_kept_connection_is_stale(self) -> None:
        with Server(stale(small)) as server, connect(server) as sock:
            sock.sendall(question())
            assert exactly(sock, len(SMALL_SENT)) == SMALL_SENT
            sock.sendall(question())
            assert read(sock) == (b"", "closed")

    def test_a_connection_ends_unannounced(self) -> None:
        with Server(followed(small, 0.05, End.CLOSE)) as server, httpx2.Client(verify=False) as client:
            for _ in range(2):
                assert client.post(server.base_url).status_code == 200
                time.sleep(0.15)
        assert [connection.ended for connection in server.connections] == ["close", "close"]

    def test_faults_can_be_combined(self) -> None:
        assert talk(resets(slow(trailing(small), pace=0, size=2), len(SMALL_SENT) + 4))[0] == SMALL_SENT + b"trai"


class TestServer:
    def test_requests_are_recorded_as_they_came(self) -> None:
        before = time.monotonic()
        with Server(whole_body) as server, connect(server) as sock:
            sock.sendall(b"PUT /a?b=c HTTP/1.1\r\nhOST: x\r\nX-B:  1 \r\nx-b: 2\r\nContent-Length: 4\r\n\r\n")
            time.sleep(0.5)  # the server may get to its head late
            sock.sendall(b"[1]\n")
            exactly(sock, 60)
        got = server.requests[0]
        assert (got.method, got.path, got.version) == ("PUT", "/a?b=c", "HTTP/1.1")
        assert got.headers == [("hOST", "x"), ("X-B", "1"), ("x-b", "2"), ("Content-Length", "4")]
        assert (got.body, got.json, got.header("x-B"), got.header("none")) == (b"[1]\n", [1], "1", None)
        assert before <= got.begun <= got.at - 0.09

    def test_a_chunked_request_is_put_together(self) -> None:
        def pieces() -> Iterator[bytes]:
            yield from (b"ab", b"c" * 20)

        with Server(whole_body) as server, httpx2.Client(verify=False) as client:
            for _ in range(2):
                client.post(server.base_url, content=pieces())
        assert [got.body for got in server.requests] == [b"ab" + b"c" * 20] * 2

    def test_a_client_that_asks_before_it_sends_is_told_to(self) -> None:
        with Server(whole_body) as server, connect(server) as sock:
            sock.sendall(question(body=b"").replace(b"Content-Length: 0", b"Expect: 100-continue\r\nContent-Length: 2"))
            assert exactly(sock, 25) == b"HTTP/1.1 100 Continue\r\n\r\n"
            sock.sendall(b"{}")
            assert exactly(sock, 15) == b"HTTP/1.1 200 OK"

    def test_scripts_take_turns_and_the_last_one_stays(self) -> None:
        with Server(whole(201), whole(202)) as server:
            assert [CLIENT.get(server.base_url).status_code for _ in range(3)] == [201, 202, 202]
            server.answers(whole(203), whole(204))
            assert [CLIENT.get(server.base_url).status_code for _ in range(3)] == [203, 204, 204]

    def test_a_script_may_choose_by_request(self) -> None:
        def choose(request: Received) -> list[Step]:
            return list((whole(201) if request.path == "/v1/a" else whole(202))(request))

        with Server(choose) as server:
            assert [CLIENT.get(server.base_url + path).status_code for path in ("/a", "/b")] == [201, 202]

    def test_connections_do_not_mix(self) -> None:
        def own(request: Received) -> Iterator[Step]:
            yield head(200, CHUNKED)
            for _ in range(20):
                yield 0.005
                yield chunk(request.body)
            yield LAST_CHUNK

        got: dict[int, bytes] = {}
        with Server(own) as server:

            def ask(number: int) -> None:
                got[number] = CLIENT.post(server.base_url, content=b"%d;" % number).content

            clients = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
            started = time.monotonic()
            for client in clients:
                client.start()
            for client in clients:
                client.join()
        assert got == {number: b"%d;" % number * 20 for number in range(8)}
        assert time.monotonic() - started < 2
        assert sorted(connection.requests for connection in server.connections) == [1] * 8

    @pytest.mark.parametrize(
        "script",
        [
            pytest.param(stalls(small, 20), id="hang"),
            pytest.param(lambda _: [3600.0], id="wait"),
            pytest.param(endless(), id="endless"),
            pytest.param(slow(small), id="slow"),
        ],
    )
    @pytest.mark.parametrize("tls", [False, True])
    def test_a_stop_is_prompt_whatever_clients_do(self, script: Script, *, tls: bool) -> None:
        with contextlib.ExitStack() as clients, Server(script, tls=tls) as server:
            socks = [clients.enter_context(connect(server)) for _ in range(5)]  # the last one says nothing at all
            if tls:
                context = ssl.create_default_context(cadata=server.certificate)
                wrapped = [context.wrap_socket(sock, server_hostname="localhost") for sock in socks[:4]]
                socks = [clients.enter_context(sock) for sock in wrapped]
            for sock in socks[:3]:
                sock.sendall(question())
            socks[3].sendall(question()[:20])
            until(lambda: len(server.connections) == 5 and len(server.requests) == 3)
            started = time.monotonic()
            server.stop()
            assert time.monotonic() - started < 1
        assert threads() == []
        assert [connection.ended for connection in server.connections] == ["stopped"] * 5

    def test_what_a_script_raises_is_raised_at_the_end(self) -> None:
        def broken(_request: Received) -> Iterator[Step]:
            yield b"HTTP/1.1 200 OK\r\n"
            raise KeyError("mine")

        seen: list[object] = []
        with pytest.raises(ExceptionGroup) as raised:
            watch(seen, question(), broken)
        assert seen == [(b"HTTP/1.1 200 OK\r\n", "reset")]
        assert [repr(error) for error in raised.value.exceptions] == ["KeyError('mine')"]

    def test_it_does_not_hide_what_the_test_itself_raises(self) -> None:
        def broken(_request: Received) -> list[Step]:
            raise ConnectionError("a script's own, no client's")

        with pytest.raises(AttributeError) as raised:
            watch(None, question(), broken)
        assert raised.value.__notes__ == [
            """a script of the server failed, too: ConnectionError("a script's own, no client's")"""
        ]

    def test_a_request_that_is_none_is_an_error(self) -> None:
        seen: list[object] = []
        with pytest.raises(ExceptionGroup):
            watch(seen, b"hello\r\n\r\n")
        assert seen == [(b"", "reset")]

    def test_a_client_that_goes_is_no_error(self) -> None:
        with Server(endless()) as server:
            for sent in (b"", b"POST / HT", question()[:-1], question()):
                with connect(server) as sock:
                    sock.sendall(sent)
            until(lambda: len(server.connections) == 4)
            assert all(connection.done.wait(2) for connection in server.connections)
        assert [connection.ended for connection in server.connections] == ["client"] * 4

    def test_a_connection_notes_what_was_sent(self) -> None:
        with Server(followed(small, End.CLOSE)) as server, connect(server) as sock:
            sock.sendall(question())
            read(sock)
            connection = server.connections[0]
            assert connection.done.wait(2)
        assert (connection.sent, connection.requests, connection.ended) == (len(SMALL_SENT), 1, "close")
        assert connection.closed is not None
        assert connection.closed >= connection.opened

    def test_two_servers_stand_side_by_side(self) -> None:
        with Server(whole(201)) as one, Server(whole(202)) as two:
            assert [CLIENT.get(server.base_url).status_code for server in (two, one)] == [202, 201]
        with pytest.raises(httpx2.ConnectError):
            CLIENT.get(one.base_url)

    def test_a_server_speaks_ipv6(self) -> None:
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            pytest.skip("there is no IPv6 here")
        with Server(host="::1") as server:
            assert server.base_url.startswith("http://[::1]:")
            assert CLIENT.get(server.base_url + "/models", headers=KEY).status_code == 200


class TestTls:
    def test_a_client_that_trusts_the_certificate_is_answered(self) -> None:
        with Server(tls=True) as server:
            context = ssl.create_default_context(cadata=server.certificate)
            with httpx2.Client(verify=context) as client:
                for _ in range(2):
                    got = client.post(server.base_url + "/chat/completions", json=QUESTION, headers=KEY)
                    assert orjson.loads(got.content)["choices"]
        assert [connection.requests for connection in server.connections] == [2]

    def test_a_client_that_does_not_is_no_error(self) -> None:
        with Server(tls=True) as server, pytest.raises(httpx2.ConnectError, match="self-signed certificate"):
            httpx2.get(server.base_url)
        assert server.requests == []

    def test_a_close_says_goodbye(self) -> None:
        with Server(cut(small, 30, End.CLOSE), tls=True) as server, connect(server) as plain:
            context = ssl.create_default_context(cadata=server.certificate)
            with context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False) as sock:
                sock.sendall(question())
                assert read(sock) == (SMALL_SENT[:30], "closed")

    def test_a_reset_does_not(self) -> None:
        with Server(resets(small, 30), tls=True) as server, connect(server) as plain, plain.dup() as below:
            context = ssl.create_default_context(cadata=server.certificate)
            with context.wrap_socket(plain, server_hostname="localhost") as sock:
                sock.sendall(question())
                assert exactly(sock, 30) == SMALL_SENT[:30]
                # Python before 3.11.9 tells a reset in TLS as an end of file, so look below it.
                assert read(below) == (b"", "reset")

    def test_plain_words_to_a_tls_server_are_no_request(self) -> None:
        with Server(tls=True) as server, connect(server) as sock:
            sock.sendall(question())
            assert read(sock)[1] in {"closed", "reset"}
        assert server.requests == []
