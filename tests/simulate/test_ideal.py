"""The ideal provider raises no alarm, for any combination of parameters."""

import itertools
import random
from typing import Any

import pytest
from judging import alarms
from parted import each

from harness.matrix.scenarios import TOOLS
from harness.simulate.chat.ideal import MODEL, exchange
from harness.simulate.reference import with_expected_status

QUESTIONS = ("你好", "Count from 1 to 40.", "both")
CHOICES: dict[str, tuple[Any, ...]] = {
    "stream": (None, True),
    "stream_options": (None, {"include_usage": True}),
    "n": (None, 2),
    "logprobs": (None, True),
    "top_logprobs": (None, 2),
    "max_tokens": (None, 1, 4, 12, 1000),
    "stop": (None, "7", ["7", "x"]),
    "tools": (None, TOOLS["tools"]),
    "tool_choice": (None, "auto", "none", "required", {"type": "function", "function": {"name": "get_time"}}),
    "parallel_tool_calls": (None, False),
    "reasoning_effort": (None, "none", "medium"),
    "response_format": (None, {"type": "json_object"}, {"type": "text"}),
}
ASKED = 400


def requests() -> list[dict[str, Any]]:
    source = random.Random(7)
    every = itertools.product(QUESTIONS, *CHOICES.values())
    picked = source.sample(list(every), ASKED)
    found = []
    for question, *values in picked:
        given = {key: value for key, value in zip(CHOICES, values, strict=True) if value is not None}
        found.append({"model": MODEL, "messages": [{"role": "user", "content": question}], **sensible(given)})
    return found


def sensible(given: dict[str, Any]) -> dict[str, Any]:
    """Drop combinations that the specification does not allow."""
    if not given.get("stream"):
        given.pop("stream_options", None)
    if not given.get("logprobs"):
        given.pop("top_logprobs", None)
    if "tools" not in given:
        given.pop("tool_choice", None)
        given.pop("parallel_tool_calls", None)
    return given


@pytest.mark.parametrize("part", each(4, range(8)))
def test_it_raises_no_alarm(part: int) -> None:
    wrong = {
        str(body): said for body in requests()[part::8] if (said := alarms(with_expected_status(exchange(body), 200)))
    }
    assert wrong == {}
