"""
Measures what a client sends back after a tool call: whether the reasoning of that turn is included.

Some providers require the reasoning in the next request, others reject it, so this is reported and not judged.
"""

from collections.abc import Iterator
from typing import Any

from harness.clients.answer_server import AnswerServer
from harness.clients.catalogue import ENVIRONMENTS
from harness.clients.client import Client
from harness.clients.client_runner import ClientRunner
from harness.clients.trials import Trial
from harness.matrix.messages import TOOLS as TOOLS_OF_MESSAGES
from harness.matrix.scenarios import TOOLS
from harness.results import LoopFinding
from harness.serve.recording_index import REFERENCE
from harness.simulate.chat import ideal as chat
from harness.simulate.edits import chunks, has_choice, rename
from harness.simulate.messages import ideal as messages
from harness.wire.dialect import DialectName
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, objects_in

GIVEN = ("reasoning_content", "reasoning")
"""The keys in which providers send reasoning."""

THOUGHT = "thinking"
"""The block in which Messages have it; it is sent back with its signature, or Anthropic rejects the next request."""

_UNSIGNED = f"{THOUGHT} without its signature"
_GIVEN: dict[DialectName, tuple[str, ...]] = {"chat": GIVEN, "messages": (THOUGHT,)}
_ASKED = {"model", "messages", "tools", "stream", "stream_options", "max_tokens"}
_ASKING: Json = {
    "messages": [{"role": "user", "content": "What is the weather in Paris? Use the tool."}],
    "stream": True,
}
_CHAT: Json = {"model": chat.MODEL, **_ASKING, "stream_options": {"include_usage": True}}
_MESSAGES: Json = {"model": messages.MODEL, **_ASKING, "max_tokens": 1024}


def round_trips_of(client: Client) -> Iterator[LoopFinding]:
    """Yield what a client sends back, for each key of reasoning."""
    with AnswerServer() as answer_server, ClientRunner(answer_server, ENVIRONMENTS[client.env]) as runner:
        for key in _GIVEN[client.dialect]:
            model = str(_answer(key).request.get("model"))
            first, second = (Trial(REFERENCE, model, "tools.round-trip", one) for one in (_call(key), _answer(key)))
            output, asked = runner.loop(client, first, second)
            if output.env is None:
                said = str(output.failure) if output.failure else "it did not end in time" if output.hung else ""
                yield _finding(client, key, asked, said)


def _call(key: str) -> Exchange:
    """Return a response with reasoning under ``key`` that ends in a call."""
    if key == THOUGHT:
        return messages.exchange(
            {**_MESSAGES, **TOOLS_OF_MESSAGES, "thinking": {"type": "enabled", "budget_tokens": 1024}}
        )
    thought = chat.exchange({**_CHAT, **TOOLS, "reasoning_effort": "medium"})
    if key == GIVEN[0]:
        return thought
    return chunks(has_choice, rename(f"choices/*/delta/{GIVEN[0]}", key))(thought)


def _answer(key: str) -> Exchange:
    return messages.exchange(_MESSAGES) if key == THOUGHT else chat.exchange(_CHAT)


def _finding(client: Client, given: str, asked: list[dict[str, Any]], message: str) -> LoopFinding:
    turn = _called(asked[-1]) if len(asked) > 1 else None
    if turn is None:
        return LoopFinding(client.id, given, message=message or "it sent no second request with the call in it")
    sent = _sent_thought(turn) if given == THOUGHT else next((key for key in GIVEN if turn.get(key)), None)
    adds = sorted(asked[0].keys() - _ASKED)
    return LoopFinding(client.id, given, sent, _form(turn), tuple(adds), message)


def _called(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the message with the call, as it was sent back."""
    return next((message for message in objects_in(body.get("messages")) if _calls(message)), None)


def _calls(message: Json) -> bool:
    return bool(message.get("tool_calls")) or "tool_use" in _kinds(message)


def _kinds(message: Json) -> list[str]:
    return [str(block.get("type")) for block in objects_in(message.get("content"))]


def _sent_thought(turn: Json) -> str | None:
    thoughts = [block for block in objects_in(turn.get("content")) if block.get("type") == THOUGHT]
    if not thoughts:
        return None
    return THOUGHT if all(block.get("signature") for block in thoughts) else _UNSIGNED


def _form(turn: dict[str, Any]) -> str:
    if "content" not in turn:
        return "missing"
    if not turn.get("tool_calls"):
        return ", ".join(_kinds(turn))
    content = turn["content"]
    return "null" if content is None else '""' if content == "" else "text" if isinstance(content, str) else "parts"
