"""How many words a prompt has, told without looking for them where there can't be as many."""

import pytest

from harness.checks.sizes import words_beyond
from harness.simulate.reference import BODY, with_request_params


@pytest.mark.parametrize(
    ("said", "tokens", "expected"),
    [
        ("as is at by do go he if in it me my", 2, 12),
        ("as is at by do go he if in it", 2, 0),
        ("a b c d e f g h i j k l m n o p q r s t", 1, 0),
        ("as is at by do go he if in it me my", 0, 0),
    ],
)
def test_words_are_more_than_the_tokens_can_hold(said: str, tokens: int, expected: int) -> None:
    asked = with_request_params(BODY, messages=[{"role": "user", "content": said}])
    assert words_beyond(tokens, asked) == expected
