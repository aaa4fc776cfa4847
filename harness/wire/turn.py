"""What an answer says, whatever its dialect."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TurnCall:
    """A call of a tool; ``arguments`` is the JSON text of its arguments, as it came."""

    id: str | None
    name: str | None
    arguments: str


@dataclass(frozen=True, slots=True)
class Counts:
    """
    The tokens that an answer counts; None where it does not tell.

    ``input`` is the whole prompt, what was read from a cache included, of which ``cached`` is how much; ``output`` holds the
    thought as well.
    """

    input: int | None = None
    output: int | None = None
    cached: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """
    The turn of the assistant: ``text`` and ``reasoning`` joined, None where none came, its ``calls`` in order.

    ``stop`` is why it ended, in the words of its dialect.
    """

    text: str | None
    reasoning: str | None
    calls: tuple[TurnCall, ...]
    stop: str | None
    counts: Counts


def count(value: Any) -> int | None:
    """Return a count of tokens; None where the value is none."""
    return value if type(value) is int and value >= 0 else None
