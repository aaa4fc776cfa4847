"""Changes by gateways are found and distinguished from legal ones: other models, lost reasoning, lists of models."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from judging import findings

from harness.checks.chat.model_names import another
from harness.judging.audit import audit
from harness.matrix.scenarios import SCENARIOS
from harness.results import Outcome
from harness.simulate.chat.ideal import recording
from harness.simulate.reference import replace_in_body
from harness.wire.siblings import Siblings


@pytest.mark.parametrize(
    ("asked", "served", "told"),
    [
        ("gpt-4o", "gpt-4.1-2025-04-14", "another version"),
        ("claude-sonnet-4-5", "claude-sonnet-4-20250514", "another version"),
        ("kimi-k2", "kimi-k2.5", "another version"),
        ("deepseek-v4-pro", "deepseek-v4-flash", "another model of the maker"),
        ("anthropic/claude-sonnet-4.5", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", None),
        ("llama-3.1-8b-instant", "accounts/fireworks/models/llama-v3p1-8b-instruct", None),
        ("gemini-1.5-pro", "gemini-1.5-pro-002", None),
        ("gpt-3.5-turbo-16k", "gpt-3.5-turbo-0125", None),
        ("qwen3:8b", "Qwen/Qwen3-8B-FP8", None),
        ("deepseek-chat", "deepseek-v3.2", None),
    ],
)
def test_another_version_is_told_from_other_spellings_of_the_one_asked_for(
    asked: str, served: str, told: str | None
) -> None:
    assert another(asked, served) == told


def _streamed_without_thought(**asked: Any) -> Outcome:
    """Return the findings on a response without reasoning, beside one with it, in one archive."""
    streamed, body = recording(SCENARIOS["parity.reasoning"])
    change = {key: value for key, value in asked.items() if key != "text"}
    there, here = (
        replace(one, request=replace(one.request, body=json.dumps({**(one.request.json or {}), **change}).encode()))
        for one in (body, replace_in_body(streamed, '"reasoning_content"', '"x_left_out"'))
    )
    if "text" in asked:
        here = replace_in_body(here, "你好", asked["text"])
    here = replace_in_body(here, '"completion_tokens":11,"total_tokens":20', '"completion_tokens":3,"total_tokens":12')
    here = replace_in_body(here, '"reasoning_tokens":8', '"reasoning_tokens":0')
    here = replace(here, earlier=(), siblings=Siblings([there.facts]))
    return findings(here)["parity.channels"].outcome


def test_a_thought_that_one_mode_drops_is_told_where_both_say_the_same() -> None:
    assert _streamed_without_thought() is Outcome.FAIL


def test_whether_it_thinks_is_left_to_a_model_that_says_something_else() -> None:
    assert _streamed_without_thought(text="Good day") is Outcome.PASS
    assert _streamed_without_thought(text="Good day", temperature=0) is Outcome.FAIL
    assert _streamed_without_thought(text="Good day", model="deepseek-reasoner") is Outcome.FAIL


@pytest.mark.parametrize(
    ("url", "body", "outcome"),
    [
        ("https://api.example.com/v1/models", [{"id": "a"}], Outcome.FAIL),
        ("https://api.example.com/v1/models", {"object": "list", "data": [{"id": "a"}]}, Outcome.PASS),
        ("https://api.example.com/v1/models/a", {"id": "a"}, Outcome.PASS),
        ("https://generativelanguage.googleapis.com/v1/models", {"models": [{"name": "models/gemini"}]}, None),
        ("https://huggingface.co/api/models", [{"id": "a"}], None),
    ],
)
def test_a_list_of_models_is_judged_in_an_archive(tmp_path: Path, url: str, body: Any, outcome: Outcome | None) -> None:
    row = {
        "request": {"method": "GET", "url": url, "headers": {}},
        "response": {"status": 200, "headers": {"content-type": "application/json"}, "body_text": json.dumps(body)},
    }
    file = tmp_path / "models.jsonl"
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    found = [one for judged in audit([file], None, "auto") for one in judged if one.check == "models.listed"]
    assert [one.outcome for one in found] == ([outcome] if outcome else [])
