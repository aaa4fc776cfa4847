"""Parameters that nobody knows are refused where OpenAI and Anthropic refuse them, and answered elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anthropic.types import message_create_params as messages
from anthropic.types.beta import message_create_params as beta
from openai.types.chat import completion_create_params as chat
from openai.types.responses import response_create_params as responses

from harness.serve.embedded import ReplayServer
from harness.simulate.known_parameters import OF_CHAT, OF_MESSAGES, OF_RESPONSES

ROOT = Path(__file__).resolve().parents[2]
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def server() -> Iterator[ReplayServer]:
    with ReplayServer("reference", "deepseek", root=ROOT) as server:
        yield server


@pytest.mark.parametrize(
    "name", ["enable_thinking", "thinking", "top_k", "num_ctx", "chat_template_kwargs", "cafe\u0301"]
)
@pytest.mark.parametrize("stream", [True, False])
def test_the_reference_refuses_what_openai_does_not_know(server: ReplayServer, name: str, *, stream: bool) -> None:
    body = {"model": "gpt-4o-mini", **ASKED, "stream": stream, name: {}}
    said = httpx2.post(f"{server.base_url('reference')}/chat/completions", json=body)
    error = said.json()["error"]
    assert (said.status_code, error["param"], error["code"]) == (400, name, "unknown_parameter")
    assert error["message"] == f"Unknown parameter: '{name}'."
    nothing = httpx2.post(f"{server.base_url('reference')}/chat/completions", json=body | {name: None})
    kept = httpx2.post(f"{server.base_url('deepseek')}/chat/completions", json=body | {"model": "deepseek-flash"})
    assert kept.status_code == nothing.status_code == 200


def test_what_is_wrong_besides_comes_first(server: ReplayServer) -> None:
    body = {"model": "gpt-4o-mini", **ASKED, "top_k": 1, "n": 0}
    said = httpx2.post(f"{server.base_url('reference')}/chat/completions", json=body)
    assert said.json()["error"]["param"] == "n"


def test_responses_know_no_messages(server: ReplayServer) -> None:
    for more, status in (({"messages": []}, 400), ({"max_tokens": 5}, 400), ({"include": []}, 200)):
        said = httpx2.post(
            f"{server.base_url('reference')}/responses", json={"model": "gpt-4o-mini", "input": "x", **more}
        )
        assert said.status_code == status
        assert status == 200 or said.json()["error"]["code"] == "unknown_parameter"


def test_messages_permit_no_extra_inputs_at_anthropic_alone(server: ReplayServer) -> None:
    body = {"model": "m", "max_tokens": 9, **ASKED, "response_format": {"type": "text"}}
    said = httpx2.post(f"{server.url}/reference/v1/messages", json=body)
    assert said.status_code == 400
    assert said.json()["error"]["message"] == "response_format: Extra inputs are not permitted"
    assert httpx2.post(f"{server.url}/deepseek/v1/messages", json=body).status_code == 200
    assert httpx2.post(f"{server.url}/reference/v1/messages", json=body | {"response_format": None}).status_code == 400


def test_all_that_the_sdks_send_is_known() -> None:
    assert {*chat.CompletionCreateParamsBase.__annotations__, "stream"} == OF_CHAT
    assert {*responses.ResponseCreateParamsBase.__annotations__, "stream"} == OF_RESPONSES
    of_anthropic = {*messages.MessageCreateParamsBase.__annotations__, *beta.MessageCreateParamsBase.__annotations__}
    older = {"stream", "output_format", "temperature", "top_k", "top_p"}
    assert of_anthropic - {"betas"} | older == OF_MESSAGES  # betas go in a header
