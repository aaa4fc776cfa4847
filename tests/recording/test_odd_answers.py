"""Malformed responses are exchanges like any other: judged, or skipped with a reason; never a crash."""

import time
import zlib
from pathlib import Path

import pytest
from judging import findings
from scripted import (
    IDEAL,
    LAST_CHUNK,
    Script,
    Server,
    chunk,
    head,
    interim,
    raw,
    redirects,
    trailing,
    whole,
)

from harness.live.asking import Endpoint, ScenarioSender
from harness.live.capture import Limits
from harness.matrix.scenarios import SCENARIOS
from harness.recording.cassette import read_cassette, write_cassette
from harness.results import Finding, Outcome
from harness.simulate.reference import STREAM
from harness.wire.exchange import NO_ANSWER, Exchange

BODY = STREAM.response.body
PATIENCE = 1.5
CHUNKS = b"Transfer-Encoding: chunked"
SENT = chunk(BODY) + LAST_CHUNK


def answer(*lines: bytes, body: bytes = b"", status: bytes = b"HTTP/1.1 200 OK") -> Script:
    """Send raw header lines, and what follows; and close."""
    return raw(b"\r\n".join([status, b"Content-Type: text/event-stream", *lines, b"", b""]) + body)


def length(size: int) -> bytes:
    return b"Content-Length: %d" % size


def ask(server: Server, kept: Path) -> Exchange:
    """Return the capture after a round trip through a cassette."""
    sender = ScenarioSender(
        Endpoint(server.base_url, "good", "gpt-4o-mini", {}, {}), Limits(connect=2, idle=1, total=5)
    )
    begun = time.monotonic()
    (captured,) = sender.ask(SCENARIOS["chat.stream"])
    assert time.monotonic() - begun < PATIENCE
    sender.close()
    write_cassette(kept, [captured])
    (read,) = read_cassette(kept)
    one, other = captured.response, read.response
    assert (one.status, one.reason, one.body, one.eof, one.error, one.http_version) == (
        other.status, other.reason, other.body, other.eof, other.error, other.http_version,
    )  # fmt: skip
    return captured


def judged(exchange: Exchange) -> dict[str, Finding]:
    found = findings(exchange)
    assert [one for one in found.values() if one.outcome is Outcome.BROKEN] == []
    return found


def failing(exchange: Exchange) -> set[str]:
    return {name for name, one in judged(exchange).items() if one.outcome is Outcome.FAIL}


RIGHT: dict[str, Script] = {
    "a status line without a reason": answer(CHUNKS, body=SENT, status=b"HTTP/1.1 200"),
    "a reason in no known encoding": answer(CHUNKS, body=SENT, status=b"HTTP/1.1 200 \xff\xe4\xbd\xa0"),
    "lines that end with LF alone": raw(b"HTTP/1.1 200 OK\nContent-Type: text/event-stream\n%b\n\n%b" % (length(len(BODY)), BODY)),
    "invalid bytes in a header": answer(CHUNKS, b"X-Odd: \xff\xfe\x80", body=SENT),
    "invalid bytes in a header that is kept": answer(CHUNKS, b"Server: \xff\xfe\x80", body=SENT),
    "a control character in a header": answer(CHUNKS, b"Server: a\x01\x7fb", body=SENT),
    "a header in two lines": answer(CHUNKS, b"Server: a\r\n  b", body=SENT),
    "two thousand headers": answer(CHUNKS, *(b"X-%d: 1" % number for number in range(2000)), body=SENT),
    "the same length twice": answer(length(len(BODY)), length(len(BODY)), body=BODY),
    "a list of one length": answer(b"Content-Length: %d, %d" % (len(BODY), len(BODY)), body=BODY),
    "chunks in HTTP/1.0": answer(CHUNKS, body=SENT, status=b"HTTP/1.0 200 OK"),
    "extensions of chunks": answer(CHUNKS, body=b'%x;a=1;b="\xff;2"\r\n%b\r\n0;c\r\n\r\n' % (len(BODY), BODY)),
    "zeros before a size": answer(CHUNKS, body=b"%020x\r\n%b\r\n000\r\n\r\n" % (len(BODY), BODY)),
    "trailers": answer(CHUNKS, b"Trailer: X-Sum", body=chunk(BODY) + b"0\r\nX-Sum: 1\r\nX-More: \xff\r\n\r\n"),
    "more after the last chunk": trailing(IDEAL),
    "100 Continue twice": interim(IDEAL, 100, times=2),
    "a thousand 103 Early Hints": interim(IDEAL, 103, ("Link", "</style.css>; rel=preload"), times=1000),
    "102 with a body that is none": interim(IDEAL, 102, ("Content-Length", "0")),
    "a version that is none": answer(length(len(BODY)), body=BODY, status=b"HTTP/2.0 200 OK"),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_an_answer_in_odd_form_is_read_and_judged(name: str, tmp_path: Path) -> None:
    with Server(RIGHT[name]) as server:
        exchange = ask(server, tmp_path / "a.yaml")
        assert len(server.requests) == 1
    assert (exchange.response.status, exchange.response.eof, exchange.response.error) == (200, True, None)
    assert exchange.completion.messages[0].content == STREAM.completion.messages[0].content
    assert failing(exchange) == set()


def test_what_is_odd_in_a_header_is_kept(tmp_path: Path) -> None:
    with Server(RIGHT["invalid bytes in a header that is kept"]) as server:
        headers = ask(server, tmp_path / "a.yaml").response.headers
    assert headers["server"].encode("latin-1") == b"\xff\xfe\x80"


WRONG: dict[str, tuple[Script, int, set[str]]] = {
    "201": (answer(CHUNKS, body=SENT, status=b"HTTP/1.1 201 Created"), 201, {"http.status"}),
    "204 with a body": (answer(length(9), body=BODY[:9], status=b"HTTP/1.1 204 No"), 204, {"http.status", "http.not-empty"}),
    "205 with a body": (answer(CHUNKS, body=SENT, status=b"HTTP/1.1 205 Reset"), 205, {"http.status"}),
    "304 with a body": (answer(length(9), body=BODY[:9], status=b"HTTP/1.1 304 Not"), 304, {"http.status"}),
    "a length beside chunks": (answer(length(5), CHUNKS, body=SENT), 200, {"http.framing"}),
    "a content-type twice": (answer(CHUNKS, b"Content-Type: text/event-stream", body=SENT), 200, {"http.content-type"}),
    "no byte, and two answers": (raw(head(200, ("Content-Length", "0")) * 2), 200, {"http.not-empty"}),
    "gzip of which only the mark came": (answer(length(2), b"Content-Encoding: gzip", body=b"\x1f\x8b"), 200, {"http.not-empty", "http.encoding"}),
    "gzip that is none behind its mark": (answer(CHUNKS, b"Content-Encoding: gzip", body=chunk(b"\x1f\x8b" + BODY) + LAST_CHUNK), 200, {"http.encoding"}),
    "gzip that is plain text": (answer(CHUNKS, b"Content-Encoding: gzip", body=SENT), 200, {"http.encoding"}),
    "deflate that is plain text": (answer(CHUNKS, b"Content-Encoding: Deflate", body=SENT), 200, {"http.encoding"}),
    "deflate without its header": (answer(CHUNKS, b"Content-Encoding: deflate", body=chunk(zlib.compress(BODY, wbits=-15)) + LAST_CHUNK), 200, {"http.encoding"}),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_an_answer_that_is_wrong_fails_by_its_rule(name: str, tmp_path: Path) -> None:
    script, status, rules = WRONG[name]
    with Server(script) as server:
        exchange = ask(server, tmp_path / "a.yaml")
    assert (exchange.response.status, exchange.response.eof) == (status, True)
    assert {rule for rule in failing(exchange) if not rule.startswith("sdk.")} == rules


BROKEN_OFF: dict[str, tuple[Script, str]] = {
    "a length of 19 digits": (answer(length(10**19 - 1), body=BODY), "peer closed connection"),
    "a chunk of 16 f": (answer(CHUNKS, body=b"ffffffffffffffff\r\n" + BODY), "peer closed connection"),
    "a chunk of 21 f": (answer(CHUNKS, body=chunk(BODY) + b"f" * 21 + b"\r\n"), "illegal chunk header"),
    "a size with a sign": (answer(CHUNKS, body=chunk(BODY) + b"-9\r\n"), "illegal chunk header"),
    "a size with 0x": (answer(CHUNKS, body=chunk(BODY) + b"0x9\r\ndata: 1\n\n\r\n"), "illegal chunk header"),
    "a size that is none": (answer(CHUNKS, body=chunk(BODY) + b"data: 1\n\n\r\n"), "illegal chunk header"),
    "sizes that end with LF alone": (answer(CHUNKS, body=chunk(BODY) + b"9\ndata: 1\n\n\n0\n\n"), "peer"),
    "no line end after a chunk": (answer(CHUNKS, body=chunk(BODY)[:-2] + b"XX" + LAST_CHUNK), "malformed chunk footer"),
    "a trailer that is none": (answer(CHUNKS, body=chunk(BODY) + b"0\r\nno trailer\r\n\r\n"), "illegal header line"),
    "a NUL in a trailer": (answer(CHUNKS, body=chunk(BODY) + b"0\r\nX-Sum: \0\r\n\r\n"), "illegal header line"),
}


@pytest.mark.parametrize("name", BROKEN_OFF)
def test_framing_that_breaks_in_the_middle_keeps_what_came(name: str, tmp_path: Path) -> None:
    script, said = BROKEN_OFF[name]
    with Server(script) as server:
        exchange = ask(server, tmp_path / "a.yaml")
    assert (exchange.response.status, exchange.response.eof) == (200, False)
    assert exchange.response.body.startswith(BODY)
    assert said in str(exchange.response.error)
    assert {rule for rule in failing(exchange) if not rule.startswith("sdk.")} == {"http.complete"}


NO_HTTP: dict[str, tuple[Script, str]] = {
    "HTTP/0.9": (raw(b"<html>It works!</html>\r\n"), "RemoteProtocolError"),
    "blank lines first": (raw(b"\r\n\r\n" + head(200)), "no response line"),
    "another protocol": (answer(length(9), body=BODY[:9], status=b"ICY 200 OK"), "illegal status line"),
    "an alert of TLS": (raw(b"\x15\x03\x01\x00\x02\x02\x46"), "RemoteProtocolError"),
    "the preface of HTTP/2": (raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "illegal status line"),
    "the settings of HTTP/2": (raw(bytes.fromhex("00000c04000000000000030000006400040000ffff")), "RemoteProtocolError"),
    "a status of four digits": (answer(status=b"HTTP/1.1 2000 OK"), "illegal status line"),
    "a status of two digits": (answer(status=b"HTTP/1.1 99 Low"), "illegal status line"),
    "status 000": (answer(status=b"HTTP/1.1 000 None"), "RemoteProtocolError"),
    "101 that nobody asked for": (answer(b"Upgrade: websocket", b"Connection: upgrade", status=b"HTTP/1.1 101 Switching"), "RemoteProtocolError"),
    "103 and nothing else": (raw(head(103)), "disconnected"),
    "a NUL in a header": (answer(CHUNKS, b"X-Odd: a\0b", body=SENT), "illegal header line"),
    "a NUL in the name of a header": (answer(CHUNKS, b"X\0Odd: ab", body=SENT), "illegal header line"),
    "a space before a colon": (answer(CHUNKS, b"X-Odd : ab", body=SENT), "illegal header line"),
    "a header without a name": (answer(CHUNKS, b": ab", body=SENT), "illegal header line"),
    "a header without a colon": (answer(CHUNKS, b"odd", body=SENT), "illegal header line"),
    "two lengths": (answer(length(9), length(10), body=BODY), "conflicting Content-Length"),
    "a length below nothing": (answer(length(-1), body=BODY), "bad Content-Length"),
    "a length with a sign": (answer(b"Content-Length: +9", body=BODY), "bad Content-Length"),
    "a length in words": (answer(b"Content-Length: nine", body=BODY), "bad Content-Length"),
    "a length of 21 digits": (answer(length(10**20), body=BODY), "bad Content-Length"),
    "a transfer that is compressed": (answer(b"Transfer-Encoding: gzip, chunked", body=SENT), "Transfer-Encoding"),
    "chunked twice": (answer(CHUNKS, CHUNKS, body=SENT), "Transfer-Encoding"),
    "a reason of 200,000 bytes": (answer(status=b"HTTP/1.1 200 " + b"x" * 200_000), "too long"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_HTTP)
def test_what_is_no_http_is_no_answer_and_says_why(name: str, tmp_path: Path) -> None:
    script, said = NO_HTTP[name]
    with Server(script) as server:
        exchange = ask(server, tmp_path / "a.yaml")
        assert len(server.requests) == 1
    assert (exchange.response.status, exchange.response.eof, exchange.response.body) == (NO_ANSWER, False, b"")
    assert said in str(exchange.response.error)
    assert {one.outcome for one in judged(exchange).values()} == {Outcome.INCONCLUSIVE}


@pytest.mark.parametrize("status", [600, 777, 999])
def test_a_status_above_all_classes_is_a_server_error(status: int, tmp_path: Path) -> None:
    with Server(answer(CHUNKS, body=SENT, status=b"HTTP/1.1 %d Odd" % status)) as server:
        exchange = ask(server, tmp_path / "a.yaml")
    assert (exchange.response.status, exchange.response.body) == (status, BODY)
    assert {one.outcome for one in judged(exchange).values()} == {Outcome.INCONCLUSIVE}


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["the same", "another", "itself"])
def test_no_redirect_is_followed_and_no_key_goes_along(to: str, status: int, tmp_path: Path) -> None:
    with Server(IDEAL) as stranger, Server(IDEAL) as server:
        base = stranger.base_url if to == "another" else server.base_url
        server.answers(redirects(f"{base}/{'chat/completions' if to == 'itself' else 'other'}", status), IDEAL)
        exchange = ask(server, tmp_path / "a.yaml")
        assert (len(server.requests), stranger.requests) == (1, [])
    assert exchange.response.status == status
    assert exchange.response.headers["location"].startswith(base)
    assert failing(exchange) == {"http.status"}


@pytest.mark.parametrize(
    "location", ["", "//", "http://[::1/x", "http://\xff/", "javascript:alert(1)", "/\xff", "x" * 60_000]
)
def test_a_redirect_to_nowhere_is_no_crash(location: str, tmp_path: Path) -> None:
    with Server(redirects(location, 302)) as server:
        assert ask(server, tmp_path / "a.yaml").response.status == 302
    with Server(whole(302)) as server:
        assert failing(ask(server, tmp_path / "a.yaml")) == {"http.status"}
