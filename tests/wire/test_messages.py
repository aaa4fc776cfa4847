"""Streams of Messages as columns, turns, and the order of their events."""

import orjson
import pytest

from harness.simulate.messages.edits import doubled, dropped, events_of, moved_last, swapped, typed
from harness.simulate.messages.ideal import event
from harness.simulate.messages.reference import BODY, CAPPED, REFERENCES, STREAM, THINKING, TOOL, TOOL_BODY, TWO_TOOLS
from harness.simulate.reference import STREAM as CHAT
from harness.simulate.reference import TOOLS as CHAT_TOOLS
from harness.simulate.reference import with_body
from harness.wire.exchange import Exchange
from harness.wire.messages import grammar
from harness.wire.order import Order, Step, breaches
from harness.wire.turn import Counts, TurnCall

DOOR = Order("shut", {"shut": {"open": "wide"}, "wide": {"enter": "wide", "shut": "shut"}}, {"open": "wide", "shut": "shut"}, "shut")  # fmt: skip


def told(*events: str) -> list[tuple[int, str, str]]:
    found = breaches(DOOR, [Step(n, name) for n, name in enumerate(events)])
    return [(one.step.number, one.step.event, one.state) for one in found]


def test_what_comes_in_order_is_no_breach() -> None:
    assert told("open", "enter", "look", "shut", "open", "shut") == []


def test_one_event_too_many_is_one_breach() -> None:
    assert told("enter", "open", "open", "enter", "shut", "shut") == [
        (0, "enter", "shut"),
        (2, "open", "wide"),
        (5, "shut", "shut"),
    ]


def test_each_subject_has_a_state_of_its_own() -> None:
    steps = [Step(0, "open", 1), Step(1, "open", 2), Step(2, "shut", 1), Step(3, "enter", 1), Step(4, "enter", 2)]
    assert [one.step.number for one in breaches(DOOR, steps)] == [3]


def test_a_stream_and_a_body_say_the_same() -> None:
    assert STREAM.turn == BODY.turn
    streamed, whole = TOOL.turn.calls, TOOL_BODY.turn.calls
    assert [(one.id, one.name, orjson.loads(one.arguments)) for one in streamed] == [
        (one.id, one.name, orjson.loads(one.arguments)) for one in whole
    ]


def test_a_turn_has_texts_thoughts_calls_stop_and_counts() -> None:
    assert (THINKING.turn.text, THINKING.turn.reasoning) == (
        "你好 there! 👋 How can I help?",
        "9.8 is 9.80, so it is larger.",
    )
    assert TWO_TOOLS.turn.calls[1] == TurnCall("toolu_reference2", "get_time", '{"zone": "JST"}')
    assert (CAPPED.turn.stop, CAPPED.turn.counts) == ("max_tokens", Counts(42, 12, 0))


def test_chat_has_such_a_turn_too() -> None:
    assert (CHAT.turn.text, CHAT.turn.stop) == ("你好! How can I help?", "stop")
    assert [one.name for one in CHAT_TOOLS.turn.calls] == ["get_weather"]


@pytest.mark.parametrize(
    ("exchange", "event_name", "state"),
    [
        (dropped(typed("message_start"))(STREAM), "content_block_start", "nothing"),
        (doubled(typed("message_start"))(STREAM), "message_start", "begun"),
        (dropped(typed("content_block_start"))(STREAM), "content_block_delta", "unknown"),
        (doubled(typed("content_block_stop"))(STREAM), "content_block_stop", "closed"),
        (swapped(typed("message_delta"))(STREAM), "message_stop", "begun"),
    ],
)
def test_what_is_out_of_order_is_a_breach(exchange: Exchange, event_name: str, state: str) -> None:
    first = exchange.message.breaches[0]
    assert (first.step.event, first.state) == (event_name, state)


def test_a_block_that_starts_while_another_is_open_overlaps() -> None:
    late = moved_last(typed("content_block_stop", index=0))(TWO_TOOLS).message
    assert [(one.index, still.index) for one, still in late.overlapping] == [(1, 0), (2, 0)]
    assert TWO_TOOLS.message.overlapping == []


def test_two_blocks_of_one_index_are_two_blocks() -> None:
    events = [one | {"index": 0} if "index" in one else one for one in events_of(TWO_TOOLS)]
    merged = with_body(TWO_TOOLS, b"".join(map(event, events)))
    assert [one.arguments for one in merged.turn.calls] == ['{"city": "Paris"}', '{"zone": "JST"}']


@pytest.mark.parametrize("index", [None, "0", 1.5, True, [0], {"a": [[]]}, 10**30])
def test_an_index_can_be_anything(index: object) -> None:
    events = [one | {"index": index} if "index" in one else one for one in events_of(STREAM)]
    odd = with_body(STREAM, b"".join(b"data: " + orjson.dumps(one, default=str) + b"\n\n" for one in events if index != 10**30))  # fmt: skip
    assert odd.message.open_blocks == []
    assert odd.turn.text in {STREAM.turn.text, None}


def test_events_are_counted_by_shape() -> None:
    shapes = TOOL.message.shapes
    assert [shape.count for shape in shapes["content_block_delta:input_json_delta"]] == [1, 2], "empty, and not empty"
    assert sum(shape.count for listed in shapes.values() for shape in listed) == TOOL.message.count


def test_deltas_of_one_form_and_of_another_are_of_two_shapes() -> None:
    plain = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}
    others = [
        plain | {"index": True}, plain | {"index": None}, plain | {"delta": {"type": "text_delta", "text": ""}},
        plain | {"delta": {"text": "a", "type": "text_delta"}}, plain | {"delta": {"type": "thinking_delta", "text": "a"}},
        plain | {"delta": {"type": "text_delta", "text": None}}, plain | {"more": 1},
    ]  # fmt: skip
    events = [*events_of(STREAM)[:2], plain, plain, *others]
    shapes = with_body(STREAM, b"".join(map(event, events))).message.shapes
    found = [(name, shape.count) for name, listed in shapes.items() for shape in listed if "delta" in name]
    assert sorted(found) == sorted([("content_block_delta:text_delta", n) for n in (2, 1, 1, 1, 1, 1, 1)] + [("content_block_delta:thinking_delta", 1)])  # fmt: skip


def test_the_tables_name_the_same_events() -> None:
    assert set(grammar.EVENT_KEYS) <= grammar.EVENTS
    assert grammar.BLOCK.events <= grammar.MESSAGE.events <= grammar.EVENTS
    assert {kind for kinds in grammar.DELTAS_OF.values() for kind in kinds} == grammar.DELTA_KINDS


@pytest.mark.parametrize("name", REFERENCES)
def test_the_ideal_provider_keeps_the_order(name: str) -> None:
    assert REFERENCES[name].message.breaches == []
    assert REFERENCES[name].dialect == "messages"
