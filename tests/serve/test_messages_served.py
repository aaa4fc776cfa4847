"""Messages are served for an app's own tools and schemas, with faults and errors of that dialect."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from judging import alarms

from harness.recording.replayed import NOTE
from harness.serve.embedded import ReplayServer
from harness.simulate.messages.ideal import URL
from harness.simulate.reference import with_expected_status
from harness.wire.exchange import Exchange, Headers, Request, Response

ROOT = Path(__file__).resolve().parents[2]
MODEL = "claude-haiku-4-5"
TOOL = {
    "name": "lookup_order",
    "description": "Find an order.",
    "input_schema": {
        "type": "object",
        "properties": {"order_id": {"type": "integer"}, "fields": {"type": "array", "items": {"enum": ["a", "b"]}}},
        "required": ["order_id", "fields"],
        "additionalProperties": False,
    },
}
ASKED: list[dict[str, Any]] = [{"role": "user", "content": "Where is order 4711?"}]
THINKING: dict[str, Any] = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 3000}
SCRIPT = """
rules:
  - when: {dialect: messages, text: busy}
    answers:
      - {error: 529, retry_after: 0, message: Overloaded}
      - {text: At last., fault: messages-drop-message-delta}
      - {calls: [{name: lookup_order, arguments: {order_id: 1}}]}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplayServer]:
    script = tmp_path_factory.mktemp("script") / "s.yaml"
    script.write_text(SCRIPT)
    with ReplayServer("reference", "deepseek", root=ROOT, script=script) as server:
        yield server


def ask(server: ReplayServer, where: str = "/reference/v1/messages", **body: Any) -> httpx2.Response:
    asked = {"model": MODEL, "max_tokens": 500, "messages": ASKED, **body}
    headers = {"x-api-key": "none", "anthropic-version": "2023-06-01"}
    return httpx2.post(server.url + where, json=asked, headers=headers, timeout=20)


def exchange(answer: httpx2.Response) -> Exchange:
    """Return an answer as what is judged."""
    headers = Headers(tuple((name, value) for name, value in answer.headers.items() if name != "transfer-encoding"))
    request = Request("POST", URL, Headers((("Content-Type", "application/json"),)), answer.request.content)
    return Exchange(request, Response(answer.status_code, headers, answer.content))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("more", "stop", "said"),
    [
        ({}, "end_turn", "你好 there! 👋 How can I help?"),
        ({"system": "Be short.", "temperature": 0.2}, "end_turn", None),
        ({"stop_sequences": ["4711"]}, "stop_sequence", "This is an answer to: Where is order "),
        ({"max_tokens": 3}, "max_tokens", "This is an"),
        ({"tools": [TOOL]}, "tool_use", None),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "lookup_order"}}, "tool_use", None),
        ({"tools": [TOOL], "tool_choice": {"type": "none"}}, "end_turn", None),
        (THINKING, "end_turn", None),
        (THINKING | {"tools": [TOOL]}, "tool_use", None),
        ({"output_config": {"format": {"type": "json_schema", "schema": TOOL["input_schema"]}}}, "end_turn", '{"order_id":4711,"fields":["a"]}'),
    ],
)  # fmt: skip
def test_any_request_is_answered_and_raises_no_alarm(
    server: ReplayServer, stream: bool, more: dict[str, Any], stop: str, said: str | None  # noqa: FBT001
) -> None:  # fmt: skip
    answer = exchange(ask(server, stream=stream, **more))
    assert (answer.response.status, answer.turn.stop) == (200, stop)
    assert alarms(answer) == []
    assert said in {None, answer.turn.text}
    assert bool(answer.turn.reasoning) == ("thinking" in more)
    called = [(one.name, json.loads(one.arguments)) for one in answer.turn.calls]
    assert called == [("lookup_order", {"order_id": 4711, "fields": ["a"]})] * (stop == "tool_use")


def test_a_tools_loop_ends_with_what_the_tool_said(server: ReplayServer) -> None:
    first = ask(server, tools=[TOOL], **THINKING).json()
    call = first["content"][-1]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": [{"type": "text", "text": "on its way"}]}
    turns = [*ASKED, {"role": "assistant", "content": first["content"]}, {"role": "user", "content": [result]}]
    told = ask(server, tools=[TOOL], messages=turns, **THINKING).json()
    assert (told["stop_reason"], told["content"][-1]["text"]) == ("end_turn", "The tools say: on its way")
    counted = ask(server, "/reference/v1/messages/count_tokens", tools=[TOOL], messages=turns).json()
    assert counted == {"input_tokens": told["usage"]["input_tokens"]}


@pytest.mark.parametrize(
    ("body", "status", "kind", "said"),
    [
        ({"max_tokens": None}, 400, "invalid_request_error", "max_tokens: Field required"),
        ({"messages": []}, 400, "invalid_request_error", "at least one message"),
        ({"model": "no-such-model"}, 404, "not_found_error", "model: no-such-model"),
        ({"temperature": 2}, 400, "invalid_request_error", "temperature: range: 0..1"),
        ({"tools": [{"name": "x"}]}, 400, "invalid_request_error", "tools.0.input_schema: Field required"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "y"}}, 400, "invalid_request_error", "Tool 'y' not found"),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, 400, "invalid_request_error", "or equal to 1024"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, 400, "invalid_request_error", "must be greater than"),
        (THINKING | {"tools": [TOOL], "tool_choice": {"type": "any"}}, 400, "invalid_request_error", "forces tool use"),
        ({"messages": [*ASKED, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]}]}, 400, "invalid_request_error", "unexpected `tool_use_id`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_in_anthropics_envelope(
    server: ReplayServer, body: dict[str, Any], status: int, kind: str, said: str
) -> None:
    answer = ask(server, **body)
    error = answer.json()
    assert (answer.status_code, error["type"], error["error"]["type"]) == (status, "error", kind)
    assert said in error["error"]["message"]
    assert alarms(with_expected_status(exchange(answer), status)) == []


def test_faults_scenarios_and_cuts_are_those_of_the_dialect(server: ReplayServer) -> None:
    named = ask(server, "/reference/messages.two-tools/v1/messages", stream=True)
    assert named.headers[NOTE].startswith("reference/claude-haiku-4-5/messages.two-tools; provenance=reconstructed")
    faulty = ask(server, "/reference/any/messages-no-usage/v1/messages", stream=True)
    assert "fault=messages-no-usage" in faulty.headers[NOTE]
    assert any("messages.usage-told" in one for one in alarms(exchange(faulty)))
    misplaced = ask(server, "/reference/any/messages-no-count/v1/messages/count_tokens")
    assert misplaced.status_code == 404
    chat = ask(server, "/reference/any/object-done-in-last-chunk/v1/messages")
    assert (chat.status_code, chat.json()["error"]["type"]) == (404, "not_found_error")
    cut = httpx2.post(
        f"{server.messages_url('reference')}/v1/messages", timeout=20, headers={"x-harness-reframe": "bytes"},
        json={"model": MODEL, "max_tokens": 99, "messages": ASKED, "stream": True},
    )  # fmt: skip
    assert exchange(cut).turn.text == "你好 there! 👋 How can I help?"


def test_a_provider_under_its_usual_address_and_what_that_rests_on(server: ReplayServer) -> None:
    answer = ask(server, "/deepseek/anthropic/v1/messages", model="deepseek-v4-flash", tools=[TOOL])
    assert answer.json()["model"] == "deepseek-v4-flash"
    assert answer.headers[NOTE].endswith("Anthropic's own form, and messages-id-2026-05")


def test_a_thread_is_not_kept_and_the_client_is_told_so_as_anthropic_tells_it(server: ReplayServer) -> None:
    thread = {"type": "continue", "previous_message_id": "msg_1"}
    error = ask(server, thread=thread).json()["error"]
    assert (error["type"], error["details"]) == ("not_found_error", {"error_code": "thread_not_found"})
    assert ask(server, thread={"type": "create"}).status_code == 200


def test_models_are_listed_in_the_form_that_is_asked_for(server: ReplayServer) -> None:
    listed = httpx2.get(f"{server.url}/reference/v1/models", headers={"anthropic-version": "2023-06-01"}).json()
    assert [(one["type"], one["id"]) for one in listed["data"]] == [("model", MODEL)]
    assert listed["last_id"] == MODEL


def test_a_script_answers_messages_in_turn(server: ReplayServer) -> None:
    busy = [{"role": "user", "content": "Are you busy?"}]
    first, second, third = (ask(server, messages=busy, stream=True) for _ in range(3))
    assert (first.status_code, first.headers["retry-after"]) == (529, "0")
    assert first.json()["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert "message_delta" not in second.text
    assert [(one.name, one.arguments) for one in exchange(third).turn.calls] == [("lookup_order", '{"order_id":1}')]


def test_only_recordings_where_nothing_is_to_be_made() -> None:
    with ReplayServer("reference", "deepseek", root=ROOT, recorded_only=True) as server:
        told = ask(server, stream=True)
        assert "reference/claude-haiku-4-5/messages.stream" in told.headers[NOTE]
        refused = ask(server, "/deepseek/v1/messages")
        assert (refused.status_code, refused.json()["error"]["type"]) == (404, "not_found_error")
        assert "there is no recording of deepseek" in refused.json()["error"]["message"]


def test_what_others_published_in_messages_is_served_in_that_dialect_alone() -> None:
    with ReplayServer("minimax", root=ROOT, recorded_only=True) as server:
        held = server.index.answers("minimax", "messages")
        assert held
        assert all(one.exchange.dialect == "chat" for one in server.index.answers("minimax"))
        one = next(one for one in held if one.exchange.response.is_success)
        again = httpx2.post(f"{server.url}/minimax/v1/messages", content=one.exchange.request.body, timeout=20)
        assert "provenance=published" in again.headers[NOTE]
        assert again.json()["type"] == "message" if again.text[:1] == "{" else "message_start" in again.text
