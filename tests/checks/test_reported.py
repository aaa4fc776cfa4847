"""Faults reported in 2026: the cause is reported, and an odd fragment hides no other fault."""

import json
from dataclasses import replace

import pytest
from judging import alarms, findings

from harness.clients.due import due_of
from harness.results import Outcome
from harness.simulate.chat.faults import FAULTS
from harness.simulate.edits import any_chunk, chunks, compose, has_usage, insert, set_value
from harness.simulate.faults import FAULTS_OF
from harness.simulate.reference import (
    BODY,
    STREAM,
    STREAM_USAGE,
    TOOLS,
    replace_in_body,
    with_request_params,
    with_response,
)
from harness.wire.exchange import Exchange, Expected

_EMPTY = {"id": "chatcmpl-reference", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "gpt-4o-mini-2024-07-18", "choices": [], "usage": None}  # fmt: skip
_NULLS = {"prompt_tokens": 9, "completion_tokens": None, "total_tokens": None}


def _failing(exchange: Exchange) -> dict[str, str]:
    return {f.check: f.message for f in findings(exchange).values() if f.outcome is Outcome.FAIL}


@pytest.mark.parametrize(
    ("fault", "rule", "said"),
    [
        ("call-tag-left-over", "tool_calls.not-in-text", "the text holds the markup of a tool call that tool_calls has too"),
        ("call-pieces-left-over", "tool_calls.not-in-text", "the text holds a tool call that tool_calls has too"),
        ("context-size-500", "error.status", 'the status is 500, but the error reports a prompt that is too long ("Context size"), expected 400 or 413'),
        ("message-at-the-end", "chunk.no-message", "a message is sent beside the delta, with all of the text once more, in 1 of 5 choices"),
        ("completion-in-envelope", "chunk.present", "the body has no choices: they stand in data"),
        ("call-id-and-name-emptied", "tool_calls.name-once", "2 later fragments bring a name that is empty"),
        ("thought-in-two-fields-in-turn", "reasoning.one-field", "different reasoning texts come in reasoning_content and in reasoning"),
        ("cost-chunk", "chunk.id", "id is absent from 1 of 7 chunks"),
        ("body-for-stream", "http.stream-asked", "the response is a JSON body, not a stream"),
        ("lines-without-data", "http.stream-asked", "the response is lines of JSON, 5 or more without data:, not a stream of events"),
    ],
)  # fmt: skip
def test_the_cause_is_told(fault: str, rule: str, said: str) -> None:
    assert _failing(FAULTS[fault].apply())[rule] == said


def test_a_chunk_of_cost_after_the_text_stands_between_nothing() -> None:
    unfinished = replace_in_body(STREAM_USAGE, '"finish_reason":"stop"', '"finish_reason":null')
    with_cost = insert(has_usage, {**_EMPTY, "cost": "0"}, only=slice(-1, None), after=True)(unfinished)
    assert "chunk.choices-not-empty" not in _failing(with_cost)


def test_what_an_empty_chunk_brings_in_the_middle_is_named() -> None:
    with_cost = insert(any_chunk, {**_EMPTY, "cost": "0"}, only=slice(2, 3))(STREAM_USAGE)
    assert _failing(with_cost)["chunk.choices-not-empty"] == (
        "choices is empty between the first choice and the finish, in a chunk of cost"
    )


def test_a_usage_with_nulls_hides_nothing_of_the_whole_one() -> None:
    wrong = compose(
        chunks(has_usage, set_value("usage/total_tokens", 30)),
        chunks(any_chunk, set_value("usage", _NULLS), only=slice(0, 1)),
    )(STREAM_USAGE)
    failing = _failing(wrong)
    assert failing["usage.integers"] == "completion_tokens is null, total_tokens is null"
    assert failing["usage.sum"] == "9 + 4 is not 30"
    assert not [f.check for f in findings(wrong).values() if f.outcome is Outcome.BLOCKED]


def test_counts_that_cannot_be_read_block_what_reads_nothing_else() -> None:
    broken = chunks(any_chunk, set_value("usage", {**_NULLS, "completion_tokens_details": {"reasoning_tokens": 3}}))(
        BODY
    )
    outcomes = {f.check: f.outcome for f in findings(broken).values() if f.family == "usage"}
    assert outcomes["usage.integers"] is Outcome.FAIL
    assert {name for name, outcome in outcomes.items() if outcome is Outcome.BLOCKED} == {
        "usage.sum", "usage.positive", "usage.within-totals", "usage.proportion", "usage.enough",
    }  # fmt: skip


def test_odd_content_hides_neither_a_refusal_beside_text_nor_what_follows_the_finish() -> None:
    late = replace_in_body(
        STREAM, '"你好"},"logprobs":null,"finish_reason":null', '["你好"]},"logprobs":null,"finish_reason":"stop"'
    )
    failing = _failing(late)
    assert {"content.type", "content.before-finish"} <= failing.keys()


def test_halves_of_a_character_that_came_apart_are_one_in_the_completion() -> None:
    split = FAULTS["surrogates-split"].apply()
    assert split.completion.messages[0].content == "😀! How can I help?"
    assert set(_failing(split)) == {"chunk.whole-characters"}


def test_halves_in_two_deltas_of_messages_are_one_character_in_the_text() -> None:
    split = FAULTS_OF["messages"]["messages-surrogates-split"].apply()
    assert split.turn.text == due_of(split).text == "😀 there! 👋 How can I help?"
    assert set(_failing(split)) == {"messages.whole-characters"}


def test_a_tool_that_is_spoken_of_is_no_call() -> None:
    for text in ('Send {\\"name\\": \\"get_time\\", \\"arguments\\": {}} yourself.', "The tag is `<tool_call>`.", "I use get_weather with arguments."):  # fmt: skip
        said = with_request_params(
            replace_in_body(BODY, "你好! How can I help?", text), tools=TOOLS.request.get("tools")
        )
        assert alarms(said) == []


def test_a_request_for_no_token_that_is_served_is_told() -> None:
    served = with_request_params(BODY, max_completion_tokens=0)
    assert _failing(served)["error.refused"] == "an invalid request gets status 200: max_completion_tokens is 0"


def test_a_name_that_is_null_later_is_told_as_that() -> None:
    assert _failing(FAULTS["call-name-null-later"].apply())["tool_calls.name-once"].endswith(
        "bring a name that is null"
    )


@pytest.mark.parametrize(("counts", "fails"), [((40, 120, 240, 400, 600), True), ((1, 2, 3, 340, 341), False)])
def test_one_jump_between_two_usages_is_a_gap_of_who_published_the_stream(counts: tuple[int, ...], fails: bool) -> None:  # noqa: FBT001 - a column
    later = iter((0, *counts))
    grown = chunks(any_chunk, set_value("usage", lambda _: _counted(next(later))))(STREAM_USAGE)
    assert ("usage.grows" in _failing(grown)) is fails


def _counted(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens}


@pytest.mark.parametrize(
    ("said", "fails"),
    [
        ("`reasoning_content` must be passed back.", False),
        ("`send_reasoning` is missing.", False),
        ("Bad request.", True),
    ],
)
def test_a_parameter_is_named_where_it_is_a_part_of_a_key(said: str, fails: bool) -> None:  # noqa: FBT001 - a column
    tried = Expected((200, 400), "reasoning left out")
    refused = with_response(BODY, status=400, body=json.dumps({"error": {"message": said}}).encode())
    assert ("params.refused-plainly" in _failing(replace(refused, expected=tried))) is fails
