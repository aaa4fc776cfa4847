"""Extracts the facts of a Messages exchange that later exchanges are compared with."""

from typing import TYPE_CHECKING, Any

from harness.wire.dialect import COUNT_TOKENS, path_of
from harness.wire.siblings import Sibling, asked_of, digest, letters_of, messages_of, prompt_of, question_of, text_bytes
from harness.wire.turn import count

if TYPE_CHECKING:
    from harness.wire.exchange import Exchange

_KEPT = 64


def facts_of(exchange: "Exchange") -> Sibling:
    """Return the facts that later exchanges are compared with."""
    turn, asked = exchange.turn, exchange.request.json
    counted = path_of(exchange.request.url).rstrip("/").endswith(COUNT_TOKENS)
    called = [text for call in turn.calls for text in (call.name, call.arguments)]
    return Sibling(
        question=question_of(exchange.request.url, asked),
        messages=messages_of(asked),
        is_stream=exchange.is_stream,
        body=digest(exchange.response.content),
        said=digest(turn.text, turn.reasoning, *called),
        text=digest(turn.text),
        letters=letters_of(turn.text),
        all_letters=letters_of(turn.reasoning, turn.text),
        ids=tuple(value for value in exchange.message.values["id"] if isinstance(value, str) and value)[:_KEPT],
        call_ids=tuple(dict.fromkeys(call.id for call in turn.calls if call.id))[:_KEPT],
        created=None,
        date=exchange.response.date,
        model=exchange.model or "",
        prompt_tokens=_told(exchange) if counted else turn.counts.input,
        prompt_bytes=text_bytes(asked),
        channels=frozenset(name for name, said in (("text", turn.text), ("thinking", turn.reasoning)) if said),
        finish_reason=turn.stop,
        tools=tuple(sorted(str(call.name) for call in turn.calls))[:_KEPT],
        altered=bool(exchange.altered),
        dialect="messages",
        asked=asked_of(exchange.model, asked),
        prompt=prompt_of(asked) if exchange.response.is_success else b"",
        counted=counted,
        answered=exchange.response.is_success and turn.stop is not None and not exchange.expected.cancelled_by_client,
    )


def _told(exchange: "Exchange") -> Any:
    """Return the prompt's count in a response of count_tokens."""
    begun = exchange.message.start
    return count(begun.value.get("input_tokens")) if begun else None
