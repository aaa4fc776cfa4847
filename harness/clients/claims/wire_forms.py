"""Inspects the chunks of a response for claims that name no client code."""

from collections.abc import Callable

from harness.results import ClientOutcome
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json


def _steps(exchange: Exchange) -> list[tuple[Json, Json]]:
    """Return the first choice and its delta of each chunk that has them."""
    parser = exchange.reading.parser
    chunks = [exchange.chunk(number) for number in range(len(parser.events) if parser else 0)]
    choices = [(one.get("choices") or [None])[0] for one in chunks if isinstance(one, dict)]
    return [(one, one["delta"]) for one in choices if isinstance(one, dict) and isinstance(one.get("delta"), dict)]


def _kind(thing: Json, key: str) -> str:
    if key not in thing:
        return "missing"
    value = thing[key]
    return "null" if value is None else ("text" if value else "empty") if isinstance(value, str) else "other"


def _role(exchange: Exchange) -> str:
    first, *later = [bool(delta.get("role")) for _, delta in _steps(exchange)]
    if not first:
        return "later-only" if any(later) else "never"
    return "first-only" if not any(later) else "every" if all(later) else "several"


def _content_first(exchange: Exchange) -> str:
    return _kind(_steps(exchange)[0][1], "content")


def _reasoning_first(exchange: Exchange) -> str:
    given = _content_of_thought(exchange) != ClientOutcome.NA.value
    return _kind(_steps(exchange)[0][1], "reasoning_content") if given else ClientOutcome.NA.value


def _content_last(exchange: Exchange) -> str:
    steps = _steps(exchange)
    return _kind(next((delta for choice, delta in reversed(steps) if choice.get("finish_reason")), {}), "content")


def _content_of_thought(exchange: Exchange) -> str:
    thoughts = [delta for _, delta in _steps(exchange) if delta.get("reasoning_content") or delta.get("reasoning")]
    kinds = {_kind(delta, "content") for delta in thoughts} or {ClientOutcome.NA.value}
    return kinds.pop() if len(kinds) == 1 else "other"


def _finish(exchange: Exchange) -> str:
    kinds = [_kind(choice, "finish_reason") for choice, _ in _steps(exchange)]
    if "text" not in kinds:
        return "no-reason"
    before, after = set(kinds[: kinds.index("text")]), kinds[kinds.index("text") + 1 :]
    if "empty" in before:
        return "empty-then-reason"
    if after:
        return "reason-not-last"
    name = {(): "null", ("null",): "null", ("missing",): "missing"}.get(tuple(sorted(before)), "mixed")
    return f"{name}-then-reason"


def _usage(exchange: Exchange) -> str:
    usages = [one for one in exchange.columns.usages if one.pointer == "/usage"]
    if not usages:
        return "in-choice" if exchange.columns.usages else "none"
    if len(usages) > 1 and len(usages) >= exchange.columns.chunk_count - 1:
        return "every"
    return {"[]": "own-chunk", "finish": "beside-finish"}.get(usages[-1].placement, "other")


WIRE_FORMS: dict[str, Callable[[Exchange], str]] = {
    "role": _role, "content-first": _content_first, "content-last": _content_last, "finish": _finish, "usage": _usage,
    "content-of-thought": _content_of_thought, "reasoning-first": _reasoning_first,
}  # fmt: skip
"""Inspections of the wire: each returns the form of a response, n/a if it does not apply."""
