"""
Fills JSON templates: a provider's own keys in its own order, with placeholders.

A string ``$name`` is a placeholder for a value of any type.  A key ``usage if asked`` is present if the condition
holds, and ``usage if not asked`` if it does not.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from harness.errors import suggestion

PLACES = {
    "id": "the id of the answer, by the form in ids",
    "fingerprint": "the system_fingerprint, by the form in ids; null where it gives none",
    "request_id": "the id of the request, by the form in ids",
    "created": "the time of the answer",
    "model": "the model, as the answer names it",
    "index": "the index of the choice",
    "delta": "in chunk and closing: the delta of the phase",
    "choices": "in a body's envelope: its choices, each by the template choice",
    "message": "in a body's choice: the message of the kind",
    "text": "a piece of text, the whole of it in a body, what is wrong in a refusal",
    "said": "all of the text so far, the piece of this chunk included",
    "thought": "a piece of thought, or the whole of it",
    "calls": "all calls, each by the template call",
    "number": "the number of the call, from 0",
    "call_id": "the id of the call, by the form in ids",
    "name": "the name of the tool",
    "arguments": "a piece of the call's arguments, or the whole of them",
    "finish": "the finish_reason; null before the end",
    "logprobs": "the template logprobs where they were asked for, else null",
    "tokens": "in logprobs: the probabilities of the tokens",
    "thoughts": "in logprobs: the probabilities of the tokens of the thought",
    "usage": "the template usage",
    "prompt": "tokens of the prompt",
    "completion": "tokens of the answer, thought included",
    "spoken": "tokens of the answer, thought left out",
    "reasoning": "tokens of the thought",
    "total": "all tokens",
    "seconds": "a time in seconds, with a fraction",
    "padding": "random text",
}
"""The placeholders allowed after ``$``."""

CONDITIONS = {
    "asked": "usage was asked for by stream_options.include_usage",
    "thinking": "the model thinks; in logprobs, there are thoughts in this chunk or body",
    "calling": "a tool is called",
    "text": "the choice has text; in logprobs, there is text in this chunk or body",
    "logprobs": "probabilities were asked for",
    "stream": "the answer is streamed",
}
"""The conditions allowed after ``if`` in a key."""

IDS = ("id", "call_id", "fingerprint", "request_id")

_IF, _NOT = " if ", "not "
_PART = re.compile(r"\{(uuid|hex|lower|alnum|digit|number) ?(\d*)\}")
_ALPHABETS = {
    "hex": "0123456789abcdef",
    "digit": "0123456789",
    "lower": "0123456789abcdefghijklmnopqrstuvwxyz",
    "alnum": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
}
_LETTERS = {
    kind: bytes(ord(letters[byte % len(letters)]) for byte in range(256)) for kind, letters in _ALPHABETS.items()
}
"""The character for each byte in an id."""
_UUID = "{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}"
_DIGEST = hashlib.sha256().digest_size


def check(template: Any) -> Any:
    """Return ``template``; raise ValueError if it names an unknown placeholder or condition."""
    if isinstance(template, dict):
        for key, value in template.items():
            split(str(key))
            check(value)
    elif isinstance(template, list):
        for value in template:
            check(value)
    elif isinstance(template, str) and template.startswith("$") and template[1:] not in PLACES:
        raise ValueError(_unknown("place", template, [f"${name}" for name in PLACES]))
    return template


@lru_cache(4096)
def split(key: str) -> tuple[str, str]:
    """Return a key without its condition, and the condition; raise ValueError if it is unknown."""
    name, found, condition = key.partition(_IF)
    if found and condition.removeprefix(_NOT) not in CONDITIONS:
        raise ValueError(_unknown("condition", condition, list(CONDITIONS)))
    return name, condition


def _unknown(what: str, name: str, known: list[str]) -> str:
    return f"unknown {what} {name}; {suggestion(name, known)}"


def check_id(form: str) -> str:
    """Return the form of an id; raise ValueError if a part in braces is invalid."""
    if "{" in _PART.sub("", form):
        raise ValueError("an unknown part; use {uuid}, {hex N}, {lower N}, {alnum N}, {digit N} or {number N}")
    return form


def holds(condition: str, conditions: frozenset[str]) -> bool:
    """Return whether ``condition`` holds, given those that do; an empty one always does."""
    if condition.startswith(_NOT):
        return condition.removeprefix(_NOT) not in conditions
    return not condition or condition in conditions


def fill(template: Any, values: Mapping[str, Any], conditions: frozenset[str]) -> Any:
    """
    Return ``template`` with its placeholders filled and without the keys whose condition does not hold.

    A value that is a function is called, so that rarely used values are computed on demand.  A template is compiled
    once per set of conditions: it is filled for every chunk, and must not be modified.
    """
    key = id(template), conditions
    held = _PREPARED.get(key)
    if held is None:
        if len(_PREPARED) >= _MOST_PREPARED:
            _PREPARED.clear()
        held = _PREPARED[key] = (
            template,
            _prepared(template, conditions),
        )  # holds the template, so that its id is not reused
    made = held[1]
    return made(values) if callable(made) else made


_Filler = Callable[[Mapping[str, Any]], Any]
_MOST_PREPARED = 4096
_PREPARED: dict[tuple[int, frozenset[str]], tuple[Any, Any]] = {}


def _prepared(template: Any, conditions: frozenset[str]) -> Any:
    """Return a filler for a template, or the template itself if it has no placeholders."""
    if isinstance(template, dict):
        parts = [(*split(key), inner) for key, inner in template.items()]
        return _of_object(
            [(name, _prepared(inner, conditions)) for name, when, inner in parts if holds(when, conditions)]
        )
    if isinstance(template, list):
        return _of_list([_prepared(inner, conditions) for inner in template])
    return _of_place(template[1:]) if isinstance(template, str) and template.startswith("$") else template


def _of_object(parts: list[tuple[str, Any]]) -> Any:
    plain = {name: part for name, part in parts if not callable(part)}
    filled = [(name, part) for name, part in parts if callable(part)]
    if not filled:
        return lambda _values: dict(plain)
    whole: dict[str, Any] = {name: None if callable(part) else part for name, part in parts}

    def fill_object(values: Mapping[str, Any]) -> dict[str, Any]:
        made = whole.copy()
        for name, part in filled:
            made[name] = part(values)
        return made

    return fill_object


def _of_list(parts: list[Any]) -> _Filler:
    return lambda values: [part(values) if callable(part) else part for part in parts]


def _of_place(name: str) -> _Filler:
    def fill_place(values: Mapping[str, Any]) -> Any:
        value = values[name]
        return value() if callable(value) else value

    return fill_place


def uses(template: Any, place: str) -> bool:
    """Return whether a template has the placeholder ``place``; cached, as in ``fill``."""
    key = id(template), place
    held = _USED.get(key)
    if held is None:
        if len(_USED) >= _MOST_PREPARED:
            _USED.clear()
        held = _USED[key] = template, _uses(template, place)
    return held[1]


_USED: dict[tuple[int, str], tuple[Any, bool]] = {}


def _uses(template: Any, place: str) -> bool:
    if isinstance(template, dict):
        return any(_uses(inner, place) for inner in template.values())
    if isinstance(template, list):
        return any(_uses(inner, place) for inner in template)
    return bool(template == f"${place}")


def make_id(form: str, seed: str, number: int = 0) -> str:
    """Return an id of the form; equal ``seed`` values give equal ids."""
    if "{" not in form:
        return form
    plan = _id_form(form)
    source = _bytes_of(seed, plan.bytes)
    letters = b"".join([source.translate(table) for table in plan.tables]).decode()
    parts = [letters[one] for one in plan.places]
    for at, width in plan.numbers:
        parts[at] = f"{number:0{width}d}"
    return plan.text % tuple(parts)


class _IdForm(NamedTuple):
    """
    The form of an id: its ``text`` with placeholders, and the ``places`` of their letters.

    These are in one string: ``bytes`` bytes, translated by each of ``tables``.  ``numbers`` are the placeholders that are
    numbers, with their widths.
    """

    text: str
    tables: tuple[bytes, ...]
    places: tuple[slice, ...]
    numbers: tuple[tuple[int, int], ...]
    bytes: int


@lru_cache(256)
def _id_form(form: str) -> _IdForm:
    plain, *rest = _PART.split(form.replace("{uuid}", _UUID))
    parts = [
        (kind, int(count or 1), text.replace("%", "%%")) for kind, count, text in zip(*[iter(rest)] * 3, strict=True)
    ]
    whole = "%s".join([plain.replace("%", "%%"), *(text for _, _, text in parts)])
    kinds = list(dict.fromkeys(kind for kind, _, _ in parts if kind != "number"))
    blocks = -(-sum(width for kind, width, _ in parts if kind != "number") // _DIGEST)
    places, taken = list[slice](), 0
    for kind, width, _ in parts:
        if kind == "number":  # uses no bytes
            places.append(slice(0))
            continue
        start = kinds.index(kind) * blocks * _DIGEST + taken
        places.append(slice(start, start + width))
        taken += width
    numbers = tuple((at, width) for at, (kind, width, _) in enumerate(parts) if kind == "number")
    return _IdForm(whole, tuple(_LETTERS[kind] for kind in kinds), tuple(places), numbers, blocks * _DIGEST)


def _bytes_of(seed: str, count: int) -> bytes:
    """Return bytes determined by the seed."""
    blocks = -(-count // _DIGEST)
    if blocks == 1:
        return hashlib.sha256(f"{seed} 0".encode()).digest()
    return b"".join([hashlib.sha256(f"{seed} {block}".encode()).digest() for block in range(blocks)])
