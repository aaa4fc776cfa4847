"""Reports values of a wrong kind, with counts."""

import re
from collections.abc import Iterator

from harness.results import Problem
from harness.wire.chat.chunks import Choice
from harness.wire.exchange import Exchange
from harness.wire.shapes import Kind, Occurrences, as_object

KIND_PHRASES: dict[Kind, str] = {
    "missing": "absent from",
    "null": "null in",
    '""': '"" in',
    "text": "a string in",
    "int": "an integer in",
    "float": "a non-integer number in",
    "bool": "a boolean in",
    "[]": "[] in",
    "list": "an array in",
    "{}": "{} in",
    "object": "an object in",
}


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def wrong_kinds(exchange: Exchange, pattern: str, allowed: set[Kind], unit: str = "chunk") -> Iterator[Problem]:
    """
    Yield a problem for each kind of value at ``pattern`` that is not ``allowed``.

    ``{part}`` in the pattern is ``delta`` in a stream and ``message`` in a body.
    """
    pattern = exchange.columns.spelled(pattern)
    if exchange.columns.holds_only(pattern, allowed):
        return
    found = exchange.columns.kinds(pattern)
    wrong = {what: seen for what, seen in found.items() if what not in allowed}
    total = sum(seen.count for seen in found.values())
    key = pattern.rpartition("/")[2]
    for what, seen in wrong.items():
        yield Problem(f"{key} is {KIND_PHRASES[what]} {n_of_m(seen.count, total, unit)}", ((seen.first, seen.pointer),))


def absent(exchange: Exchange, pattern: str, unit: str) -> Iterator[Problem]:
    """Yield a problem if the key that ``pattern`` ends with is missing from any of its containers."""
    everything: set[Kind] = {"null", '""', "text", "int", "float", "bool", "[]", "list", "{}", "object"}
    yield from wrong_kinds(exchange, pattern, everything, unit)


def place_of(exchange: Exchange, choice: Choice, chunk: int, key: str = "") -> tuple[int, str]:
    """Return the place of ``choice`` in a chunk: the list of choices need not be in the order of their indices."""
    choices = as_object(exchange.chunk(chunk)).get("choices")
    listed = choices if isinstance(choices, list) else []
    found = (n for n, one in enumerate(listed) if isinstance(one, dict) and one.get("index", n) == choice.index)
    return chunk, f"/choices/{next(found, 0)}{exchange.columns.spelled(key)}"


def n_of_m(count: int, total: int, unit: str) -> str:
    """Return "3 of 12 chunks", or "the body" for a single one."""
    if total == 1:
        return f"the {unit}" if unit != "chunk" else "the only chunk"
    return f"{count} of {total} {unit}s"


def differing(exchange: Exchange, key: str) -> Iterator[Problem]:
    """Yield a problem if a constant key has more than one value."""
    values = {value: seen for value, seen in exchange.columns.values[key].items() if value is not None}
    if len(values) <= 1:
        return
    (first, _), (second, seen), *_ = values.items()
    yield Problem(
        f"{key} has {len(values)} values in one stream, first {_short(first)} and {_short(second)}",
        ((_first_chunk(values), f"/{key}"), (seen.first, f"/{key}")),
    )


def _first_chunk(values: dict[object, Occurrences]) -> int:
    return min(seen.first for seen in values.values())


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 24 else f"{text[:20]}…{text[-2:]}"  # noqa: PLR2004


def form_of_id(given: str) -> str:
    """Return the form of an id: its prefix, or its length."""
    if _UUID.fullmatch(given):
        return "a UUID"
    prefix = re.match(r"[A-Za-z]+[_-]", given)
    if prefix:
        return f"{prefix[0]}…"
    return f"{len(given)} characters" if given.isalnum() else "other"
