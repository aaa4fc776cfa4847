"""
What is worked out of a request's frame, all of it but its messages: once for requests that differ in these alone.

A program asks with the same model, tools and schemas again and again; these are most of a request, and only its messages
change.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

import orjson

from harness.wire.shapes import Json

_T = TypeVar("_T")
_REMEMBERED, _LONGEST = 256, 32_768
_SAID = ("messages", "system")


def of_frame(work: Callable[[Json], _T]) -> Callable[[Json], _T]:
    """Return ``work``, which looks at no message, done once for each frame; what it returns may not be changed."""

    @lru_cache(_REMEMBERED)
    def once(frame: bytes) -> _T:
        return work(orjson.loads(frame))

    @wraps(work)
    def done(body: Json) -> _T:
        around = {key: value for key, value in body.items() if key not in _SAID}
        try:
            frame = orjson.dumps(around)
        except TypeError:  # deeper than orjson writes
            return work(body)
        return once(frame) if len(frame) <= _LONGEST else work(body)

    return done
