"""
The oracle of the fast path: columns are equal with it and without it.

``parsed`` adds every chunk by ``Columns.add``, which has no fast path; ``Columns.add_stream`` adds repeats
unparsed.
"""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.recording.cassette import read_cassette
from harness.wire.chat import repeats
from harness.wire.chat.chunks import Columns
from harness.wire.chat.repeats import repeated_texts
from harness.wire.shapes import Occurrences

ROOT = Path(__file__).resolve().parents[2]


def chunk(**changes: Any) -> dict[str, Any]:
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return {**base, "choices": choice({"content": "hi"}), **changes}


def choice(delta: Any, **changes: Any) -> list[dict[str, Any]]:
    return [{"index": 0, "delta": delta, "finish_reason": None, **changes}]


def parsed(texts: Sequence[bytes]) -> tuple[Columns, list[int]]:
    """The columns without the fast path, and the numbers of what is not JSON."""
    gathered, refused = Columns("delta"), []
    for number, text in enumerate(texts):
        try:
            gathered.add(orjson.loads(text), number)
        except orjson.JSONDecodeError:
            refused.append(number)
    return gathered, refused


def assert_equal_without_it(texts: Sequence[bytes]) -> Columns:
    taken = Columns("delta")
    refused = [number for number, _ in taken.add_stream(texts)]
    expected, expected_refused = parsed(texts)
    assert (dump(taken), refused) == (dump(expected), expected_refused)
    return taken


def seen(one: Occurrences) -> tuple[int, int, int]:
    return one.count, one.first, one.last


def dump(gathered: Columns) -> Any:
    """Everything columns hold, for comparison."""
    return {
        "counts": (gathered.count, gathered.chunk_count, gathered.first, gathered.last),
        "values": {k: {v: seen(s) for v, s in table.items()} for k, table in gathered.values.items()},
        "shapes": sorted((s.render(), s.count, s.first, s.last) for s in gathered.shapes),
        "choices": {
            i: (
                {n: (f.texts, f.chunks) for n, f in c.channels.items()},
                c.finish_values,
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


def test_a_run_takes_repeats_without_parsing() -> None:
    texts = ("a", "b", '"quoted"', "back\\slash", "你\n好", "😊")
    gathered = assert_equal_without_it([orjson.dumps(chunk(choices=choice({"content": text}))) for text in texts])
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
    """Streams whose chunks mostly differ only in their texts, with breaks of every kind in between."""
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
    assert_equal_without_it([orjson.dumps(one, option=style) for one in chunks])


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
    assert_equal_without_it([(form % text).encode() for text in raw])


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
    assert list(gathered.choices[0].fragments("content").chunks) == [0, 4, 6]


# Chunks as published: openai-python #2455 (obfuscation), mistral's p, vLLM's reasoning beside content, DeepSeek's
# reasoning_content with content null, Ollama's role in every chunk, Groq's x_groq, LiteLLM's keys in other order.
PUBLISHED = {
    "openai": '{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","service_tier":"default","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"%s"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"%s"}',
    "mistral": '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}],"p":"%s"}',
    "deepseek": '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":null,"reasoning_content":"%s"},"logprobs":null,"finish_reason":null}],"x":"%s"}',
    "ollama": '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"%s"},"finish_reason":null}],"x":"%s"}',
    "padding first": '{"obfuscation":"%s","id":"c","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}',
    "spaced": '{ "id" : "c", "choices" : [ { "index" : 0, "delta" : { "content" : "%s" } } ], "p" : "%s" }',
    "text in a vendor's key": '{"id":"c","choices":[{"index":0,"delta":{"content":"%s","note":"content"}}],"p":"%s"}',
}  # fmt: skip
PIECES = ["Hel", "lo", "\\n", '\\"', "", "}]", '","p":"', "\\u4f60", "\\ud83d\\ude0a", "\\ud83d", "\x00", "content"]


@pytest.mark.parametrize("form", PUBLISHED.values(), ids=PUBLISHED)
def test_published_chunks_give_the_same_columns_without_it(form: str) -> None:
    for shift in range(len(PIECES)):
        pairs = zip(PIECES, PIECES[shift:] + PIECES[:shift], strict=True)
        assert_equal_without_it([(form % pair).encode() for pair in pairs])


@pytest.mark.parametrize("folder", ["aimock", "llamacpp", "litellm", "deepseek"])
def test_recorded_streams_give_the_same_columns_without_it(folder: str) -> None:
    files = sorted((ROOT / "cassettes" / folder).rglob("*.yaml"))
    recorded = (one for file in files if file.name.count(".") > 1 for one in read_cassette(file))
    streams = list(islice((one for one in recorded if one.reading.parser), 12))
    assert len(streams) >= 5
    for exchange in streams:
        parser = exchange.reading.parser
        assert parser is not None
        assert_equal_without_it(parser.events.data)


@pytest.mark.parametrize(
    ("first", "keys"),
    [
        (b'{"delta":{"content":"a","content":"b"}}', ["content"]),
        (b'{"delta":{"content":"a","\\u0063ontent":"b"}}', ["content"]),
        (b'{"delta":{"content":"a"},"obfuscation":"x"}', ["obfuscation", "content"]),
        (b'{"delta":{"content":null}}', ["content"]),
    ],
    ids=["the key twice", "the key spelled otherwise", "keys in another order", "no text"],
)
def test_a_chunk_that_cannot_be_cut_has_no_repeats(first: bytes, keys: list[str]) -> None:
    assert repeated_texts([first, first, first], 1, first, keys) == []


def test_a_long_run_is_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "_MOST", 4)
    for count in range(1, 14):
        assert_equal_without_it([orjson.dumps(chunk()).replace(b"hi", b"%d" % (n // 3)) for n in range(count)])
