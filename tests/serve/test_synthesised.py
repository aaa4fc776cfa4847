"""Requests without a recording get a response in the provider's manner that says so; the server inside a program."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam
from pydantic import BaseModel

from harness.errors import NotRecorded, UnknownName
from harness.matrix.scenarios import SCENARIOS, request_body
from harness.recording.replayed import NOTE
from harness.serve.embedded import ReplayServer

ROOT = Path(__file__).resolve().parents[2]
TOOLS: list[ChatCompletionToolUnionParam] = [
    {
        "type": "function",
        "function": {
            "name": "lookup_order",
            "description": "Find an order.",
            "parameters": {
                "type": "object",
                "properties": {"order_id": {"type": "integer"}, "fields": {"type": "array", "items": {"enum": ["a", "b"]}}},
                "required": ["order_id", "fields"],
                "additionalProperties": False,
            },
            "strict": True,
        },
    }
]  # fmt: skip
ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Where is order 4711?"}]
MODELS = {
    "reference": "gpt-4o-mini",
    "deepseek": "deepseek-flash",
    "bailian": "qwen-plus",
    "volcengine": "doubao-seed-1.8",
}


class Line(BaseModel):
    name: str
    kind: Literal["small", "large"]
    after: "Line | None"


class Bill(BaseModel):
    lines: list[Line]
    total: float
    paid: bool


@pytest.fixture(scope="module")
def server() -> Iterator[ReplayServer]:
    with ReplayServer(root=ROOT) as server:
        yield server


def client_of(server: ReplayServer, provider: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.base_url(provider), api_key="none", max_retries=0)


@pytest.mark.parametrize("provider", MODELS)
def test_a_tools_loop_calls_the_apps_own_tool_and_tells_its_result(server: ReplayServer, provider: str) -> None:
    client = client_of(server, provider)
    answer = client.chat.completions.create(model=MODELS[provider], messages=ASKED, tools=TOOLS).choices[0].message
    called = answer.to_dict()["tool_calls"]
    assert isinstance(called, list)
    assert [(one["function"]["name"], json.loads(one["function"]["arguments"])) for one in called] == [
        ("lookup_order", {"order_id": 4711, "fields": ["a"]})
    ]
    back: list[Any] = [
        *ASKED,
        answer.to_dict(),
        {"role": "tool", "tool_call_id": called[0]["id"], "content": "on its way"},
    ]
    told = client.chat.completions.create(model=MODELS[provider], messages=back, tools=TOOLS)
    assert "on its way" in (told.choices[0].message.content or "")


@pytest.mark.parametrize("provider", MODELS)
def test_the_stream_helper_and_choices_of_tools_work(server: ReplayServer, provider: str) -> None:
    client, model = client_of(server, provider), MODELS[provider]
    with client.chat.completions.stream(
        model=model, messages=ASKED, tools=TOOLS, stream_options={"include_usage": True}
    ) as stream:
        final = stream.get_final_completion()
    assert final.usage
    calls: Any = final.choices[0].message.to_dict()["tool_calls"]
    assert [call["function"]["name"] for call in calls] == ["lookup_order"]
    none = client.chat.completions.create(model=model, messages=ASKED, tools=TOOLS, tool_choice="none")
    assert not none.choices[0].message.tool_calls
    cut = client.chat.completions.create(model=model, messages=ASKED, max_tokens=3)
    assert (cut.choices[0].finish_reason, cut.usage and cut.usage.completion_tokens) == ("length", 3)


@pytest.mark.parametrize("provider", ["reference", "bailian", "volcengine"])
def test_structured_output_fits_the_apps_own_model(server: ReplayServer, provider: str) -> None:
    client = client_of(server, provider)
    answer = client.chat.completions.parse(model=MODELS[provider], messages=ASKED, response_format=Bill)
    assert isinstance(answer.choices[0].message.parsed, Bill)
    assert answer.choices[0].message.parsed.lines[0].kind == "small"


def test_what_a_provider_lacks_is_refused_in_its_words(server: ReplayServer) -> None:
    with pytest.raises(openai.BadRequestError, match="This response_format type is unavailable now"):
        client_of(server, "deepseek").chat.completions.parse(
            model="deepseek-flash", messages=ASKED, response_format=Bill
        )
    with pytest.raises(openai.NotFoundError):
        client_of(server, "reference").chat.completions.create(model="does-not-exist", messages=ASKED)


def post(server: ReplayServer, provider: str, **body: Any) -> httpx2.Response:
    asked = {"messages": ASKED} | body
    return httpx2.post(f"{server.base_url(provider)}/chat/completions", json=asked, timeout=10)


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_thinks_unasked_where_its_provider_does_so(server: ReplayServer, *, stream: bool) -> None:
    def thinks(provider: str, model: str, **body: Any) -> bool:
        text = post(server, provider, model=model, stream=stream, **body).text
        return re.search(r'"reasoning_content":"[^"]', text) is not None

    assert thinks("deepseek", "deepseek-flash")
    assert thinks("deepseek", "deepseek-v4-pro", tools=TOOLS)
    assert not thinks("deepseek", "deepseek-flash", thinking={"type": "disabled"})
    assert not thinks("bailian", "qwen-plus")
    assert thinks("bailian", "qwen-plus", enable_thinking=True)
    assert not thinks("deepseek", "deepseek-flash", thinking={"type": "disabled", "budget_tokens": 9})
    forced = {"type": "function", "function": {"name": "lookup_order"}}
    refused = post(server, "deepseek", model="deepseek-flash", tools=TOOLS, tool_choice=forced, stream=stream)
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        400, "Thinking mode does not support this tool_choice",
    )  # fmt: skip


def test_functions_of_the_older_form_and_custom_tools_are_called(server: ReplayServer) -> None:
    offered = {
        "functions": [{"name": "find", "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}}]
    }
    choice = post(server, "reference", model="gpt-4o-mini", **offered).json()["choices"][0]
    assert choice["finish_reason"] == "function_call"
    assert choice["message"]["function_call"] == {"name": "find", "arguments": '{"n":4711}'}
    assert "tool_calls" not in choice["message"]
    named = post(server, "reference", model="gpt-4o-mini", function_call={"name": "find"}, **offered).json()
    assert named["choices"][0]["finish_reason"] == "stop"
    custom: Any = {"tools": [{"type": "custom", "custom": {"name": "run"}}], "tool_choice": "required"}
    call = post(server, "reference", model="gpt-4o-mini", **custom).json()["choices"][0]["message"]["tool_calls"][0]
    assert (call["type"], call["custom"]) == ("custom", {"name": "run", "input": "input"})
    client = client_of(server, "reference")
    texts: list[Any] = []
    for chunk in client.chat.completions.create(model="gpt-4o-mini", messages=ASKED, stream=True, extra_body=custom):
        texts += [one.to_dict() for one in chunk.choices[0].delta.tool_calls or ()]
    told = [one["custom"] for one in texts]
    assert (told[0], "".join(one["input"] for one in told[1:])) == ({"name": "run", "input": ""}, "input")


def test_an_answer_says_what_it_rests_on(server: ReplayServer) -> None:
    server.forget()
    recorded = post(server, "deepseek", model="deepseek-flash")
    made = post(server, "deepseek", model="deepseek-flash", tools=TOOLS)
    guessed = post(server, "qianfan", model="deepseek-v3.2", tools=TOOLS)
    unknown = post(server, "llamacpp", model="tiny-chat", tools=TOOLS)
    assert "provenance=synthesised" not in recorded.headers[NOTE]
    assert made.headers[NOTE].startswith("deepseek/deepseek-flash/synthesised; provenance=synthesised; recording of 20")
    assert "no recording shows" not in made.headers[NOTE]
    assert guessed.headers[NOTE].endswith("no recording shows tools, so it is made of the nearest")
    assert unknown.headers[NOTE].startswith("llamacpp/tiny-chat/synthesised; provenance=synthesised; recording of 20")
    assert [one["answer"] for one in server.requests] == [
        one.headers[NOTE] for one in (recorded, made, guessed, unknown)
    ]
    told = httpx2.get(f"{server.url}/__harness/log").json()["requests"]
    assert [(one["method"], one["path"], one["status"]) for one in told][:1] == [
        ("POST", "/deepseek/v1/chat/completions", 200)
    ]
    httpx2.delete(f"{server.url}/__harness/log")
    assert server.requests == []


def test_json_whose_keys_the_prompt_names_is_not_that_of_another_prompt(server: ReplayServer) -> None:
    asked = [{"role": "user", "content": "A joke about cats, as JSON with 'setup' and 'punchline' keys."}]
    for provider in ("reference", "deepseek", "bailian"):
        body = {"messages": asked, "model": MODELS[provider], "response_format": {"type": "json_object"}}
        came = httpx2.post(f"{server.base_url(provider)}/chat/completions", json=body, timeout=10).json()
        assert set(json.loads(came["choices"][0]["message"]["content"])) == {"setup", "punchline"}


def test_a_request_without_a_model_is_answered(server: ReplayServer) -> None:
    for provider in ("reference", "volcengine"):
        assert post(server, provider).status_code == 200
        came = post(server, provider, tools=TOOLS)
        assert came.json()["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "lookup_order"


@pytest.mark.parametrize("name", ["tools.auto", "tools.forced", "tools.required", "tools.none"])
def test_a_tool_chosen_by_name_is_held_against_recordings(server: ReplayServer, name: str) -> None:
    body = request_body(SCENARIOS[name], MODELS["reference"], {})
    said = httpx2.post(f"{server.base_url('reference')}/chat/completions", json=body)
    assert said.status_code == 200, said.text


def test_recorded_only_refuses_what_no_recording_fits() -> None:
    with ReplayServer("deepseek", root=ROOT, recorded_only=True) as server:
        assert post(server, "deepseek", model="gpt-9").status_code == 404
        assert post(server, "deepseek", model="deepseek-flash").status_code == 200


def test_a_fault_is_put_into_what_is_made_too() -> None:
    with ReplayServer("reference", root=ROOT, fault="stream-cut") as server:
        came = post(server, "reference", model="gpt-9", stream=True, tools=TOOLS)
        assert "fault=stream-cut" in came.headers[NOTE]
        assert b"lookup_order" in came.content
        assert b"[DONE]" not in came.content


def test_what_is_made_streams_event_by_event_at_a_pace(server: ReplayServer) -> None:
    asked = {"messages": [{"role": "user", "content": "Say what nobody recorded"}], "stream": True}
    url = f"{server.base_url('reference')}/chat/completions"
    begun = time.monotonic()  # before the head is here: the first events may come with it
    with httpx2.stream("POST", url, json=asked, headers={"x-harness-pace": "0.01"}, timeout=10) as paced:
        pieces = [piece for piece in paced.iter_raw() if piece]
    assert len(pieces) == b"".join(pieces).count(b"\n\n") > 5
    assert time.monotonic() - begun > 0.05


def test_wrong_names_are_said() -> None:
    with pytest.raises(UnknownName, match="unknown provider or model 'deepsek'"):
        ReplayServer("deepsek", root=ROOT)
    with pytest.raises(UnknownName, match="unknown fault 'cut'"):
        ReplayServer(root=ROOT, fault="cut")
    with ReplayServer("reference", root=ROOT) as server, pytest.raises(NotRecorded, match="no provider 'deepseek'"):
        server.base_url("deepseek")


def test_an_unknown_provider_is_refused_and_not_made_up(server: ReplayServer) -> None:
    base = server.base_url("deepseek").replace("/deepseek/", "/deepsek/")
    for path in ("/chat/completions", "/models"):
        said = (
            httpx2.post(base + path, json={"model": "m", "messages": [{"role": "user", "content": "hi"}]}, timeout=30)
            if path == "/chat/completions"
            else httpx2.get(base + path, timeout=30)
        )
        assert said.status_code == 404
        assert "no provider 'deepsek' is served here; try deepseek" in said.json()["error"]["message"]


def test_no_answer_is_anothers(server: ReplayServer) -> None:
    """Of many concurrent requests each gets its own response, which repeats the question."""
    with httpx2.Client(timeout=30) as http:

        def wrong(number: int) -> str | None:
            provider = list(MODELS)[number % 4]
            asked = [{"role": "user", "content": f"What of ticket {number:04}?"}]
            stream = number % 3 == 0
            body = {
                "model": MODELS[provider],
                "messages": asked,
                "tools": TOOLS,
                "tool_choice": "none",
                "stream": stream,
            }
            came = http.post(f"{server.url}/{provider}/v1/chat/completions", json=body)
            said = "".join(re.findall(r'"content":"((?:[^"\\]|\\.)*)"', came.text))
            return None if f"{number:04}" in said else f"{number} {came.headers.get(NOTE)} {came.text[:300]}"

        with ThreadPoolExecutor(16) as pool:
            assert [one for one in pool.map(wrong, range(200)) if one] == []


def test_the_reference_refuses_what_openai_refuses_where_a_recording_is_near(server: ReplayServer) -> None:
    for more, code in (
        ({"tools": []}, "empty_array"),
        ({"messages": [{"role": "user", "content": [{"type": "x"}]}]}, "invalid_value"),
    ):
        answer = post(server, "reference", model="gpt-4o-mini", **more)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    custom = post(server, "reference", model="gpt-4o-mini", tools=[{"type": "custom", "custom": {"name": "c"}}])
    assert custom.status_code == 200
