"""Legal forms of one response give the same values; test_proof shows that no rule raises an alarm at them."""

import pytest
from judging import findings

from harness.results import Level
from harness.simulate.faults import VARIANTS, Variant
from harness.simulate.reference import STREAM, with_body
from harness.wire.exchange import Exchange

_PREFIXES = (
    "reads-", "gzip-", "deflate-", "charset-", "headers-", "line-ends-", "comment", "space-", "byte-", "data-", "blank-",
    "fields-", "mark-", "json-spaces", "json-indented", "json-blank", "json-line-feed", "json-escaped-text", "json-keys",
    "keys-", "fingerprint-", "tier-", "choices-", "moderation-", "role-repeated", "calls-in-turn", "calls-at-once",
)  # fmt: skip
SAME = [one for one in VARIANTS.values() if one.id.startswith(_PREFIXES)]


@pytest.mark.parametrize("variant", SAME, ids=lambda one: one.id)
def test_another_form_says_the_same(variant: Variant) -> None:
    expected, found = variant.reference().completion, variant.apply().completion
    assert (found.messages, found.usage) == (expected.messages, expected.usage)


@pytest.mark.thorough
def test_every_cut_short_stream_is_noticed() -> None:
    """A stream truncated after any byte before its last event ends is caught by a rule, never passed as complete."""
    body = STREAM.response.body
    for length in range(1, len(body)):
        cut: Exchange = with_body(STREAM, body[:length])
        caught = [f for f in findings(cut).values() if f.level is not Level.OBSERVE and f.outcome == "fail"]
        assert caught, f"a stream of {length} of {len(body)} bytes raised no alarm"
