"""
Re-segments recorded bodies: the same bytes arrive in other segments.

A client that depends on segment boundaries, such as one that parses each segment alone, fails only on an unusual
segmentation.
"""

import random
import re
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

from harness.recording.pacing import cut, pieces_of
from harness.wire.exchange import Response
from harness.wire.sse import parse

_LONGEST_PIECE = 64
_LINE_END = re.compile(rb"\r\n|\r|\n")
_RANDOM = re.compile(r"random:(\d{1,18})", re.ASCII)

Reframe = Callable[[Response], list[bytes]]


@lru_cache(64)
def reframe(how: str) -> Reframe | None:
    """
    Return the function that re-segments a body: ``recorded``, ``bytes``, ``events``, ``merged``, ``crlf`` or
    ``random:SEED``; None for another word.

    ``crlf`` also ends the lines of a stream with CR LF, which means the same; compressed bodies keep their bytes.
    """
    seeded = _RANDOM.fullmatch(how)
    return _at_random(int(seeded[1])) if seeded else _WAYS.get(how)


def _bytes(response: Response) -> list[bytes]:
    return [response.body[at : at + 1] for at in range(len(response.body))]


def _merged(response: Response) -> list[bytes]:
    return [response.body] if response.body else []


def _events(response: Response) -> list[bytes]:
    if response.content is not response.body:
        return _merged(response)
    return _by_event(response.body)


def _crlf(response: Response) -> list[bytes]:
    if response.content is not response.body or not parse(response.body).events:
        return _merged(response)
    return _by_event(_LINE_END.sub(b"\r\n", response.body))


def _by_event(body: bytes) -> list[bytes]:
    ends = [0, *(event.end for event in parse(body).events), len(body)]
    return list(cut(body, tuple(after - before for before, after in pairwise(ends))))


def _at_random(seed: int) -> Reframe:
    def pieces(response: Response) -> list[bytes]:
        sizes, left = random.Random(seed), len(response.body)  # noqa: S311 - the same seed is to give the same cut
        drawn = []
        while left:
            drawn.append(min(left, sizes.randint(1, _LONGEST_PIECE)))
            left -= drawn[-1]
        return list(cut(response.body, tuple(drawn)))

    return pieces


_WAYS: dict[str, Reframe] = {
    "recorded": pieces_of, "bytes": _bytes, "events": _events, "merged": _merged, "crlf": _crlf,
}  # fmt: skip
