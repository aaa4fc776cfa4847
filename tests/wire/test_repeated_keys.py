"""Repeated keys are found by counting, whatever the strings contain."""

import json
import random

import orjson
import pytest

from harness.wire.chat.chunks import Columns
from harness.wire.reading import read
from harness.wire.repeated_keys import keys_in, repeated_in, values_of

TEXTS = ('"', '":', '\\":', '\\\\":', '{"a":1,"a":2}', "\\", ":", '"a" :', "你好", "")


def pairs_of(text: str) -> list[str]:
    """Return the repeated keys, as a parser of pairs sees them."""
    found: list[str] = []

    def hook(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in pairs]
        found.extend({name for name in names if names.count(name) > 1})
        return dict(pairs)

    json.loads(text, object_pairs_hook=hook)
    return found


def written(random_numbers: random.Random, colon: str, depth: int = 3) -> str:
    """Return a random JSON text whose objects may have equal keys; a program writes its colons in one way."""
    if depth == 0 or random_numbers.random() < 0.3:
        return json.dumps(random_numbers.choice(TEXTS), ensure_ascii=False)
    inner = [written(random_numbers, colon, depth - 1) for _ in range(random_numbers.randrange(4))]
    if random_numbers.random() < 0.3:
        return f"[{','.join(inner)}]"
    return (
        "{" + ",".join(f"{json.dumps(random_numbers.choice(('a', 'b', 'c', '0')))}{colon}{one}" for one in inner) + "}"
    )


@pytest.mark.parametrize("seed", range(40))
def test_what_is_found_is_what_a_parser_of_pairs_sees(seed: int) -> None:
    random_numbers = random.Random(seed)
    for _ in range(50):
        colon = random_numbers.choice((":", ": ", " : "))
        text = f'{{"x"{colon}{written(random_numbers, colon)}}}'
        columns = Columns("delta")
        columns.repeated_keys.see(text.encode(), orjson.loads(text), None, 7)
        assert {pointer.rpartition("/")[2] for _, pointer in columns.repeated_keys.found} == set(pairs_of(text)), text


def test_keys_are_counted_in_lists_too() -> None:
    assert keys_in({"a": [{"b": 1}, [{"c": {}}]], "d": None}) == 4


def test_the_values_are_shown_in_their_order() -> None:
    data = b'{"a":[{"b":1,"b":null,"b~/":2,"b~/":3}]}'
    assert repeated_in(data) == ["/a/0/b", "/a/0/b~0~1"]
    assert values_of(data, "/a/0/b") == ["1", None]
    assert values_of(data, "/a/0/b~0~1") == ["2", "3"]
    assert repeated_in(b"[" * 100_000) == values_of(b"{", "/a") == []


def test_a_chunk_among_many_of_its_shape_is_found() -> None:
    chunk = b'data: {"id":"a","choices":[{"index":0,"delta":{"content":"%d"}}]}\n\n'
    twice = b'data: {"id":"a","choices":[{"index":0,"delta":{"content":"x","content":"y"}}]}\n\n'
    stream = b"".join(chunk % n for n in range(50)) + twice + b"".join(chunk % n for n in range(50))
    assert read(stream).columns.repeated_keys.found == [(50, "/choices/0/delta/content")]
