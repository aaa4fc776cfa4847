"""What is asked: the table of scenarios."""

from dataclasses import dataclass, field
from typing import Any

_HELLO = "用一句话打个招呼，并带一个表情符号。 Then say it in English."
_COMPARE = "Which is larger, 9.11 or 9.8? Answer with the number only."
_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    One question with a stable id.

    ``thinking`` is whether the model is to think; ``needs`` names capabilities that a provider may declare
    absent (``lacks`` in providers.yaml), which makes the scenario n/a.
    """

    id: str
    title: str
    prompt: str
    thinking: bool
    params: dict[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


SCENARIOS: dict[str, Scenario] = {
    scenario.id: scenario
    for scenario in (
        Scenario("chat.stream", "A short answer, streamed.", _HELLO, thinking=False, params={"stream": True}),
        Scenario(
            "chat.stream-usage",
            "The same, with usage asked for.",
            _HELLO,
            thinking=False,
            params=_USAGE,
            needs=("stream-usage",),
        ),
        Scenario("chat.nonstream", "The same, in one body.", _HELLO, thinking=False),
        Scenario(
            "reasoning.stream", "A question to think about, streamed.", _COMPARE, thinking=True, params={"stream": True}
        ),
        Scenario(
            "reasoning.nonstream", "The same, in one body.", _COMPARE, thinking=True, needs=("reasoning-nonstream",)
        ),
    )
}

CAPABILITIES = tuple(dict.fromkeys(need for scenario in SCENARIOS.values() for need in scenario.needs))
"""The names that ``lacks`` in providers.yaml may hold."""


def request_body(scenario: Scenario, model: str, thinking: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON to send: the scenario's question to ``model``, with the provider's own thinking switch."""
    return {"model": model, "messages": [{"role": "user", "content": scenario.prompt}], **scenario.params, **thinking}
