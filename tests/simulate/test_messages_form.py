"""Made answers of Messages have the form that a provider's recordings show, or its profile says; Anthropic's own else."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from harness.evidence.stand_ins import with_published
from harness.matrix.bundled import FILE_NAME
from harness.matrix.providers import load_matrix
from harness.serve.recording_index import RecordedAnswer, RecordingIndex
from harness.serve.synthesis import Synthesiser

ROOT = Path(__file__).parents[2]
MATRIX = with_published(load_matrix(ROOT / FILE_NAME), ROOT)
INDEX = RecordingIndex(MATRIX, ROOT, synthesiser=Synthesiser(MATRIX, ROOT))
TOOL = {
    "name": "find_order",
    "input_schema": {"type": "object", "properties": {"order": {"type": "integer"}}, "required": ["order"]},
}


def made(provider: str, *, number: int = 47, **more: Any) -> RecordedAnswer:
    asked = {"model": "some-model", "max_tokens": 4000, "messages": [{"role": "user", "content": f"Order {number}?"}]}
    body = asked | {"thinking": {"type": "enabled", "budget_tokens": 1024}, "tools": [TOOL], **more}
    return INDEX.answer(provider, orjson.dumps(body), path="/v1/messages")


def events(content: bytes) -> list[Any]:
    lines = content.decode().splitlines()
    return [orjson.loads(line[6:]) for line in lines if line.startswith("data: {")]


def keys(event: Any) -> Any:
    """Return the keys of an event and of what is in it, in order, beside its type; texts, counts and input left out."""
    if not isinstance(event, dict):
        return event if event is None else type(event).__name__
    return {key: value if key == "type" else {} if key == "input" else keys(value) for key, value in event.items()}


def kind(event: Any) -> tuple[Any, ...]:
    inner = event.get("delta") or event.get("content_block") or {}
    return event["type"], inner.get("type")


@pytest.mark.parametrize("provider", ["minimax", "ollama", "llamacpp", "aimock", "claude-code-router"])
def test_events_have_the_keys_of_recorded_ones(provider: str) -> None:
    held = [one.exchange for one in INDEX.answers(provider, "messages")]
    recorded: dict[Any, list[str]] = {}
    for exchange in held:
        if exchange.is_stream and exchange.response.is_success:
            for event in events(exchange.response.content):
                recorded.setdefault(kind(event), []).append(str(keys(event)))
    assert recorded
    for number in (47, 48, 49):  # the last two by a mould
        mine = events(made(provider, number=number, stream=True).exchange.response.body)
        for event in mine:
            shown = recorded.get(kind(event))
            assert shown is None or event["type"] == "message_delta" or str(keys(event)) in shown, event
        assert mine[-1]["type"] == "message_stop"
        said = "".join(one["delta"].get("partial_json", "") for one in mine if one["type"] == "content_block_delta")
        assert orjson.loads(said) == {"order": number}


def test_a_body_says_what_the_stream_does() -> None:
    whole = orjson.loads(made("minimax", stream=False).exchange.response.body)
    assert [one["type"] for one in whole["content"]] == ["thinking", "tool_use"]
    assert whole["content"][1]["input"] == {"order": 47}
    assert "msg_" not in whole["id"]
    assert len(whole["content"][0]["signature"]) == 64


def test_deepseek_signs_with_the_id_of_the_message() -> None:
    first, *rest = events(made("deepseek", stream=True).exchange.response.body)
    signed = [one["delta"]["signature"] for one in rest if kind(one)[1] == "signature_delta"]
    assert signed == [first["message"]["id"]]
    whole = orjson.loads(made("deepseek", stream=False).exchange.response.body)
    assert whole["content"][0]["signature"] == whole["id"]
    assert "messages-id-2026-05" in made("deepseek", stream=False).note


def test_siliconflow_ends_with_done_and_anthropic_does_not() -> None:
    assert made("siliconflow", stream=True).exchange.response.body.endswith(b"data: [DONE]\n\n")
    for provider in ("reference", "qianfan"):
        answer = made(provider, stream=True)
        assert answer.exchange.response.body.endswith(b'data: {"type":"message_stop"}\n\n')
    assert "as none is described of qianfan" in answer.note


def test_a_refusal_is_worded_as_recorded_ones_of_its_status() -> None:
    refused = made("llamacpp", messages=[])
    assert refused.exchange.response.status == 400
    assert orjson.loads(refused.exchange.response.body)["error"]["message"]
    of_reference = orjson.loads(made("reference", messages=[]).exchange.response.body)
    assert of_reference["type"] == "error"
