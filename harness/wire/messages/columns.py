"""
Gathers events of Messages into columns, in the one pass that every check of that dialect reads.

Each event is counted to its shape, which answers every question about presence and type; the texts are gathered by
block, in the order in which the blocks were started, and the order of the events is checked on the way.  A body is
a message with complete blocks; it is read by the same code.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from harness.wire.dumping import json_text
from harness.wire.messages import grammar
from harness.wire.order import OutOfPlace, Step, Walk
from harness.wire.repeated_keys import RepeatedKeys
from harness.wire.shapes import Json, Kind, MessageKey, Occurrences, Shape, as_object, form_of, kind, kinds_in
from harness.wire.surrogates import whole_characters

_BLOCK_EVENTS = grammar.BLOCK.events
_PLAIN = 3  # type, index and delta
_VALUES = ("id", "model", "created", "system_fingerprint")


class Placed(NamedTuple):
    """An object as received, with its event and its pointer in it."""

    event: int
    pointer: str
    value: Json


@dataclass(slots=True)
class Block:
    """
    A content block: its start, and the deltas for its index while it was the latest block of that index.

    ``index`` is as it was sent, ``pointer`` that of the block in its event; ``texts`` are the fragments by kind of
    delta, and ``deltas`` the kind of each delta with its event.  ``stopped`` is the event that stopped it, None if
    none did.
    """

    index: Any
    event: int
    pointer: str
    head: Json
    texts: dict[str, list[str]] = field(default_factory=dict)
    deltas: list[tuple[int, str]] = field(default_factory=list)
    stopped: int | None = None

    @property
    def kind(self) -> str:
        """Its type: ``text``, ``tool_use``, ``thinking`` and others; empty if it has none."""
        found = self.head.get("type")
        return found if isinstance(found, str) else ""

    def said(self, key: str, delta: str) -> str:
        """Return a text of it: the value of ``key`` at its start, and what its deltas of a kind added."""
        begun = self.head.get(key)
        return (begun if isinstance(begun, str) else "") + self.joined(delta)

    def joined(self, delta: str) -> str:
        """Return the text of its deltas of a kind."""
        return whole_characters("".join(self.texts.get(delta, ())))

    @property
    def text(self) -> str:
        """The text it shows."""
        return self.said("text", "text_delta") if self.kind == "text" else ""

    @property
    def thinking(self) -> str:
        """The thinking text."""
        return self.said("thinking", "thinking_delta") if self.kind == "thinking" else ""

    @property
    def signature(self) -> str:
        """The signature of the thinking; empty if there is none."""
        return self.said("signature", "signature_delta")

    @property
    def arguments(self) -> str:
        """The JSON text of the tool's input: the fragments joined or, if there are none, the input at its start."""
        joined = self.joined("input_json_delta")
        begun = self.head.get("input")
        return joined or ("" if begun is None else json_text(begun))


class MessageColumns:
    """
    The columns of one stream of Messages, or body.

    ``shapes`` are the distinct shapes by the type of event, a delta with its kind
    (``content_block_delta:text_delta``); ``steps`` are the events that have a type, in order; ``untyped`` the
    numbers of those without; ``starts`` the messages that were begun, in a body the message itself; ``blocks`` the
    blocks in the order in which they were started; ``deltas`` each ``message_delta``; ``errors`` each error event,
    in a body the error.  ``breaches`` are the events out of order, ``overlapping`` the blocks that were started
    while another was open, with the first open one.
    """

    def __init__(self, message_key: MessageKey) -> None:
        self.is_stream = message_key == "delta"
        self.count = 0
        self.values: dict[str, dict[Any, Occurrences]] = {name: {} for name in _VALUES}
        self.shapes: dict[str, list[Shape]] = {}
        self.not_objects: list[tuple[int, Kind]] = []
        self.repeated_keys = RepeatedKeys()
        self.steps: list[Step] = []
        self.untyped: list[int] = []
        self.starts: list[Placed] = []
        self.blocks: list[Block] = []
        self.deltas: list[Placed] = []
        self.errors: list[Placed] = []
        self.breaches: list[OutOfPlace] = []
        self.overlapping: list[tuple[Block, Block]] = []
        self._by_key: dict[Any, Shape] = {}
        self._message = Walk(grammar.MESSAGE)
        self._walk = Walk(grammar.BLOCK)
        self._latest: dict[Any, Block] = {}
        self._open: dict[int, Block] = {}

    def add_stream(self, texts: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
        """Add the events of a stream as JSON texts; yield number and text of each that is not strict JSON."""
        for number, data in enumerate(texts):
            try:
                event = orjson.loads(data)
            except orjson.JSONDecodeError:
                yield number, data
                continue
            self.repeated_keys.see(data, event, self.add(event, number), number)

    def add(self, event: Any, number: int) -> Shape | None:
        """Add one parsed event, or a body; return its shape, None if it is not an object."""
        self.count += 1
        if type(event) is not dict:
            self.not_objects.append((number, kind(event)))
            return None
        name = event.get("type")
        if not self.is_stream:
            self._take_body(event)
        elif not isinstance(name, str) or not name:
            self.untyped.append(number)
        else:
            self._take(event, name, number)
        return self._shape(event, name if isinstance(name, str) else "", number)

    def keep_halves(self, event: Any, number: int) -> None:
        """Keep the lone surrogates in a delta that was added: the next one may hold the other halves."""
        delta = as_object(as_object(event).get("delta"))
        name = delta.get("type")
        block = self._latest.get(_hashable(as_object(event).get("index")))
        if block and isinstance(name, str) and block.deltas[-1:] == [(number, name)]:
            text = delta.get(grammar.TEXT_OF.get(name, ""))
            if isinstance(text, str):
                block.texts[name][-1] = text

    @property
    def start(self) -> Placed | None:
        """The message at its start, or the body; None if there is none."""
        return self.starts[0] if self.starts else None

    @property
    def state(self) -> str:
        """The state of the message: ``nothing``, ``begun``, ``told`` or ``ended``."""
        return self._message.states.get(None, grammar.MESSAGE.first)

    @property
    def open_blocks(self) -> list[Block]:
        """The blocks that were never stopped, in order."""
        return [block for block in self.blocks if block.stopped is None] if self.is_stream else []

    @property
    def stop(self) -> Placed | None:
        """The object with the stop reason: the last ``message_delta``, or the body; None if there is none."""
        if not self.is_stream:
            return self.start
        last = self.deltas[-1] if self.deltas else None
        return Placed(last.event, "/delta", as_object(last.value.get("delta"))) if last else None

    @property
    def usages(self) -> list[Placed]:
        """The usage objects in order: that of the start or of the body, and those of each ``message_delta``."""
        at_start = [(one, f"{one.pointer}/usage") for one in self.starts]
        found = [*at_start, *((one, "/usage") for one in self.deltas)]
        return [Placed(one.event, at, as_object(one.value["usage"])) for one, at in found if "usage" in one.value]

    def _take_body(self, body: Json) -> None:
        if isinstance(body.get("error"), dict) or body.get("type") == "error":
            self.errors.append(Placed(0, "", body))
            return
        self._start(Placed(0, "", body))
        content = body.get("content")
        for number, block in enumerate(content if isinstance(content, list) else ()):
            self.blocks.append(Block(number, 0, f"/content/{number}", as_object(block), stopped=0))

    def _take(self, event: Json, name: str, number: int) -> None:
        self._order(event, name, number)
        if name == grammar.START:
            self._start(Placed(number, "/message", as_object(event.get("message"))))
        elif name == grammar.DELTA:
            self.deltas.append(Placed(number, "", event))
        elif name == grammar.ERROR:
            self.errors.append(Placed(number, "", event))
        elif name == grammar.BLOCK_DELTA:
            self._take_delta(event, number)

    def _order(self, event: Json, name: str, number: int) -> None:
        """Check the order of the message's events, and of those of the event's block."""
        step = Step(number, name)
        self.steps.append(step)
        breach = self._message.take(step)
        if breach:
            self.breaches.append(breach)
        if name in _BLOCK_EVENTS:
            index = _hashable(event.get("index"))
            known = self._walk.take(Step(number, name, index))
            if known:
                self.breaches.append(known)
            self._mark(event, name, number, index)

    def _mark(self, event: Json, name: str, number: int, index: Any) -> None:
        """Start or stop a block."""
        latest = self._latest.get(index)
        if name == grammar.BLOCK_START:
            block = Block(event.get("index"), number, "/content_block", as_object(event.get("content_block")))
            still = next(iter(self._open.values()), None)
            if still is not None:
                self.overlapping.append((block, still))
            self.blocks.append(block)
            self._latest[index] = self._open[block.event] = block
        elif name == grammar.BLOCK_STOP and latest is not None and latest.stopped is None:
            latest.stopped = number
            self._open.pop(latest.event, None)

    def _take_delta(self, event: Json, number: int) -> None:
        block = self._latest.get(_hashable(event.get("index")))
        delta = as_object(event.get("delta"))
        name = delta.get("type")
        if block is None or not isinstance(name, str):
            return
        block.deltas.append((number, name))
        text = delta.get(grammar.TEXT_OF.get(name, ""))
        if isinstance(text, str):
            block.texts.setdefault(name, []).append(text)

    def _start(self, told: Placed) -> None:
        self.starts.append(told)
        for name in ("id", "model"):
            if name in told.value:
                seen = self.values[name].setdefault(_hashable(told.value[name]), Occurrences(0, told.event, told.event))
                seen.count += 1
                seen.last = told.event

    def _shape(self, event: Json, name: str, number: int) -> Shape:
        quick = _quick_key(event, name)
        shape = self._by_key.get(quick) if quick else None
        if shape is None:
            shape = self._full_shape(event, name, number)
            if quick:
                self._by_key[quick] = shape
        shape.count += 1
        shape.last = number
        return shape

    def _full_shape(self, event: Json, name: str, number: int) -> Shape:
        kinds = tuple(kinds_in(event))
        delta = as_object(event.get("delta")).get("type") if name == grammar.BLOCK_DELTA else None
        form = f"{name}:{delta}" if isinstance(delta, str) else name
        shape = self._by_key.get((form, kinds))
        if shape is None:
            shape = self._by_key[form, kinds] = Shape(form_of(kinds, "delta"), number)
            self.shapes.setdefault(form, []).append(shape)
        return shape


def _quick_key(event: Json, name: str) -> tuple[Any, ...] | None:
    """Return a key that identifies the shape of a delta of texts alone, at C speed; None for other events."""
    delta = event.get("delta")
    if name != grammar.BLOCK_DELTA or type(delta) is not dict or len(event) != _PLAIN:
        return None
    if type(event.get("index")) is not int or any(type(value) is not str for value in delta.values()):
        return None
    return (*event, *delta, *map(bool, delta.values()), delta.get("type"))


def _hashable(value: Any) -> Any:
    """Return a hashable form of a value: itself if it is a string, a number or null, else its text."""
    if type(value) in {int, str, type(None)}:
        return value
    return (type(value).__name__, json_text(value))
