"""Provides changes of a stream of Messages, event by event, of which faults and examples are composed."""

from collections.abc import Callable

import orjson

from harness.simulate.edits import Change, NothingChanged, Where, chunks, compose, set_value
from harness.simulate.messages.ideal import event
from harness.simulate.reference import with_body
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, as_object

Make = Callable[[list[Json]], list[Json]]


def typed(name: str, kind: str | None = None, index: int | None = None) -> Where:
    """Return a predicate for events by type and, if given, by the kind of their block or delta and their index."""

    def where(chunk: Json) -> bool:
        inner = as_object(chunk.get("content_block")) or as_object(chunk.get("delta"))
        fits = kind is None or inner.get("type") == kind
        return chunk.get("type") == name and fits and (index is None or chunk.get("index") == index)

    return where


def events_of(exchange: Exchange) -> list[Json]:
    """
    Return the events of a stream, parsed; none of a body.

    Raises:
        NothingChanged: one is not JSON.
    """
    parser = exchange.reading.parser
    try:
        found = [orjson.loads(data) for data in parser.events.data] if parser else []
    except orjson.JSONDecodeError:
        raise NothingChanged("an event is no JSON") from None
    return [one for one in found if isinstance(one, dict)]


def rebuilt(make: Make) -> Change:
    """Return the change that replaces the events of a stream by what ``make`` makes of them."""

    def change(exchange: Exchange) -> Exchange:
        content = b"".join(map(event, make(events_of(exchange))))
        if content == exchange.response.body:
            raise NothingChanged("the change changes nothing")
        return with_body(exchange, content)

    return change


def dropped(where: Where) -> Change:
    """Return the change that drops the first event ``where`` selects."""
    return _at_first(where, lambda events, at: events[:at] + events[at + 1 :])


def doubled(where: Where) -> Change:
    """Return the change that repeats the first event ``where`` selects."""
    return _at_first(where, lambda events, at: [*events[: at + 1], *events[at:]])


def without_block(index: int) -> Change:
    """Return the change that drops a block, and renumbers those after it."""

    def make(events: list[Json]) -> list[Json]:
        kept = [one for one in events if one.get("index") != index]
        return [one | {"index": one["index"] - 1} if one.get("index", -1) > index else one for one in kept]

    return rebuilt(make)


def swapped(where: Where) -> Change:
    """Return the change that swaps the first event ``where`` selects with the next."""
    return _at_first(where, lambda events, at: [*events[:at], *reversed(events[at : at + 2]), *events[at + 2 :]])


def moved_last(where: Where) -> Change:
    """Return the change that moves the first event ``where`` selects before the end of the message."""

    def make(events: list[Json], at: int) -> list[Json]:
        rest = events[:at] + events[at + 1 :]
        end = next((n for n, one in enumerate(rest) if one.get("type") == "message_delta"), len(rest))
        return [*rest[:end], events[at], *rest[end:]]

    return _at_first(where, make)


def added(where: Where, *more: Json, before: bool = False) -> Change:
    """Return the change that inserts events after the first ``where`` selects, or ``before`` it."""
    return _at_first(where, lambda events, at: [*events[: at + (not before)], *more, *events[at + (not before) :]])


def _at_first(where: Where, make: Callable[[list[Json], int], list[Json]]) -> Change:
    def change(events: list[Json]) -> list[Json]:
        at = next((n for n, one in enumerate(events) if where(one)), None)
        if at is None:
            raise NothingChanged("there is no such event")
        return make(events, at)

    return rebuilt(change)


def whole_at_start(kind: str) -> Change:
    """Return the change of a stream whose block has its text at its start, and none in its deltas."""
    emptied = chunks(typed("content_block_delta", f"{kind}_delta"), set_value(f"delta/{kind}", ""))
    return compose(
        emptied, chunks(typed("content_block_start", kind), set_value(f"content_block/{kind}", "Hello there."))
    )


def saying(where: Where, key: str, *texts: str) -> Change:
    """Return the change that replaces the deltas ``where`` selects by one per text of ``texts``, under ``key``."""

    def make(events: list[Json]) -> list[Json]:
        at = next((n for n, one in enumerate(events) if where(one)), None)
        if at is None:
            raise NothingChanged("there is no such event")
        said = [events[at] | {"delta": events[at]["delta"] | {key: text}} for text in texts]
        return [*events[:at], *said, *(one for one in events[at:] if not where(one))]

    return rebuilt(make)
