"""Defines a turn, the content of a response in a form common to all dialects."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TurnCall:
    """A tool call; ``arguments`` is the JSON text of its arguments, as it came."""

    id: str | None
    name: str | None
    arguments: str


@dataclass(frozen=True, slots=True)
class Counts:
    """
    The token counts of a response; None for those not sent.

    ``input`` is the whole prompt including cache reads, of which ``cached`` is the number; ``output`` includes
    reasoning.
    """

    input: int | None = None
    output: int | None = None
    cached: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """
    The turn of the assistant: ``text`` and ``reasoning`` joined, None if there was none, its ``calls`` in order.

    ``stop`` is its stop reason, in the words of its dialect.
    """

    text: str | None
    reasoning: str | None
    calls: tuple[TurnCall, ...]
    stop: str | None
    counts: Counts


def count(value: Any) -> int | None:
    """Return a token count; None if the value is not one."""
    return value if type(value) is int and value >= 0 else None
