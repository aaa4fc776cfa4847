"""Split surrogate pairs."""

import pytest

from harness.wire.reading import parse_json
from harness.wire.surrogates import whole_characters


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a 你", "a 你"), ("\ud83d\ude00!", "😀!"), ("a\ud83d b", "a\ufffd b"), ("\ude00\ud83d", "\ufffd\ufffd")],
)
def test_two_in_a_row_are_one_and_none_is_lost(text: str, expected: str) -> None:
    assert whole_characters(text) == expected


def test_a_lone_half_is_one_replacement_character_in_any_dialect() -> None:
    assert parse_json(rb'{"a": "\ud83d", "b": "\ude00 \ud83d\ude00"}') == (
        {"a": "\ufffd", "b": "\ufffd \U0001f600"},
        None,
    )
