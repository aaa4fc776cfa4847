"""Computes when the tokens of a stream arrived, from the times of the network reads."""

import itertools
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from harness.wire.chat.chunks import Choice
from harness.wire.exchange import Exchange

_SHORTEST = 0.05  # seconds: a shorter stream is a burst, whose rate is the network's


@dataclass(frozen=True, slots=True)
class StreamTiming:
    """Seconds from the request to the first token, and tokens per second from there on; None if unknown."""

    first_token: float
    rate: float | None


def timing_of(exchange: Exchange) -> StreamTiming | None:
    """Return when tokens came (text, reasoning or part of a call); None unless a stream with read times shows it."""
    reads, parser = exchange.response.reads, exchange.reading.parser
    if not reads or not reads.dt_us or parser is None or "content-encoding" in exchange.response.headers:
        return None
    said = [number for choice in exchange.columns.choices.values() for number in _chunks(choice)]
    said += [number for block in exchange.message.blocks for number, _ in block.deltas]
    if not said:
        return None
    ends = list(itertools.accumulate(reads.sizes))
    times = list(itertools.accumulate(reads.dt_us))
    # An event is there when its last byte is; where the body was cut it may lie behind the last read.
    first, last = (
        times[min(bisect_left(ends, parser.events[number].end), len(ends) - 1)] / 1e6
        for number in (min(said), max(said))
    )
    tokens = completion_tokens(exchange)
    told = tokens and tokens > 1 and last - first >= _SHORTEST
    return StreamTiming(first, (tokens - 1) / (last - first) if tokens and told else None)


def _chunks(choice: Choice) -> Iterator[int]:
    """Yield the numbers of the events that hold content, not only an empty string."""
    for pieces in choice.channels.values():
        yield from (number for number, text in zip(pieces.chunks, pieces.texts, strict=True) if text)
    yield from (fragment.chunk for fragment in choice.tools)


def completion_tokens(exchange: Exchange) -> int | None:
    """Return the completion tokens of the last usage; None if it has none."""
    return exchange.turn.counts.output if exchange.dialect == "messages" else _counted(exchange, "completion_tokens")


def prompt_tokens(exchange: Exchange) -> int | None:
    """Return the prompt tokens of the last usage; None if it has none."""
    return exchange.turn.counts.input if exchange.dialect == "messages" else _counted(exchange, "prompt_tokens")


def _counted(exchange: Exchange, name: str) -> int | None:
    for usage in exchange.columns.usages[-1:]:
        count = usage.value.get(name)
        if type(count) is int and count >= 0:
            return count
    return None
