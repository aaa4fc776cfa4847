"""
Where the official SDK makes an event of what the standard makes none.

At a blank line the standard dispatches only what has data.  The SDK also dispatches where an ``event:`` or a ``retry:`` came
without any, and at every blank line after an ``id:``, which it keeps: as a keep-alive comment with a blank line behind it.
Of the emptiness of such an event's data it raises json.JSONDecodeError.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from harness.wire.exchange import Exchange
from harness.wire.reading import DONE
from harness.wire.sse import Parser

_LINE = re.compile(rb"([^\r\n]*)(?:\r\n|\n|\r)")
_AFTER_ID = "a blank line after an id"


class EmptyEvent(NamedTuple):
    """An event without data that only the SDK makes: what it makes it of, and the offset of the blank line."""

    cause: str
    offset: int


def empty_events(exchange: Exchange) -> list[EmptyEvent]:
    """Return the events without data that the SDK makes of a stream, up to the mark, at which it stops reading."""
    parser = exchange.reading.parser
    return list(_dispatched(exchange.response.content)) if parser and _may_hold_any(parser) else []


def _may_hold_any(parser: Parser) -> bool:
    """Tell whether any field came that the SDK dispatches without data: of most streams none did."""
    blocks = (oddities for _, oddities in parser.events_without_data)
    return bool(parser.oddities.get("id")) or any(oddities & {"id", "named", "retry"} for oddities in blocks)


def _dispatched(content: bytes) -> Iterator[EmptyEvent]:
    fields: dict[bytes, bytes] = {}
    last_id = b""
    for line in _LINE.finditer(content):
        name, _, value = line[1].partition(b":")
        if line[1]:
            fields[name] = value.removeprefix(b" ")
            last_id = fields[b"id"] if name == b"id" and b"\0" not in value else last_id
            continue
        if b"data" not in fields:
            cause = _cause(fields, last_id)
            yield from [EmptyEvent(cause, line.start())] if cause else []
        elif fields[b"data"].strip() == DONE:
            return
        fields = {}


def _cause(fields: dict[bytes, bytes], last_id: bytes) -> str | None:
    """Return what makes the SDK dispatch a block without data; None where it does not."""
    if fields.get(b"event"):
        return "an event without data"
    if fields.get(b"retry", b"").strip().isdigit():
        return "a retry without data"
    if b"id" in fields and last_id:
        return "an id without data"
    return _AFTER_ID if last_id else None
