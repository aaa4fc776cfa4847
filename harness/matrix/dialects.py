"""Lists the scenarios of all dialects, and builds the body of the first request of each."""

from harness.matrix import completions, messages
from harness.matrix.scenarios import SCENARIOS, Scenario, request_body
from harness.wire.dialect import DialectName
from harness.wire.shapes import Json

SCENARIOS_OF: dict[DialectName, dict[str, Scenario]] = {
    "chat": SCENARIOS,
    "messages": messages.MESSAGES,
    "completions": completions.COMPLETIONS,
}
"""The scenarios of each dialect, by id."""

EVERY_SCENARIO: dict[str, Scenario] = {name: one for table in SCENARIOS_OF.values() for name, one in table.items()}
"""The scenarios of all dialects, by id."""


def first_body(scenario: Scenario, model: str, switch: Json | None = None) -> Json:
    """Return the JSON of a scenario's first request, in chat with the provider's own thinking ``switch``."""
    if scenario.dialect == "messages":
        return messages.first_body(scenario, model)
    if scenario.dialect == "completions":
        return completions.first_body(scenario, model)
    return request_body(scenario, model, switch or {})
