"""
Checks the order of events against a table: for each state, the events allowed and the state each leads to.

After an event out of place, checking continues in the state that event leads to, so that one event too many, or too
few, is one breach and not one for each event that follows.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple


class Step(NamedTuple):
    """An event, by its number in the stream; ``subject`` is what it is about, such as the index of a block."""

    number: int
    event: str
    subject: Any = None


class OutOfPlace(NamedTuple):
    """An event that is not allowed in the current ``state``."""

    step: Step
    state: str


class Order(NamedTuple):
    """
    The order of the events of one subject.

    ``next_of`` maps a state to the events allowed in it, and each of them to the state it leads to; ``leads_to`` is
    the state after an event that was out of place.  ``last`` is the final state.
    """

    first: str
    next_of: Mapping[str, Mapping[str, str]]
    leads_to: Mapping[str, str]
    last: str

    @property
    def events(self) -> frozenset[str]:
        """The events it constrains; others may come at any time."""
        return frozenset(event for row in self.next_of.values() for event in row)


class Walk:
    """The current state of each subject of a stream, from the first event about it."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.states: dict[Any, str] = {}
        self._events = order.events

    def take(self, step: Step) -> OutOfPlace | None:
        """Process one event; return the breach if it is not allowed here."""
        if step.event not in self._events:
            return None
        state = self.states.get(step.subject, self.order.first)
        following = self.order.next_of.get(state, {}).get(step.event)
        self.states[step.subject] = following or self.order.leads_to.get(step.event, state)
        return None if following else OutOfPlace(step, state)


def breaches(order: Order, steps: Iterable[Step]) -> Iterator[OutOfPlace]:
    """Yield each event that is out of place."""
    walk = Walk(order)
    yield from (breach for step in steps if (breach := walk.take(step)))
