"""
Finds structural differences between two responses to the same request; texts, ids, counts and times are ignored.

How it works: keys and the kinds of their values are compared, once for each shape of chunk. The chunks of a stream
do not all have one form, so each phase is compared with the same phase: the first chunk with the first chunk, those
with text with those with text.  A phase that only one stream has is not compared by key: whether to call a tool or
to reason is up to the model, and the observations about it are compared elsewhere.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from harness.wire.chat.chunks import CONSTANT_KEYS, Choice, Columns
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange
from harness.wire.shapes import PADDING, REASONING_CHANNELS, TEXT_CHANNELS, Kind, Shape, form_of, kinds_in

Place = tuple[int, str]
"""Event number and JSON pointer."""

_STRUCTURAL = ("finish", "without choices")
_MESSAGES = frozenset({"/choices/*/message", "/choices/*/delta"})
_CALLS = frozenset({"tool_calls", "function_call"})
_EMPTY = frozenset({"null", '""', "[]", "missing"})
_CONSTANT = tuple(name for name in CONSTANT_KEYS if name != "created")  # the clock may tick during a stream
_WIDTH = 60


class ShapeChange(NamedTuple):
    """
    A difference in shape.

    ``what`` is a JSON pointer, with ``*`` for any index and ``@phase`` behind it if only chunks of that phase
    changed, or a word such as ``status``; ``old`` and ``new`` are the values, ``old_at`` and ``new_at`` their
    places.
    """

    what: str
    old: str
    new: str
    old_at: Place | None = None
    new_at: Place | None = None


def changes(old: Exchange, new: Exchange) -> Iterator[ShapeChange]:
    """Yield the differences in shape between two exchanges."""
    yield from _differing("status", str(old.response.status), str(new.response.status))
    yield from _differing("look", _body_kind(old), _body_kind(new))
    # A completion and an error have no keys in common to compare.
    if _refused(old) == _refused(new) and old.reading.body_kind == new.reading.body_kind:
        yield from _keys(old, new)
        yield from _differing("order", *_orders(old.columns, new.columns))
        yield from _constancy(old.columns, new.columns)


def _differing(what: str, old: str, new: str) -> list[ShapeChange]:
    return [ShapeChange(what, old, new)] if old != new else []


def _refused(exchange: Exchange) -> bool:
    return exchange.response.is_error


def _body_kind(exchange: Exchange) -> str:
    odd = [what for _, what in exchange.columns.not_objects]
    return f"{exchange.reading.body_kind}, {odd[0]}" if odd else exchange.reading.body_kind


def questions(old: Exchange, new: Exchange) -> Iterator[ShapeChange]:
    """Yield the request parameters that differ; of the messages the first, since later ones hold a response."""
    asked, asks = old.request.json, new.request.json
    if asked is not None and asks is not None:
        for key in dict.fromkeys([*asked, *asks]):
            yield from _differing(key, _parameter(asked, key), _parameter(asks, key))


def _parameter(body: dict[str, Any], key: str) -> str:
    if key not in body:
        return "missing"
    value = body[key]
    if key == "messages" and isinstance(value, list):
        value = value[:1]
    text = json_text(value, in_order=True)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def _keys(old: Exchange, new: Exchange) -> Iterator[ShapeChange]:
    """Yield the keys added or removed and the values of another kind, one for all phases if all changed alike."""
    before, after = _phases(old), _phases(new)
    common = [phase for phase in before if phase in after]
    patterns = dict.fromkeys(one for phase in common for one in _patterns([*before[phase], *after[phase]]))
    by_pattern: dict[str, dict[str, ShapeChange | None]] = {}
    for phase in common:
        for pattern, change in _compared(patterns, before[phase], after[phase]):
            by_pattern.setdefault(pattern, {})[phase] = change
    for by_phase in by_pattern.values():
        found = {phase: change for phase, change in by_phase.items() if change}
        if len(found) == len(by_phase) and len({change[:3] for change in found.values()}) == 1:
            yield next(iter(found.values()))
        else:
            yield from (change._replace(what=f"{change.what}@{phase}") for phase, change in found.items())
    for phase in _STRUCTURAL:
        yield from _presence(phase, before, after)


def _presence(phase: str, before: dict[str, list[Shape]], after: dict[str, list[Shape]]) -> list[ShapeChange]:
    if not before or not after or (phase in before) == (phase in after):
        return []
    old, new = ((phases[phase][0].first, "") if phase in phases else None for phases in (before, after))
    return [ShapeChange(f"chunks/{phase}", "some" if old else "none", "some" if new else "none", old, new)]


def _phases(exchange: Exchange) -> dict[str, list[Shape]]:
    """Return the shapes of a response by the phase of their chunks."""
    columns = exchange.columns
    phases: dict[str, list[Shape]] = {}
    for shape in columns.shapes:
        for phase in _phases_of(shape, columns):
            phases.setdefault(phase, []).append(shape)
    for error in columns.errors:
        chunk = exchange.chunk(error.chunk)
        if "choices" not in chunk:  # those with choices are among the shapes
            shape = Shape(form_of(tuple(kinds_in(chunk)), columns.message_key), error.chunk)
            phases.setdefault("body" if columns.message_key == "message" else "error", []).append(shape)
    return phases


def _phases_of(shape: Shape, columns: Columns) -> list[str]:
    """Return the phases that chunks of one shape occur in; the first chunk of a stream is unlike those after it."""
    phase = _phase(shape, columns)
    if phase == "body" or shape.first > columns.first:
        return [phase]
    opening = "opening" if phase == "silent" else f"opening {phase}"
    return [opening] if shape.count == 1 else [opening, phase]


def _phase(shape: Shape, columns: Columns) -> str:
    if columns.message_key == "message":
        return "body"
    if not shape.elements("/choices"):
        return "without choices"
    if _holds(shape, "/choices/*", "finish_reason"):
        return "finish"
    if _holds(shape, "/choices/*/delta", "tool_calls"):
        begins = _holds(shape, "/choices/*/delta/tool_calls/*", "id")
        begins = begins or _holds(shape, "/choices/*/delta/tool_calls/*/function", "name")
        return "call begins" if begins else "call goes on"
    if any(_holds(shape, "/choices/*/delta", name) for name in REASONING_CHANNELS):
        return "reasoning"
    return "content" if _holds(shape, "/choices/*/delta", "content") else "silent"


def _holds(shape: Shape, container: str, key: str) -> bool:
    """Return whether ``key`` holds text or a list in any place that ``container`` points at."""
    return any(shape.kinds.get(f"{place}/{key}") in {"text", "list"} for place in shape.containers(container))


def _compared(
    patterns: Iterable[str], before: list[Shape], after: list[Shape]
) -> Iterator[tuple[str, ShapeChange | None]]:
    """Yield each of ``patterns`` that could occur in chunks of both, with its change, if any."""
    closed: set[str] = set()  # places added or removed as a whole: nothing inside is compared
    for pattern in patterns:  # a container before what it holds
        old, new = _kinds(before, pattern), _kinds(after, pattern)
        compared = bool(old and new) and pattern.rpartition("/")[0] not in closed
        change = _kind_change(pattern, old, new) if compared else None
        if change or not compared:
            closed.add(pattern)
        if compared:
            yield pattern, change


def _kind_change(pattern: str, old: dict[str, Place], new: dict[str, Place]) -> ShapeChange | None:
    """Return the change if the kinds of values at ``pattern`` differ, unless that is up to the model."""
    if old.keys() == new.keys() or _of_the_model(pattern, {*old, *new}):
        return None
    was = next((place for what, place in old.items() if what not in new), next(iter(old.values())))
    now = next((place for what, place in new.items() if what not in old), next(iter(new.values())))
    return ShapeChange(pattern, " or ".join(sorted(old)), " or ".join(sorted(new)), was, now)


def _of_the_model(pattern: str, kinds: set[str]) -> bool:
    """Return whether the model decides which of ``kinds`` occurs at ``pattern``."""
    container, _, key = pattern.rpartition("/")
    if container not in _MESSAGES:
        return False
    # Whether there are words, calls or both is the model's choice; how their absence is expressed is the server's.
    full = {"text"} if key in TEXT_CHANNELS else {"list", "object"} if key in _CALLS else set()
    return bool(kinds & full) and len(kinds - full) <= 1 and kinds - full <= _EMPTY


def _kinds(shapes: list[Shape], pattern: str) -> dict[str, Place]:
    """Return the kinds of values that ``pattern`` points at, each with the first place."""
    container, _, key = pattern.rpartition("/")
    found: dict[str, Place] = {}
    for shape in shapes:
        for place in shape.containers(container):
            pointers = shape.elements(place) if key == "*" else [f"{place}/{key}"]
            for pointer in pointers:
                found.setdefault(comparable_kind(key, shape.kinds.get(pointer, "missing")), (shape.first, pointer))
    return found


def comparable_kind(key: str, what: Kind) -> str:
    """Return a kind for comparison: kinds that vary by chance for the same thing are one."""
    if what in {"int", "float"}:
        return "number"  # one quantity comes as 0 and 0.5; the rules know where an integer is due
    if what == "{}":
        return "object"  # added and removed keys are reported
    return "text" if what == '""' and key in PADDING else what


def _patterns(shapes: Iterable[Shape]) -> Iterator[str]:
    """Yield the pointers in ``shapes`` with ``*`` for every index of a list."""
    for shape in shapes:
        known = {"": ""}
        for pointer in shape.kinds:
            container, _, key = pointer.rpartition("/")
            listed = shape.kinds.get(container) == "list"
            known[pointer] = f"{known[container]}/{'*' if listed else key}"
        yield from known.values()


def _orders(old: Columns, new: Columns) -> tuple[str, str]:
    """Return the order of content that both streams have, such as ``reasoning → content → finish``."""
    if old.message_key == "message" or not old.choices or not new.choices:
        return "", ""
    spans = [_spans(columns.choices[min(columns.choices)]) for columns in (old, new)]
    common = spans[0].keys() & spans[1].keys()
    before, after = ({name: span for name, span in one.items() if name in common} for one in spans)
    return _order(before), _order(after)


def _spans(choice: Choice) -> dict[str, tuple[int, int]]:
    """Return the first and last chunk of each kind of content of a choice."""
    numbers = {
        "reasoning": choice.fragments(choice.reasoning or "").chunks,
        "content": choice.fragments("content").chunks,
        "tool calls": [fragment.chunk for fragment in choice.tools],
        "finish": [finish.chunk for finish in choice.finish_reasons],
    }
    return {name: (found[0], found[-1]) for name, found in numbers.items() if found}


def _order(spans: dict[str, tuple[int, int]]) -> str:
    """Return the names in order; ``&`` joins content that overlaps with the one before."""
    text, end = "", 0
    for name, (first, last) in sorted(spans.items(), key=lambda item: item[1]):
        text += f"{' & ' if first < end else ' → '}{name}" if text else name
        end = max(end, last)
    return text


def _constancy(old: Columns, new: Columns) -> Iterator[ShapeChange]:
    """Yield the keys that have one value in all chunks of one stream, and several in the other."""
    words = {True: "one value", False: "several values"}
    for name in _CONSTANT:
        before, after = is_constant(old, name), is_constant(new, name)
        if before is not None and after is not None:
            yield from _differing(f"constant/{name}", words[before], words[after])


def is_constant(columns: Columns, name: str) -> bool | None:
    """Return whether a key has one value in all chunks that have it; None if none has it."""
    values = columns.values[name]
    return len(values) == 1 if values else None
