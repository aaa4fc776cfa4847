"""The learned form of a provider is that of its recordings: the same keys in the same order."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness.matrix.providers import load_matrix
from harness.serve.recording_index import RecordingIndex
from harness.serve.synthesis import Synthesiser
from harness.simulate.chat.learning import learned
from harness.simulate.reference import BODY
from harness.wire.exchange import Exchange, Request

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = {"usage", "timings", "provider_specific_fields", "__verbose", "stats"}
"""Values that differ between responses, and usage, whose place depends on the request."""


@cache
def synthesiser() -> Synthesiser:
    return Synthesiser(load_matrix(ROOT / "providers.yaml"), ROOT)


@cache
def index() -> RecordingIndex:
    return RecordingIndex(load_matrix(ROOT / "providers.yaml"), ROOT, synthesiser=synthesiser())


def made_for(provider: str, held: Exchange) -> Exchange:
    """Return what is made for the request of a recorded answer."""
    _, made = synthesiser().answer(provider, held.request.json)
    return made.exchange(Request("POST", "/chat/completions", body=held.request.body))


def keys(value: Any) -> Any:
    """Return the keys of an object in their order, those inside it too; of a list those of its first member."""
    if isinstance(value, dict):
        return [(key, keys(one)) for key, one in value.items() if key not in LEFT_OUT]
    return keys(value[0]) if isinstance(value, list) and value else None


def forms(exchange: Exchange) -> Iterator[Any]:
    """Yield the keys of the first chunk, of one that brings text or a call, and of the last with a choice."""
    chunks: list[Any] = [exchange.chunk(number) for number in range(exchange.columns.count)]
    chosen = [one for one in chunks if one.get("choices")]
    yield from (keys(chosen[0]), keys(chosen[min(2, len(chosen) - 1)]), keys(chosen[-1]))


@pytest.mark.parametrize("provider", ["llamacpp", "mlx-lm", "litellm", "aimock"])
@pytest.mark.parametrize("scenario", ["chat.stream", "chat.nonstream", "tools.auto", "tools.nonstream"])
def test_an_answer_has_the_keys_of_the_recorded_one(provider: str, scenario: str) -> None:
    recorded = [one.exchange for one in index().answers(provider) if one.scenario.id == scenario]
    calls = scenario.startswith("tools.")
    messages = ((one, one.completion.messages[0]) for one in recorded)
    held = next((one for one, said in messages if not said.reasoning and bool(said.tool_calls) == calls), None)
    if held is None:
        pytest.skip("what is recorded begins with a thought, or calls no tool")
    made = made_for(provider, held)
    assert list(forms(made)) == list(forms(held))
    assert (made.source.note or "").startswith("recording of 20")


def test_of_refusals_alone_nothing_is_learned() -> None:
    assert learned("acme", []) is None
    profile = learned("acme", [BODY])
    assert profile is not None
    assert (profile.forms[0].stream, profile.forms[0].ids) == (None, {"id": "chatcmpl-{alnum 9}"})
