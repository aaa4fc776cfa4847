"""
Computes what a careful reader gets from a response in any dialect: the expected result for client code.

The texts count wherever they are: a reasoning fragment counts as one also in a block of another type.
"""

from dataclasses import dataclass
from typing import Literal

from harness.wire.chat.completion import Message
from harness.wire.exchange import Exchange
from harness.wire.messages import grammar
from harness.wire.messages.columns import Block
from harness.wire.shapes import as_object

ExpectedHandling = Literal["answer", "error", "cut", "damaged", "unsure"]
"""
How a reader should handle an exchange.  A response with an unreadable event is ``damaged``; one that may be
accepted or rejected, such as one that only ends by ``[DONE]``, is ``unsure``.
"""

_TAGS = ("<think>", "</think>")
_NO_GOOD_END = {None, "", "error", "network_error", "insufficient_system_resource"}
"""Finish reasons for which reporting a failure is acceptable."""

_IN_OPENAI = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""Finish reasons in the terms of libraries that unify providers."""


@dataclass(frozen=True, slots=True)
class Due:
    """
    What a user should get: ``text`` and ``reasoning``, ``calls`` as names and JSON texts of arguments.

    ``end`` is the finish reason, and ``ends`` the acceptable ones, none if the response has none; ``total`` is the
    number of tokens used, None if unknown.
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    end: str | None = None
    ends: frozenset[str | None] = frozenset()
    total: int | None = None


def due_of(exchange: Exchange) -> Due:
    """Return what the user should get of a response."""
    return _due_of_messages(exchange) if exchange.dialect == "messages" else _due_of_chat(exchange)


def expected_handling(exchange: Exchange) -> ExpectedHandling:
    """Return how a reader should handle an exchange."""
    return _messages_handling(exchange) if exchange.dialect == "messages" else _chat_handling(exchange)


def has_error(exchange: Exchange) -> bool:
    """Return whether a response contains an error."""
    message = exchange.message
    bare = any(step.event.endswith("_error") for step in message.steps)  # an error without its envelope
    return bool(exchange.columns.errors or message.errors or bare) or any(
        _tells_error(exchange, one) for one in message.untyped
    )


def _tells_error(exchange: Exchange, number: int) -> bool:
    return bool(as_object(exchange.chunk(number)).get("error"))


def _due_of_chat(exchange: Exchange) -> Due:
    messages = exchange.completion.messages
    if not messages:
        return Due()
    text, reasoning = expected_of(messages[0])
    reasons = [one.value for one in exchange.columns.choices[messages[0].index].finish_reasons]
    total = (exchange.completion.usage or {}).get("total_tokens")
    calls = tuple((one.name, one.arguments) for one in messages[0].tool_calls)
    ends = frozenset({reasons[0], reasons[-1]}) if reasons else frozenset[str | None]()
    end = reasons[0] if reasons else None
    return Due(text, reasoning, calls, end, ends, total if isinstance(total, int) else None)


def expected_of(message: Message) -> tuple[str, str]:
    """Return the text and the reasoning that a careful user is shown: reasoning in tags is not text."""
    text, reasoning = message.content or "", message.reasoning or ""
    head, tag, rest = text.partition(_TAGS[1])
    if tag and (head.lstrip().startswith(_TAGS[0]) or _TAGS[0] not in text):
        return rest.lstrip("\n"), reasoning + head.lstrip().removeprefix(_TAGS[0])
    return text, reasoning


def _due_of_messages(exchange: Exchange) -> Due:
    blocks, turn = exchange.message.blocks, exchange.turn
    text = "".join(_said(block, "text", "text_delta") for block in blocks)
    thought = "".join(_said(block, "thinking", "thinking_delta") for block in blocks)
    calls = tuple((str(one.head.get("name") or ""), one.arguments) for one in blocks if _is_call(one, blocks))
    stops = {turn.stop, "tool_use"} if calls and turn.stop else {turn.stop}  # reporting the call is correct too
    ends = {word for stop in stops if stop for word in (stop, _IN_OPENAI.get(stop)) if word}
    counts = turn.counts
    total = None if counts.input is None or counts.output is None else counts.input + counts.output
    return Due(text, thought, calls, turn.stop, frozenset(ends), total)


def _is_call(block: Block, blocks: list[Block]) -> bool:
    """Return whether a block calls a tool; one that is started again before any delta counts once."""
    again = any(one.head == block.head and one.index == block.index and one.event > block.event for one in blocks)
    return block.kind == "tool_use" and not (again and not block.deltas)


def _said(block: Block, kind: str, delta: str) -> str:
    """Return the content of a block of a kind, whatever type it was started as."""
    return block.said(kind if block.kind == kind else "", delta)


def _chat_handling(exchange: Exchange) -> ExpectedHandling:
    reading, messages = exchange.reading, exchange.completion.messages
    if _is_error(exchange) or not messages:
        return "error"
    if not messages[0].finish_reason and not reading.done:
        return (
            "cut" if reading.body_kind == "stream" and not _ends_unclosed(exchange, b'"finish_reason":"') else "unsure"
        )
    if _is_damaged(exchange):
        return "damaged"
    return "answer" if _is_whole(exchange) and messages[0].finish_reason not in _NO_GOOD_END else "unsure"


def _messages_handling(exchange: Exchange) -> ExpectedHandling:
    message = exchange.message
    if _is_error(exchange) or not (message.start or message.blocks):
        return "error"
    ended = message.state == grammar.MESSAGE.last or not message.is_stream
    if not ended and exchange.turn.stop is None:
        return "unsure" if _ends_unclosed(exchange, b'"stop_reason":"') else "cut"
    if _is_damaged(exchange) or _has_stray_pieces(exchange) or message.untyped:
        return "damaged"
    return "answer" if ended and exchange.turn.stop and _is_whole(exchange) else "unsure"


def _is_error(exchange: Exchange) -> bool:
    return not exchange.response.is_success or has_error(exchange) or exchange.reading.syntax_error is not None


def _is_whole(exchange: Exchange) -> bool:
    reading, response = exchange.reading, exchange.response
    whole = response.eof and not reading.not_json and not reading.bad_utf8 and not response.undecodable
    return whole and exchange.is_stream == (reading.body_kind == "stream")


def _is_damaged(exchange: Exchange) -> bool:
    return any(_is_chunk(exchange, number) for number, _ in exchange.reading.not_json)


def _is_chunk(exchange: Exchange, number: int) -> bool:
    """Return whether an event that is not JSON was meant as a chunk, rather than as framing."""
    parser = exchange.reading.parser
    return parser is not None and parser.events.data[number].lstrip().startswith(b"{")


def _has_stray_pieces(exchange: Exchange) -> bool:
    """Return whether there are fragments of a block that was never started."""
    first = grammar.BLOCK.first
    return any(one.step.event == grammar.BLOCK_DELTA and one.state == first for one in exchange.message.breaches)


def _ends_unclosed(exchange: Exchange, end: bytes) -> bool:
    """Return whether a stream ends in an event without a blank line: readers differ on whether it counts."""
    parser = exchange.reading.parser
    tail = parser.unterminated_event.data if parser and parser.unterminated_event else b""
    return end in tail.replace(b'": "', b'":"')
