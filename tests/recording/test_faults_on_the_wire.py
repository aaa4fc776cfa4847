"""
Every fault and every legal variant is served, captured, saved and judged: the network changes nothing.

What is judged is read from the cassette, so each takes the whole way of a recording.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest
from openai.types.chat import ChatCompletionChunk
from parted import each
from scripted import Server, plays

from harness.checks import CHECKS
from harness.judging.runner import Subject, judge_exchanges
from harness.live.asking import Endpoint, ScenarioSender
from harness.live.capture import Limits
from harness.matrix.scenarios import SCENARIOS
from harness.recording.cassette import read_cassette, write_cassette
from harness.recording.scrub import scrub
from harness.results import Finding, Level, Outcome
from harness.simulate.faults import FAULTS, VARIANTS, Variant
from harness.wire.exchange import Exchange, Headers, Reads

FRAMING = {"content-length", "transfer-encoding"}
"""Headers that the server adds or corrects, so that the response can be sent at all."""

WORDS_OF_THE_READER = "http.complete"
"""A rule that quotes the client on why the response broke off."""

OF_CAPTURES = {"http.encoding-accepted", "http.framing", "http.as-it-is-made"}
"""
Rules about request, framing and timing, which depend on client and server here and not on the response.

``live/test_capture_sockets`` and ``live/test_transfer`` try them on sockets.
"""

RULES = [check for check in CHECKS.values() if check.level is not Level.OBSERVE and "chat" in check.dialects]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def sender(server: Server) -> Iterator[ScenarioSender]:
    sender = ScenarioSender(
        Endpoint(server.base_url, "good", "gpt-4o-mini", {}, {}), Limits(connect=5, idle=5, total=20)
    )
    yield sender
    sender.close()


def captured(exchange: Exchange, on: str, server: Server, sender: ScenarioSender) -> Exchange:
    """Send the request of an exchange, answer it with its response, and return what was captured."""
    server.answers(plays(exchange))
    (found,) = sender.ask(replace(SCENARIOS[on], raw_body=exchange.request.body, follow_up=None, repeat_with=None))
    return found


def told(exchange: Exchange) -> list[Finding]:
    return list(judge_exchanges([exchange], Subject("wire", "reference", "-", "-"), RULES))


def without_framing(headers: Headers) -> list[tuple[str, str]]:
    return [pair for pair in headers.pairs if pair[0].lower() not in FRAMING]


def borders(reads: Reads | None) -> set[int]:
    return set(accumulate(reads.sizes)) if reads else set()


def alike(one: Finding, other: Finding) -> bool:
    if one.check == WORDS_OF_THE_READER and one.outcome is other.outcome is Outcome.FAIL:
        return one.message.partition(": ")[0] == other.message.partition(": ")[0]
    if one.check in OF_CAPTURES:
        return True
    return (one.check, one.outcome, one.message, one.evidence) == (
        other.check, other.outcome, other.message, other.evidence,
    )  # fmt: skip


NOT_PLAYED = {
    "line-without-end": "a limit of ours ends no answer that is played: live/test_capture_sockets goes beyond one",
    "answer-fails-twice": "that it failed before is no part of the answer",
    "parameter-fails-twice": "likewise",
    "ids-redacted": "what a publisher altered came over no network",
    "lengths-differ": "the client refuses the answer before it is one",
}
if "moderation" not in ChatCompletionChunk.model_fields:
    NOT_PLAYED["moderation-empty"] = "an openai that does not know this key reads it as any other"
PLAYED = [
    one
    for one in (*FAULTS.values(), *VARIANTS.values())
    if one.id not in NOT_PLAYED and getattr(one, "rule", "") not in OF_CAPTURES
]


@pytest.mark.parametrize("one", each(9, PLAYED), ids=lambda one: one.id)
def test_the_network_changes_nothing(one: Variant, server: Server, sender: ScenarioSender, tmp_path: Path) -> None:
    made = one.apply()
    came = captured(made, one.on, server, sender)
    sent, got = made.response, came.response
    assert (came.request.body or b"") == (made.request.body or b"")
    assert (got.status, got.body, got.eof) == (sent.status, sent.body, sent.eof)
    assert (got.error is None) is sent.eof
    assert without_framing(got.headers) == without_framing(scrub(made).response.headers)
    assert borders(sent.reads) <= borders(got.reads), "what was sent in pieces comes in pieces"

    write_cassette(tmp_path / "kept.yaml", [came])
    (kept,) = read_cassette(tmp_path / "kept.yaml")
    found = told(replace(kept, expected=made.expected, earlier=made.earlier, siblings=made.siblings))
    differences = [pair for pair in zip(told(made), found, strict=True) if not alike(*pair)]
    assert differences == []
    failing = {finding.check for finding in found if finding.outcome is Outcome.FAIL} - OF_CAPTURES
    assert bool(failing) is (one.id in FAULTS)
