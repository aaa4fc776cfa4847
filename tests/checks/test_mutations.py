"""No check crashes, whatever a provider sends: every value of every reference response is replaced by odd ones."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from judging import findings

from harness.checks import CHECKS
from harness.results import Outcome
from harness.simulate.reference import REFERENCES, with_body
from harness.wire.exchange import Exchange

ODD: tuple[Any, ...] = (None, "", "x", 0, -1, 1.5, True, [], [None], [{}], {}, {"a": [1]}, "\ufffd")


def changed(value: Any, odd: Any) -> Iterator[Any]:
    """Yield ``value`` with one thing in it replaced by ``odd``, or removed where ``odd`` is Ellipsis."""
    if odd is not ...:
        yield odd
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        if odd is ...:
            yield (
                {k: v for k, v in value.items() if k != key}
                if isinstance(value, dict)
                else [v for n, v in enumerate(value) if n != key]
            )
        for other in changed(inner, odd):
            copy = dict(value) if isinstance(value, dict) else list(value)
            copy[key] = other
            yield copy


def mutations(exchange: Exchange) -> Iterator[Exchange]:
    body = exchange.response.body
    parts = body.split(b"\n\n") if exchange.is_stream else [body]
    for number in {0, len(parts) // 2, len(parts) - 3} if exchange.is_stream else {0}:
        prefix = b"data: " if exchange.is_stream else b""
        chunk = orjson.loads(parts[number].removeprefix(prefix))
        for odd in (*ODD, ...):
            for other in changed(chunk, odd):
                yield with_body(
                    exchange, b"\n\n".join([*parts[:number], prefix + orjson.dumps(other), *parts[number + 1 :]])
                )


_SDK_EVERY = 25  # each mutation is a form of its own, which the SDK has to read anew: test_sdk has its own share
_WITHOUT_SDK = [check for check in CHECKS.values() if check.family != "sdk"]


@pytest.mark.thorough
@pytest.mark.parametrize("name", REFERENCES)
def test_no_check_breaks(name: str) -> None:
    count = 0
    for exchange in mutations(REFERENCES[name]):
        count += 1
        checks = CHECKS.values() if count % _SDK_EVERY == 0 else _WITHOUT_SDK
        found = findings(exchange, checks)
        broken = [f"{f.check}: {f.message}" for f in found.values() if f.outcome is Outcome.BROKEN]
        assert broken == [], exchange.response.body
    assert count > 300
