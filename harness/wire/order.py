"""
The order of events, as data: in each state, the events that may come, and the state each leads to.

One engine walks it.  What it finds out of place it tells and goes on from where that event leads, so that one event too
many, or too few, is one breach and not one for each event that follows.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple


class Step(NamedTuple):
    """An event, by its number in the stream; ``subject`` is what it is about, such as the index of a block."""

    number: int
    event: str
    subject: Any = None


class OutOfPlace(NamedTuple):
    """An event that came in a state in which it may not; ``state`` is that state."""

    step: Step
    state: str


class Order(NamedTuple):
    """
    The order of the events of one subject.

    ``next_of`` maps a state to the events that may come in it, and each of them to the state it leads to; ``leads_to`` says
    where an event leads that came where it may not.  ``last`` is the state in which all is told.
    """

    first: str
    next_of: Mapping[str, Mapping[str, str]]
    leads_to: Mapping[str, str]
    last: str

    @property
    def events(self) -> frozenset[str]:
        """The events that it is about; others may come at any time."""
        return frozenset(event for row in self.next_of.values() for event in row)


class Walk:
    """Where the subjects of a stream stand: one state for each, from the first event that is about it."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.states: dict[Any, str] = {}
        self._events = order.events

    def take(self, step: Step) -> OutOfPlace | None:
        """Go on by one event; return the breach if it may not come here."""
        if step.event not in self._events:
            return None
        state = self.states.get(step.subject, self.order.first)
        following = self.order.next_of.get(state, {}).get(step.event)
        self.states[step.subject] = following or self.order.leads_to.get(step.event, state)
        return None if following else OutOfPlace(step, state)


def breaches(order: Order, steps: Iterable[Step]) -> Iterator[OutOfPlace]:
    """Yield each event that comes where it may not."""
    walk = Walk(order)
    yield from (breach for step in steps if (breach := walk.take(step)))
