"""Comparing two recordings and comparing one with its reconstruction use the same comparison of keys."""

import pytest

from harness.compare.shape import changes, is_constant
from harness.evidence.agreement import differences
from harness.simulate.reference import STREAM, replace_in_body
from harness.wire.chat.chunks import CONSTANT_KEYS
from harness.wire.exchange import Exchange

_VALUES = {
    "id": '"chatcmpl-reference"', "object": '"chat.completion.chunk"', "created": "1760000000",
    "model": '"gpt-4o-mini-2024-07-18"', "system_fingerprint": '"fp_reference"', "service_tier": '"default"',
}  # fmt: skip


def varied(name: str) -> Exchange:
    """The reference stream, with another value of a constant key in its first chunk."""
    other = "1760000009" if name == "created" else '"another"'
    return replace_in_body(STREAM, f'"{name}":{_VALUES[name]}', f'"{name}":{other}', 1)


@pytest.mark.parametrize("name", CONSTANT_KEYS)
def test_a_key_that_varies_is_seen_by_both(name: str) -> None:
    recorded = varied(name)
    assert [is_constant(one.columns, name) for one in (STREAM, recorded)] == [True, False]
    assert f"{name} varies, made constant" in differences(recorded, STREAM)
    found = {change.what: (change.old, change.new) for change in changes(STREAM, recorded)}
    by_chance = name == "created"  # whether a second passes
    assert found.get(f"constant/{name}") == (None if by_chance else ("one value", "several values"))


@pytest.mark.parametrize("text", ["", "x", "a much longer one"])
def test_padding_of_any_length_is_the_same_to_both(text: str) -> None:
    short = replace_in_body(STREAM, '"choices":', '"obfuscation":"ab","choices":')
    long = replace_in_body(STREAM, '"choices":', f'"obfuscation":"{text}","choices":')
    assert list(changes(short, long)) == []
    assert differences(short, long) == ()
