"""
Computes the canonical form of an exchange, which the SDK is given instead.

A long stream is reduced to events that represent all others, and texts, ids and numbers are replaced by constants,
byte for byte: everything around them is the provider's own.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

from harness.wire.exchange import Exchange
from harness.wire.messages.columns import MessageColumns
from harness.wire.reading import Reading
from harness.wire.shapes import TEXT_CHANNELS, Occurrences, Shape
from harness.wire.sse import Parser, is_utf8

_WHOLE = 6
_EDGE = 3
_KEPT_VALUES = frozenset({b"role", b"finish_reason", b"object", b"type", b"service_tier", b"index"})
_TEXTS = frozenset(
    name.encode() for name in (*TEXT_CHANNELS, "arguments", "id", "model", "name", "token", "obfuscation", "p")
)
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TOKEN = re.compile(
    rb'[^"]*+%b(?:\s*+:\s*+(?:%b|-?\d++(?:\.\d++)?(?![\d.eE])))?|[^"]++' % (_STRING, _STRING), re.DOTALL
)
_PAIR = re.compile(rb'([^"]*+"([^"\\]*+)"\s*+:\s*+-?)(?:"(.*)"|(\d++)(?:\.(\d++))?)', re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_SPECIAL = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")  # line ends that readers disagree on
_COERCED = re.compile(rb"[\s\d+\-_.e]+|true|false|t|f|yes|no|y|n|on|off|[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
_COUNT = re.compile(rb"[1-9]\d{1,14}(?:\.\d*[1-9]\d*)?")  # a number that is written as a text, whole or not
_LONG = 15  # digits; a longer number may overflow
_BLOCK = re.compile(rb"(?:[^\r\n]++(?:\r\n?|\n|\Z))*+(?:\r\n?|\n)?+")


class Part(NamedTuple):
    """A part of a stream: an event, by number, or the bytes between two, such as a comment."""

    event: int | None
    start: int
    end: int


def canonical_form(exchange: Exchange) -> bytes:
    """Return the bytes of the canonical form of ``exchange``."""
    content, reading = exchange.response.content, exchange.reading
    ids: dict[bytes, int] = {}
    if reading.parser is None:
        return mask_values(content, ids) if reading.body_kind == "json" and reading.syntax_error is None else content
    events, odd = reading.parser.events, not_chunks(reading)
    pieces = []
    for part in parts_of(reading.parser, content, representative_events(reading, reading.parser, content)):
        raw = content[part.start : part.end]
        if part.event is None:
            raw = b"".join(block for block, _ in groupby(_BLOCK.findall(raw)))
        elif part.event not in odd and (event := events[part.event]).single_line:
            head, tail = event.data_at - part.start, event.data_at - part.start + len(event.data)
            raw = raw[:head] + mask_values(event.data, ids) + raw[tail:]
        pieces.append(raw)
    return b"".join(pieces)


def not_chunks(reading: Reading) -> set[int]:
    """Return the numbers of the events that hold no chunk."""
    return {*reading.done, *reading.bad_utf8, *(number for number, _ in reading.not_json)}


def representative_events(reading: Reading, parser: Parser, content: bytes) -> set[int]:
    """Return the numbers of the representative events: the ends of the stream, and some of each kind of event."""
    count = len(parser.events)
    if count <= _WHOLE:
        return set(range(count))
    kinds = list(_kinds(reading, parser, content))
    first, last = dict(reversed(kinds)), dict(kinds)
    return {*range(_EDGE), *range(count - _EDGE, count), *first.values(), *last.values()}


def _kinds(reading: Reading, parser: Parser, content: bytes) -> Iterator[tuple[Any, int]]:
    """
    Yield the kinds of events, each with the numbers of some of them, its first and last included.

    The content of lists other than choices and tool calls, such as logprobs, makes no kind: shapes do not
    distinguish it.
    """
    if reading.messages:
        yield from _kinds_of_messages(reading.messages)
    columns = reading.columns
    spans: list[Shape | Occurrences] = [*columns.shapes]
    spans += [seen for name in ("object", "service_tier") for seen in columns.values[name].values()]
    spans += [seen for choice in columns.choices.values() for seen in choice.roles.values()]
    for kind, seen in enumerate(spans):
        yield from ((kind, seen.first), (kind, seen.last))
    yield from (("not JSON", number) for number, _ in reading.not_json)
    yield from (("not UTF-8", number) for number in reading.bad_utf8)
    yield from (("done", number) for number in reading.done)
    yield from (("no object", number) for number, _ in columns.not_objects)
    yield from ((error.pointer, error.chunk) for error in columns.errors)
    for index, choice in columns.choices.items():
        yield from ((("choice", index), number) for number in (choice.first_chunk, choice.last_chunk))
        yield from (((index, repr(finish.value)), finish.chunk) for finish in choice.finish_values)
        yield from (((index, *_call(tool.value)), tool.chunk) for tool in choice.tools)
    for number, event in parser.events.others.items():
        yield (event.oddities, event.type, is_utf8(content[event.start : event.end])), number


def _kinds_of_messages(columns: MessageColumns) -> Iterator[tuple[Any, int]]:
    """Yield the kinds of events of Messages: each shape, each block's start and end, and those out of order."""
    for form, shapes in columns.shapes.items():
        yield from (((form, kind), number) for kind, one in enumerate(shapes) for number in (one.first, one.last))
    for place, block in enumerate(columns.blocks):
        yield from ((("block", place), number) for number in (block.event, block.stopped) if number is not None)
    yield from ((("breach", one.step.event, one.state), one.step.number) for one in columns.breaches)
    yield from (("no object", number) for number, _ in columns.not_objects)


def _call(fragment: Any) -> tuple[str, str]:
    """Return the call that a fragment belongs to, and its type."""
    return (repr(fragment.get("index")), repr(fragment.get("type"))) if isinstance(fragment, dict) else ("", "")


def parts_of(parser: Parser, content: bytes, kept: set[int]) -> Iterator[Part]:
    """Yield the events that are kept and the bytes between events, unless equal to earlier ones."""
    gaps = _gaps(parser, content)
    for number in sorted({*kept, *gaps}):
        if number in gaps:
            yield gaps[number]
        if number in kept:
            event = parser.events[number]
            yield Part(number, event.start, event.end)


def _gaps(parser: Parser, content: bytes) -> dict[int, Part]:
    """Return the bytes before an event that belong to none, by the number of that event; of equal ones the first."""
    events = parser.events
    if not events.others and sum(events.ends) - sum(events.starts) == len(content):
        return {}
    found: dict[tuple[bytes, bool], tuple[int, Part]] = {}
    end, named = 0, False
    for number in range(len(events) + 1):
        event = events[number] if number < len(events) else None
        start = event.start if event else len(content)
        if start > end:
            # After an id the SDK takes any blank line for an event.
            key = (re.sub(rb"\d+", b"0", content[end:start]), named)
            found.setdefault(key, (number, Part(None, end, start)))
        if event:
            end, named = event.end, bool(event.last_id)
    return dict(found.values())


def mask_values(text: bytes, ids: dict[bytes, int]) -> bytes:
    """Return JSON with constants for its texts, ids and numbers; ids that differ still differ."""
    pieces = []
    for token in _TOKEN.findall(text):
        piece, named = _mask_pair(token)
        pieces.append(piece if named is None else piece + b'"%d"' % ids.setdefault(named, len(ids)))
    return b"".join(pieces)


@lru_cache(maxsize=8192)
def _mask_pair(token: bytes) -> tuple[bytes, bytes | None]:
    """Return a key with a constant for its value, or any other token unchanged; an id is replaced with its key."""
    pair = _PAIR.fullmatch(token)
    if pair is None or pair[2] in _KEPT_VALUES:
        return token, None
    head, key, text, whole, fraction = pair.groups()
    if text is None:
        return head + _mask_number(whole, fraction), None
    constant = _mask_text(text, coerced=key not in _TEXTS)
    return (head, text) if key == b"id" and constant == b"x" else (head + b'"%b"' % constant, None)


def _mask_number(whole: bytes, fraction: bytes | None) -> bytes:
    if fraction is None:
        return whole if whole in {b"0", b"1"} or len(whole) > _LONG else b"2"
    return b"2.5" if fraction.strip(b"0") and len(whole) <= _LONG else whole + b"." + fraction


def _mask_text(text: bytes, *, coerced: bool) -> bytes:
    """Return a constant; the text itself if it is unusual, or ``coerced`` to another type by some readers."""
    if not text or not is_utf8(text) or _SURROGATE.search(text) or _SPECIAL.search(text.decode()):
        return text
    if coerced and _COUNT.fullmatch(text):
        return b"2.5" if b"." in text else b"22"
    return text if coerced and _COERCED.fullmatch(text) else b"x"
