"""
Generates the content of a response to any request: tool calls, JSON that fits a schema, or text about the question.

A model would choose; here the choice is simple and deterministic.  Tools whose names the question contains are
called, or the one that shares most words with it, each once per question; then their results are reported.  A
forced tool is always called; if any tool is required, an agent's final tool is called once there are results.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from harness.simulate.chat.content import Call, Said
from harness.simulate.chat.prompts import (
    called_since_question,
    messages_of,
    object_of,
    question,
    results,
    schema_in,
    text_of,
)
from harness.simulate.frames import of_frame
from harness.simulate.hints import Hints
from harness.simulate.instances import UnfillableSchema, instance, maker_of
from harness.simulate.plain_schemas import Fill
from harness.wire.dumping import json_text
from harness.wire.shapes import Json

_PIECE = re.compile(r"\s*(?:[A-Za-z0-9]{1,10}|[^A-Za-z0-9\s]{1,2})|\s+")
_WORD = re.compile(r"[a-z]{3,}|[\u3400-\u9fff]", re.IGNORECASE)
_KEYS = re.compile(r"[\"'`“‘]([A-Za-z_]\w{0,40})[\"'`”’]")
_COMMON = frozenset(
    [
        "get",
        "set",
        "the",
        "for",
        "and",
        "with",
        "use",
        "tool",
        "tools",
        "call",
        "function",
        "what",
        "how",
        "are",
        "you",
        "can",
        "please",
        "from",
        "that",
        "this",
    ]
)
_ENDING = re.compile(r"final|finish|complete|submit|(?:^|_)(?:done|end|stop|exit)(?:_|$)", re.IGNORECASE)
"""Names of tools by which agents let a model finish: if calls are required, it would otherwise never end."""
_MOST_AT_ONCE = 4
_QUOTED, _TOLD = 80, 2_000
_THOUGHT = ("The user asks ", "something that", " I can answer.")
_TOKENS_A_THOUGHT = 4


class Unanswerable(ValueError):
    """A request without a valid response; ``parameter`` is the cause."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def speak(request: Json, *, thinks: bool) -> Said:
    """Return the content of a choice of the response; raise Unanswerable if a schema has no instance."""
    calls = _calls(request)
    text = () if calls else _stopped(_text(request), request)
    return _capped(_THOUGHT if thinks else (), text, calls, request)


def tool_names(request: Json) -> list[str]:
    """Return the names of the functions that are offered."""
    return [one["name"] for one in _functions(request)]


def _capped(thought: tuple[str, ...], text: tuple[str, ...], calls: tuple[Call, ...], request: Json) -> Said:
    forced = bool(calls) and isinstance(request.get("tool_choice"), dict)
    tokens = sum([1 + len(call.pieces) for call in calls]) if calls else len(text) + 1
    cap = cap_of(request)
    if cap is None or cap >= tokens + len(thought) * _TOKENS_A_THOUGHT:
        return Said(thought, text, calls, "tool_calls" if calls else "stop", tokens, forced)
    if cap < tokens and calls:
        calls, text = _cut(calls, cap), ()
    finish = "length" if cap < tokens else "tool_calls" if calls else "stop"
    return Said((), text[:cap], calls, finish, min(cap, tokens), forced)  # the cap counts reasoning, so there is none


def _cut(calls: tuple[Call, ...], cap: int) -> tuple[Call, ...]:
    """Return the calls that fit into a cap, the last with truncated arguments."""
    kept: list[Call] = []
    for call in calls:
        if cap < 1:
            break
        kept.append(Call(call.name, call.pieces[: cap - 1] or ("",)))
        cap -= 1 + len(call.pieces)
    return tuple(kept)


def cap_of(request: Json) -> int | None:
    """Return the maximum number of tokens of a response; None if not given."""
    for name in ("max_completion_tokens", "max_tokens"):
        cap = request.get(name)
        if type(cap) is int and cap > 0:
            return cap
    return None


def pieces_of(text: str) -> tuple[str, ...]:
    """Return a text in fragments of about a token."""
    return tuple(_PIECE.findall(text))


def _stopped(text: str, request: Json) -> tuple[str, ...]:
    said = request.get("stop")
    for stop in [said] if isinstance(said, str) else said if isinstance(said, list) else []:
        if isinstance(stop, str) and stop:
            text = text.partition(stop)[0]
    return pieces_of(text)


def _functions(request: Json) -> list[Json]:
    tools = request.get("tools")
    found = [one.get("function") for one in tools if isinstance(one, dict)] if isinstance(tools, list) else []
    return [one for one in found if isinstance(one, dict) and isinstance(one.get("name"), str)]


@dataclass(frozen=True, slots=True)
class _Tool:
    """An offered function: its name and ``words``, including its description's, and the maker of its arguments."""

    name: str
    words_of_name: frozenset[str]
    words: frozenset[str]
    arguments: Callable[[Hints], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Offer:
    """The callable ``tools``, whether one must be called, and how many at once."""

    tools: tuple[_Tool, ...]
    must: bool
    most: int


@dataclass(frozen=True, slots=True)
class _Permitted:
    """The meaning of ``tool_choice``: which tools may be called, and whether one must be."""

    names: tuple[str, ...]
    must: bool


def _choice(request: Json) -> _Permitted:
    every = tuple(tool_names(request))
    said = request.get("tool_choice", "auto")
    if said == "none":
        return _Permitted((), must=False)
    if not isinstance(said, dict):
        return _Permitted(every, must=said in ("required", "any"))
    if said.get("type") == "allowed_tools":
        allowed = object_of(said.get("allowed_tools"))
        listed = allowed.get("tools")
        tools = listed if isinstance(listed, list) else []
        names = [object_of(object_of(one).get("function")).get("name") for one in tools]
        return _Permitted(tuple(name for name in every if name in names), must=allowed.get("mode") == "required")
    named = object_of(said.get("function")).get("name")
    return _Permitted((named,) if named in every else (), must=True)


@of_frame
def _offer(request: Json) -> _Offer:
    choice = _choice(request)
    tools = tuple(_tool(one) for one in _functions(request) if one["name"] in choice.names)
    alone = request.get("parallel_tool_calls") is False or len(choice.names) == 1
    return _Offer(tools, choice.must, 1 if alone else _MOST_AT_ONCE)


def _tool(function: Json) -> _Tool:
    name = function["name"]
    words = _words(f"{name} {function.get('description')}")
    return _Tool(name, frozenset(_words(name)), frozenset(words), _arguments(function))


def _calls(request: Json) -> tuple[Call, ...]:
    offer = _offer(request)
    if not offer.tools or (not offer.must and results(request)):
        return ()
    asked = question(request)
    ending = [one for one in offer.tools if _ENDING.search(one.name)] if offer.must and _has_answered(request) else []
    hints, chosen = Hints(asked), ending[:1] or _chosen(offer.tools, asked, request)
    return tuple([Call(one.name, one.arguments(hints)) for one in chosen[: offer.most]])


def _has_answered(request: Json) -> bool:
    return any(one.get("role") == "assistant" for one in messages_of(request))


def _chosen(tools: tuple[_Tool, ...], asked: str, request: Json) -> Sequence[_Tool]:
    """Return the tools whose own words occur in a question, or the one that shares most words with it, each only once."""
    if len(tools) == 1:
        return tools
    words, called = _words(asked), called_since_question(request)
    left = [one for one in tools if one.name not in called] or tools
    named = [one for one in left if not words.isdisjoint(one.words_of_name)]
    return named or [max(left, key=lambda one: len(one.words & words))]


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text.replace("_", " "))} - _COMMON


def _arguments(function: Json) -> Callable[[Hints], tuple[str, ...]]:
    """Return the maker of a call's arguments, in fragments; it raises Unanswerable if nothing fits their schema."""
    name, schema = function["name"], function.get("parameters")
    if not isinstance(schema, dict) or not schema:
        return lambda _hints: ("{}",)

    @cache
    def maker() -> Fill:
        return maker_of({"type": "object"} | schema)

    def arguments(hints: Hints) -> tuple[str, ...]:
        try:
            return pieces_of(json_text(maker()(hints)))
        except UnfillableSchema as error:
            raise Unanswerable("tools", f"the parameters of {name!r} can't be filled: {error}") from None

    return arguments


def _text(request: Json) -> str:
    form = request.get("response_format")
    kind = form.get("type", "text") if isinstance(form, dict) else "text"
    if kind != "text":
        return _json(request, form if isinstance(form, dict) else {})
    found = results(request)
    if found:
        return f"The tools say: {'; '.join(found)[:_TOLD]}"
    schema = schema_in(request)
    if schema is not None:
        return _json(request, {"type": "json_object"})
    asked = " ".join(question(request).split())
    quoted = asked if len(asked) <= _QUOTED else f"{asked[:_QUOTED]}…"
    return f"This is an answer to: {quoted}" if quoted else "This is an answer."


def _json(request: Json, form: Json) -> str:
    """Return the text of a response that must be JSON."""
    hints = Hints(_evidence(request))
    if form.get("type") == "json_schema":
        wanted = object_of(form.get("json_schema")).get("schema")
        schema: Any = wanted if wanted is not None else {"type": "object"}
    else:
        schema = schema_in(request) or _of_keys(request)
    try:
        return json_text(instance(schema, hints))
    except UnfillableSchema as error:
        raise Unanswerable("response_format", f"its schema can't be filled: {error}") from None


def _evidence(request: Json) -> str:
    """Return the question, with later tool results."""
    return "\n".join([question(request), *results(request)])


def _of_keys(request: Json) -> Json:
    """Return a schema of an object with the keys that a prompt quotes; ``answer`` if it quotes none."""
    texts = [text_of(one.get("content")) for one in messages_of(request) if one.get("role") != "tool"]
    keys = list(dict.fromkeys(key for text in texts for key in _KEYS.findall(text)))[:20] or ["answer"]
    return {"type": "object", "properties": {key: {"type": "string"} for key in keys}, "required": keys}


def tokens_of_prompt(request: Json) -> int:
    """Return the approximate number of prompt tokens: texts, calls and tools, and some per message."""
    messages = messages_of(request)
    texts = [text_of(one.get("content")) for one in messages]
    texts += [json_text(one["tool_calls"]) for one in messages if one.get("tool_calls")]
    (length, wide), (of_tools, wide_in_tools) = _extent("".join(texts)), _extent_of_tools(request)
    wide += wide_in_tools
    return 3 + 4 * len(messages) + wide + (length + of_tools - wide + 3) // 4


@of_frame
def _extent_of_tools(request: Json) -> tuple[int, int]:
    return _extent(json_text(request.get("tools") or ""))


def _extent(text: str) -> tuple[int, int]:
    """Return the length of a text, and its approximate characters per token."""
    return len(text), 0 if text.isascii() else sum(1 for char in text if char > "\u2e7f")
