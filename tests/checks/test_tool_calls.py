"""Odd fragments of calls are reported with one cause each, and valid ones are not."""

from typing import Any

import pytest
from fragments import fragment, streamed
from judging import findings

from harness.checks import CHECKS
from harness.results import Outcome
from harness.simulate.reference import STREAM, TOOLS_PARALLEL, replace_in_body, with_body
from harness.wire.exchange import Exchange

WITHOUT_SDK = [check for check in CHECKS.values() if check.family != "sdk"]
QUIET = {Outcome.PASS, Outcome.NA, Outcome.OBSERVED, Outcome.BLOCKED}
PARIS, CET = '{"city":"Paris"}', '{"zone":"CET"}'
HEAD = fragment("", "call_1", "get_weather")
BEGUN, ENDED = fragment('{"city":'), fragment('"Paris"}')


def told(exchange: Exchange) -> dict[str, str]:
    """Return the message of each rule that fails."""
    return {one.check: one.message for one in findings(exchange, WITHOUT_SDK).values() if one.outcome not in QUIET}


def parallel(*fragments: Any) -> Exchange:
    return streamed(*fragments, asked=TOOLS_PARALLEL)


def without_event(exchange: Exchange, number: int) -> Exchange:
    """Return the stream with an event replaced by truncated JSON."""
    parts = exchange.response.body.split(b"\n\n")
    return with_body(exchange, b"\n\n".join([*parts[:number], b'data: {"id', *parts[number + 1 :]]))


LEGAL = {
    "pieces of two calls in turn": parallel(
        HEAD, fragment("", "call_2", "get_time", 1), BEGUN, fragment('{"zone":', index=1), ENDED, fragment('"CET"}', index=1)
    ),
    "white space after the arguments": streamed(HEAD, fragment(PARIS), fragment("\n"), fragment(" ")),
    "empty lists between": streamed([], HEAD, [], fragment(PARIS), []),
    "arguments cut at the limit": streamed(HEAD, BEGUN, finish="length"),
    "the same call twice": streamed(fragment(PARIS, "a", "get_weather"), fragment(PARIS, "b", "get_weather", 1)),
    "no arguments": streamed(fragment(None, "a", "get_weather")),
    "an escaped NUL in a text that speaks of it": streamed(HEAD, fragment('{"city":"\\\\u0000"}')),
}  # fmt: skip


@pytest.mark.parametrize("exchange", LEGAL.values(), ids=LEGAL)
def test_legal_fragments_are_silent(exchange: Exchange) -> None:
    assert told(exchange) == {}


ODD: dict[str, tuple[Exchange, dict[str, str]]] = {
    "the name comes after arguments": (
        streamed(fragment('{"city":', "a"), fragment('"Oslo"}', name="get_weather")),
        {"head": "the first fragment of call 0 names no function; it comes with fragment 2, after 8 characters of the arguments"},
    ),
    "the name is empty at first": (
        streamed(fragment("", "a", ""), fragment(PARIS, name="get_weather")),
        {"head": 'the first name of call 0 is ""; it comes with fragment 2'},
    ),
    "the head is an index": (
        streamed({"index": 0}, fragment(PARIS, "a", "get_weather")),
        {"head": "the first fragment of call 0 names no function; it comes with fragment 2 (and 2 more)"},
    ),
    "the id comes late": (
        streamed(fragment("", name="get_weather", type="function"), fragment(PARIS, "a")),
        {"head": "the first fragment of call 0 has no id; it comes with fragment 2"},
    ),
    "a new id in each fragment": (
        streamed(HEAD, fragment('{"city":', "b"), fragment('"Paris"}', "c")),
        {"id-constant": "the id of call 0 changes: 3 ids in 3 fragments"},
    ),
    "a new id and an empty name for each character": (
        streamed(HEAD, *(fragment(one, f"call_{n}x", "") for n, one in enumerate(PARIS))),
        {"id-constant": "the id of call 0 changes: 17 ids in 17 fragments", "name-once": "16 later fragments bring a name that is empty"},
    ),
    "a new id and the name in each fragment": (
        streamed(HEAD, fragment('{"city":', "b", "get_weather"), fragment('"Paris"}', "c", "get_weather")),
        {"id-constant": "the id of call 0 changes: 3 ids in 3 fragments", "name-once": "2 later fragments bring a name"},
    ),
    "two whole calls under one index": (
        parallel(fragment(PARIS, "a", "get_weather"), fragment(CET, "b", "get_time")),
        {"index-distinct": "2 calls have the same index"},
    ),
    "two calls of one function under one index": (
        streamed(HEAD, BEGUN, ENDED, fragment("", "b", "get_weather"), fragment('{"city":'), fragment('"Rome"}')),
        {"index-distinct": "2 calls have the same index"},
    ),
    "two calls under one index, their heads first": (
        parallel(HEAD, fragment("", "b", "get_time"), fragment(PARIS), fragment(CET)),
        {"index-distinct": "2 calls have the same index"},
    ),
    "the index jumps": (
        streamed(HEAD, fragment('{"city":', index=1), fragment('"Paris"}', index=2)),
        {"index-constant": "call 0 continues under the index 1, 2: 2 of 3 fragments"},
    ),
    "the index jumps and comes back": (
        streamed(HEAD, BEGUN, fragment('"Par', index=1), fragment('is"}')),
        {"index-constant": "call 0 continues under the index 1: 1 of 4 fragments"},
    ),
    "no index, the id in each fragment": (
        streamed(*({key: value for key, value in one.items() if key != "index"} | {"id": "a"} for one in (HEAD, BEGUN, ENDED))),
        {"index": "index is absent from 3 of 3 fragments", "id-once": "2 later fragments bring an id"},
    ),
    "no index, whole calls": (
        parallel(fragment(PARIS, "a", "get_weather", None), fragment(CET, "b", "get_time", None)),
        {"index": "index is absent from 2 of 2 fragments"},
    ),
    "the name in pieces": (
        streamed(fragment("", "a", "get_"), fragment(PARIS, name="weather")),
        {"name-once": "the name of call 0 comes in 2 pieces"},
    ),
    "another name later": (
        streamed(HEAD, fragment(PARIS, name="get_time")),
        {"name-once": "the name of call 0 changes: get_weather, then get_time"},
    ),
    "a null beside calls": (streamed(None, HEAD, None, fragment(PARIS)), {"type": "tool_calls is null in 2 of 6 choices"}),
    "a null among calls": (streamed([None, HEAD], fragment(PARIS)), {"type": "a call in tool_calls is not an object"}),
    "a null hides no null": (
        streamed(None, HEAD, {"index": 0, "id": None, "function": {"arguments": PARIS}}),
        {"type": "tool_calls is null in 1 of 5 choices", "id-type": "id is null in 1 of 2 fragments"},
    ),
    "a null hides no cut": (
        streamed(None, HEAD, BEGUN, fragment('"Par')),
        {
            "type": "tool_calls is null in 1 of 6 choices",
            "arguments-json": "the arguments are cut short, though finish_reason is 'tool_calls': …{\"city\":\"Par",
        },
    ),
    "arguments and all of them again": (
        streamed(HEAD, BEGUN, ENDED, fragment(PARIS)),
        {"arguments-json": f"the arguments come 2 times over: {PARIS * 2}"},
    ),
    "arguments that grow": (
        streamed(HEAD, BEGUN, fragment('{"city":"Pa'), fragment(PARIS)),
        {"arguments-json": "a later piece repeats the arguments before it"},
    ),
    "arguments that begin anew": (
        streamed(HEAD, BEGUN, fragment('"Pa'), fragment(PARIS)),
        {"arguments-json": "a later piece repeats the arguments before it"},
    ),
    "one of two calls cut": (
        parallel(fragment(PARIS, "a", "get_weather"), fragment('{"zone":"C', "b", "get_time", 1)),
        {"arguments-json": "the arguments are cut short, though finish_reason is 'tool_calls': …{\"zone\":\"C"},
    ),
    "an id that is a number is one": (streamed(fragment(PARIS, 7, "get_weather")), {"id-type": "id is an integer in the fragment"}),
    "half of an emoji": (
        streamed(HEAD, fragment('{"city":"\\ud83d"}')),
        {"arguments-alike": "a string in the arguments holds half a surrogate pair"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("exchange", "said"), ODD.values(), ids=ODD)
def test_one_cause_is_told_once(exchange: Exchange, said: dict[str, str]) -> None:
    assert told(exchange) == {f"tool_calls.{rule}": message for rule, message in said.items()}


def test_a_line_that_is_no_json_blocks_only_what_may_be_in_it() -> None:
    whole = streamed(HEAD, BEGUN, ENDED)
    found = findings(without_event(whole, 3), WITHOUT_SDK)
    assert found["sse.json"].outcome is Outcome.FAIL
    assert found["tool_calls.arguments-json"].message == "sse.json must pass first"
    assert found["finish_reason.given"].outcome is Outcome.PASS
    without_finish = findings(without_event(whole, 4), WITHOUT_SDK)
    assert without_finish["finish_reason.given"].message == "sse.json must pass first"
    assert without_finish["tool_calls.arguments-json"].outcome is Outcome.PASS


def test_what_is_no_list_of_calls_blocks_what_reads_calls() -> None:
    exchange = replace_in_body(STREAM, '"delta":{"content":"你好"', '"delta":{"tool_calls":{"0":{}},"content":"你好"')
    found = findings(exchange, WITHOUT_SDK)
    assert found["tool_calls.type"].outcome is Outcome.FAIL
    assert found["tool_calls.id"].message == "tool_calls holds no call that can be read"
    assert found["content.before-finish"].outcome is Outcome.PASS
