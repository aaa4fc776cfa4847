"""Checks who answers a Messages request, and whether a tool call is one: gateways substitute other models."""

import re
from collections.abc import Iterator

from harness.checks import sources
from harness.checks.chat.model_names import another, makers, smaller
from harness.checks.failure_words import ABOUT_FAILURES, error_in, failure_in
from harness.checks.messages.answers import answer, known_request, of_kind, with_block
from harness.checks.registry import Reason, rule
from harness.results import Level, Problem
from harness.simulate.edits import chunks, set_value
from harness.simulate.messages.edits import typed
from harness.simulate.messages.ideal import of_other
from harness.simulate.messages.reference import BODY, STREAM, TOOL, TOOL_BODY
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, as_object, objects_in

_INVOKED = re.compile(
    r"<(?:\w+:)?invoke name=\"([\w.-]+)\">|<tool_call>\s*\{\s*\"name\": ?\"([\w.-]+)\"|<function=([\w.-]+)>"
)
_SHOWN = 120
_SAID = '<invoke name="get_weather">\n<parameter name="city">Paris</parameter>\n</invoke>'


def _any(_chunk: Json) -> bool:
    return True


def _public_model(exchange: Exchange) -> Reason | None:
    """A successful request for a public model."""
    asked = exchange.request.get("model")
    named = isinstance(asked, str) and bool(makers(asked))
    return known_request(exchange) or (
        None if named and exchange.message.start else "the request names no public model"
    )


@rule(
    "messages.model-served", Level.SHOULD, "The model that responds is the requested one.",
    sources.MESSAGES_API, _public_model,
    good=(STREAM, BODY, of_other(BODY, model="haiku")),
    bad=(
        chunks(_any, set_value("model", "gpt-4o-mini"))(BODY),
        chunks(typed("message_start"), set_value("message/model", "glm-5-flash"))(STREAM),
        of_other(BODY, model="claude-opus-4-5"),
    ),
    depends_on=("messages.object", "messages.model"),
)  # fmt: skip
def model_served(exchange: Exchange) -> Iterator[Problem]:
    """
    You pay for, evaluate and trust one model, and another one answers.

    Instead: Compare the two in each response, dates and prefixes aside, and stop if the family differs: `family in
    message.model.lower()`.
    """
    asked, begun = str(exchange.request.get("model")), exchange.message.start
    name = begun.value.get("model") if begun else None
    served = makers(name) if isinstance(name, str) else set()
    if begun and served and isinstance(name, str):
        shared = served & makers(asked)
        other = another(asked, name) if shared else None
        if other or not shared or smaller(asked, name):
            told = f": {other}" if other else ""
            yield Problem(f"{asked} was asked for, {name} answers{told}", ((begun.event, f"{begun.pointer}/model"),))


def _spoken(exchange: Exchange) -> Reason | None:
    """A message with text, to a request that is not about failures or JSON."""
    asked = json_text([(exchange.request.json or {}).get(key) for key in ("system", "messages")])
    about = ABOUT_FAILURES.search(asked) or "json" in asked.lower()
    return with_block(exchange, "text") or ("the request is about failures, or asks for JSON" if about else None)


@rule(
    "messages.text-said", Level.SHOULD, "Text is what the model says, not the report of a failure.",
    sources.MESSAGES_ERRORS, _spoken,
    good=(STREAM, BODY, chunks(_any, set_value("content/0/text", "[Note] A rate limit is a number of requests."))(BODY)),
    bad=(
        chunks(_any, set_value("content/0/text", "[API Error: 401 status code (no body)]"))(BODY),
        chunks(_any, set_value("content/0/text", '{"error":{"message":"upstream timed out","code":504}}'))(BODY),
        chunks(_any, set_value("content/0/text", 'API Error: 400 {"error":{"status":"INVALID_ARGUMENT"}}'))(BODY),
    ),
    depends_on=("messages.object", "messages.content-list", "messages.event-keys"),
)  # fmt: skip
def text_said(exchange: Exchange) -> Iterator[Problem]:
    """
    The client shows it as what the model said, with end_turn and status 200: nothing is asked again, and an agent answers it.

    Instead: Look for the words of this gateway before you show a text: `if text.startswith(known_failures): raise`.
    """
    for block in of_kind(exchange, "text"):
        said = error_in(block.text) or failure_in(block.text)
        if said:
            place = (block.deltas[0][0], "/delta/text") if block.deltas else (block.event, f"{block.pointer}/text")
            shown = " ".join(said.split())[:_SHOWN]
            yield Problem(f"the text is not the model's, but the report of a failure: {shown}", (place,))
            return


def _offers(exchange: Exchange) -> Reason | None:
    """A response to a request that offers tools and allows calls: otherwise a model describes what it would do."""
    forbidden = as_object(exchange.request.get("tool_choice")).get("type") == "none"
    offered = not forbidden and objects_in(exchange.request.get("tools"))
    return answer(exchange) or (None if offered else "no tools were offered")


@rule(
    "messages.call-in-block", Level.SHOULD, "A tool is called by a `tool_use` block, not by markup in the text.",
    sources.MESSAGES_API, _offers,
    good=(TOOL, TOOL_BODY),
    bad=(
        chunks(_any, set_value("content", [{"type": "text", "text": _SAID}]), set_value("stop_reason", "end_turn"))(TOOL_BODY),
        chunks(_any, set_value("content", [{"type": "text", "text": '<tool_call>{"name": "get_weather", "arguments": {}}</tool_call>'}]), set_value("stop_reason", "end_turn"))(TOOL_BODY),
    ),
    depends_on=("messages.object", "messages.content-list", "messages.event-keys"),
)  # fmt: skip
def call_in_block(exchange: Exchange) -> Iterator[Problem]:
    """
    No tool runs: an agent takes the turn as ended, and the user reads markup.

    Instead: If the text contains a call, ask again: `again = "<invoke name=" in text or "<tool_call>" in text`.
    """
    offered = {tool.get("name") for tool in objects_in(exchange.request.get("tools"))}
    called = {block.head.get("name") for block in of_kind(exchange, "tool_use")}
    for block in of_kind(exchange, "text"):
        names = (one[1] or one[2] or one[3] for one in _INVOKED.finditer(block.text))
        name = next((name for name in names if name in offered - called), None)
        if name:
            place = (block.deltas[-1][0], "/delta/text") if block.deltas else (block.event, f"{block.pointer}/text")
            yield Problem(f"a call of {name} is in the text, and no block calls it", (place,))
            return
