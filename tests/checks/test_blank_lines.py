"""What the rules say of the official SDK's decoder is true: it fails on these legal streams, and on no others."""

import random

import pytest

from harness.sdk import Depth, empty_events, sdk_results
from harness.simulate.reference import STREAM, with_body

_EVENTS = [event for event in STREAM.response.body.decode().split("\n\n") if event][:-1]
_LINES = (
    "id: 1", "id:", "id", "id: a\0b", "retry: 3000", "retry: x", "retry", "retry:", "retry: -5", "retry: 1_0", "retry:  7",
    "event: ping", "event:", "event", ": comment", ":", "", "", "foo: 1", "foo",
)  # fmt: skip


def _stream(dice: random.Random) -> str:
    """Return a legal stream with unusual lines around its events, with or without an end mark."""

    def odd(most: int) -> str:
        return "".join(f"{dice.choice(_LINES)}\n" for _ in range(dice.randrange(most)))

    events = "".join(f"{odd(4)}{event}\n\n" for event in _EVENTS)
    return events + ("data: [DONE]\n\n" if dice.random() < 0.7 else "") + odd(3)


@pytest.mark.parametrize("seed", range(4))
def test_the_sdk_fails_where_it_makes_an_event_of_nothing(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(100):
        text = _stream(dice).replace("\n", dice.choice(("\n", "\r\n", "\r")))
        exchange = with_body(STREAM, text.encode())
        reading = sdk_results(exchange, Depth.FULL).sync
        assert (reading.error == "JSONDecodeError") == bool(empty_events(exchange)), text
        assert reading.error in {None, "JSONDecodeError"}, text
        assert reading.error or reading.chunks == exchange.columns.count, text


def test_the_cause_and_the_place_are_told() -> None:
    body = b"id: 7\n" + STREAM.response.body.replace(b"\n\n", b"\n\n: ping\n\n", 1)
    (found,) = empty_events(with_body(STREAM, body))
    assert found.cause == "a blank line after an id"
    assert body[: found.offset].endswith(b": ping\n")
