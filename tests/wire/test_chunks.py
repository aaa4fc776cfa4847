"""The columns: what one pass gathers."""

import random
from typing import Any

import orjson
import pytest

from harness.wire.chat.chunks import Columns, Error
from harness.wire.shapes import kind


def chunk(**changes: Any) -> dict[str, Any]:
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": {"content": "hi"}, "finish_reason": None}
    return {**base, "choices": [choice], **changes}


def choice(delta: Any, **changes: Any) -> list[dict[str, Any]]:
    return [{"index": 0, "delta": delta, "finish_reason": None, **changes}]


def columns(*chunks: Any) -> Columns:
    gathered = Columns("delta")
    assert list(gathered.add_stream([orjson.dumps(one) for one in chunks])) == []
    return gathered


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "null"), ("", '""'), ("a", "text"), (0, "int"), (1, "int"), (0.5, "float"), (False, "bool"), ([], "[]"), ([1], "list"), ({}, "{}"), ({"a": 1}, "object")],
)  # fmt: skip
def test_kinds(value: Any, expected: str) -> None:
    assert kind(value) == expected


def test_null_missing_empty_and_text_are_told_apart() -> None:
    found = columns(
        chunk(choices=choice({}, finish_reason=None)),
        chunk(choices=[{"index": 0, "delta": {}}]),
        chunk(choices=choice({}, finish_reason="")),
        chunk(choices=choice({}, finish_reason="stop")),
    ).kinds("/choices/*/finish_reason")
    assert {what: (seen.count, seen.first) for what, seen in found.items()} == {
        "null": (1, 0), "missing": (1, 1), '""': (1, 2), "text": (1, 3),
    }  # fmt: skip


def test_what_forms_alone_tell_of_kinds_is_what_counting_tells() -> None:
    gathered = columns(chunk(choices=choice({}, finish_reason=None)), chunk(choices=choice({"content": ""})), chunk())
    for pattern in ("/choices/*/delta/content", "/choices/*/finish_reason", "/usage", "/choices", "/choices/*/delta/*"):
        kinds = gathered.kinds(pattern).keys()
        assert gathered.holds_only(pattern, kinds)
        assert all(not gathered.holds_only(pattern, kinds - {one}) for one in kinds)


def test_constants_count_each_value() -> None:
    gathered = columns(chunk(), chunk(created=2), chunk(created=2), chunk())
    assert {v: (s.count, s.first, s.last) for v, s in gathered.values["created"].items()} == {
        1: (2, 0, 3),
        2: (2, 1, 2),
    }


def test_true_and_1_and_1_0_are_different_values() -> None:
    assert set(columns(chunk(created=1), chunk(created=True), chunk(created=1.0)).values["created"]) == {
        1,
        "true",
        "1.0",
    }


def test_usage_is_found_in_every_place() -> None:
    usage = {"total_tokens": 3}
    gathered = columns(
        chunk(choices=[], usage=usage),
        chunk(choices=choice({}, finish_reason="stop"), usage=usage),
        chunk(usage=usage),
        chunk(choices=choice({}, usage=usage)),
        chunk(x_groq={"usage": usage}),
        chunk(usage=None),
    )
    assert [(u.chunk, u.pointer, u.placement) for u in gathered.usages] == [
        (0, "/usage", "[]"),
        (1, "/usage", "finish"),
        (2, "/usage", "choices"),
        (3, "/choices/0/usage", "choice"),
        (4, "/x_groq/usage", "choices"),
    ]


def test_choices_are_kept_apart_by_index() -> None:
    both = [{"index": 1, "delta": {"content": "b"}}, {"index": 0, "delta": {"content": "a"}}]
    gathered = columns(chunk(choices=both), chunk(choices=[{"index": 1, "delta": {"content": "B"}}]))
    assert {i: c.fragments("content").text for i, c in gathered.choices.items()} == {1: "bB", 0: "a"}


def test_an_error_alone_is_no_chunk() -> None:
    gathered = columns(chunk(), {"error": {"message": "x"}})
    assert (gathered.count, gathered.chunk_count, gathered.errors) == (2, 1, [Error(1, "/error", {"message": "x"})])


def test_what_is_no_object_is_kept_apart() -> None:
    assert columns([], "x", 1, None).not_objects == [(0, "[]"), (1, "text"), (2, "int"), (3, "null")]


def test_tool_fragments_vary_in_shape() -> None:
    def tools(fragment: dict[str, Any]) -> dict[str, Any]:
        return chunk(choices=choice({"tool_calls": [fragment]}))

    gathered = columns(tools({"index": 0, "id": "a"}), tools({"index": 0}), tools({}), tools({}))
    found = gathered.kinds("/choices/*/delta/tool_calls/*/index")
    assert {what: seen.count for what, seen in found.items()} == {"int": 2, "missing": 2}
    assert [fragment.pointer for fragment in gathered.choices[0].tools] == ["/choices/0/delta/tool_calls/0"] * 4


def test_a_key_that_moves_makes_another_shape() -> None:
    inside = columns({"choices": [{"index": 0, "delta": {"x": 1}}]}, {"choices": [{"index": 0, "delta": {}, "x": 1}]})
    assert len(inside.shapes) == 2
    beside = columns({"choices": [{"delta": {}}], "x": 1}, {"choices": [{"x": {}, "delta": 1}]})
    assert len(beside.shapes) == 2


def test_memory_does_not_grow_with_hostile_lists() -> None:
    wide = chunk(choices=choice({"content": "x", "extra": [{"a": i} for i in range(10_000)]}))
    assert len(columns(wide).shapes[0].kinds) < 20


def test_random_json_never_raises() -> None:
    source = random.Random(1)
    leaves: list[Any] = [None, "", "x", 0, 1.5, True, [], {}, [[]], {"index": []}]

    def grow(depth: int) -> Any:
        if depth == 0:
            return source.choice(leaves)
        keys = [
            "choices",
            "delta",
            "usage",
            "tool_calls",
            "index",
            "error",
            "x_groq",
            "finish_reason",
            "role",
            "content",
            "id",
        ]
        made = {source.choice(keys): grow(depth - 1) for _ in range(4)}
        return source.choice([made, [grow(depth - 1), made], source.choice(leaves)])

    for _ in range(300):
        gathered = columns(grow(3), grow(4), chunk(), grow(2))
        assert gathered.count == 4
        kept = gathered.chunk_count + len(gathered.not_objects) + len(gathered.foreign)
        assert kept <= 4 <= kept + len(gathered.errors), (
            "each is a chunk, an error, an object of another kind, or no object"
        )
        assert sum(shape.count for shape in gathered.shapes) == gathered.chunk_count
        places = [one.chunk for table in (gathered.usages, gathered.errors) for one in table]
        places += [number for number, _ in gathered.foreign]
        assert all(0 <= number <= 3 for number in [*places, gathered.first, gathered.last])
        assert all(choice.first_chunk <= choice.last_chunk for choice in gathered.choices.values())
