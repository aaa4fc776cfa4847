"""A request gets the recording with the most similar request."""

from pathlib import Path
from typing import Any

import pytest

from harness.errors import NotRecorded, UnknownName
from harness.matrix.providers import load_matrix
from harness.serve.recording_index import REFERENCE, RecordingIndex
from harness.wire.exchange import OK

ROOT = Path(__file__).resolve().parents[2]
HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}
TOOLS = {"tools": [{"type": "function", "function": {"name": "mine"}}]}
CALLED = {
    "role": "assistant",
    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "mine", "arguments": "{}"}}],
}
RESULT = {"messages": [*HELLO["messages"], CALLED, {"role": "tool", "tool_call_id": "c", "content": "1"}]}
STREAM = {"stream": True}
USAGE = {"stream": True, "stream_options": {"include_usage": True}}


@pytest.fixture(scope="module")
def index() -> RecordingIndex:
    return RecordingIndex(load_matrix(ROOT / "providers.yaml"), ROOT)


def test_the_same_bytes_asked_of_two_providers_give_each_ones_own_answer(index: RecordingIndex) -> None:
    content = b'{"messages": [{"role": "user", "content": "hello"}], "stream": true}'
    first, second = index.answer("deepseek", content), index.answer("llamacpp", content)
    assert first is index.answer("deepseek", content)
    assert first.exchange.response.body != second.exchange.response.body


def test_a_chat_that_was_asked_to_compare_messages_with_is_nobody_elses(index: RecordingIndex) -> None:
    for provider in (REFERENCE, "llamacpp"):
        assert not [one.name for one in index.answers(provider) if one.scenario.dialect == "messages"]
        assert "messages.both-dialects" in {one.scenario.id for one in index.answers(provider, "messages")}
    assert not set(index.models(REFERENCE)) & set(index.models(REFERENCE, "messages"))


@pytest.mark.parametrize(
    ("asked", "scenario"),
    [
        (HELLO, "chat.nonstream"),
        (HELLO | STREAM, "chat.stream"),
        (HELLO | USAGE, "chat.stream-usage"),
        (HELLO | STREAM | TOOLS, "tools.auto"),
        (HELLO | TOOLS, "tools.nonstream"),
        (HELLO | STREAM | TOOLS | {"tool_choice": "auto"}, "tools.auto"),
        (HELLO | STREAM | TOOLS | {"tool_choice": "required"}, "tools.required"),
        (HELLO | STREAM | TOOLS | {"tool_choice": "none"}, "tools.none"),
        (RESULT | STREAM | TOOLS, "tools.round-trip"),
        (HELLO | {"response_format": {"type": "json_object"}}, "json.object"),
        (HELLO | STREAM | {"response_format": {"type": "json_object"}}, "json.object-stream"),
        (HELLO | {"response_format": {"type": "json_schema", "json_schema": {}}}, "json.schema"),
        (HELLO | {"response_format": {"type": "text"}}, "chat.nonstream"),
        (HELLO | USAGE | {"n": 2}, "chat.n2"),
        (HELLO | STREAM | {"stop": "x"}, "chat.stop"),
        (HELLO | USAGE | {"max_tokens": 5}, "chat.capped"),
        (HELLO | STREAM | {"logprobs": True}, "chat.logprobs"),
        (HELLO | STREAM | {"reasoning_effort": "medium"}, "reasoning.stream"),
        (HELLO | STREAM | {"temperature": 1, "top_p": 0.5, "seed": 3}, "chat.stream"),
        ({"stream": True}, None),
        ({}, "error.missing-messages"),
        (None, "error.malformed-json"),
    ],
)  # fmt: skip
def test_the_shape_of_a_request_chooses(
    index: RecordingIndex, asked: dict[str, Any] | None, scenario: str | None
) -> None:
    if scenario is None:
        with pytest.raises(NotRecorded, match="nearest"):
            index.choose(REFERENCE, asked)
    else:
        assert index.choose(REFERENCE, asked).scenario.id == scenario


def test_every_recorded_request_is_answered_with_one_of_its_own_kind(index: RecordingIndex) -> None:
    for provider in index.providers:
        for answers in index.answers(provider):
            if not answers.exchange.is_models_request:
                body = answers.exchange.request.json
                found = index.choose(provider, body, answers.scenario.id)
                assert found.scenario.id == answers.scenario.id
                assert found.exchange.request.get("stream") == answers.exchange.request.get("stream")


def test_what_we_closed_ourselves_is_not_served(index: RecordingIndex) -> None:
    served = [answers for name in (REFERENCE, "llamacpp") for answers in index.answers(name)]
    assert {answers.scenario.id for answers in served} >= {"chat.cancel", "chat.stream"}
    assert not any(answers.exchange.expected.cancelled_by_client for answers in served)


def test_a_model_is_known_by_each_of_its_names(index: RecordingIndex) -> None:
    assert index.models("deepseek")[:1] == ["deepseek-flash"]
    own = index.choose("deepseek", HELLO | STREAM | {"model": "deepseek-flash"})
    assert own.target == "deepseek/deepseek-flash", "though it is an alias of another"
    assert index.choose("deepseek", HELLO | STREAM | {"model": own.target}).target == own.target
    with pytest.raises(NotRecorded, match=r"model 'deepseek-falsh'; try deepseek-flash"):
        index.choose("deepseek", HELLO | {"model": "deepseek-falsh"})


def test_what_is_not_recorded_is_refused_in_words(index: RecordingIndex) -> None:
    with pytest.raises(NotRecorded, match=r"no provider 'deepsek' is served here; try deepseek"):
        index.choose("deepsek", HELLO)
    with pytest.raises(
        NotRecorded, match=r"there is no recording of fireworks; make one with: harness record fireworks"
    ):
        index.choose("fireworks", HELLO)
    with pytest.raises(NotRecorded, match=r"nearest is qianfan/.*, which has tools no instead of yes"):
        index.choose("qianfan", HELLO | STREAM | TOOLS)
    with pytest.raises(NotRecorded, match=r"scenario 'chat.n2' is not recorded of qianfan"):
        index.choose("qianfan", HELLO, "chat.n2")


def test_a_scenario_is_served_by_name_whatever_is_asked(index: RecordingIndex) -> None:
    refused = index.choose(REFERENCE, HELLO | STREAM, "error.bad-key")
    assert (refused.scenario.id, refused.exchange.response.status) == ("error.bad-key", 401)
    assert index.choose(REFERENCE, HELLO | STREAM).exchange.response.status == OK


def test_only_what_is_named_is_served() -> None:
    matrix = load_matrix(ROOT / "providers.yaml")
    index = RecordingIndex(matrix, ROOT, ["llamacpp/tiny-think", "groq"])
    assert index.providers == ["groq", "llamacpp"]
    assert index.models("llamacpp") == ["tiny-think"]
    assert RecordingIndex(matrix, ROOT, [REFERENCE]).providers == [REFERENCE]
    assert RecordingIndex(matrix, ROOT, ["Grok", "通义千问"]).providers == ["bailian", "xai"]
    with pytest.raises(UnknownName, match="unknown provider or model 'grqo'; try groq"):
        RecordingIndex(matrix, ROOT, ["grqo"])
