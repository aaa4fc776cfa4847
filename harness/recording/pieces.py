"""
Secrets in pieces: a stream that spells a secret over several events holds it in no run of bytes.

How it works: the texts of a channel are joined, and where they make a secret each piece that has a part in it goes.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from harness.recording.redact import Secrets, filler
from harness.wire.exchange import Exchange
from harness.wire.pointer import locate

_STRING = re.compile(rb'"((?:[^"\\]|\\.)*+)"\Z', re.DOTALL)


class _Piece(NamedTuple):
    """A piece of text: the number of its event, the index of its choice, its pointer in the delta, and the text."""

    event: int
    choice: int
    pointer: str
    text: bytes


def joined_out(exchange: Exchange, secrets: Secrets) -> bytes | None:
    """Return the content of a stream, of the same length, without what joins to a secret; None if there is none."""
    parser = exchange.reading.parser
    told = [part for pieces in _channels(exchange) for part in _telling(pieces, secrets)] if parser else []
    if not parser or not told:
        return None
    content = bytearray(exchange.response.content)
    for piece, start, stop in told:
        event = parser.events[piece.event]
        begin, end = locate(event.data, _pointer(exchange, piece))
        string = _STRING.search(event.data[begin:end])
        if string and event.single_line:
            at = event.data_at + begin + string.start(1)
            # Where it is written with escapes, it goes whole.
            part = slice(start, stop) if string[1] == piece.text else slice(0, len(string[1]))
            content[at + part.start : at + part.stop] = filler(string[1][part])
    return bytes(content)


def _telling(pieces: list[_Piece], secrets: Secrets) -> Iterator[tuple[_Piece, int, int]]:
    """Yield the pieces that have a part in a secret, and where in each it is."""
    ends = [0, *accumulate(len(piece.text) for piece in pieces)]
    for start, stop in secrets.spans(b"".join(piece.text for piece in pieces)):
        for piece, at in zip(pieces, ends, strict=False):
            if at < stop and at + len(piece.text) > start:
                yield piece, max(0, start - at), min(len(piece.text), stop - at)


def _channels(exchange: Exchange) -> list[list[_Piece]]:
    """Return the pieces by what they belong to: a channel of a choice, or the arguments of a tool call."""
    channels: dict[tuple[object, ...], list[_Piece]] = defaultdict(list)
    for choice in exchange.columns.choices.values():
        for name, held in choice.channels.items():
            for event, text in zip(held.chunks, held.texts, strict=True):
                channels[choice.index, name].append(_Piece(event, choice.index, f"/{name}", _encoded(text)))
        for tool in choice.tools:
            call = tool.value if isinstance(tool.value, dict) else {}
            function = call.get("function")
            arguments = function.get("arguments") if isinstance(function, dict) else None
            if isinstance(arguments, str):
                pointer = f"{tool.pointer.partition('/delta')[2]}/function/arguments"
                key = (choice.index, "tool_calls", str(call.get("index")))
                channels[key].append(_Piece(tool.chunk, choice.index, pointer, _encoded(arguments)))
    return list(channels.values())


def _pointer(exchange: Exchange, piece: _Piece) -> str:
    choices = exchange.chunk(piece.event)["choices"]
    indices = [choice.get("index") if isinstance(choice, dict) else None for choice in choices]
    # A choice without an index is taken by its place, here as in the columns.
    place = indices.index(piece.choice) if piece.choice in indices else piece.choice
    return f"/choices/{place}/delta{piece.pointer}"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
