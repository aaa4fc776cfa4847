"""
What a client sends back once a tool was called: whether the reasoning of that turn goes with it.

Some providers require the reasoning in the next request, others reject it, so this is reported and not judged.
"""

from collections.abc import Iterator
from typing import Any

from harness.clients.answer_server import AnswerServer
from harness.clients.catalogue import ENVIRONMENTS
from harness.clients.client import Client
from harness.clients.client_runner import ClientRunner
from harness.clients.trials import Trial
from harness.matrix.scenarios import TOOLS
from harness.results import LoopFinding
from harness.serve.recording_index import REFERENCE
from harness.simulate.chat.ideal import MODEL, exchange
from harness.simulate.edits import chunks, has_choice, rename
from harness.wire.exchange import Exchange
from harness.wire.shapes import objects_in

GIVEN = ("reasoning_content", "reasoning")
"""The keys in which providers send reasoning."""

_ASKED = {"model", "messages", "tools", "stream", "stream_options"}
_QUESTION: dict[str, Any] = {
    "model": MODEL, "messages": [{"role": "user", "content": "What is the weather in Paris? Use the tool."}],
    "stream": True, "stream_options": {"include_usage": True},
}  # fmt: skip


def round_trips_of(client: Client) -> Iterator[LoopFinding]:
    """Yield what a client sends back, for each key in which the reasoning may come."""
    with AnswerServer() as answer_server, ClientRunner(answer_server, ENVIRONMENTS[client.env]) as runner:
        for key in GIVEN:
            first, second = (
                Trial(REFERENCE, MODEL, "tools.round-trip", one) for one in (_call(key), exchange(_QUESTION))
            )
            output, asked = runner.loop(client, first, second)
            if output.env is None:
                said = str(output.failure) if output.failure else "it did not end in time" if output.hung else ""
                yield _finding(client, key, asked, said)


def _call(key: str) -> Exchange:
    """Return a thought under ``key`` that ends in a call."""
    thought = exchange({**_QUESTION, **TOOLS, "reasoning_effort": "medium"})
    if key == GIVEN[0]:
        return thought
    return chunks(has_choice, rename(f"choices/*/delta/{GIVEN[0]}", key))(thought)


def _finding(client: Client, given: str, asked: list[dict[str, Any]], message: str) -> LoopFinding:
    turn = _called(asked[-1]) if len(asked) > 1 else None
    if turn is None:
        return LoopFinding(client.id, given, message=message or "it sent no second request with the call in it")
    sent = next((key for key in GIVEN if turn.get(key)), None)
    adds = sorted(asked[0].keys() - _ASKED)
    return LoopFinding(client.id, given, sent, _form(turn), tuple(adds), message)


def _called(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the message with the call, as it was sent back."""
    return next((message for message in objects_in(body.get("messages")) if message.get("tool_calls")), None)


def _form(turn: dict[str, Any]) -> str:
    if "content" not in turn:
        return "missing"
    content = turn["content"]
    return "null" if content is None else '""' if content == "" else "text" if isinstance(content, str) else "parts"
