"""The facts of an exchange that are kept for comparison."""

from typing import Any

import pytest

from harness.simulate.reference import BODY, STREAM, STREAM_USAGE, TOOLS, ask, replace_in_body, with_request_params
from harness.wire import siblings as module
from harness.wire.siblings import Siblings, question_of, text_bytes

URL = "https://api.example.com/v1/chat/completions"
ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "你好"}]}


@pytest.mark.parametrize(
    "other",
    [ASKED | {"stream": True}, ASKED | {"stream": True, "stream_options": {"include_usage": True}}, ASKED | {"user": None}, dict(reversed(ASKED.items()))],
)  # fmt: skip
def test_the_form_of_the_answer_is_no_part_of_the_question(other: dict[str, Any]) -> None:
    assert question_of(URL, other) == question_of(URL, ASKED) != b""
    assert question_of(f"{URL}?api-version=1", other) == question_of(URL, ASKED)


@pytest.mark.parametrize(
    "other", [ASKED | {"model": "n"}, ASKED | {"seed": 7}, ASKED | {"messages": [{"role": "user", "content": "hi"}]}]
)
def test_all_else_is(other: dict[str, Any]) -> None:
    assert question_of(URL, other) != question_of(URL, ASKED)
    assert question_of("https://api.example.com/deployments/a/chat/completions", ASKED) != question_of(URL, ASKED)


def test_what_was_not_recorded_is_no_question() -> None:
    assert question_of(URL, None) == question_of(URL, {"model": "m"}) == b""


def test_a_prompt_is_measured_where_all_of_it_is_text() -> None:
    picture = [
        {
            "role": "user",
            "content": [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": "data:,"}}],
        }
    ]
    parts = [{"role": "user", "content": [{"type": "text", "text": "你好"}]}]
    assert text_bytes(ASKED) > 0
    assert text_bytes(ASKED | {"messages": parts}) > text_bytes(ASKED)
    assert text_bytes(ASKED | {"tools": [{"type": "function"}]}) > text_bytes(ASKED)
    assert text_bytes(ASKED | {"messages": picture}) == text_bytes({"messages": "x"}) == text_bytes(None) == 0


def test_a_counterpart_asked_the_same_in_the_other_form() -> None:
    kept = Siblings([BODY.facts, TOOLS.facts])
    assert kept.counterpart(STREAM.facts) == BODY.facts
    assert kept.counterpart(BODY.facts) is None
    assert kept.counterpart(with_request_params(STREAM, seed=7).facts) is None


def test_a_failed_or_empty_answer_is_no_counterpart() -> None:
    refused = with_request_params(BODY, model="m")
    assert Siblings([ask(model="none").facts]).counterpart(STREAM.facts) is None
    assert refused.facts.answered


def test_an_answer_repeats_itself_in_another_form_or_time() -> None:
    assert STREAM.facts.repeats(BODY.facts)
    assert replace_in_body(BODY, "1760000000", "1760000001").facts.repeats(BODY.facts)
    assert not replace_in_body(BODY, "help", "hear").facts.repeats(BODY.facts)
    assert not TOOLS.facts.repeats(BODY.facts)


def test_the_latest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT", 3)
    kept = Siblings()
    for number in range(10):
        kept.add(
            with_request_params(
                replace_in_body(STREAM_USAGE, "chatcmpl-reference", f"chatcmpl-{number}"), seed=number
            ).facts
        )
    assert [number for number in range(10) if kept.with_id(f"chatcmpl-{number}")] == [7, 8, 9]
    assert [n for n in range(10) if kept.counterpart(with_request_params(BODY, seed=n).facts)] == [7, 8, 9]


def test_what_is_kept_of_a_file_does_not_grow_with_its_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("_KEPT", 4), ("_LEAST", 1), ("_KEPT_IN_ALL", 6), ("_PROVIDERS", 3)):
        monkeypatch.setattr(module, name, most)
    facts = [replace_in_body(BODY, "chatcmpl-reference", f"chatcmpl-{number}").facts for number in range(5)]

    def kept(siblings: Siblings) -> list[int]:
        return [number for number in range(5) if siblings.with_id(f"chatcmpl-{number}")]

    of_file = module.SiblingsOfFile()
    first = of_file.of("a")
    for one in facts:
        first.add(one)
    assert kept(first) == [1, 2, 3, 4]
    assert of_file.of("a") is first
    of_file.of("b"), of_file.of("c")
    assert kept(first) == [3, 4]
    of_file.of("d")
    assert kept(of_file.of("a")) == []


def test_what_is_kept_does_not_grow_with_the_answer() -> None:
    long = replace_in_body(BODY, "How can I help?", "word " * 100_000)
    assert len(repr(long.facts)) < len(repr(BODY.facts)) + 100
