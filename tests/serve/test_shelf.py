"""A request is answered with the recording that was asked most nearly the same."""

from pathlib import Path
from typing import Any

import pytest

from harness.errors import NotRecorded, UnknownName
from harness.matrix.providers import load_matrix
from harness.serve.shelf import REFERENCE, Shelf
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
def shelf() -> Shelf:
    return Shelf(load_matrix(ROOT / "providers.yaml"), ROOT)


def test_the_same_bytes_asked_of_two_providers_give_each_ones_own_answer(shelf: Shelf) -> None:
    content = b'{"messages": [{"role": "user", "content": "hello"}], "stream": true}'
    first, second = shelf.answer("deepseek", content), shelf.answer("llamacpp", content)
    assert first is shelf.answer("deepseek", content)
    assert first.exchange.response.body != second.exchange.response.body


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
def test_the_shape_of_a_request_chooses(shelf: Shelf, asked: dict[str, Any] | None, scenario: str | None) -> None:
    if scenario is None:
        with pytest.raises(NotRecorded, match="nearest"):
            shelf.choose(REFERENCE, asked)
    else:
        assert shelf.choose(REFERENCE, asked).scenario.id == scenario


def test_every_recorded_request_is_answered_with_one_of_its_own_kind(shelf: Shelf) -> None:
    for provider in shelf.providers:
        for held in shelf.held(provider):
            if not held.exchange.is_models_request:
                body = held.exchange.request.json
                found = shelf.choose(provider, body, held.scenario.id)
                assert found.scenario is held.scenario
                assert found.exchange.request.get("stream") == held.exchange.request.get("stream")


def test_what_we_closed_ourselves_is_not_served(shelf: Shelf) -> None:
    served = [held for name in (REFERENCE, "llamacpp") for held in shelf.held(name)]
    assert {held.scenario.id for held in served} >= {"chat.cancel", "chat.stream"}
    assert not any(held.exchange.expected.cancelled_by_client for held in served)


def test_a_model_is_known_by_each_of_its_names(shelf: Shelf) -> None:
    assert shelf.models("deepseek")[:1] == ["deepseek-flash"]
    own = shelf.choose("deepseek", HELLO | STREAM | {"model": "deepseek-flash"})
    assert own.target == "deepseek/deepseek-flash", "though it is an alias of another"
    assert shelf.choose("deepseek", HELLO | STREAM | {"model": own.target}).target == own.target
    with pytest.raises(NotRecorded, match=r"model 'deepseek-falsh'; try deepseek-flash"):
        shelf.choose("deepseek", HELLO | {"model": "deepseek-falsh"})


def test_what_is_not_recorded_is_refused_in_words(shelf: Shelf) -> None:
    with pytest.raises(NotRecorded, match=r"no provider 'deepsek' is served here; try deepseek"):
        shelf.choose("deepsek", HELLO)
    with pytest.raises(
        NotRecorded, match=r"nothing is recorded of fireworks; record it with: harness record fireworks"
    ):
        shelf.choose("fireworks", HELLO)
    with pytest.raises(NotRecorded, match=r"nearest is qianfan/.*, which has tools no instead of yes"):
        shelf.choose("qianfan", HELLO | STREAM | TOOLS)
    with pytest.raises(NotRecorded, match=r"scenario 'chat.n2' is not recorded of qianfan"):
        shelf.choose("qianfan", HELLO, "chat.n2")


def test_a_scenario_is_served_by_name_whatever_is_asked(shelf: Shelf) -> None:
    refused = shelf.choose(REFERENCE, HELLO | STREAM, "error.bad-key")
    assert (refused.scenario.id, refused.exchange.response.status) == ("error.bad-key", 401)
    assert shelf.choose(REFERENCE, HELLO | STREAM).exchange.response.status == OK


def test_only_what_is_named_is_served() -> None:
    matrix = load_matrix(ROOT / "providers.yaml")
    shelf = Shelf(matrix, ROOT, ["llamacpp/tiny-think", "groq"])
    assert shelf.providers == ["groq", "llamacpp"]
    assert shelf.models("llamacpp") == ["tiny-think"]
    assert Shelf(matrix, ROOT, [REFERENCE]).providers == [REFERENCE]
    with pytest.raises(UnknownName, match="unknown provider or model 'grok'; try groq"):
        Shelf(matrix, ROOT, ["grok"])
