"""Builds the message that chunks add up to, as a careful client would."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.wire.chat.chunks import Choice, Columns

_ENDS = 8
"""Maximum number of tokens that end a response without being shown."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call, its fragments joined; ``arguments`` is the text as it came."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """The content of one choice; ``None`` for what was never sent."""

    index: int
    role: str | None
    content: str | None
    reasoning: str | None
    refusal: str | None
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str | None


@dataclass(frozen=True, slots=True)
class Completion:
    """The messages of a response, one per choice, and its usage (the last one sent)."""

    messages: tuple[Message, ...]
    usage: dict[str, Any] | None


def complete(columns: Columns) -> Completion:
    """Build the completion from the columns of one response."""
    whole = columns.message_key == "message"
    messages = tuple(_message(columns.choices[index], whole=whole) for index in sorted(columns.choices))
    return Completion(messages, columns.usages[-1].value if columns.usages else None)


def _message(choice: Choice, *, whole: bool) -> Message:
    finish = next((finish.value for finish in choice.finish_reasons), None)
    return Message(
        index=choice.index,
        role=next((role for role in choice.roles if isinstance(role, str) and role), None),
        content=choice.fragments("content").text or None,
        reasoning=choice.fragments(choice.reasoning).text if choice.reasoning else None,
        refusal=choice.fragments("refusal").text or None,
        tool_calls=_tool_calls(choice, whole=whole),
        finish_reason=finish,
    )


def _tool_calls(choice: Choice, *, whole: bool) -> tuple[ToolCall, ...]:
    """
    Join fragments by ``index``; one without an index starts a call if it has an id, else continues the last.

    In a body, where they are ``whole``, each is a call.
    """
    calls: dict[Any, dict[str, str]] = {}
    key: Any = 0
    for fragment in choice.tools:
        index = fragment.value.get("index")
        if whole:
            key = len(calls)
        elif isinstance(index, int):
            key = index
        elif fragment.value.get("id") or not calls:
            key = f"call {len(calls)}"
        _join(calls.setdefault(key, {"id": "", "name": "", "arguments": ""}), fragment.value)
    return tuple(ToolCall(**call) for call in calls.values())


def _join(call: dict[str, str], fragment: dict[str, Any]) -> None:
    function = fragment.get("function")
    function = function if isinstance(function, dict) else {}
    call["id"] = call["id"] or _text(fragment.get("id"))
    call["name"] = call["name"] or _text(function.get("name"))
    call["arguments"] += _text(function.get("arguments"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def thinking_counted(usage: Mapping[str, Any], shown: Iterable[str | None]) -> bool:
    """Return whether a usage counts reasoning, or more tokens than the ``shown`` texts have bytes."""
    details = usage.get("completion_tokens_details")
    counts = (details.get("reasoning_tokens") if isinstance(details, dict) else None, usage.get("completion_tokens"))
    reasoning, tokens = (count if type(count) is int else 0 for count in counts)
    return reasoning > 0 or tokens > sum(len((text or "").encode("utf-8", "replace")) for text in shown) + _ENDS
