"""Defines conditions for the rules of Messages, and their common parts."""

from collections.abc import Iterator
from typing import Any

from harness.checks.applies import body, complete_answer, success_status, uncut
from harness.checks.applies import stream as asked_for_stream
from harness.checks.kinds import KIND_PHRASES, n_of_m
from harness.checks.registry import NotApplicable, Reason
from harness.results import Advice, Problem
from harness.wire.dialect import COUNT_TOKENS, path_of
from harness.wire.exchange import Exchange
from harness.wire.messages import grammar
from harness.wire.messages.columns import Block
from harness.wire.shapes import Json, Shape, as_object, kind, objects_in

BEGUN = ("messages.begins",)
"""The checks that must pass before others of a message."""

_COUNTED = "the tokens were counted, no message was asked for"


_UNKNOWN = (
    "Readers of Messages find no content, block or event they know: the SDK raises TypeError or shows nothing, "
    "though the answer came."
)
IN_CHAT_FORM = Advice(
    _UNKNOWN,
    "Use the URL of chat completions with a client for it, or read it as one: `text = "
    'data["choices"][0]["message"]["content"]`.',
)
"""The impact of a body in the form of chat completions."""

IN_RESPONSES = Advice(
    _UNKNOWN,
    "Use the URL of the Responses API with a client for it, or read it as one: `text = "
    'data["output"][0]["content"][0]["text"]`.',
)
"""The impact of a body in the form of the Responses API."""

CHUNKS_OF_CHAT = Advice(
    _UNKNOWN,
    "Use the URL of chat completions with a client for it, or read it as one: `text += "
    'data["choices"][0]["delta"].get("content") or ""`.',
)
"""The impact of a stream in the form of chat completions."""

AGAIN = Advice(
    "Every delta is appended, so the input is not JSON: the tool does not run, or the SDK raises in the middle of the turn.",
    'Take the last piece alone if it is JSON, `json.loads(pieces[-1])`; else every second one: `json.loads("".join(pieces[::2]))`.',
)
"""The impact of input fragments that repeat earlier ones."""

WRITTEN_INPUT = Advice(
    '`block.input["city"]` raises TypeError: the input is a string, as in chat completions, and tools get no arguments.',
    "Parse it if it is one: `json.loads(block.input) if isinstance(block.input, str) else block.input`.",
)
"""The impact of a call input that is JSON in a string."""


def in_chat_form(value: Any) -> bool:
    """Return whether an object is one of chat completions."""
    return isinstance(as_object(value).get("choices"), list)


def counts(exchange: Exchange) -> bool:
    """Return whether the request only counts tokens."""
    return path_of(exchange.request.url).rstrip("/").endswith(COUNT_TOKENS)


def answer(exchange: Exchange) -> Reason | None:
    """A message was requested and sent."""
    return success_status(exchange) or (_COUNTED if counts(exchange) else None)


def stream(exchange: Exchange) -> Reason | None:
    """A message was requested as a stream, and not sent as a body."""
    return answer(exchange) or asked_for_stream(exchange) or (_AS_BODY if as_body(exchange) else None)


_AS_BODY = "the message came as a body, which http.stream-asked reports"


def as_body(exchange: Exchange) -> bool:
    """Return whether the message came as a body, whatever was asked for."""
    return exchange.message.start is not None and not exchange.message.is_stream


def whole_stream(exchange: Exchange) -> Reason | None:
    """A stream that was not shortened or closed before its end, and did not end in an error."""
    return stream(exchange) or complete_answer(exchange) or uncut(exchange) or _failed(exchange)


def _failed(exchange: Exchange) -> Reason | None:
    """No error ended the stream, neither an error event nor an error without a type."""
    if exchange.message.errors:
        return NotApplicable("an error ended the stream: messages.no-error", "blocked")
    bare = any(as_object(exchange.chunk(number)).get("error") for number in exchange.message.untyped) or any(
        step.event.endswith("_error") for step in exchange.message.steps
    )
    return NotApplicable("an error ended the stream: messages.error-event", "blocked") if bare else None


def one_body(exchange: Exchange) -> Reason | None:
    """A non-streaming message was requested, and sent."""
    return answer(exchange) or body(exchange)


def whole(exchange: Exchange) -> Reason | None:
    """A message that was not shortened or closed before its end."""
    if exchange.is_stream and not as_body(exchange):
        return whole_stream(exchange)
    return answer(exchange) or complete_answer(exchange)


def told_why(exchange: Exchange) -> Reason | None:
    """A complete message with a stop reason."""
    told = whole(exchange)
    missing = NotApplicable("it has no stop reason", "not-present")
    return told or (None if exchange.turn.stop else missing)


def with_block(exchange: Exchange, *kinds: str) -> Reason | None:
    """A message with a block of one of these kinds."""
    found = any(block.kind in kinds for block in exchange.message.blocks)
    return answer(exchange) or (
        None if found else NotApplicable(f"no block of {' or '.join(kinds)} came", "not-present")
    )


def with_call(exchange: Exchange) -> Reason | None:
    """A message that calls a client tool."""
    return with_block(exchange, "tool_use")


def with_thinking(exchange: Exchange) -> Reason | None:
    """A message with readable thinking."""
    return with_block(exchange, "thinking")


def with_usage(exchange: Exchange) -> Reason | None:
    """A message with a usage object."""
    missing = NotApplicable("no usage came", "not-present")
    return answer(exchange) or (None if any(one.value for one in exchange.message.usages) else missing)


def known_request(exchange: Exchange) -> Reason | None:
    """A message whose request was recorded."""
    return answer(exchange) or (None if exchange.request.json is not None else "the recording has no request")


def of_kind(exchange: Exchange, *kinds: str) -> list[Block]:
    """Return the blocks of these kinds."""
    return [block for block in exchange.message.blocks if block.kind in kinds]


def served_by_them(exchange: Exchange) -> bool:
    """Return whether server tools ran within the response, so that it holds several turns of the model."""
    kinds = [tool.get("type") for tool in objects_in(exchange.request.get("tools"))]
    offered = any(isinstance(kind, str) and kind != "custom" for kind in kinds)
    came = any(block.kind in {"server_tool_use", "mcp_tool_use", "compaction"} for block in exchange.message.blocks)
    return offered or came or bool(exchange.request.get("mcp_servers") or exchange.request.get("container"))


def wrong_keys(exchange: Exchange, form: str, keys: grammar.Keys) -> Iterator[Problem]:
    """Yield a problem for each of ``keys`` that events of a form lack, or that has a value of another kind."""
    shapes = exchange.message.shapes.get(form, [])
    total = sum(shape.count for shape in shapes)
    for pointer, allowed in keys.items():
        held = [shape for shape in shapes if _is_held(shape, pointer, keys)]
        wrong = [shape for shape in held if shape.kinds.get(pointer, "missing") not in allowed]
        if wrong:
            what = wrong[0].kinds.get(pointer, "missing")
            count = sum(shape.count for shape in wrong)
            unit = f"{form.replace(':', ' of ')} event"
            said = f"{pointer[1:].replace('/', '.')} is {KIND_PHRASES[what]} {n_of_m(count, total, unit)}"
            yield Problem(said, ((wrong[0].first, pointer),))


def _is_held(shape: Shape, pointer: str, keys: grammar.Keys) -> bool:
    """Return whether the container of a key is present: a missing one is reported already."""
    holder = pointer.rpartition("/")[0]
    return holder not in keys or shape.kinds.get(holder, "missing") in keys[holder]


def wrong_in(event: int, at: str, value: Json, keys: grammar.Keys, what: str) -> Iterator[Problem]:
    """Yield a problem for each of ``keys`` that an object at ``at`` lacks, or that has a value of another kind."""
    for pointer, allowed in keys.items():
        name = pointer[1:]
        found = kind(value[name]) if name in value else "missing"
        if found not in allowed:
            advice = WRITTEN_INPUT if name == "input" and found == "text" else None
            yield Problem(f"{name} is {KIND_PHRASES[found]} {what}", ((event, f"{at}{pointer}"),), advice)


def own_counts(exchange: Exchange) -> Reason | None:
    """A message without server tools, which count several turns of the model."""
    return answer(exchange) or ("tools of the provider ran within it" if served_by_them(exchange) else None)
