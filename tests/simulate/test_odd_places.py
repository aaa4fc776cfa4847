"""A request with an odd value in any place is answered or rejected: no handler raises."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from harness.errors import NotRecorded
from harness.matrix.providers import load_matrix
from harness.serve.recording_index import CHAT_PATH, RecordingIndex
from harness.serve.synthesis import Synthesiser

ROOT = Path(__file__).resolve().parents[2]
ODD: tuple[Any, ...] = (None, True, 0, -3, 1.5, "", "x", [], ["x"], [[]], {}, {"x": 1}, [{}], [None])
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": [{"type": "text", "text": "Weather in Paris?"}, {"type": "image_url", "image_url": {}}]},
        {"role": "assistant", "content": "", "reasoning_content": "hm",
         "tool_calls": [{"id": "a", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "18"},
    ],
    "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}],
    "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}},
    "stream": True, "stream_options": {"include_usage": True}, "stop": ["q"], "n": 2, "max_tokens": 90, "temperature": 1,
    "logprobs": True, "top_logprobs": 2, "reasoning_effort": "none", "thinking": {"type": "disabled"},
}  # fmt: skip
MESSAGES: dict[str, Any] = {
    "max_tokens": 4000,
    "system": [{"type": "text", "text": "Be short."}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}, {"type": "image", "source": {}}]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "x"},
            {"type": "tool_use", "id": "a", "name": "get_weather", "input": {"city": "Paris"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "18"}]}]},
    ],
    "tools": [{"name": "get_weather", "input_schema": SCHEMA}, {"type": "web_search_20250305", "name": "web_search"}],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    "stream": True, "stop_sequences": ["q"], "temperature": 1,
}  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of each value in a request."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from places(one, (*path, key))


def put(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = deepcopy(body)
    room: Any = changed
    for key in path[:-1]:
        room = room[key]
    room[path[-1]] = value
    return changed


@pytest.fixture(scope="module")
def statuses() -> Callable[[str, str, dict[str, Any]], set[int]]:
    matrix = load_matrix(ROOT / "providers.yaml")
    index = RecordingIndex(matrix, ROOT, synthesiser=Synthesiser(matrix, ROOT))

    def of(provider: str, path: str, body: dict[str, Any]) -> set[int]:
        found = set()
        for place in places(body):
            for value in ODD:
                try:
                    found.add(index.choose(provider, put(body, place, value), path=path).exchange.response.status)
                except NotRecorded:  # pragma: no cover
                    found.add(0)
        return found

    return of


@pytest.mark.parametrize(("provider", "model"), [("reference", "gpt-4o-mini"), ("deepseek", "deepseek-flash")])
def test_odd_values_in_chat(statuses: Callable[..., set[int]], provider: str, model: str) -> None:
    assert statuses(provider, CHAT_PATH, CHAT | {"model": model}) <= {200, 400, 404, 422}


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_odd_values_in_messages(statuses: Callable[..., set[int]], path: str) -> None:
    assert statuses("reference", path, MESSAGES | {"model": "claude-haiku-4-5"}) == {200, 400}
