"""Defines the scenarios of Messages, and their requests."""

import json
from typing import Any

from harness.matrix.scenarios import Scenario
from harness.wire.messages.columns import Block, MessageColumns
from harness.wire.shapes import Json

VERSION = "2023-06-01"
"""The ``anthropic-version`` that is sent, the latest."""

_HELLO = "用一句话打个招呼，并带一个表情符号。 Then say it in English."
_COUNT = "Count from 1 to 40 in digits, separated by commas and nothing else."
_COMPARE = "Which is larger, 9.11 or 9.8? Answer with the number only."
_WEATHER = "What is the weather in Paris? Use the tool."
_BOTH = "What is the weather in Paris, and what time is it in Tokyo? Call both tools at once."
_RESULT = '{"weather": "18 degrees, light rain", "code": "TEAL-42"}'
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_ENOUGH = 512
_BUDGET = 1024
_STREAM: Json = {"stream": True}
_BAD_REQUEST = (400, 422)
_OK = 200


def _tool(name: str, what: str, parameter: str) -> Json:
    schema = {"type": "object", "properties": {parameter: {"type": "string"}}, "required": [parameter]}
    return {"name": name, "description": what, "input_schema": schema}


TOOLS: Json = {
    "tools": [
        _tool("get_weather", "Get the weather of a city.", "city"),
        _tool("get_time", "Get the time in a zone such as CET.", "zone"),
    ]
}


def _ask(name: str, title: str, prompt: str = _HELLO, **more: Any) -> Scenario:
    return Scenario(f"messages.{name}", title, prompt, dialect="messages", **more)


_TABLE = (
    _ask("stream", "A short answer, streamed.", params=_STREAM),
    _ask("nonstream", "The same, non-streaming."),
    _ask("both-forms", "The same question, streaming and non-streaming.", params=_STREAM, repeat_with={}),
    _ask("both-dialects", "The same question in chat completions, then in Messages.", in_chat_first=True),
    _ask("both-dialects-tool", "A question that a tool answers, in chat completions, then in Messages.", _WEATHER, params=TOOLS, needs=("tools",), in_chat_first=True),
    _ask("capped", "A long answer, capped at 12 tokens, streamed.", _COUNT, params=_STREAM | {"max_tokens": 12}),
    _ask("stop", "An answer that a stop sequence ends, streamed.", _COUNT, params=_STREAM | {"stop_sequences": ["7"]}),
    _ask("tool", "A question that a tool answers, streamed.", _WEATHER, params=_STREAM | TOOLS, needs=("tools",)),
    _ask("tool-nonstream", "The same, non-streaming.", _WEATHER, params=TOOLS, needs=("tools",)),
    _ask("two-tools", "Two parallel tool calls, streamed.", _BOTH, params=_STREAM | TOOLS, needs=("tools", "parallel-tools")),
    _ask("tool-result", "A tool call and its result, streamed.", _WEATHER, params=_STREAM | TOOLS, needs=("tools",), tested_parameter="a tool's result", follow_up="tool-result"),
    _ask("thinking-stream", "A question to think about, streamed.", _COMPARE, thinking=True, params=_STREAM),
    _ask("thinking-tool", "A tool call after reasoning, and its result with the reasoning sent back.", _WEATHER, thinking=True, params=_STREAM | TOOLS, needs=("tools",), tested_parameter="a thought sent back", follow_up="tool-result", echo_reasoning=True),
    _ask("thinking-left-out", "The same, without the reasoning.", _WEATHER, thinking=True, params=_STREAM | TOOLS, needs=("tools",), statuses=(_OK, *_BAD_REQUEST), tested_parameter="a thought left out", follow_up="tool-result"),
    _ask("history", "A second question.", tested_parameter="an earlier answer", follow_up="and in French?"),
    _ask("image", "A picture and a question.", parts=True, statuses=(_OK, *_BAD_REQUEST), tested_parameter="an image"),
    _ask("system-role", "Instructions under the role system, between messages.", role="system", tested_parameter="role system"),
    _ask("bearer", "The API key in Authorization: Bearer only.", params=_STREAM, key_header="bearer", needs=("key",)),
    _ask("x-api-key", "The API key in x-api-key only.", params=_STREAM, key_header="x-api-key", needs=("key",)),
    _ask("unknown-beta", "An unknown beta header, and ?beta=true.", params=_STREAM, beta="unknown-2026-01-01"),
    _ask("count-tokens", "Counts the tokens of a prompt.", path="/count_tokens", statuses=(_OK, 404, 405, 501)),
    _ask("bad-key", "An invalid API key.", statuses=(401, 403), key="wrong", needs=("key",)),
    _ask("unknown-model", "A model that does not exist.", statuses=(404, 400), model="no-such-model-7"),
    _ask("no-cap", "The required max_tokens is missing.", statuses=_BAD_REQUEST, omit=("max_tokens",)),
    _ask("no-messages", "No messages.", statuses=_BAD_REQUEST, omit=("messages",)),
    _ask("malformed-json", "A body that is not JSON.", statuses=_BAD_REQUEST, raw_body=b'{"model": "m", "messages": ['),
    _ask("wrong-type", "A string instead of a number.", statuses=_BAD_REQUEST, params={"max_tokens": "many"}),
)  # fmt: skip

MESSAGES: dict[str, Scenario] = {scenario.id: scenario for scenario in _TABLE}
"""The scenarios of Messages, by id."""


def versioned(base_url: str) -> str:
    """Return a base URL in OpenAI's form, ending in /v1, given it or one in the form of ``ANTHROPIC_BASE_URL``."""
    base = base_url.rstrip("/")
    return base if base.endswith("/v1") else f"{base}/v1"


def address(base_url: str, scenario: Scenario) -> str:
    """
    Return the URL of a scenario, given a base URL as ``ANTHROPIC_BASE_URL`` takes it, or one that ends in /v1.

    It gets the same path that Anthropic's SDK appends.
    """
    return f"{versioned(base_url)}/messages{scenario.path or ''}{'?beta=true' if scenario.beta else ''}"


def headers(scenario: Scenario, key: str) -> dict[str, str | None]:
    """Return the headers of a scenario's requests; None for one that other scenarios send and this one omits."""
    bearer = f"Bearer {key}" if scenario.key_header != "x-api-key" else None
    own = {"x-api-key": key} if scenario.key_header != "bearer" else {}
    beta = {"anthropic-beta": scenario.beta} if scenario.beta else {}
    return {"Authorization": bearer, **own, "anthropic-version": VERSION, **beta}


def first_body(scenario: Scenario, model: str) -> Json:
    """Return the JSON of a scenario's first request."""
    content: Any = scenario.prompt
    if scenario.parts:
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _PIXEL}}
        content = [image, {"type": "text", "text": "What colour is it? One word."}]
    messages = [{"role": "user", "content": content}]
    if scenario.role == "system":
        messages += [{"role": "system", "content": "Answer in one short sentence."}]
    cap = {} if scenario.path else {"max_tokens": _ENOUGH + (2 * _BUDGET if scenario.thinking else 0)}
    thinking = {"thinking": {"type": "enabled", "budget_tokens": _BUDGET}} if scenario.thinking else {}
    body = {"model": scenario.model or model, **cap, "messages": messages, **thinking, **scenario.params}
    return {key: value for key, value in body.items() if key not in scenario.omit}


def body_in_chat(scenario: Scenario, model: str, switch: Json) -> Json:
    """Return the JSON of the same request in chat completions, with the provider's own thinking ``switch``."""
    body = first_body(scenario, model)
    tools = [
        {
            "type": "function",
            "function": {"name": one["name"], "description": one["description"], "parameters": one["input_schema"]},
        }
        for one in body.get("tools", ())
    ]
    return {"model": body["model"], "messages": body["messages"], **({"tools": tools} if tools else {}), **switch}


def second_body(scenario: Scenario, body: Json, answer: MessageColumns) -> Json:
    """Return the JSON of a scenario's second request, given the first and its response."""
    if scenario.repeat_with is not None:
        return {key: value for key, value in body.items() if key != "stream"} | scenario.repeat_with
    said = [one for block in answer.blocks if (one := _sent_back(scenario, block)) is not None]
    results = [
        {"type": "tool_result", "tool_use_id": block.head.get("id"), "content": _RESULT}
        for block in answer.blocks
        if block.kind == "tool_use"
    ]
    turn: Any = "And in French?" if scenario.follow_up == "and in French?" else results
    more = [{"role": "assistant", "content": said}, {"role": "user", "content": turn}]
    return body | {"messages": [*body["messages"], *more]}


def _sent_back(scenario: Scenario, block: Block) -> Json | None:
    """Return a block as it is sent back in the history; None if it is not."""
    if block.kind == "thinking":
        sent = {"type": "thinking", "thinking": block.thinking, "signature": block.signature}
        return sent if scenario.echo_reasoning else None
    if block.kind == "tool_use":
        try:
            arguments = json.loads(block.arguments or "{}")
        except ValueError:
            arguments = {}
        return {"type": "tool_use", "id": block.head.get("id"), "name": block.head.get("name"), "input": arguments}
    return {"type": "text", "text": block.text} if block.kind == "text" and block.text else None
