"""Checks the names of fields: the specification's, not another spelling or another API's."""

import re
from collections.abc import Iterator
from functools import lru_cache

from harness.checks import sources
from harness.checks.applies import success_status
from harness.checks.kinds import n_of_m
from harness.checks.registry import Unread, rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, REASONING, STREAM, TOOLS, TOOLS_BODY, replace_in_body, with_body
from harness.wire.exchange import Exchange
from harness.wire.shapes import REASONING_CHANNELS, ChunkForm, Kind

_READ = ("chunk.present",)
_NOTHING: frozenset[Kind] = frozenset({"missing", "null", '""', "[]", "{}"})
_NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "": dict.fromkeys(("id", "object", "created", "model", "usage", "service_tier", "system_fingerprint"), ()),
    "/choices/*": {
        "index": (),
        "finish_reason": ("stopreason", "donereason", "completionreason"),
        "logprobs": (),
        "delta": ("text",),
        "message": (),
    },
    "/choices/*/{part}": {
        "role": (),
        "content": ("text", "outputtext"),
        "reasoning_content": ("thoughts", "thought", "thinkingcontent", "reasoningtext", "reasoningsummary"),
        "refusal": (),
        "tool_calls": ("toolcall", "tools", "tooluse"),
        "function_call": (),
        "annotations": (),
        "images": ("image",),
    },
    "/choices/*/{part}/tool_calls/*": {"index": (), "id": ("callid", "toolcallid"), "type": (), "function": ()},
    "/choices/*/{part}/tool_calls/*/function": {
        "name": ("functionname", "toolname"),
        "arguments": ("args", "parameters", "params", "input"),
    },
    "/usage": {
        "prompt_tokens": ("inputtokens", "promptevalcount"),
        "completion_tokens": ("outputtokens", "evalcount"),
        "total_tokens": (),
        "prompt_tokens_details": (),
        "completion_tokens_details": (),
    },
}
"""
The fields of the specification by their container, with their names in other APIs.

Spellings are equal if they differ only in capitals, ``_`` and ``-``.
"""

_SAME = {"reasoning_content": REASONING_CHANNELS}
"""All usual names of fields that have several."""

_END = Advice(
    "The client does not learn that the answer ended, or why: it waits, retries, or treats a complete answer as truncated.",
    'If the specified field is empty, read the one that is sent, such as `choice.finish_reason or getattr(choice, "finishReason", None)`.',
)
_SAID = Advice(
    "The client shows an empty answer: the content has a name that it does not read.",
    'If the specified field is empty, read the one that is sent, such as `delta.content or getattr(delta, "text", None) or ""`.',
)
_THOUGHT = Advice(
    "The reasoning is not shown and cannot be sent back: it has a name that clients do not read.",
    'If the specified field is empty, read the one that is sent, such as `getattr(delta, "reasoningContent", None) or ""`.',
)
_OLD = Advice(
    "`choice.delta.content` raises AttributeError on None: the chunk has the form of `/v1/completions`.",
    'Read the text where that API has it: `text += getattr(choice, "text", None) or ""`.',
)
_CALLED = Advice(
    "The tool is never called, or is called without the data under the other name.",
    'If the specified field is empty, read the one that is sent, such as `delta.tool_calls or getattr(delta, "toolCalls", None)`.',
)
_COUNTED = Advice(
    "The client counts no tokens: `usage.prompt_tokens` is None or raises AttributeError.",
    'If the specified field is missing, read the one that is sent, such as `usage.prompt_tokens or getattr(usage, "promptTokens", 0)`.',
)
_SHOWN = Advice(
    "The picture is not shown: clients look for a list of images in the message.",
    'If the specified field is missing, read the one that is sent: `getattr(message, "images", None) or getattr(message, "image", None)`.',
)
_ADVICE = {
    "images": _SHOWN,
    "finish_reason": _END,
    "delta": _OLD,
    "content": _SAID,
    "reasoning_content": _THOUGHT,
    "refusal": _SAID,
    "tool_calls": _CALLED,
    "function_call": _CALLED,
    "function": _CALLED,
    "arguments": _CALLED,
    "name": _CALLED,
    "prompt_tokens": _COUNTED,
    "completion_tokens": _COUNTED,
    "total_tokens": _COUNTED,
}


@rule(
    "chunk.names", Level.SHOULD, "Fields are named as in the specification.",
    sources.CHUNK, success_status,
    good=(
        STREAM, BODY, TOOLS, TOOLS_BODY, REASONING,
        replace_in_body(STREAM, '"finish_reason":"stop"', '"finishReason":"stop","stop_reason":"eos","finish_reason":"stop"'),
    ),
    bad=(
        replace_in_body(STREAM, '"finish_reason":"stop"', '"finish_reason":null,"finishReason":"stop"'),
        replace_in_body(STREAM, '"delta":{"content":', '"delta":{"text":'),
        replace_in_body(TOOLS, '"tool_calls"', '"toolCalls"'),
        replace_in_body(BODY, '"prompt_tokens"', '"promptTokens"'),
        replace_in_body(BODY, '"finish_reason"', '"finish-reason"'),
        replace_in_body(TOOLS_BODY, '"arguments"', '"parameters"'),
        with_body(STREAM, re.sub(rb'"delta":\{[^}]*"content":("[^"]*")[^}]*\}', rb'"text":\1', STREAM.response.body)),
    ),
    depends_on=_READ,
)  # fmt: skip
def names(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients read the specified name, find nothing, and raise or leave the field out.

    Instead: Read both names, the specified one first: `getattr(chunk, "model", None) or getattr(chunk, "Model",
    None)`.
    """
    for pattern in _NAMES:
        place = pattern.replace("{part}", exchange.columns.message_key)
        if "tool_calls" in place and "object" in exchange.columns.kinds(
            place.partition("/tool_calls")[0] + "/tool_calls"
        ):
            continue  # not a list of calls: tool_calls.type reports it
        shapes = exchange.columns.shapes
        misnamed = {key: name for one in shapes for key, name in one.form.worked_out(_misnamed, pattern, place)}
        for key, name in misnamed.items():
            if (_plain(key) == _plain(name) and name != "reasoning_content") or not any(
                _given(exchange, place, one) for one in _SAME.get(name, (name,))
            ):
                yield _told(exchange, place, key, name)
    raise Unread("reasoning.type")


def _given(exchange: Exchange, place: str, name: str) -> bool:
    return not exchange.columns.holds_only(f"{place}/{name}", _NOTHING)


def _misnamed(form: ChunkForm, pattern: str, place: str) -> tuple[tuple[str, str], ...]:
    """Return each key with a value whose specified field has none, and that field."""
    return tuple(_other_names(form, pattern, place))


def _other_names(form: ChunkForm, pattern: str, place: str) -> Iterator[tuple[str, str]]:
    for holder in form.objects(place):
        for at in form.elements(holder):
            key = at.rpartition("/")[2]
            name = None if key in _NAMES[pattern] or form.kinds[at] in _NOTHING else _known(pattern, _plain(key))
            if name == "delta" and form.kinds.get(f"{holder}/message", "missing") not in _NOTHING:
                continue
            if name and form.kinds.get(f"{holder}/{name}", "missing") in _NOTHING:
                yield key, name


def _told(exchange: Exchange, place: str, key: str, name: str) -> Problem:
    kinds = exchange.columns.kinds(f"{place}/{key}")
    given = [seen for what, seen in kinds.items() if what not in _NOTHING]
    unit = {"": "chunk", "/usage": "usage"}.get(place, "call" if "tool_calls" in place else "choice")
    where = n_of_m(sum(seen.count for seen in given), sum(seen.count for seen in kinds.values()), unit)
    first = min(given, key=lambda seen: seen.first)
    return Problem(f"{name} has the name {key} in {where}", ((first.first, first.pointer),), _ADVICE.get(name))


@lru_cache(4096)
def _plain(key: str) -> str:
    """Return a name in lower case, without _ and -."""
    return key.replace("_", "").replace("-", "").lower()


@lru_cache(4096)
def _known(pattern: str, plain: str) -> str | None:
    """Return the field with a normalized name, if its container is at ``pattern``."""
    fields = _NAMES[pattern].items()
    return next((name for name, others in fields if plain == _plain(name) or plain in others), None)
