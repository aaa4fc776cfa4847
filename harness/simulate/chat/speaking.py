"""
What an answer says to any request: calls of the tools that it declares, JSON that fits, or text about what was asked.

A model would choose; here the choice is simple and the same each time.  Tools whose names the question uses are called, or
the one that shares most words with it, each once for a question; then their results are told.  What is forced is called
whatever was asked; where any is, an agent's tool that ends the work is, once something was answered.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
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
from harness.simulate.hints import Hints
from harness.simulate.instances import UnfillableSchema, instance
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
"""Names of tools by which agents let a model end its work: forced to call one, it would go on without end else."""
_MOST_AT_ONCE = 4
_QUOTED, _TOLD = 80, 2_000
_THOUGHT = ("The user asks ", "something that", " I can answer.")
_TOKENS_A_THOUGHT = 4


class Unanswerable(ValueError):
    """A request that no right answer is found for; ``parameter`` is the one that is to blame."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def speak(request: Json, *, thinks: bool) -> Said:
    """Return what a choice of the answer says; raises Unanswerable where a schema has no instance."""
    calls = _calls(request)
    text = () if calls else _stopped(_text(request), request)
    return _capped(_THOUGHT if thinks else (), text, calls, request)


def tool_names(request: Json) -> list[str]:
    """Return the names of the functions that are offered."""
    return [one["name"] for one in _functions(request)]


def _capped(thought: tuple[str, ...], text: tuple[str, ...], calls: tuple[Call, ...], request: Json) -> Said:
    forced = bool(calls) and isinstance(request.get("tool_choice"), dict)
    tokens = sum(1 + len(call.pieces) for call in calls) if calls else len(text) + 1
    cap = cap_of(request)
    if cap is None or cap >= tokens + len(thought) * _TOKENS_A_THOUGHT:
        return Said(thought, text, calls, "tool_calls" if calls else "stop", tokens, forced)
    if cap < tokens and calls:
        calls, text = _cut(calls, cap), ()
    finish = "length" if cap < tokens else "tool_calls" if calls else "stop"
    return Said((), text[:cap], calls, finish, min(cap, tokens), forced)  # the cap counts a thought, so there is none


def _cut(calls: tuple[Call, ...], cap: int) -> tuple[Call, ...]:
    """Return the calls that fit into a cap, the last with the arguments that still do."""
    kept: list[Call] = []
    for call in calls:
        if cap < 1:
            break
        kept.append(Call(call.name, call.pieces[: cap - 1] or ("",)))
        cap -= 1 + len(call.pieces)
    return tuple(kept)


def cap_of(request: Json) -> int | None:
    """Return how many tokens an answer may have; None where that is not said."""
    said = (request.get("max_completion_tokens"), request.get("max_tokens"))
    return next((cap for cap in said if type(cap) is int and cap > 0), None)


def pieces_of(text: str) -> tuple[str, ...]:
    """Return a text in pieces about as long as tokens are."""
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
class _Permitted:
    """What ``tool_choice`` says: which tools may be called, and whether one must be."""

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


def _calls(request: Json) -> tuple[Call, ...]:
    choice = _choice(request)
    if not choice.names or (results(request) and not choice.must):
        return ()
    called = called_since_question(request)
    offered = [one for one in _functions(request) if one["name"] in choice.names]
    left = [one for one in offered if one["name"] not in called] or offered
    ending = [one for one in offered if _ENDING.search(one["name"])] if choice.must and _has_answered(request) else []
    chosen = ending[:1] or _chosen(left, question(request))
    most = 1 if request.get("parallel_tool_calls") is False or len(choice.names) == 1 else _MOST_AT_ONCE
    hints = Hints(question(request))
    return tuple(Call(one["name"], _arguments(one, hints)) for one in chosen[:most])


def _has_answered(request: Json) -> bool:
    return any(one.get("role") == "assistant" for one in messages_of(request))


def _chosen(functions: list[Json], asked: str) -> list[Json]:
    """Return the functions whose own words a question uses, or the one that shares most words with it."""
    words = _words(asked)
    named = [one for one in functions if not words.isdisjoint(_words_of_name(one["name"]))]
    if named:
        return named
    return [max(functions, key=lambda one: len(_words(f"{one['name']} {one.get('description')}") & words))]


@lru_cache(1024)
def _words_of_name(name: str) -> frozenset[str]:
    return frozenset(_words(name))


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text.replace("_", " "))} - _COMMON


def _arguments(function: Json, hints: Hints) -> tuple[str, ...]:
    schema = function.get("parameters")
    if not isinstance(schema, dict) or not schema:
        return ("{}",)
    try:
        value = instance({"type": "object"} | schema, hints)
    except UnfillableSchema as error:
        raise Unanswerable("tools", f"the parameters of {function['name']!r} can't be filled: {error}") from None
    return pieces_of(json_text(value))


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
    """Return the text of an answer that has to be JSON."""
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
    """Return the question, with what tools gave since."""
    return "\n".join([question(request), *results(request)])


def _of_keys(request: Json) -> Json:
    """Return a schema of an object with the keys that a prompt quotes; ``answer`` where it quotes none."""
    texts = [text_of(one.get("content")) for one in messages_of(request) if one.get("role") != "tool"]
    keys = list(dict.fromkeys(key for text in texts for key in _KEYS.findall(text)))[:20] or ["answer"]
    return {"type": "object", "properties": {key: {"type": "string"} for key in keys}, "required": keys}


def tokens_of_prompt(request: Json) -> int:
    """Return about how many tokens a prompt has: of its texts, its calls and its tools, and some a message."""
    messages = messages_of(request)
    texts = [text_of(one.get("content")) for one in messages]
    spent = [one["tool_calls"] for one in messages if one.get("tool_calls")]
    told = "".join([*texts, *(json_text(one) for one in (*spent, request.get("tools") or ""))])
    wide = 0 if told.isascii() else sum(1 for char in told if char > "\u2e7f")  # from here on about a token a character
    return 3 + 4 * len(messages) + wide + (len(told) - wide + 3) // 4
