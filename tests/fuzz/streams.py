"""Changes streams: drops, repeats and reorders events, inserts odd ones, and splits data over several lines."""

import random
import re
from collections.abc import Callable

from fuzz import values
from fuzz.odd import JSON

_END = re.compile(rb"((?:\r\n|\n|\r){2,})")
EVENTS: tuple[bytes, ...] = (
    b": comment\n\n", b":\n\n", b"\n\n", b"data\n\n", b"data:\n\n", b"data: \n\n", b"data: [DONE]\n\n", b"data:[DONE]\r\n\r\n",
    b"data: [DONE] \n\n", b"data: [done]\n\n", b"event: error\ndata: {}\n\n", b'event: error\ndata: {"error":{"message":1}}\n\n',
    b'data: {"error":"x"}\n\n', b'data: {"error":{"message":{"a":[]},"code":[],"type":{}}}\n\n', b"id: \0\ndata: {}\n\n",
    b"id: 1\n\n", b"retry: 99999999999999999999\n\n", b"retry: -1\n\n", b"event: ping\ndata: null\n\n", b"data: []\n\n",
    b'data: "x"\n\n', b"data: 1\n\n", b"data: {\ndata: }\n\n", b"data: {\n\ndata: }\n\n", b"nothing: x\n\n", b"plain text\n\n",
    b"data: \xff\n\n", b'data: {"choices":[]}\n\n', b'data: {"choices":[{}]}\n\n', b'data: {"choices":null,"usage":{}}\n\n',
    b"data: " + b"x" * 200_000 + b"\n\n", b"x" * 5000 + b": y\n\n", b"data: {}data: {}\n\n", b"\xef\xbb\xbfdata: {}\n\n",
    b'{"not":"framed"}\n', b"0\r\n\r\n", b"1a\r\ndata: {}\n\n", b"data: {}\n" * 500 + b"\n", b"data: {}\n\n" * 500,
)  # fmt: skip

Change = Callable[[random.Random, list[bytes], bytes], None]


def changed(draw: random.Random, body: bytes, other: bytes) -> bytes:
    """Return a stream with one thing changed; ``other`` is another body, from which events may come."""
    parts = _END.split(body)
    events = [parts[n] + (parts[n + 1] if n + 1 < len(parts) else b"") for n in range(0, len(parts), 2)]
    draw.choice(_WAYS)(draw, events, other)
    return b"".join(events)


def _drop(draw: random.Random, events: list[bytes], _: bytes) -> None:
    begin = draw.randrange(len(events))
    del events[begin : begin + draw.choice((1, 1, 2, 10, 1000))]


def _double(draw: random.Random, events: list[bytes], _: bytes) -> None:
    at = draw.randrange(len(events))
    events[at:at] = [events[at]] * draw.choice((1, 1, 2, 300))


def _move(draw: random.Random, events: list[bytes], _: bytes) -> None:
    event = events.pop(draw.randrange(len(events)))
    events.insert(draw.randrange(len(events) + 1), event)


def _shuffle(draw: random.Random, events: list[bytes], _: bytes) -> None:
    draw.choice((draw.shuffle, list.reverse, list.sort))(events)


def _insert(draw: random.Random, events: list[bytes], _: bytes) -> None:
    events.insert(draw.randrange(len(events) + 1), draw.choice(EVENTS))


def _borrow(draw: random.Random, events: list[bytes], other: bytes) -> None:
    events.insert(draw.randrange(len(events) + 1), draw.choice(other.split(b"\n\n")) + b"\n\n")


def _whole_event(draw: random.Random, events: list[bytes], _: bytes) -> None:
    events[draw.randrange(len(events))] = b"data: " + draw.choice(JSON).encode() + b"\n\n"


def _several_lines(draw: random.Random, events: list[bytes], _: bytes) -> None:
    at = draw.randrange(len(events))
    cut = draw.randrange(len(events[at]) + 1)
    events[at] = events[at][:cut] + b"\ndata: " + events[at][cut:]


def _unseparated(draw: random.Random, events: list[bytes], _: bytes) -> None:
    at = draw.randrange(len(events))
    events[at] = events[at].rstrip(b"\r\n") + draw.choice((b"", b"\n", b"\r", b" \n \n"))


def _reprefixed(draw: random.Random, events: list[bytes], _: bytes) -> None:
    said = draw.choice(
        (
            b"data:",
            b"data",
            b"Data: ",
            b" data: ",
            b"data:  ",
            b"data:\t",
            b"event: x\ndata: ",
            b"",
            b"\xef\xbb\xbfdata: ",
        )
    )
    for at in range(len(events)) if draw.random() < 0.3 else [draw.randrange(len(events))]:
        events[at] = events[at].replace(b"data: ", said, 1)


def _value(draw: random.Random, events: list[bytes], _: bytes) -> None:
    """Change the JSON of one event, or the same thing in all."""
    seed, everywhere = draw.random(), draw.random() < 0.15
    for at in range(len(events)) if everywhere else [draw.randrange(len(events))]:
        head, found, rest = events[at].partition(b"data: ")
        data = rest.rstrip(b"\r\n")
        text = values.changed(random.Random(seed), data.decode("utf-8", "replace")) if found else None
        if text is not None:
            events[at] = head + found + text.encode("utf-8", "surrogatepass") + rest[len(data) :]


_WAYS: tuple[Change, ...] = (
    _drop, _double, _move, _shuffle, _insert, _insert, _borrow, _whole_event, _several_lines, _unseparated, _reprefixed,
    *[_value] * 12,
)  # fmt: skip
