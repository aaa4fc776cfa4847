"""No check crashes on odd values anywhere in a message, or in the request, and each gives a finding."""

import copy
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from judging import findings

from harness.checks import CHECKS
from harness.results import Outcome
from harness.simulate.messages.edits import events_of
from harness.simulate.messages.ideal import event
from harness.simulate.messages.reference import REFERENCES
from harness.simulate.reference import with_body
from harness.wire.exchange import Exchange

ODD: tuple[Any, ...] = (
    None,
    0,
    -1,
    1.5,
    2**53,
    True,
    "",
    "x",
    "<think>",
    [],
    {},
    [[]],
    {"a": 1},
    [None],
    [{"type": []}],
)
NAMES = ("stream", "nonstream", "both-forms", "capped", "stop", "two-tools", "tool-nonstream", "thinking-stream", "no-cap", "count-tokens")  # fmt: skip
OF_MESSAGES = {name for name, check in CHECKS.items() if "messages" in check.dialects}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container in a value with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


def odd(value: Any, chance: random.Random) -> Any:
    """Return the value with something odd in one place, or nothing there."""
    changed = copy.deepcopy(value)
    container, key = chance.choice(list(places(changed)))
    if isinstance(container, dict) and chance.random() < 0.2:
        del container[key]
    else:
        container[key] = copy.deepcopy(chance.choice(ODD))
    return changed


def made(reference: Exchange, chance: random.Random) -> Exchange:
    """Return a response with an odd value in an event or the body; every third time in the request as well."""
    events: list[Any] = list(events_of(reference))
    if events:
        at = chance.randrange(len(events))
        events[at] = odd(events[at], chance)
        body = b"".join(
            event(one) if isinstance(one, dict) else b"data: " + orjson.dumps(one) + b"\n\n" for one in events
        )
    else:
        body = orjson.dumps(odd(orjson.loads(reference.response.body), chance))
    asked = reference.request.json
    if asked and chance.random() < 0.3:
        reference = replace(reference, request=replace(reference.request, body=orjson.dumps(odd(asked, chance))))
    return with_body(reference, body)


@pytest.mark.parametrize("name", NAMES)
def test_no_check_crashes_on_odd_messages(name: str) -> None:
    chance = random.Random(name)
    for _ in range(24):
        exchange = made(REFERENCES[f"messages.{name}"], chance)
        found = findings(exchange)
        assert found.keys() == OF_MESSAGES
        assert [one.message for one in found.values() if one.outcome is Outcome.BROKEN] == [], exchange.response.body


@pytest.mark.parametrize("tools", [{}, 7, [7], [{"type": []}], [{"type": {}, "name": 7}], "x"])
def test_odd_tools_in_a_request_crash_no_check(tools: object) -> None:
    for name in NAMES:
        reference = REFERENCES[f"messages.{name}"]
        asked = orjson.dumps((reference.request.json or {}) | {"tools": tools, "thinking": {"type": []}})
        found = findings(replace(reference, request=replace(reference.request, body=asked)))
        assert [one.message for one in found.values() if one.outcome is Outcome.BROKEN] == []
