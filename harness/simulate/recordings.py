"""Returns the ideal provider's exchanges for any scenario, whatever its dialect."""

from collections.abc import Callable

from harness.matrix.scenarios import Scenario
from harness.simulate.chat import ideal as chat
from harness.simulate.completions import ideal as completions
from harness.simulate.messages import ideal as messages
from harness.wire.dialect import DialectName
from harness.wire.exchange import Exchange

_OF_DIALECT: dict[DialectName, Callable[[Scenario], list[Exchange]]] = {
    "chat": chat.recording,
    "messages": messages.recording,
    "completions": completions.recording,
}


def recording(scenario: Scenario) -> list[Exchange]:
    """Return the exchanges of ``scenario`` with the ideal provider."""
    return _OF_DIALECT[scenario.dialect](scenario)
