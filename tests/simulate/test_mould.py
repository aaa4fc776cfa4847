"""Responses of a repeated outline are joined from the parts of one."""

from itertools import product
from pathlib import Path
from typing import Any

import orjson
import pytest

from harness.matrix.bundled import FILE_NAME
from harness.matrix.providers import load_matrix
from harness.serve.synthesis import Synthesiser
from harness.simulate.chat import mould

ROOT = Path(__file__).parents[2]
MATRIX = load_matrix(ROOT / FILE_NAME)
TOOL = {
    "name": "lookup_order",
    "parameters": {
        "type": "object",
        "properties": {"order_id": {"type": "integer"}, "note": {"type": "string"}},
        "required": ["order_id", "note"],
    },
}
WORDS = (
    "plain",
    'in "quotes"',
    "back\\slash",
    "ünïcode",
    "\ue0000\ue001",
    "a\ue002b",
    'ends with ",',
    "87000000000000001",
    "new\nline",
    "😀",
    "\x7f",
)


def asked(model: str, words: str, *, stream: bool, name: str = "", **more: Any) -> dict[str, Any]:
    tools = [{"type": "function", "function": TOOL | {"name": name}}] if name else []
    said = [{"role": "user", "content": f'Where is order {len(words) + 10} of "{words}"?'}]
    return {"model": model, "stream": stream, "messages": said, **({"tools": tools} if tools else {}), **more}


@pytest.mark.parametrize("provider", ["deepseek", "bailian", "volcengine", "siliconflow", "qianfan", "openrouter"])
@pytest.mark.parametrize("name", ["", "lookup_order", "\ue0000\ue001", "n87000000000000000"])
def test_an_answer_of_an_outline_that_came_before_is_what_it_would_be_without(provider: str, name: str) -> None:
    made = Synthesiser(MATRIX, ROOT)
    model = made.models(provider)[0]
    options: tuple[dict[str, Any], ...] = ({}, {"n": 2}, {"stream_options": {"include_usage": True}})
    bodies = [
        asked(model, words, stream=stream, name=name, **more)
        for words, stream, more in product(WORDS, (True, False), options)
        if stream or "stream_options" not in more
    ]
    alone = []
    for body in bodies:
        mould.MOULDS.clear()
        alone.append(made.answer(provider, body)[1].response)
    for _ in range(2):
        together = [made.answer(provider, body)[1].response for body in bodies]
        assert together == alone
    assert any(held for _, held in mould.MOULDS.values()) is (name in {"", "lookup_order"})


@pytest.mark.parametrize("provider", ["reference", "deepseek", "bailian", "volcengine"])
@pytest.mark.parametrize("stream", [True, False])
def test_a_message_of_an_outline_that_came_before_is_what_it_would_be_without(provider: str, *, stream: bool) -> None:
    made = Synthesiser(MATRIX, ROOT)
    tool = {"name": TOOL["name"], "input_schema": TOOL["parameters"]}
    options: tuple[dict[str, Any], ...] = (
        {},
        {"tools": [tool]},
        {"tools": [tool], "max_tokens": 3},
        {"stop_sequences": ["t"]},
    )
    bodies = [
        {"max_tokens": 900, "tools": [], **asked("m", words, stream=stream), **more}
        for words, more in product(WORDS, options)
    ]
    alone = []
    for body in bodies:
        mould.MOULDS.clear()
        alone.append(made.answer(provider, body, path="/v1/messages")[1].response)
    for _ in range(2):
        assert [made.answer(provider, body, path="/v1/messages")[1].response for body in bodies] == alone
    assert any(held for _, held in mould.MOULDS.values())
    called = orjson.loads(alone[1].body)["content"][-1]["input"] if not stream else {}
    assert stream or called == {"order_id": 15, "note": "plain"}


def test_models_of_one_form_keep_their_names() -> None:
    made = Synthesiser(MATRIX, ROOT)
    model = made.models("deepseek")[0]
    for name in (model, f"{model}-other") * 3:
        response = made.answer("deepseek", asked(name, "plain", stream=False))[1].response
        assert orjson.loads(response.body)["model"] == name


def test_no_more_than_so_many_outlines_are_kept() -> None:
    made = Synthesiser(MATRIX, ROOT)
    model = made.models("deepseek")[0]
    for number in range(2 * mould.MOST_MOULDS):
        made.answer("deepseek", asked(f"{model}-{number}", "plain", stream=False))
    assert len(mould.MOULDS) <= mould.MOST_MOULDS
