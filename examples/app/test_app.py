"""The app on recorded responses of providers, without keys: plain, broken off, and in other forms that are right too."""

import json
from typing import Any

import pytest
from app import CutShortError, ask, ask_async

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "cancel_order",
            "description": "Cancel an order.",
            "parameters": {
                "type": "object",
                "properties": {"order_id": {"type": "integer"}},
                "required": ["order_id"],
            },
        },
    }
]


@pytest.mark.compat(
    providers=["deepseek", "bailian", "volcengine"],
    scenarios=["chat.stream", "tools.auto"],
    faults=["stream-cut"],
    variants=["line-ends-crlf"],
)
def test_the_answer_is_read_whole_or_not_at_all(compat_provider: Any) -> None:
    def asked() -> Any:
        return ask(compat_provider.base_url, compat_provider.model, "Hello!")

    if compat_provider.fault:
        with pytest.raises(CutShortError):
            asked()
        return
    answer = asked()
    assert answer.text == compat_provider.text
    assert [tuple(call) for call in answer.calls.values()] == [
        (one.name, one.arguments) for one in compat_provider.calls
    ]


@pytest.mark.compat(providers=["reference"], scenarios="chat.stream", faults=["stream-cut"])
async def test_the_same_without_blocking(compat_provider: Any) -> None:
    asked = ask_async(compat_provider.base_url, compat_provider.model, "Hello!")
    if compat_provider.fault:
        with pytest.raises(CutShortError):
            await asked
    else:
        assert (await asked).text == compat_provider.text


@pytest.mark.parametrize(("provider", "model"), [("deepseek", "deepseek-flash"), ("reference", "gpt-4o-mini")])
def test_my_own_tool_is_called(compat_server: Any, provider: str, model: str) -> None:
    answer = ask(compat_server.base_url(provider), model, "Please cancel order 4711.", TOOLS)
    (call,) = answer.calls.values()
    assert (call[0], json.loads(call[1])) == ("cancel_order", {"order_id": 4711})
