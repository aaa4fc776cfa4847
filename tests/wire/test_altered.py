"""Which values count as altered by a publisher, and which as sent."""

from dataclasses import replace

import pytest
from judging import findings

from harness.results import Outcome
from harness.simulate.reference import BODY, STREAM, recorded, replace_in_body, with_body
from harness.wire.altered import is_placeholder
from harness.wire.exchange import Exchange, Source


@pytest.mark.parametrize(
    "value",
    [
        "REDACTED", "chatcmpl-REDACTED_1", "msg_sanitized", "xxx", "chatcmpl-xxxxxxxx", "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "<id>",
        "{{id}}", "[id]", "**TRACE_ID_1**", "chatcmpl-abc123", "call_abc123", "abc123cached456", "chatcmpl-123456789", "chatcmpl-987654321",
        "00000000-0000-0000-0000-000000000000", "...", "***", "chatcmpl-…placeholder",
    ],
)  # fmt: skip
def test_no_server_makes_a_placeholder(value: str) -> None:
    assert is_placeholder(value)


@pytest.mark.parametrize(
    "value",
    [
        "chatcmpl-7586b6a9-fb4b-4ec7-86a0-59f0a77844cf", "gen-1762064096-m5VxL2xrxOREwashCey6", "chatcmpl-150", "chatcmpl-123", "0", "",
        "call_1", "functions.get_weather:0", "stub", "f0de99f46fe14235b4d91fcb010fa197", "gpt-4o-mini-2024-07-18", "m", None, 7,
        '{"name":"gpt-4o-mini"}', "chatcmpl-a1", "0aa220cd-9634-4ba5-9593-5366bb313663", "c1000000a",
    ],
)  # fmt: skip
def test_what_a_server_may_send_is_no_placeholder(value: object) -> None:
    assert not is_placeholder(value)


REDACTED = replace_in_body(replace_in_body(BODY, "chatcmpl-reference", "chatcmpl-REDACTED_1"), "1760000000", "0")


def of_ours(exchange: Exchange) -> Exchange:
    return replace(exchange, source=Source("recorded", "2026-01-01", ours=True))


def test_an_altered_time_is_not_judged_and_says_why() -> None:
    finding = findings(REDACTED)["chunk.created"]
    assert (finding.outcome, finding.message) == (Outcome.NA, "the publisher of the recording altered created")


def test_what_was_sent_to_us_is_judged_whatever_it_is() -> None:
    assert of_ours(REDACTED).altered == frozenset()
    assert findings(of_ours(REDACTED))["chunk.created"].outcome is Outcome.FAIL


@pytest.mark.parametrize("name", ["chatcmpl-reference", ""])
def test_a_time_of_0_is_judged_beside_an_id_that_may_have_been_sent(name: str) -> None:
    exchange = recorded(replace_in_body(replace_in_body(BODY, "chatcmpl-reference", name), "1760000000", "0"))
    assert exchange.altered == frozenset()
    assert findings(exchange)["chunk.created"].outcome is Outcome.FAIL


def test_an_id_of_0_is_altered_beside_a_time_of_0_only() -> None:
    named = replace_in_body(BODY, '"chatcmpl-reference"', '"0"')
    assert named.altered == frozenset()
    assert replace_in_body(named, "1760000000", "0").altered == {"id", "created"}


def test_one_chunk_of_another_id_is_no_placeholder_for_all() -> None:
    exchange = replace_in_body(STREAM, "chatcmpl-reference", "chatcmpl-REDACTED", 1)
    assert exchange.altered == frozenset()
    assert findings(exchange)["chunk.id-constant"].outcome is Outcome.FAIL


def test_an_answer_without_chunks_is_not_altered() -> None:
    assert with_body(BODY, b"").altered == frozenset()
