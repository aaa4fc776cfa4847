"""Checks the place of fields: a message's in the choice, a choice's in the message, a call's beside its function."""

from collections.abc import Iterator
from functools import cache

from harness.checks import sources
from harness.checks.applies import success_status
from harness.checks.kinds import n_of_m
from harness.checks.registry import rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, STREAM, TOOLS, TOOLS_BODY, replace_in_body
from harness.wire.exchange import Exchange
from harness.wire.shapes import Kind, MessageKey

_NOTHING: frozenset[Kind] = frozenset({"missing", "null", '""', "[]", "{}"})
_CHOICE, _PART = "/choices/*", "/choices/*/{part}"
_CALL, _FUNCTION = f"{_PART}/tool_calls/*", f"{_PART}/tool_calls/*/function"
_OF_PART = (
    "content",
    "text",
    "role",
    "reasoning_content",
    "reasoning",
    "refusal",
    "tool_calls",
    "function_call",
    "annotations",
    "images",
    "audio",
)
_MISPLACED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (_CHOICE, _PART, _OF_PART),
    (_PART, _CHOICE, ("finish_reason", "logprobs")),
    ("", _PART, ("content", "reasoning_content", "tool_calls")),
    ("", _CHOICE, ("finish_reason",)),
    (_PART, "", ("usage",)),
    (_CALL, _FUNCTION, ("name", "arguments")),
)
"""The wrong place of fields, the right one, and their names."""
_FIELDS = {"text": "content"}
"""The fields with another name in the right place."""
_SAID: dict[str, str] = {
    "": "at the top of the chunk",
    _CHOICE: "in the choice",
    _PART: "in the {part}",
    _CALL: "in the call",
    _FUNCTION: "in its function",
}
_FLAT = Advice(
    "`call.function.name` raises AttributeError on None, or the call is dropped.",
    "If a call has no function, read name and arguments from the call itself: `function = call.function or call`.",
)
_BESIDE = Advice(
    "Clients that read the message see an empty answer.",
    'Check the choice as well: `getattr(choice.message, "content", None) or getattr(choice, "content", None)`, and '
    "likewise for other fields.",
)
_WITHIN = Advice(
    "Clients never see that the answer ended, or why.",
    'Check the message as well: `choice.finish_reason or getattr(choice.delta, "finish_reason", None)`.',
)
_COUNTS = Advice(
    "Clients that read `chunk.usage` count nothing.",
    'Check the message as well: `chunk.usage or getattr(choice.delta, "usage", None)`.',
)
_ADVICE = {_CHOICE: _BESIDE, _PART: _WITHIN, _CALL: _FLAT}


@rule(
    "chunk.places", Level.SHOULD, "Fields are where the specification puts them.",
    sources.CHUNK, success_status,
    good=(STREAM, BODY, TOOLS, TOOLS_BODY),
    bad=(
        replace_in_body(BODY, '"message":{"role":"assistant","content":"你好! How can I help?"', '"content":"你好! How can I help?","message":{"role":"assistant","content":""'),
        replace_in_body(STREAM, '"delta":{},"logprobs":null,"finish_reason":"stop"', '"delta":{"finish_reason":"stop"},"logprobs":null,"finish_reason":null'),
        replace_in_body(TOOLS_BODY, '"function":{"name":"get_weather","arguments":"{\\"city\\":\\"Paris\\"}"}', '"name":"get_weather","arguments":"{\\"city\\":\\"Paris\\"}"'),
        replace_in_body(replace_in_body(BODY, '"content":"你好! How can I help?"', '"content":""'), '"choices":', '"content":"你好!","choices":'),
        replace_in_body(BODY, '"message":{"role":"assistant","content":"你好! How can I help?"', '"text":"你好!","message":{"role":"assistant","content":""'),
    ),
    depends_on=("chunk.present",),
)  # fmt: skip
def places(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients look where the specification puts the field, find nothing, and raise or show an empty answer.

    Instead: Check both places, the specified one first: `choice.message.content or getattr(answer, "content", None)`.
    """
    columns = exchange.columns
    for here, due, name, place in _places_of(columns.message_key):
        if not columns.holds_only(place, _NOTHING):
            yield from _misplaced(exchange, here, due, name)


@cache
def _places_of(part: MessageKey) -> list[tuple[str, str, str, str]]:
    """Return the wrong place of a field, the right one, its name, and the pattern of the former."""
    return [
        (here, due, name, f"{here.replace('{part}', part)}/{name}")
        for here, due, fields in _MISPLACED
        for name in fields
    ]


def _misplaced(exchange: Exchange, here: str, due: str, name: str) -> Iterator[Problem]:
    part = exchange.columns.message_key
    if here == _CALL and "object" in exchange.columns.kinds(f"{_PART.replace('{part}', part)}/tool_calls"):
        return  # not a list of calls: tool_calls.type reports it
    found = exchange.columns.kinds(f"{here.replace('{part}', part)}/{name}")
    given = [seen for what, seen in found.items() if what not in _NOTHING]
    field = _FIELDS.get(name, name)
    if given and not exchange.columns.kinds(f"{due.replace('{part}', part)}/{field}").keys() - _NOTHING:
        unit = {"": "chunk", _CALL: "call"}.get(here, "choice")
        where = n_of_m(sum(seen.count for seen in given), sum(seen.count for seen in found.values()), unit)
        due_as = _SAID[due] if field == name else f"{_SAID[due]} as {field}"
        said = f"{name} is {_SAID[here]}, not {due_as}, in {where}".replace("{part}", part)
        first = min(given, key=lambda seen: seen.first)
        yield Problem(said, ((first.first, first.pointer),), _COUNTS if name == "usage" else _ADVICE.get(here))
