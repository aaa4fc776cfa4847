"""The columns: what one pass gathers, and that taking repeated chunks unparsed changes nothing."""

import random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.wire.chunks import Columns, Error
from harness.wire.shapes import Seen, kind


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


def seen(one: Seen) -> tuple[int, int, int]:
    return one.count, one.first, one.last


def dump(gathered: Columns) -> Any:
    """Everything columns hold, for comparison."""
    return {
        "counts": (gathered.count, gathered.objects, gathered.first, gathered.last),
        "values": {k: {v: seen(s) for v, s in table.items()} for k, table in gathered.values.items()},
        "shapes": sorted((s.render(), s.count, s.first, s.last) for s in gathered.shapes),
        "choices": {
            i: (
                {n: (f.texts, f.chunks) for n, f in c.channels.items()},
                c.finishes,
                {r: seen(s) for r, s in c.roles.items()},
                c.tools,
                c.last_chunk,
            )
            for i, c in gathered.choices.items()
        },
        "usages": gathered.usages,
        "errors": gathered.errors,
        "not_objects": gathered.not_objects,
    }


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
    assert [(u.chunk, u.pointer, u.beside) for u in gathered.usages] == [
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
    assert (gathered.count, gathered.objects, gathered.errors) == (2, 1, [Error(1, "/error", {"message": "x"})])


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


def test_a_run_takes_repeats_without_parsing() -> None:
    gathered = columns(
        *(chunk(choices=choice({"content": text})) for text in ("a", "b", '"quoted"', "back\\slash", "你\n好", "😊"))
    )
    assert gathered.choices[0].fragments("content").texts == ["a", "b", '"quoted"', "back\\slash", "你\n好", "😊"]
    assert [shape.count for shape in gathered.shapes] == [6]


TEXTS = st.sampled_from(
    [
        "a",
        "",
        '"',
        "\\",
        '","',
        '"}',
        "content",
        '"content":"x"',
        "你好",
        "\n",
        "\u2028",
        "😊",
        "x" * 40,
        "stop",
        "obfuscation",
    ]
)


def rarely(*changes: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from([{}] * 12 + list(changes))


@st.composite
def streams(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Streams whose chunks mostly repeat but for their texts, with breaks of every kind in between."""
    channel = draw(st.sampled_from(["content", "reasoning_content", "reasoning"]))
    padded = draw(st.booleans())
    chunks = []
    for _ in range(draw(st.integers(1, 12))):
        delta = {channel: draw(TEXTS)} | draw(rarely({"role": "assistant"}, {"content": None}))
        made = chunk(choices=choice(delta, **draw(rarely({"finish_reason": "stop"}, {"index": 1}))))
        made |= draw(rarely({"created": 2}, {"usage": None}, {"usage": {"total_tokens": 1}}))
        chunks.append(made | ({"obfuscation": draw(TEXTS)} if padded else {}))
    return chunks


@given(streams(), st.sampled_from([0, orjson.OPT_INDENT_2]))
@settings(max_examples=600)
def test_runs_change_nothing(chunks: list[dict[str, Any]], style: int) -> None:
    parsed, taken = Columns("delta"), Columns("delta")
    for number, one in enumerate(chunks):
        parsed.add(one, number)
    assert list(taken.add_stream([orjson.dumps(one, option=style) for one in chunks])) == []
    assert dump(taken) == dump(parsed)


def test_a_repeated_key_stops_a_run() -> None:
    data = b'{"choices":[{"index":0,"delta":{"content":"%s","content":"%s"},"finish_reason":null}]}'
    gathered = Columns("delta")
    assert list(gathered.add_stream([data % pair for pair in [(b"a", b"b"), (b"c", b"b"), (b"a", b"d")]])) == []
    assert gathered.choices[0].fragments("content").texts == ["b", "b", "d"]


RAW = ["a", "b\\", '","c', '"', "\\", '\\"', "\\\\", "d", '","', "e\\n", '"}', "你", ""]
FORMS = [
    '{"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}',
    '{"choices":[{"index":0,"delta":{"content":"%s","\\u0063ontent":"z"},"finish_reason":null}]}',
    '{"content":"%s","choices":[{"index":0,"delta":{"\\u0063ontent":"z"},"finish_reason":null}]}',
    '{"obfuscation":"x","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}',
]


@given(st.sampled_from(FORMS), st.lists(st.sampled_from(RAW), min_size=2, max_size=8))
@settings(max_examples=600)
def test_runs_take_no_text_that_is_not_json(form: str, raw: list[str]) -> None:
    texts = [(form % text).encode() for text in raw]
    parsed, taken = Columns("delta"), Columns("delta")
    refused = []
    for number, text in enumerate(texts):
        try:
            parsed.add(orjson.loads(text), number)
        except orjson.JSONDecodeError:
            refused.append(number)
    assert [number for number, _ in taken.add_stream(texts)] == refused
    assert dump(taken) == dump(parsed)


def test_what_is_not_json_is_handed_back() -> None:
    gathered = Columns("delta")
    good = orjson.dumps(chunk())
    texts = [
        good,
        good.replace(b'"hi"', b'"h"i"'),
        good.replace(b"hi", b"\xff"),
        good.replace(b"hi", b"h\n"),
        good,
        b"",
        good,
    ]
    assert [number for number, _ in gathered.add_stream(texts)] == [1, 2, 3, 5]
    assert gathered.choices[0].fragments("content").chunks == [0, 4, 6]


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
        columns(grow(3), grow(4), chunk(), grow(2))
