"""
Caches what is derived from a request, and from its frame, which is everything but its messages.

A program repeats the same model, tools and schemas; these are most of a request, and only its messages change.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar, TypeVarTuple

import orjson

from harness.wire.shapes import Json

_T = TypeVar("_T")
_More = TypeVarTuple("_More")
_REMEMBERED, _LONGEST = 256, 32_768
_SAID = ("messages", "system")
_Framed = tuple[Json, bytes | None]
_LATEST: tuple[_Framed, _Framed] = (({}, None), ({}, None))


def frame_of(body: Json) -> bytes | None:
    """Return a request without its messages; None if that is too long to cache, or too deep for orjson."""
    global _LATEST  # noqa: PLW0603 - several ask in turn for the frame of one request, and of its chat form
    latest, before = _LATEST
    if latest[0] is body:
        return latest[1]
    if before[0] is body:
        return before[1]
    frame = _written({key: value for key, value in body.items() if key not in _SAID})
    _LATEST = (body, frame), latest
    return frame


def _written(around: Json) -> bytes | None:
    try:
        frame = orjson.dumps(around)
    except TypeError:
        return None
    return frame if len(frame) <= _LONGEST else None


def of_latest(work: Callable[[Json], _T]) -> Callable[[Json], _T]:
    """Return the result of ``work``, cached for the request that was the last; the result must not be modified."""
    latest: tuple[Json, _T] | None = None

    def done(body: Json) -> _T:
        nonlocal latest
        known = latest
        if known is None or known[0] is not body:
            known = latest = body, work(body)
        return known[1]

    return done


def of_frame(work: Callable[[Json, *_More], _T]) -> Callable[[Json, *_More], _T]:
    """
    Return the result of ``work``, which ignores messages, cached per frame; the result must not be modified.

    Other arguments of ``work`` must be hashable, and are part of the key.
    """

    @lru_cache(_REMEMBERED)
    def once(frame: bytes, *more: *_More) -> _T:
        return work(orjson.loads(frame), *more)

    def done(body: Json, *more: *_More) -> _T:
        frame = frame_of(body)
        return work(body, *more) if frame is None else once(frame, *more)

    return done
