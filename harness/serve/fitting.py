"""
Decides whether a recorded response fits a request in everything an app can notice: tools, format, limits.

Requests of every dialect are compared in their chat form.
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
    "prediction",
    "web_search_options",
    "suffix",
    "echo",
    "prompts",
)
_SWITCHES = ("thinking", "enable_thinking", "reasoning", "reasoning_effort", "chat_template_kwargs", "think")


@dataclass(frozen=True, slots=True)
class Wish:
    """A request in its chat form, and as bytes what it must share with another to have the same response."""

    body: Json
    key: bytes

    @classmethod
    def of(cls, body: Json) -> "Wish":
        """Return the wish of a request in its chat form."""
        return cls(body, _key(body))


@of_frame
def _key(body: Json) -> bytes:
    alike = [body.get(name) or None for name in _ALIKE]
    tier = body.get("service_tier")
    told = [include_usage(body), None if tier in ("auto", "default") else tier]
    question = [_functions(body), _choice(body), _stops(body), body.get("n") or 1, told]
    return orjson.dumps([alike, question], option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def fits(asked: Wish, before: Wish, held: Exchange) -> bool:
    """
    Return whether the response of ``held``, to the request ``before``, fits a request with the same required
    traits.
    """
    return (
        asked.key == before.key
        and _same_json(asked.body, before.body)
        and _switched(asked.body, before.body)
        and _few_enough_calls(asked.body, held)
        and _within(asked.body, before.body, held)
    )


def _same_json(asked: Json, before: Json) -> bool:
    """Return whether two requests whose JSON keys only the prompt names have the same words."""
    named = (asked.get("response_format") or None) == {"type": "json_object"} or schema_in(asked) is not None
    return not named or asked.get("messages") == before.get("messages")


def _functions(body: Json) -> list[str]:
    """Return the declarations of each tool that a response must obey, in any order."""
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
    """Return whether a request in its chat form has one of the thinking switches."""
    return any(key in asked for key in _SWITCHES)


def _switched(asked: Json, before: Json) -> bool:
    """Return whether a response has reasoning as requested; either is right if nothing was."""
    switch = {key: asked[key] for key in _SWITCHES if key in asked}
    return not switch or switch == {key: before[key] for key in _SWITCHES if key in before}


def _few_enough_calls(asked: Json, held: Exchange) -> bool:
    if asked.get("parallel_tool_calls") is not False:
        return True
    calls = [held.turn.calls] if held.dialect == "messages" else held.calls.values()
    return all(len(some) < 2 for some in calls)  # noqa: PLR2004 - two are parallel


def _within(asked: Json, before: Json, held: Exchange) -> bool:
    """Return whether a response keeps to the token cap, and was not truncated by a smaller one."""
    cap, other = cap_of(asked), cap_of(before)
    if cap == other:
        return True
    texts, ends = _said_in(held)
    if {"length", "max_tokens"} & ends:
        return False
    return cap is None or sum(len((text or "").encode()) for text in texts) <= cap  # a token has at least one byte


def _said_in(held: Exchange) -> tuple[list[str | None], set[str | None]]:
    """Return the texts of a response, and its finish reasons."""
    if held.dialect == "messages":
        return [held.turn.text, held.turn.reasoning], {held.turn.stop}
    messages = held.completion.messages
    return [text for one in messages for text in (one.content, one.reasoning)], {one.finish_reason for one in messages}
