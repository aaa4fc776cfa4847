"""
Whether a recorded answer is one to a request, in all that an app can tell: its tools, its form, its caps.

Requests of every dialect are held against each other as chat says them.
"""

from typing import Any

import orjson

from harness.serve.request_traits import in_chat
from harness.simulate.chat.prompts import schema_in
from harness.simulate.chat.speaking import cap_of
from harness.wire.exchange import Exchange, include_usage
from harness.wire.shapes import Json

_ALIKE = ("response_format", "logprobs", "top_logprobs", "function_call", "functions", "audio", "modalities")
_SWITCHES = ("thinking", "enable_thinking", "reasoning", "reasoning_effort", "chat_template_kwargs", "think")


def fits(asked: Json, held: Exchange) -> bool:
    """
    Tell whether the answer of ``held`` is right for a request that agrees with its own in the traits required.

    ``asked`` is the request as chat says it.
    """
    before = in_chat(held.request.json or {}, held.dialect)
    alike = all(_said(asked, key) == _said(before, key) for key in _ALIKE) and _same_json(asked, before)
    return alike and _same_question(asked, before) and _few_enough_calls(asked, held) and _within(asked, before, held)


def _same_json(asked: Json, before: Json) -> bool:
    """Tell whether JSON whose keys the prompt alone names is asked for in the same words."""
    named = _said(asked, "response_format") == {"type": "json_object"} or schema_in(asked) is not None
    return not named or asked.get("messages") == before.get("messages")


def _said(body: Json, key: str) -> Any:
    return body.get(key) or None


def _same_question(asked: Json, before: Json) -> bool:
    """Tell whether both ask for the same tools, ends, number, usage and way to think."""
    return (
        _functions(asked) == _functions(before)
        and _choice(asked) == _choice(before)
        and _stops(asked) == _stops(before)
        and (asked.get("n") or 1) == (before.get("n") or 1)
        and include_usage(asked) == include_usage(before)
        and _switched(asked, before)
    )


def _functions(body: Json) -> list[bytes]:
    """Return what is declared of each tool that an answer has to keep to, whatever their order."""
    tools = body.get("tools")
    found = [one.get("function") for one in tools if isinstance(one, dict)] if isinstance(tools, list) else []
    kept = [(one.get("name"), one.get("parameters")) for one in found if isinstance(one, dict)]
    return sorted(orjson.dumps(one, option=orjson.OPT_SORT_KEYS) for one in kept)


def _choice(body: Json) -> Any:
    choice = body.get("tool_choice")
    return None if choice == "auto" else choice


def _stops(body: Json) -> list[Any]:
    said = body.get("stop")
    return said if isinstance(said, list) else [said] if said else []


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
