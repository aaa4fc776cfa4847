"""Computes how a recorded response is sent again: its headers, its segments, and their delays."""

from collections.abc import Iterator
from typing import Literal

from harness.wire.exchange import Response

Pace = Literal["none", "recorded"] | float
"""When the segments are sent: all at once, as they were recorded, or so many seconds apart."""

_ABOUT_TRANSFER = frozenset({"content-length", "transfer-encoding"})


def headers_of(response: Response) -> list[tuple[str, str]]:
    """Return the headers without those that the sender of the body sets."""
    # Recorders often keep the header of an encoding they have undone: it goes where the bytes do not need it.
    packed = "content-encoding" in response.headers and response.content is not response.body
    dropped = _ABOUT_TRANSFER if packed else _ABOUT_TRANSFER | {"content-encoding"}
    return [pair for pair in response.headers.pairs if pair[0].lower() not in dropped]


def pieces_of(response: Response) -> list[bytes]:
    """Return the body in its recorded segments; in one segment if the reads are not of these bytes."""
    return list(cut(response.body, _sizes(response)))


def cut(body: bytes, sizes: tuple[int, ...]) -> Iterator[bytes]:
    """Yield ``body`` in segments of these sizes, without empty ones."""
    at = 0
    for size in sizes:
        if size:
            yield body[at : at + size]
        at += size


def delays(response: Response, pace: Pace, count: int) -> list[float]:
    """Return the seconds to wait before each of ``count`` segments; none if the times belong to other segments."""
    if pace == "none" or not count:
        return [0.0] * count
    if pace != "recorded":
        return [0.0, *[pace] * (count - 1)]
    times = response.reads.dt_us if response.reads else ()
    waits = [max(0, wait) / 1e6 for wait, size in zip(times, _sizes(response), strict=False) if size]
    return waits if len(waits) == count else [0.0] * count


def _sizes(response: Response) -> tuple[int, ...]:
    sizes = response.reads.sizes if response.reads else ()
    return sizes if sum(sizes) == len(response.body) and min(sizes, default=0) >= 0 else (len(response.body),)
