"""
Finds events that the official SDK dispatches and the standard does not.

At a blank line the standard dispatches only an event with data.  The SDK also dispatches after an ``event:`` or a
``retry:`` without data, and at every blank line after an ``id:``, which it keeps: for example after a keep-alive
comment. For the empty data of such an event it raises json.JSONDecodeError.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.wire.exchange import Exchange
from harness.wire.reading import DONE
from harness.wire.sse import Parser

_LINE = re.compile(rb"([^\r\n]*)(?:\r\n|\n|\r)")


class EmptyEvent(NamedTuple):
    """An event without data that only the SDK dispatches: its cause, and the offset of the blank line."""

    cause: str
    offset: int


def empty_events(exchange: Exchange) -> list[EmptyEvent]:
    """Return the events without data that the SDK dispatches in a stream, up to the end mark, where it stops."""
    parser = exchange.reading.parser
    return list(_dispatched(exchange.response.content)) if parser and _may_hold_any(parser) else []


def _may_hold_any(parser: Parser) -> bool:
    """Return whether there was any field that the SDK dispatches without data: most streams have none."""
    blocks = (oddities for _, oddities in parser.events_without_data)
    return bool(parser.oddities.get("id")) or any(oddities & {"id", "named", "retry"} for oddities in blocks)


@dataclass(slots=True)
class _Fields:
    """The SDK's state for the lines since the last blank one, and the latest id, which it keeps."""

    data: list[bytes] = field(default_factory=list)
    event: bytes = b""
    retry: bool = False
    has_id: bool = False
    last_id: bytes = b""

    def take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self.data.append(value)
        elif name == b"event":
            self.event = value
        elif name == b"id" and b"\0" not in value:
            self.has_id, self.last_id = True, value
        elif name == b"retry":
            self.retry = self.retry or _is_number(value)

    @property
    def cause(self) -> str | None:
        """Why the SDK dispatches a block without data; None if it does not."""
        if self.event:
            return "an event without data"
        if self.retry:
            return "a retry without data"
        if self.last_id:
            return "an id without data" if self.has_id else "a blank line after an id"
        return None


def _dispatched(content: bytes) -> Iterator[EmptyEvent]:
    block = _Fields()
    for line in _LINE.finditer(content):
        if line[1]:
            block.take(line[1])
            continue
        if not block.data and block.cause:
            yield EmptyEvent(block.cause, line.start())
        elif block.data and block.data[0].startswith(DONE):
            return
        block = _Fields(last_id=block.last_id)


def _is_number(value: bytes) -> bool:
    """Return whether Python parses an integer, as the SDK does; the standard accepts digits only."""
    try:
        int(value)
    except ValueError:
        return False
    return True
