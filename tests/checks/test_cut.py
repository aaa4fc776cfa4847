"""A recording closed early by its recorder is judged up to there: the missing rest is not a fault."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner
from scripted import IDEAL, Server

from harness.checks import CHECKS
from harness.cli import main
from harness.judging.runner import Subject, judge_exchanges
from harness.live.capture import Capture, Limits
from harness.recording.cassette import write_cassette
from harness.results import Finding, Outcome
from harness.simulate.reference import (
    BODY,
    REFERENCES,
    STREAM,
    STREAM_USAGE,
    recorded,
    replace_in_body,
    with_body,
    with_response,
)
from harness.wire.exchange import CLOSED, Exchange

ABOUT = Subject("acme", "m", "audit.stream", None)
BAD = {Outcome.FAIL, Outcome.BROKEN, Outcome.BLOCKED}


def judged(exchange: Exchange) -> dict[str, Finding]:
    return {one.check: one for one in judge_exchanges([recorded(exchange)], ABOUT, CHECKS.values())}


def cut(exchange: Exchange, size: int, error: str = CLOSED) -> Exchange:
    return with_response(exchange, body=exchange.response.body[:size], eof=False, error=error)


def ends(exchange: Exchange) -> Iterator[int]:
    """Yield the places after each event, and some within."""
    body = exchange.response.body
    yield from (found.end() for found in re.finditer(rb"\n\n", body))
    yield from range(0, len(body), 61)


@pytest.mark.parametrize("name", REFERENCES)
def test_no_rule_blames_them_for_what_we_did_not_wait_for(name: str) -> None:
    reference = REFERENCES[name]
    whole = judged(reference)
    for size in ends(reference):
        for check, one in judged(cut(reference, size)).items():
            assert one.outcome not in BAD, f"{check} at {size}: {one.message}"
            assert one.outcome is not Outcome.OBSERVED or one.value == whole[check].value, f"{check} at {size}"


def test_what_did_come_is_judged() -> None:
    wrong = cut(replace_in_body(STREAM, '"finish_reason":null', '"finish_reason":""'), 900)
    found = judged(wrong)
    assert found["finish_reason.null-before-end"].outcome is Outcome.FAIL
    assert found["http.complete"].outcome is Outcome.NA
    assert found["http.complete"].message == "closed by the reader before its end; checked up to there"
    assert found["chunk.present"].outcome is Outcome.PASS
    assert found["finish_reason.given"].outcome is Outcome.NA, "it may have been about to come"


@pytest.mark.parametrize(
    "error", ["RemoteProtocolError: peer closed connection", "ReadTimeout", "LimitReached: more than 60 seconds", None]
)
def test_what_broke_off_by_itself_is_their_fault(error: str | None) -> None:
    assert judged(cut(STREAM, 900, error or ""))["http.complete"].outcome is Outcome.FAIL


def test_a_page_is_none_the_less_a_page() -> None:
    found = judged(with_response(with_body(STREAM, b"<html><body>Wel"), eof=False, error=CLOSED))
    assert found["http.not-html"].outcome is Outcome.FAIL


def test_a_reason_may_follow() -> None:
    assert judged(cut(STREAM, 900, f"{CLOSED}: stopped by SIGINT"))["http.complete"].outcome is Outcome.NA


def test_an_app_that_broke_off_while_capture_kept_its_answer(tmp_path: Path) -> None:
    """For a response that an app left after its first segment, ``audit`` finds what ``probe`` would."""
    kept: list[Exchange] = []
    transport = Capture(kept.append, limits=Limits(drain=0))
    question = {"model": "gpt-4o-mini", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    with Server(IDEAL) as server, httpx2.Client(transport=transport, trust_env=False) as client:
        address, key = f"{server.base_url}/chat/completions", {"Authorization": "Bearer good"}
        with client.stream("POST", address, json=question, headers=key) as answer:
            next(answer.iter_raw())
    (exchange,) = kept
    assert (exchange.response.eof, exchange.response.error) == (False, CLOSED)
    write_cassette(tmp_path / "left.yaml", kept)
    result = CliRunner().invoke(main, ["audit", str(tmp_path / "left.yaml"), "--format", "json"])
    found = {one["check"]: one for one in map(json.loads, result.stdout.splitlines())}
    assert {check for check, one in found.items() if one["outcome"] == "fail"} <= {"identity.created-near"}
    assert found["http.complete"]["outcome"] == "n/a"
    assert sum(one["outcome"] == "pass" for one in found.values()) > 20


def test_audit_of_nothing_that_answered_is_no_success(tmp_path: Path) -> None:
    silent = with_response(STREAM_USAGE, status=0, body=b"", eof=False, error="ConnectTimeout")
    write_cassette(tmp_path / "kept/silent.yaml", [recorded(silent)])
    result = CliRunner().invoke(main, ["audit", str(tmp_path / "kept"), "--results", str(tmp_path / "r.jsonl")])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == "harness: nothing was checked: no answer: ConnectTimeout"
    write_cassette(tmp_path / "kept/good.yaml", [recorded(BODY)])
    assert CliRunner().invoke(main, ["audit", str(tmp_path / "kept")]).exit_code == 0
