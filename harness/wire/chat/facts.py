"""Extracts the facts of a chat completion that later exchanges are compared with."""

from typing import TYPE_CHECKING

from harness.wire.chat.completion import Message, thinking_counted
from harness.wire.siblings import (
    Sibling,
    as_it_is,
    asked_of,
    breaks_off,
    digest,
    hangs,
    letters_of,
    messages_of,
    question_of,
    starts_of,
    starts_within,
    text_bytes,
)

if TYPE_CHECKING:
    from harness.wire.exchange import Exchange

_TIMES = range(10**9, 10**11)
"""Plausible times of a response, in seconds: from 2001 on, and not in milliseconds."""
_KEPT = 64
"""Maximum number of ids kept of one response."""


def facts_of(exchange: "Exchange") -> Sibling:
    """Return the facts that later exchanges are compared with."""
    columns, messages, asked = exchange.columns, exchange.completion.messages, exchange.request.json
    message, usages = next(iter(messages), None), columns.usages
    calls = [call for one in messages for call in one.tool_calls]
    said = [text for one in messages for text in (one.content, one.reasoning)]
    shown = (message.content or "").strip() if message else ""
    created = [value for value in columns.values["created"] if type(value) is int and value in _TIMES]
    return Sibling(
        question=question_of(exchange.request.url, asked),
        messages=messages_of(asked),
        is_stream=exchange.is_stream,
        body=digest(exchange.response.content),
        said=digest(*said, *(text for call in calls for text in (call.name, call.arguments))),
        text=digest(shown if message else None),
        letters=letters_of(message.content if message else None),
        all_letters=letters_of(message.reasoning, message.content) if message else b"",
        ids=tuple(value for value in columns.values["id"] if isinstance(value, str) and value)[:_KEPT],
        call_ids=tuple(dict.fromkeys(call.id for call in calls if call.id))[:_KEPT],
        created=created[0] if created else None,
        date=exchange.response.date,
        model=exchange.model or "",
        prompt_tokens=usages[-1].value.get("prompt_tokens") if usages else None,
        completion_tokens=usages[-1].value.get("completion_tokens") if usages else None,
        prompt_bytes=text_bytes(asked),
        channels=frozenset(
            name for one in columns.choices.values() for name, pieces in one.channels.items() if pieces.text
        ),
        finish_reason=message.finish_reason if message else None,
        tools=tuple(sorted(str(call.name) for call in message.tool_calls))[:_KEPT] if message else (),
        altered=bool(exchange.altered),
        dialect=exchange.dialect,
        asked=asked_of(exchange.model, asked),
        thought=bool(usages) and not calls and thinking_counted(usages[-1].value, said),
        answered=_answered(exchange, message),
        starts=starts_of(shown),
        tails=starts_of(shown[::-1]),
        starts_within=starts_within(shown),
        length=len(shown),
        breaks_off=breaks_off(shown),
        hangs=hangs(shown),
        shown=as_it_is(shown),
        pondered=as_it_is(message.reasoning if message else None),
        sent=as_it_is("".join(call.arguments or "" for call in message.tool_calls) if message else None),
    )


def _answered(exchange: "Exchange", message: Message | None) -> bool:
    said = message is not None and message.finish_reason is not None
    return exchange.response.is_success and said and not exchange.expected.cancelled_by_client
