"""
Parses bytes into server-sent events by the WHATWG rules, keeping what the rules discard.

How it works: a line ends with LF, CR LF or CR and nothing else (``splitlines`` also cuts at U+2028 and U+0085,
which JSON may hold raw).  Fields fill a block; an empty line closes it; a block with ``data`` is an event.  A CR
that ends the bytes so far may be half of a CR LF, so it waits for the next byte: this makes the events independent
of how the bytes were segmented.  A block still open at the end is discarded by the rules; here it is kept apart as
``unterminated_event``, because to a user it is lost text.

Source of every rule: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, overload

from harness.wire.limits import Sizes, sizes

BOM = b"\xef\xbb\xbf"
_FIELD, _END = b"data: ", b"\n\n"
"""What stands around the data of an event in the plain form."""

_LINE_END = re.compile(rb"\r\n|\n|\r")
_NO_ODDITIES: frozenset[str] = frozenset()
_BAD_UTF8 = frozenset({"bad-utf8"})
_ENDING_ODDITY = {b"\n": None, b"\r\n": "crlf", b"\r": "cr"}
_LARGE = 1 << 20
"""The size of a body from which its events are not held twice, bytes."""
_KNOWN: dict[frozenset[str], frozenset[str]] = {}
"""Each set of oddities met so far, so that events of one form share one set."""


class Event(NamedTuple):
    """
    One dispatched event.

    ``start`` and ``end`` are byte offsets into the body, blank line included; ``data_at`` is where the first
    ``data`` value begins.  ``oddities`` names what is legal but unusual in it: ``no-space``, ``crlf``, ``cr``,
    ``multi-line``, ``named``, ``id``, ``retry``, ``comment``, ``no-colon``, ``unknown-field`` - and
    ``bad-utf8``, which is not legal.
    """

    start: int
    end: int
    data_at: int
    data: bytes
    type: bytes = b"message"
    last_id: bytes = b""
    oddities: frozenset[str] = _NO_ODDITIES

    @property
    def single_line(self) -> bool:
        """Whether ``data`` is contiguous in the body, so that an offset in it maps to one in the body."""
        return "multi-line" not in self.oddities


class Events(Sequence[Event]):
    """
    The dispatched events.

    Of an event in the plain form only its place in the body is stored, and the ``Event`` is made on access: reading
    a stream, which is one pass over all data, makes none.  ``others`` are those in another form, by number.
    """

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.starts, self.ends = array("q"), array("q")
        self.others: dict[int, Event] = {}

    def add(self, event: Event) -> None:
        """Append an event of any form."""
        self.others[len(self)] = event
        self.starts.append(event.start)
        self.ends.append(event.end)

    @cached_property
    def data(self) -> Sequence[bytes]:
        """The data of the events, to be read when all were added; cut from a large body as they are asked for."""
        cut = _Data(self)
        return cut if len(self.body) > _LARGE else list(cut)

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, number: int) -> Event: ...
    @overload
    def __getitem__(self, number: slice) -> list[Event]: ...
    def __getitem__(self, number: int | slice) -> Event | list[Event]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        number = range(len(self))[number]
        if number in self.others:
            return self.others[number]
        start, data = self.starts[number], self.data[number]
        oddities = _NO_ODDITIES if is_utf8(data) else _BAD_UTF8
        return Event(start, self.ends[number], start + len(_FIELD), data, oddities=oddities)


class _Data(Sequence[bytes]):
    """The data of events."""

    def __init__(self, events: Events) -> None:
        self._of = events

    def __len__(self) -> int:
        return len(self._of)

    @overload
    def __getitem__(self, number: int) -> bytes: ...
    @overload
    def __getitem__(self, number: slice) -> list[bytes]: ...
    def __getitem__(self, number: int | slice) -> bytes | list[bytes]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        of = self._of
        if of.others and (other := of.others.get(range(len(of))[number])):
            return other.data
        return of.body[of.starts[number] + len(_FIELD) : of.ends[number] - len(_END)]

    def __iter__(self) -> Iterator[bytes]:
        body, others, begin, end = self._of.body, self._of.others, len(_FIELD), len(_END)
        for number, (first, last) in enumerate(zip(self._of.starts, self._of.ends, strict=True)):
            yield others[number].data if number in others else body[first + begin : last - end]


@dataclass(slots=True)
class _Block:
    """The fields gathered since the last empty line."""

    start: int
    data: list[bytes] = field(default_factory=list)
    data_at: int = 0
    type: bytes = b""
    oddities: set[str] = field(default_factory=set)
    open: bool = False
    size: int = 0


class Parser:
    """
    An incremental parser: ``feed`` bytes as they come, ``close`` at their end, read the attributes.

    It never raises, whatever the bytes.  ``events`` are those a conforming reader dispatches; ``oddities`` maps
    what is odd in their form (not in their bytes) to its count and first event; ``events_without_data`` are
    ``(offset, oddities)`` of blocks that had fields but no data; ``comments`` are ``(offset, text)``;
    ``unterminated_event`` is the block the stream ended in, if it held data; ``retries`` and ``unknown_fields`` as
    seen.  If the stream exceeds ``limits``, ``too_large`` says which, and the rest is ignored.  ``whole`` is the body
    if it is fed at once: then events in the plain form are places in it.
    """

    def __init__(self, limits: Sizes | None = None, whole: bytes = b"") -> None:
        self.too_large: str | None = None
        self._limits = limits or sizes()
        self._lines = 0  # those taken one by one, blank ones aside
        self.events = Events(whole)
        self.oddities: dict[str, tuple[int, int]] = {}
        self.events_without_data: list[tuple[int, frozenset[str]]] = []
        self.comments: list[tuple[int, bytes]] = []
        self.retries: list[tuple[int, bytes]] = []
        self.unknown_fields: list[tuple[int, bytes]] = []
        self.unterminated_event: Event | None = None
        self.bom = False
        self._last_id = b""
        self._block = _Block(0)
        self._base = 0  # offset in the body of the first byte not yet consumed
        self._waiting: list[bytes] = []  # fragments of a line whose end has not been received
        self._waiting_size = 0
        self._started = False

    def feed(self, piece: bytes) -> None:
        """Parse the next bytes of the body, of any length."""
        if self.too_large:
            return
        if self._waiting and not self._may_end_line(piece):
            self._waiting.append(piece)
            self._waiting_size += len(piece)
            self._check_line(self._waiting_size - 1)  # a CR at its end does not belong to it
            return
        self._waiting.append(piece)
        self._consume(b"".join(self._waiting), closing=False)

    def close(self) -> None:
        """End the body: the open block, if it holds data, becomes ``unterminated_event``."""
        self._consume(b"".join(self._waiting), closing=True)
        rest = b"".join(self._waiting)
        block = self._block
        if rest and not self.too_large:
            self._take_line(rest, self._base, None)
        if block.data and not self.too_large:
            self.unterminated_event = self._event(block, self._base + len(rest))
        self._waiting = []

    def _may_end_line(self, piece: bytes) -> bool:
        return not self._started or self._waiting[-1][-1:] == b"\r" or b"\n" in piece or b"\r" in piece

    def _check_line(self, size: int) -> None:
        if size > self._limits.line:
            self._stop(f"a line of more than {self._limits.line:,} bytes")

    def _stop(self, what: str) -> None:
        self.too_large = self.too_large or what
        self._waiting = []

    def _consume(self, buffer: bytes, *, closing: bool) -> None:
        """Parse every complete line of ``buffer``; the rest waits."""
        position = self._skip_bom(buffer, closing=closing)
        if position is None:
            self._waiting = [buffer]
            return
        plain = buffer is self.events.body and b"\r" not in buffer
        while True:
            if plain and not self._block.open:
                position = self._take_plain_events(buffer, position)
            line_end = _LINE_END.search(buffer, position)
            if line_end is None or (line_end[0] == b"\r" and line_end.end() == len(buffer) and not closing):
                break
            self._check_line(line_end.start() - position)
            if self.too_large:
                return
            line = buffer[position : line_end.start()]
            self._take_line(line, self._base + position, line_end[0])
            position = line_end.end()
        self._base += position
        self._waiting_size = len(buffer) - position
        self._check_line(self._waiting_size - (not closing))
        self._waiting = [buffer[position:]] if self._waiting_size and not self.too_large else []

    def _skip_bom(self, buffer: bytes, *, closing: bool) -> int | None:
        """Return where to start, or None while the bytes so far may be half a BOM."""
        if self._started:
            return 0
        if len(buffer) < len(BOM) and BOM.startswith(buffer) and not closing:
            return None
        self._started = True
        self.bom = buffer.startswith(BOM)
        return len(BOM) if self.bom else 0

    def _take_plain_events(self, buffer: bytes, position: int) -> int:
        """Parse a run of ``data: …`` LF LF, the form almost every event has, without building blocks."""
        if self._last_id:
            return position
        starts_with, find = buffer.startswith, buffer.find
        take_start, take_end = self.events.starts.append, self.events.ends.append
        longest = self._limits.line
        for _ in range(self._limits.events - len(self.events)):
            if not starts_with(_FIELD, position):
                break
            end = find(b"\n", position)
            if end < 0 or buffer[end + 1 : end + 2] != b"\n" or end - position > longest:
                break
            take_start(position)
            position = end + 2
            take_end(position)
        return position

    def _take_line(self, line: bytes, offset: int, line_end: bytes | None) -> None:
        """Apply one line; ``line_end`` is None for bytes after the last line end of the body."""
        block = self._block
        if not block.open:
            block.start = offset
        if line_end and (ending := _ENDING_ODDITY[line_end]):
            block.oddities.add(ending)
        if not line:
            self._dispatch(offset + len(line_end or b""))
            return
        block.open = True
        self._count_line(len(line))
        if line[:1] == b":":
            block.oddities.add("comment")
            self.comments.append((offset, line[1:].strip()))
            return
        name, colon, value = line.partition(b":")
        if not colon:
            block.oddities.add("no-colon")
        spaced = value[:1] == b" "
        self._take_field(name, value[1:] if spaced else value, offset, offset + len(name) + len(colon) + spaced)
        if name == b"data" and colon and not spaced:
            block.oddities.add("no-space")

    def _count_line(self, size: int) -> None:
        self._lines += 1
        self._block.size += size
        if self._block.size > self._limits.event:
            self._stop(f"an event of more than {self._limits.event:,} bytes")
        if self._lines > self._limits.events or len(self.events) >= self._limits.events:
            self._stop(f"more than {self._limits.events:,} events")

    def _take_field(self, name: bytes, value: bytes, offset: int, value_at: int) -> None:
        block = self._block
        if name == b"data":
            if block.data:
                block.oddities.add("multi-line")
            else:
                block.data_at = value_at
            block.data.append(value)
        elif name == b"event":
            block.type = value
            block.oddities.add("named")
        elif name == b"id":
            block.oddities.add("id")
            if b"\0" not in value:
                self._last_id = value
        elif name == b"retry":
            block.oddities.add("retry")
            self.retries.append((offset, value))
        else:
            block.oddities.add("unknown-field")
            self.unknown_fields.append((offset, name))

    def _dispatch(self, end: int) -> None:
        block = self._block
        if block.data:
            event = self._event(block, end)
            for oddity in block.oddities:
                count, first = self.oddities.get(oddity, (0, len(self.events)))
                self.oddities[oddity] = (count + 1, first)
            self.events.add(event)
        elif block.oddities - {"comment", "crlf", "cr"}:
            self.events_without_data.append((block.start, _one(frozenset(block.oddities))))
        self._block = _Block(end)

    def _event(self, block: _Block, end: int) -> Event:
        data = b"\n".join(block.data)
        oddities = frozenset(block.oddities) | (_NO_ODDITIES if is_utf8(data) else _BAD_UTF8)
        return Event(block.start, end, block.data_at, data, block.type or b"message", self._last_id, _one(oddities))


def _one(oddities: frozenset[str]) -> frozenset[str]:
    return _KNOWN.setdefault(oddities, oddities)


def is_utf8(data: bytes) -> bool:
    """Return whether ``data`` is valid UTF-8."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def parse(body: bytes) -> Parser:
    """Return the closed parser of a whole body."""
    parser = Parser(whole=body)
    parser.feed(body)
    parser.close()
    return parser
