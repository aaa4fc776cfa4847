"""OpenAI's Responses, served by the reference: its own SDK reads them, streaming and not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from harness.recording.replayed import NOTE
from harness.serve.embedded import ReplayServer

ROOT = Path(__file__).resolve().parents[2]
TOOL: Any = {
    "type": "function", "name": "lookup_order", "strict": True,
    "parameters": {"type": "object", "properties": {"order_id": {"type": "integer"}}, "required": ["order_id"],
                   "additionalProperties": False},
}  # fmt: skip
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


class Order(BaseModel):
    order_id: int


@pytest.fixture(scope="module")
def server() -> Iterator[ReplayServer]:
    with ReplayServer("reference", "deepseek", root=ROOT) as served:
        yield served


@pytest.fixture(scope="module")
def client(server: ReplayServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.base_url("reference"), api_key="none", max_retries=0) as made:
        yield made


def test_a_tools_loop_comes_to_its_end(client: openai.OpenAI) -> None:
    asked: list[Any] = [{"role": "user", "content": "Where is order 4711?"}]
    first = client.responses.create(model="gpt-5", input=asked, tools=[TOOL])
    (call,) = first.output
    assert call.type == "function_call"
    assert (call.name, call.arguments) == ("lookup_order", '{"order_id":4711}')
    told: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "on its way"}
    echoed: Any = call.to_dict()
    last = client.responses.create(model="gpt-5", input=[*asked, echoed, told], tools=[TOOL])
    assert (last.status, last.output_text) == ("completed", "The tools say: on its way")
    assert last.usage
    assert last.usage.total_tokens == last.usage.input_tokens + last.usage.output_tokens


def test_a_stream_has_the_same_as_the_body(client: openai.OpenAI) -> None:
    with client.responses.stream(model="gpt-5", input="Say hi please", reasoning={"effort": "low"}) as stream:
        events = list(stream)
        final = stream.get_final_response()
    whole = client.responses.create(model="gpt-5", input="Say hi please", reasoning={"effort": "low"})
    assert final.output_text == whole.output_text == "This is an answer to: Say hi please"
    assert [one.type for one in final.output] == [one.type for one in whole.output] == ["reasoning", "message"]
    assert "".join(one.delta for one in events if one.type == "response.output_text.delta") == whole.output_text
    assert [one.sequence_number for one in events if one.type != "error"] == list(range(len(events)))


def test_structured_output_and_a_cap_are_kept_to(client: openai.OpenAI) -> None:
    assert client.responses.parse(model="gpt-5", input="Order 12", text_format=Order).output_parsed == Order(
        order_id=12
    )
    cut = client.responses.create(model="gpt-5", input="Tell me much", instructions="Be brief.", max_output_tokens=3)
    assert cut.incomplete_details
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")


@pytest.mark.parametrize("extra", [{}, {"tools": [TOOL]}, {"max_output_tokens": 2}])
def test_every_event_is_as_the_sdk_declares_it(server: ReplayServer, extra: dict[str, Any]) -> None:
    asked = {"model": "gpt-5", "input": "Where is order 4711?", "stream": True} | extra
    came = httpx2.post(f"{server.base_url('reference')}/responses", json=asked, timeout=10)
    told = [line.removeprefix("data: ") for line in came.text.splitlines() if line.startswith("data: ")]
    kinds = [EVENT.validate_json(one, strict=True).type for one in told]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == ("response.incomplete" if "max_output_tokens" in extra else "response.completed")
    assert came.headers[NOTE] == "reference/responses; provenance=synthesised; OpenAI's own form of Responses"


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "input"), ({"input": [7]}, 400, "input"), ({"input": "x", "tools": "x"}, 400, "tools"),
        ({"input": "x", "max_output_tokens": 0}, 400, "max_output_tokens"),
        ({"input": "x", "previous_response_id": "resp_1"}, 400, "previous_response_id"),
        ({"input": "x", "model": "no-such-model"}, 404, None),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, 400, "input.[0].role"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(server: ReplayServer, body: dict[str, Any], status: int, param: str | None) -> None:
    came = httpx2.post(f"{server.base_url('reference')}/responses", json={"model": "gpt-5"} | body, timeout=10)
    assert (came.status_code, came.json()["error"]["param"]) == (status, param)


@pytest.mark.parametrize("depth", [100, 300, 900, 1_100])
@pytest.mark.parametrize("path", ["responses", "chat/completions", "messages", "completions"])
def test_a_request_nested_deep_is_answered_or_refused(server: ReplayServer, path: str, depth: int) -> None:
    deep = f"{'[' * depth}{']' * depth}"
    kept = f'"messages":[{{"role":"user","content":"x"}}],"prompt":"x","input":[{{"role":"user","content":"x","at":{deep}}}]'
    tools = f'"tools":[{{"type":"function","name":"f","function":{{"name":"f","parameters":{{"at":{deep}}}}}}}]'
    for body in (f'{{"model":"m","max_tokens":9,{kept}}}', f'{{"model":"m","max_tokens":9,{kept},{tools}}}'):
        came = httpx2.post(f"{server.base_url('reference')}/{path}", content=body, timeout=10)
        assert came.status_code < 500, came.text


def test_another_provider_says_who_answers(server: ReplayServer) -> None:
    came = httpx2.post(f"{server.base_url('deepseek')}/responses", json={"model": "m", "input": "x"}, timeout=10)
    assert came.status_code == 404
    assert "use the base URL /reference/v1" in came.json()["error"]["message"]


@pytest.mark.parametrize("streamed", [True, False])
def test_a_conversation_goes_on_from_a_response(client: openai.OpenAI, *, streamed: bool) -> None:
    def ask(**more: Any) -> Any:
        if not streamed:
            return client.responses.create(model="gpt-5", tools=[TOOL], **more)
        with client.responses.stream(model="gpt-5", tools=[TOOL], **more) as stream:
            return stream.get_final_response()

    first = ask(input="Where is order 4711?")
    (call,) = first.output
    told: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "on its way"}]
    second = ask(input=told, previous_response_id=first.id)
    assert second.output_text == "The tools say: on its way"
    assert second.previous_response_id == first.id
    third = ask(input="And order 12?", previous_response_id=second.id)
    assert third.output[0].arguments == '{"order_id":12}'
    assert third.usage.input_tokens > second.usage.input_tokens > first.usage.input_tokens
    unkept = ask(input="Where is order 5?", store=False)
    with pytest.raises(openai.BadRequestError, match="not found") as refused:
        ask(input="And now?", previous_response_id=unkept.id)
    assert refused.value.code == "previous_response_not_found"


CODE: Any = {"type": "custom", "name": "run_code", "description": "Runs code."}


def test_a_custom_tool_is_called_with_text(client: openai.OpenAI, server: ReplayServer) -> None:
    first = client.responses.create(model="gpt-5", input="Run the code", tools=[CODE])
    (call,) = first.output
    assert call.type == "custom_tool_call"
    assert (call.name, call.input) == ("run_code", "input")
    told: Any = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "42"}
    items: Any = [{"role": "user", "content": "Run the code"}, call.to_dict(), told]
    assert client.responses.create(model="gpt-5", input=items, tools=[CODE]).output_text == "The tools say: 42"
    asked = {"model": "gpt-5", "input": "Run the code", "tools": [CODE], "stream": True}
    asked["tool_choice"] = {"type": "custom", "name": "run_code"}
    came = httpx2.post(f"{server.base_url('reference')}/responses", json=asked, timeout=10)
    events = [
        EVENT.validate_json(line[6:], strict=True) for line in came.text.splitlines() if line.startswith("data: ")
    ]
    deltas = [one.delta for one in events if one.type == "response.custom_tool_call_input.delta"]
    assert "".join(deltas) == events[-1].response.output[0].input == "input"


def test_the_tools_that_are_allowed_are_called(client: openai.OpenAI) -> None:
    tools: Any = [TOOL | {"name": name} for name in ("find_order", "drop_order")]
    choice: Any = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "drop_order"}]}
    made = client.responses.create(model="gpt-5", input="find order 4711", tools=tools, tool_choice=choice)
    assert [one.name for one in made.output if one.type == "function_call"] == ["drop_order"]
