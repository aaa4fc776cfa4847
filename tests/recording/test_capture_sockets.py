"""Whatever a server does on the wire is captured in bounded time, and is a finding, never a crash."""

from collections.abc import Callable

import pytest
from judging import findings
from scripted import (
    IDEAL,
    NO_HTTP,
    RETRY_AFTER,
    SILENT,
    End,
    Received,
    Script,
    Server,
    big_header,
    cut_chunk,
    endless,
    endless_line,
    gzip_bomb,
    html_error,
    http10,
    ideal_answer,
    interim,
    redirects,
    refuses,
    resets,
    slow,
    slow_head,
    stale,
    stalls,
    too_many,
    wrong_length,
)

from harness.matrix.scenarios import SCENARIOS
from harness.recording.asking import Asked, Asker
from harness.recording.capture import Limits
from harness.results import Outcome
from harness.wire.exchange import NO_ANSWER, Exchange

QUICK = Limits(connect=2, idle=0.4, total=1.5, size=2_000_000, drain=0.5)


def asked(server: Server, scenario: str = "chat.stream", limits: Limits = QUICK) -> Exchange:
    asker = Asker(Asked(server.base_url, "good", "gpt-4o-mini", {}, {}), limits)
    try:
        return asker.ask(SCENARIOS[scenario])[-1]
    finally:
        asker.close()


def judged(exchange: Exchange) -> dict[str, Outcome]:
    found = findings(exchange)
    assert not [finding for finding in found.values() if finding.outcome is Outcome.BROKEN]
    return {name: finding.outcome for name, finding in found.items()}


WHOLE: dict[str, Script] = {
    "as it is": IDEAL,
    "one byte at a time": slow(IDEAL, pace=0.0),
    "after 100 Continue": interim(IDEAL, 100),
    "after 103 Early Hints": interim(IDEAL, 103, ("Link", "</x>")),
    "headers line by line": slow_head(IDEAL, pace=0.02),
    "HTTP/1.0, closed at the end": http10(ideal_answer),
    "a connection that closes after it": stale(IDEAL),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_is_whole(name: str) -> None:
    with Server(WHOLE[name]) as server:
        exchange = asked(server, limits=Limits(idle=5))
        assert exchange.response.body == ideal_answer(server.requests[0]).response.body
    assert exchange.response.eof, exchange.response.error
    assert judged(exchange)["http.complete"] is Outcome.PASS


CUT: dict[str, Callable[[], Script]] = {
    "a reset in the body": lambda: resets(IDEAL, 700, body=True),
    "a chunk cut short": lambda: cut_chunk(IDEAL),
    "a length that promises more": lambda: wrong_length(ideal_answer, 100),
    "a stall in the body": lambda: stalls(IDEAL, 700, body=True),
    "a stream without end": lambda: endless(pace=0.001),
    "a line without end": lambda: endless_line(pace=0.001),
}


@pytest.mark.parametrize("name", CUT)
def test_an_answer_that_breaks_off_or_has_no_end_is_a_finding(name: str) -> None:
    with Server(CUT[name]()) as server:
        exchange = asked(server)
    assert exchange.response.status == 200
    assert not exchange.response.eof
    assert exchange.response.error
    assert exchange.response.body
    assert judged(exchange)["http.complete"] is Outcome.FAIL


NONE: dict[str, Script] = {
    "closed before a byte": SILENT,
    "no HTTP": NO_HTTP,
    "a reset before the head is whole": resets(IDEAL, 20),
    "a stall before the head is whole": stalls(IDEAL, 20),
    "a header of a megabyte": big_header(IDEAL),
}


@pytest.mark.parametrize("name", NONE)
def test_no_answer_is_no_verdict(name: str) -> None:
    with Server(NONE[name]) as server:
        exchange = asked(server)
    assert exchange.response.status == NO_ANSWER
    assert exchange.response.error
    assert set(judged(exchange).values()) == {Outcome.INCONCLUSIVE}


@pytest.mark.parametrize("size", range(0, 1500, 107))
def test_a_reset_after_any_byte_loses_nothing_that_came(size: int) -> None:
    with Server(resets(IDEAL, size)) as server:
        exchange = asked(server)
        whole = ideal_answer(server.requests[0]).response.body
    assert not exchange.response.eof
    assert whole.startswith(exchange.response.body)
    judged(exchange)


def test_a_bomb_is_unpacked_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.wire.exchange.MAX_DECODED", 1_000_000)
    with Server(gzip_bomb(50)) as server:
        exchange = asked(server)
    assert len(exchange.response.content) <= 1_000_000
    assert judged(exchange)["http.encoding"] is Outcome.FAIL


def test_a_redirect_is_kept_and_not_followed() -> None:
    with Server(IDEAL) as stranger, Server(redirects(stranger.base_url + "/chat/completions")) as server:
        exchange = asked(server)
        assert stranger.requests == [], "the key has not gone to another server"
    assert exchange.response.status == 307
    assert judged(exchange)["http.status"] is Outcome.FAIL


@pytest.mark.parametrize("form", RETRY_AFTER)
def test_a_limit_is_no_verdict_in_any_form(form: str) -> None:
    with Server(too_many(form)) as server:
        exchange = asked(server)
    assert exchange.response.status == 429
    assert len(server.requests) == 1, "nothing is asked twice inside a measured call"
    assert set(judged(exchange).values()) == {Outcome.INCONCLUSIVE}


@pytest.mark.parametrize("script", [html_error(502), refuses(500), refuses(529)], ids=["502", "500", "529"])
def test_a_server_error_is_no_verdict(script: Script) -> None:
    with Server(script) as server:
        assert set(judged(asked(server)).values()) == {Outcome.INCONCLUSIVE}


def test_ipv6() -> None:
    with Server(IDEAL, host="::1") as server:
        assert asked(server).response.status == 200


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    with Server(IDEAL, tls=True) as server:
        exchange = asked(server)
        server.errors.clear()  # the handshake that the client breaks off
    assert exchange.response.status == NO_ANSWER
    assert "ertificate" in str(exchange.response.error)


def test_certificates_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def again(**_: object) -> None:
        raise AssertionError("the certificates of the system are read a second time")

    with Server(IDEAL) as server:
        asked(server)
        monkeypatch.setattr("httpcore2.default_ssl_context", again)
        assert asked(server).response.eof


def test_the_mark_that_closes_is_read_to_the_end() -> None:
    def late(request: Received) -> object:
        yield from IDEAL(request)
        yield End.CLOSE

    with Server(late) as server:  # type: ignore[arg-type]
        exchange = asked(server)
    assert exchange.response.body.endswith(b"data: [DONE]\n\n")
    assert exchange.response.eof
