"""
Whether a recorded answer is one to a request, in all that an app can tell: its tools, its form, its caps.

Requests of every dialect are held against each other as chat says them.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from harness.simulate.chat.prompts import schema_in
from harness.simulate.chat.speaking import cap_of
from harness.simulate.frames import of_frame
from harness.wire.exchange import Exchange, include_usage
from harness.wire.shapes import Json

_ALIKE = (
    "response_format",
    "logprobs",
    "top_logprobs",
    "function_call",
    "functions",
    "audio",
    "modalities",
    "suffix",
    "echo",
    "prompts",
)
_SWITCHES = ("thinking", "enable_thinking", "reasoning", "reasoning_effort", "chat_template_kwargs", "think")


@dataclass(frozen=True, slots=True)
class Wish:
    """A request as chat says it, and as bytes what an answer to it and to another must have in common."""

    body: Json
    key: bytes

    @classmethod
    def of(cls, body: Json) -> "Wish":
        """Return what a request, as chat says it, wishes for."""
        return cls(body, _key(body))


@of_frame
def _key(body: Json) -> bytes:
    alike = [body.get(name) or None for name in _ALIKE]
    question = [_functions(body), _choice(body), _stops(body), body.get("n") or 1, include_usage(body)]
    return orjson.dumps([alike, question], option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def fits(asked: Wish, before: Wish, held: Exchange) -> bool:
    """Tell whether the answer of ``held``, which was to ``before``, is right for a request that agrees in the traits required."""
    return (
        asked.key == before.key
        and _same_json(asked.body, before.body)
        and _switched(asked.body, before.body)
        and _few_enough_calls(asked.body, held)
        and _within(asked.body, before.body, held)
    )


def _same_json(asked: Json, before: Json) -> bool:
    """Tell whether JSON whose keys the prompt alone names is asked for in the same words."""
    named = (asked.get("response_format") or None) == {"type": "json_object"} or schema_in(asked) is not None
    return not named or asked.get("messages") == before.get("messages")


def _functions(body: Json) -> list[str]:
    """Return what is declared of each tool that an answer has to keep to, whatever their order."""
    tools = body.get("tools")
    found = [one.get("function") for one in tools if isinstance(one, dict)] if isinstance(tools, list) else []
    kept = [(one.get("name"), one.get("parameters")) for one in found if isinstance(one, dict)]
    return sorted(orjson.dumps(one, option=orjson.OPT_SORT_KEYS).decode() for one in kept)


def _choice(body: Json) -> Any:
    choice = body.get("tool_choice")
    return None if choice == "auto" else choice


def _stops(body: Json) -> list[Any]:
    said = body.get("stop")
    return said if isinstance(said, list) else [said] if said else []


def says_whether_to_think(asked: Json) -> bool:
    """Tell whether a request, as chat says it, has one of the switches of thinking."""
    return any(key in asked for key in _SWITCHES)


def _switched(asked: Json, before: Json) -> bool:
    """Tell whether thinking is as asked for; where nothing is said of it, either is."""
    switch = {key: asked[key] for key in _SWITCHES if key in asked}
    return not switch or switch == {key: before[key] for key in _SWITCHES if key in before}


def _few_enough_calls(asked: Json, held: Exchange) -> bool:
    if asked.get("parallel_tool_calls") is not False:
        return True
    calls = [held.turn.calls] if held.dialect == "messages" else held.calls.values()
    return all(len(some) < 2 for some in calls)  # noqa: PLR2004 - two are parallel


def _within(asked: Json, before: Json, held: Exchange) -> bool:
    """Tell whether an answer keeps to the cap, and was not cut by a smaller one."""
    cap, other = cap_of(asked), cap_of(before)
    if cap == other:
        return True
    texts, ends = _said_in(held)
    if {"length", "max_tokens"} & ends:
        return False
    return cap is None or sum(len((text or "").encode()) for text in texts) <= cap  # a token has a byte at least


def _said_in(held: Exchange) -> tuple[list[str | None], set[str | None]]:
    """Return the texts of an answer, and why its choices ended."""
    if held.dialect == "messages":
        return [held.turn.text, held.turn.reasoning], {held.turn.stop}
    messages = held.completion.messages
    return [text for one in messages for text in (one.content, one.reasoning)], {one.finish_reason for one in messages}
