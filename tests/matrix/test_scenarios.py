"""The scenarios, and the requests of each."""

import re

import orjson
import pytest

from harness.matrix.scenarios import CAPABILITIES, SCENARIOS, Scenario, next_body, request_body
from harness.simulate.chat.ideal import recording
from harness.wire.chat.completion import Message, ToolCall

CALL = ToolCall("call_9", "get_weather", '{"city":"Paris"}')
CALLED = Message(0, "assistant", None, "A thought.", None, (CALL,), "tool_calls")


def bodies(name: str) -> list[dict[str, object]]:
    return [exchange.request.json or {} for exchange in recording(SCENARIOS[name])]


def test_every_form_of_request_is_asked() -> None:
    assert len(SCENARIOS) >= 50
    assert {name.partition(".")[0] for name in SCENARIOS} == {
        "chat", "reasoning", "tools", "json", "params", "error", "multi_turn", "parity", "models",
    }  # fmt: skip
    assert sum(scenario.requests for scenario in SCENARIOS.values()) < 70, "a whole probe stays affordable"


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_a_row_holds_together(scenario: Scenario) -> None:
    assert re.fullmatch(r"[a-z_]+\.[a-z0-9-]+", scenario.id)
    assert scenario.title.endswith(".")
    assert set(scenario.needs) <= set(CAPABILITIES)
    exchanges = recording(scenario)
    assert len(exchanges) == scenario.requests
    assert all(exchange.response.status in exchange.expected.statuses for exchange in exchanges)
    assert [len(exchange.earlier) for exchange in exchanges] == list(range(len(exchanges)))
    assert max(len(exchange.request.body or b"") for exchange in exchanges) < 400_000


# What a scenario sends that a provider may declare absent, and the capability it then has to name.
NEEDED = {
    "stream_options": "stream-usage", "tools": "tools", "n": "n", "logprobs": "logprobs",
}  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_what_is_sent_is_named_as_a_need(scenario: Scenario) -> None:
    sent = {NEEDED[name] for name in request_body(scenario, "m", {}) if name in NEEDED}
    if scenario.tested_parameter == "stream_options":
        sent.discard("stream-usage")  # sent to be refused
    assert sent <= set(scenario.needs)
    assert ("key" in scenario.needs) == (scenario.key == "wrong")


def test_what_is_known_beforehand_is_of_the_last_request() -> None:
    scenario = SCENARIOS["multi_turn.reasoning-back"]
    assert scenario.expected(0).answer
    assert scenario.expected(1).tested_parameter == "reasoning sent back"
    assert scenario.expected(1).statuses == (200, 400, 403, 404, 422)
    assert SCENARIOS["error.bad-key"].expected(0).refusal


def test_a_call_goes_back_with_its_result_and_its_own_id() -> None:
    scenario = SCENARIOS["tools.round-trip"]
    second = next_body(scenario, request_body(scenario, "m", {}), CALLED)
    question, call, result = second["messages"]
    assert question["role"] == "user"
    assert call == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "call_9", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
        ],
    }
    assert (result["role"], result["tool_call_id"]) == ("tool", "call_9")
    assert second["tools"] == request_body(scenario, "m", {})["tools"]


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("multi_turn.reasoning-back", "reasoning_content", "A thought."),
        ("multi_turn.reasoning-left-out", "reasoning_content", None),
        ("multi_turn.content-null", "content", None),
        ("multi_turn.content-empty", "content", ""),
    ],
)
def test_what_goes_back_beside_the_call(name: str, key: str, value: str | None) -> None:
    scenario = SCENARIOS[name]
    assistant = next_body(scenario, request_body(scenario, "m", {}), CALLED)["messages"][1]
    assert assistant.get(key) == value


def test_the_same_is_asked_again_without_a_stream() -> None:
    streamed, whole = bodies("parity.chat")
    assert streamed["stream"] is True
    assert {key: value for key, value in streamed.items() if key not in {"stream", "stream_options"}} == whole


def test_what_is_wrong_with_a_wrong_request() -> None:
    assert "messages" not in bodies("error.missing-messages")[0]
    assert bodies("error.wrong-type")[0]["temperature"] == "hot"
    assert bodies("error.unknown-model")[0]["model"] == "no-such-model-7"
    malformed = recording(SCENARIOS["error.malformed-json"])[0].request.body
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(malformed or b"{}")


def test_other_forms_of_a_message() -> None:
    assert bodies("params.developer-role")[0]["messages"][0]["role"] == "developer"  # type: ignore[index]
    assert isinstance(bodies("params.content-parts")[0]["messages"][0]["content"], list)  # type: ignore[index]
