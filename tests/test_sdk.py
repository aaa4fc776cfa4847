"""
The OpenAI SDK's handling of odd streams, and that a canonical form gives the same results as the whole stream.

The odd streams are those that readers handle differently; the expected results were observed.
"""

import dataclasses
import gc
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from harness.checks import CHECKS
from harness.judging.runner import Subject, judge_exchanges
from harness.recording.archives import archives_in, read_archive
from harness.results import Outcome
from harness.sdk import Depth, SdkResult, clients, declares_tier, failure_location, sdk_results, set_depth, version
from harness.sdk.clients import SdkResults
from harness.sdk.form import mask_values, representative_events
from harness.simulate.faults import FAULTS
from harness.simulate.reference import (
    BODY,
    REASONING,
    REFERENCES,
    STREAM,
    STREAM_USAGE,
    TOOLS,
    TOOLS_PARALLEL,
    ask,
    replace_in_body,
    replace_last_in_body,
    with_body,
    with_header,
    with_response,
)
from harness.wire.chat.completion import Message, ToolCall
from harness.wire.exchange import Exchange

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
OPENAI_3 = str(version()).startswith("3.")
BROKEN_OFF = "APIConnectionError" if OPENAI_3 else "RemoteProtocolError"  # openai 2 lets its HTTP library's through
BYTES = STREAM.response.body
EVENTS = BYTES.split(b"\n\n")[:-2]
LONG = ask("Count", stream=True)
LATE = b"\n\n".join(LONG.response.body.split(b"\n\n")[:40])
RULES = [check for check in CHECKS.values() if "chat" in check.dialects]
CLIENTS = ("sync", "asynchronous", "strict", "helper")


def errors(readings: SdkResults) -> dict[str, str | None]:
    told = {name: getattr(readings, name) for name in CLIENTS}
    return {name: reading and reading.error for name, reading in told.items()}


def in_middle(insert: bytes) -> Exchange:
    return with_body(LONG, LATE + b"\n\n" + insert + LONG.response.body[len(LATE) + 2 :])


class Odd(NamedTuple):
    """An odd stream, how many chunks the sync client yields of it, and which exception ends it."""

    exchange: Exchange
    chunks: int
    error: str | None = None
    whole: bool = True


NESTED = b'{"a":' * 100_000 + b"1" + b"}" * 100_000  # 3.13 reads some 10,000 levels, the Pythons before 1,000 to 3,000
ODD = {
    "JSON body": Odd(with_body(STREAM, BODY.response.body), 0, whole=False),
    "HTML body": Odd(with_body(STREAM, b"<html><body>502</body></html>"), 0, whole=True),
    "empty body": Odd(with_body(STREAM, b""), 0),
    "last event unclosed": Odd(with_body(STREAM, b"\n\n".join(EVENTS) + b"\n"), 4),
    "byte order mark": Odd(with_body(STREAM, b"\xef\xbb\xbf" + BYTES), 4, whole=False),
    "no [DONE]": Odd(replace_last_in_body(STREAM, "data: [DONE]\n\n", ""), 5),
    "chunks after [DONE]": Odd(with_body(STREAM, BYTES + BYTES), 5, whole=False),
    "id, then a comment": Odd(replace_in_body(replace_in_body(STREAM, "data: {", "id: 1\ndata: {", 1), "\n\n", "\n\n: hi\n\n", 1), 1, "JSONDecodeError"),
    "id in every event": Odd(replace_in_body(STREAM, "data: {", "id: 1\ndata: {"), 5),
    "event without data": Odd(with_body(STREAM, b"event: ping\n\n" + BYTES), 0, "JSONDecodeError"),
    "empty data": Odd(replace_in_body(STREAM, "\n\n", "\n\ndata:\n\n", 1), 1, "JSONDecodeError"),
    "retry alone": Odd(with_body(STREAM, b"retry: 10\n\n" + BYTES), 0, "JSONDecodeError"),
    "one line end between events": Odd(with_body(STREAM, BYTES[:-2].replace(b"\n\n", b"\n") + b"\n\n"), 0, "JSONDecodeError"),
    "no blank line at all": Odd(replace_in_body(STREAM, "\n\n", "\n"), 0),
    "[done]": Odd(replace_in_body(STREAM, "[DONE]", "[done]"), 5, "JSONDecodeError"),
    "[DONE] and more": Odd(replace_in_body(STREAM, "[DONE]", "[DONE] bye"), 5),
    "JSON cut": Odd(replace_in_body(STREAM, '"finish_reason":null}]}', '"finish_reason":null}]', 1), 0, "JSONDecodeError"),
    "NUL": Odd(replace_in_body(STREAM, '"refusal":null', '"refusal":"\0"'), 0, "JSONDecodeError"),
    "error object": Odd(replace_in_body(STREAM, "data: [DONE]", 'data: {"error":{"message":"no"}}\n\ndata: [DONE]'), 5, "APIError"),
    "error text": Odd(replace_in_body(STREAM, "data: [DONE]", 'data: {"error":"no"}\n\ndata: [DONE]'), 5, "APIError"),
    "error beside choices": Odd(replace_in_body(STREAM, '"choices"', '"error":{"code":1},"choices"', 1), 0, "APIError"),
    "error null": Odd(replace_in_body(STREAM, '"choices"', '"error":null,"choices"'), 5),
    "event: error": Odd(replace_in_body(STREAM, "data: [DONE]", 'event: error\ndata: {"message":"no"}\n\ndata: [DONE]'), 6),
    "choices missing": Odd(replace_in_body(STREAM, '"choices"', '"choice"', 1), 5),
    "choices null": Odd(with_body(STREAM, b'data: {"choices":null}\n\n' + BYTES), 6),
    "data is a list": Odd(with_body(STREAM, b'data: [{"choices":[]}]\n\n' + BYTES), 5),
    "data is a text": Odd(with_body(STREAM, b'data: "ping"\n\n' + BYTES), 5),
    "data is null": Odd(with_body(STREAM, b"data: null\n\n" + BYTES), 5),
    "thread event": Odd(replace_in_body(STREAM, "data: {", "event: thread.x\ndata: {"), 5, whole=False),
    "not UTF-8": Odd(with_body(STREAM, BYTES.replace("你".encode(), b"\xff")), 1, "UnicodeDecodeError"),
    "comment not UTF-8": Odd(with_body(STREAM, b": \xff\n\n" + BYTES), 0, "UnicodeDecodeError"),
    "CR LF": Odd(replace_in_body(STREAM, "\n", "\r\n"), 5),
    "CR": Odd(replace_in_body(STREAM, "\n", "\r"), 5),
    "comments": Odd(replace_in_body(STREAM, "\n\n", "\n\n: hi\n\n"), 5),
    "no space": Odd(replace_in_body(STREAM, "data: ", "data:"), 5),
    "U+2028 in a text": Odd(replace_in_body(STREAM, "你好", "a\u2028b\x85c"), 5),
    "data over two lines": Odd(replace_in_body(STREAM, ',"choices":', ',\ndata: "choices":'), 5),
    "half a surrogate pair": Odd(replace_in_body(STREAM, "你好", "\\ud83d"), 5),
    "endless nesting": Odd(with_body(STREAM, b"data: " + NESTED + b"\n\n" + BYTES), 0, "RecursionError"),
    "broken off": Odd(with_response(STREAM, eof=False, body=BYTES[:-20], error="reset"), 4, BROKEN_OFF),
}  # fmt: skip


def given_of_first(count: int, exchange: Exchange) -> int:
    """
    Return how many of the first events of a stream are representative: in a long one those between them are left
    out.
    """
    reading = exchange.reading
    parser = reading.parser
    return (
        len([n for n in representative_events(reading, parser, exchange.response.content) if n < count])
        if parser
        else 0
    )


@pytest.mark.parametrize("depth", Depth)
@pytest.mark.parametrize("name", ODD)
def test_what_the_sdk_makes_of_an_odd_stream(name: str, depth: Depth) -> None:
    odd = ODD[name]
    readings = sdk_results(odd.exchange, depth)
    chunks = odd.chunks if depth is Depth.FULL else given_of_first(odd.chunks, odd.exchange)
    assert (readings.sync.chunks, readings.sync.error) == (chunks, odd.error)
    if not odd.error:
        assert (readings.sync.messages == readings.read.completion.messages) is odd.whole
    a, b = readings.sync, readings.asynchronous
    assert (a.chunks, a.error, a.messages) == (b.chunks, b.error, b.messages)


@pytest.mark.thorough
@pytest.mark.parametrize("name", FAULTS)
def test_the_async_client_reads_a_fault_as_the_other_does(name: str) -> None:
    """So the rules ask it where whole exchanges are read, and not of each form."""
    readings = sdk_results(FAULTS[name].apply(), Depth.SHAPE)
    assert readings.asynchronous == readings.sync


def test_raw_python_exceptions_are_told_from_those_of_the_sdk() -> None:
    told = {odd.error: sdk_results(odd.exchange).sync.is_openai_error for odd in ODD.values() if odd.error}
    ours = {error for error, is_openai in told.items() if is_openai}
    raw = {"JSONDecodeError", "UnicodeDecodeError", "RecursionError"}
    assert ours == {"APIError", "APIConnectionError"} & set(told)
    assert set(told) - ours == (raw if OPENAI_3 else raw | {BROKEN_OFF})


HELPER = {
    "index begins at 1": (replace_in_body(STREAM, '"index":0', '"index":1'), "IndexError"),
    "call without index": (replace_in_body(TOOLS, '"tool_calls":[{"index":0,', '"tool_calls":[{'), "TypeError"),
    "no chunk is called one": (replace_in_body(STREAM, "chat.completion.chunk", "chat.completion"), "AssertionError"),
    "choices null": (replace_in_body(STREAM, "data: [DONE]", 'data: {"object":"chat.completion.chunk","choices":null}'), "TypeError"),
    "data is a list": (ODD["data is a list"].exchange, "AttributeError"),
    "end at the limit": (replace_in_body(STREAM, '"stop"', '"length"'), None),
    "end by the filter": (replace_in_body(STREAM, '"stop"', '"content_filter"'), None),
    "role in every delta": (replace_in_body(STREAM, '"delta":{"content"', '"delta":{"role":"assistant","content"'), None),
    "content as a list": (replace_in_body(STREAM, '"content":"你好"', '"content":[{"type":"text","text":"a"}]'), None),
}  # fmt: skip


@pytest.mark.parametrize("depth", Depth)
@pytest.mark.parametrize("name", HELPER)
def test_what_the_helper_makes_of_an_odd_stream(name: str, depth: Depth) -> None:
    exchange, error = HELPER[name]
    readings = sdk_results(exchange, depth)
    assert readings.sync.error is None
    assert readings.helper is not None
    assert readings.helper.error == error


STRICT = {
    "created missing": (replace_in_body(STREAM, ',"created":1760000000', ""), "/created", "Field required"),
    "object of a body": (replace_in_body(STREAM, "chat.completion.chunk", "chat.completion"), "/object", "Input should be 'chat.completion.chunk'"),
    "choices missing": (ODD["choices missing"].exchange, "/choices", "Field required"),
    "type of a call": (
        replace_in_body(ask(tools=[{"type": "function", "function": {"name": "get_weather"}}]), '"type":"function",', ""),
        "/choices/0/message/tool_calls/0/type", "Field required",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STRICT)
def test_what_the_strict_client_refuses(name: str) -> None:
    exchange, pointer, message = STRICT[name]
    for depth in Depth:
        reading = sdk_results(exchange, depth).strict
        assert (reading.error, reading.pointer, reading.message) == ("APIResponseValidationError", pointer, message)


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("depth", Depth)
def test_every_client_reads_the_reference(name: str, depth: Depth) -> None:
    exchange = REFERENCES[name]
    readings = sdk_results(exchange, depth)
    assert set(errors(readings).values()) == {None}
    assert (readings.helper is None) is not exchange.is_stream
    for client in CLIENTS if exchange.is_stream else CLIENTS[:3]:
        reading = getattr(readings, client)
        assert reading.chunks == readings.read.columns.count
        assert reading.messages == readings.read.completion.messages


def test_messages_hold_what_the_sdk_has_no_field_for() -> None:
    assert sdk_results(REASONING, Depth.FULL).sync.messages == (
        Message(0, "assistant", "你好!", "The user greets me. I greet back.", None, (), "stop"),
    )
    calls = (ToolCall("call_1", "get_weather", '{"city":"Paris"}'), ToolCall("call_2", "get_time", '{"zone":"CET"}'))
    assert sdk_results(TOOLS_PARALLEL, Depth.FULL).sync.messages == (
        Message(0, "assistant", None, None, None, calls, "tool_calls"),
    )


# Bodies and errors.


def test_a_body_that_is_no_json_is_handed_on_as_text_or_raises() -> None:
    page = with_body(BODY, b"<html></html>")
    assert sdk_results(page).sync.error == "JSONDecodeError"
    text = sdk_results(with_header(page, "content-type", "text/html")).sync
    assert (text.error, text.chunks, text.messages) == (None, 0, ())


def refusal(status: int, body: bytes) -> SdkResult:
    return sdk_results(with_response(with_body(BODY, body), status=status)).sync


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, "APIStatusError"), (400, "BadRequestError"), (401, "AuthenticationError"), (402, "APIStatusError"),
        (403, "PermissionDeniedError"), (404, "NotFoundError"), (409, "ConflictError"), (413, "APIStatusError"),
        (422, "UnprocessableEntityError"), (429, "RateLimitError"), (500, "InternalServerError"), (503, "InternalServerError"),
    ],
)  # fmt: skip
def test_the_status_decides_on_the_class(status: int, error: str) -> None:
    reading = refusal(status, b'{"error":{"message":"no"}}')
    assert (reading.error, reading.is_openai_error, reading.chunks) == (error, True, 0)


@pytest.mark.parametrize(
    ("body", "shows"),
    [
        (b'{"error":{"message":"no","type":"t","param":"p","code":"c"}}', ("message", "code", "param", "type")),
        (b'{"error":{"message":"no","type":null,"param":null,"code":404}}', ("message", "code")),
        (b'{"code":20012,"message":"no","data":null}', ("message", "code")),
        (b'{"error":"no"}', ("text",)), (b"no", ("text",)), (b'data: {"error":{"message":"no"}}\n\n', ("text",)),
        (b'{"error":{"message":" "}}', ()), (b'{"detail":"no"}', ()), (b'[{"error":{"message":"no"}}]', ()),
        (b'{"error":null}', ()), (b"", ()),
    ],
)  # fmt: skip
def test_what_the_exception_shows_of_an_error(body: bytes, shows: tuple[str, ...]) -> None:
    assert refusal(404, body).shows == shows


def test_a_message_is_one_short_line_that_json_can_carry() -> None:
    body = orjson.dumps({"error": {"message": "a\x1b[31m\nb " + "x" * 500}}).replace(b"xxxx", b"\\ud800")
    reading = sdk_results(with_response(with_body(BODY, body), status=400), Depth.FULL).sync
    assert reading.message.startswith("Error code: 400 - a [31m b" if OPENAI_3 else "Error code: 400 - {'error': ")
    assert len(reading.message) <= 120
    assert reading.message.isprintable()
    assert len(refusal(400, b'{"error":{"message":"%b"}}' % (b"x y " * 99)).message) <= 120


# The form that is read in the place of a long stream.


def texts_of(exchange: Exchange) -> bytes:
    return sdk_results(exchange, Depth.SHAPE).read.response.body


def test_a_long_stream_is_cut_down_and_told_without_its_texts() -> None:
    assert len(LONG.reading.parser.events if LONG.reading.parser else ()) == 82
    form = texts_of(LONG)
    assert form.count(b"data: ") == 6
    assert b'"id":"0","object":"chat.completion.chunk","created":2,"model":"x"' in form
    assert b'{"role":"assistant","content":"","refusal":null}' in form
    assert b'"finish_reason":"stop"' in form
    assert form.endswith(b"data: [DONE]\n\n")


def test_equal_forms_are_read_once() -> None:
    first = ask("Count", stream=True)
    second = replace_in_body(replace_in_body(first, "chatcmpl-reference", "chatcmpl-9"), "1760000000", "1760009999")
    third = replace_in_body(second, '"content":"7"', '"content":"sieben \\n \\"7\\""')
    assert sdk_results(first) is sdk_results(second) is sdk_results(third)
    assert sdk_results(first) is sdk_results(first)
    assert sdk_results(first, Depth.FULL) is sdk_results(first, Depth.FULL)
    assert sdk_results(first, Depth.FULL).read is first


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"content":"20"', '"content":""'),
        ('"content":"20"', '"content":["20"]'),
        ('"content":"20"', '"content":"20","x":1'),
        ('"content":"20"},"logprobs":null', '"content":"20"},"logprobs":{}'),
        ('"index":0,"delta":{"content":"20"}', '"index":4,"delta":{"content":"20"}'),
        ('"content":"20"},"logprobs":null,"finish_reason":null', '"content":"20"},"logprobs":null,"finish_reason":"stop"'),
        ('{"content":"20"}', '{"role":"user","content":"20"}'),
        ('{"content":"20"}', '{"tool_calls":[{"index":2,"function":{}}]}'),
    ],
)  # fmt: skip
def test_one_event_of_another_kind_is_kept(old: str, new: str) -> None:
    assert texts_of(replace_in_body(LONG, old, new)) != texts_of(LONG)


@pytest.mark.parametrize(
    "insert",
    [
        b": \xff\n\n", b"event: ping\n\n", b"retry: 3\n\n", b"data:\n\n", b"data: []\n\n", b"data: null\n\n", b"data: nul\n\n",
        b'data: {"error":"a"}\n\n', b'data: {"error":{"message":"a"}}\n\n', b"id: 3\n\n", b"data: [DONE]\n\n", b"\n", b": a\n\n",
        b'event: x\ndata: {"choices":[]}\n\n', b'data: {"choices":[{"index":7,"delta":{}}]}\n\n', b'data: {"choices":{}}\n\n',
        b'data: {"object":"x","choices":[]}\n\n', b'data: {"service_tier":"x","choices":[]}\n\n', b'data: {"choices":[],\n\n',
    ],
)  # fmt: skip
def test_what_stands_in_the_middle_has_the_same_effect_in_both_depths(insert: bytes) -> None:
    exchange = in_middle(insert)
    short, full = sdk_results(exchange, Depth.SHAPE), sdk_results(exchange, Depth.FULL)
    assert errors(short) == errors(full)
    assert short.sync.chunks <= 12


def test_comments_that_repeat_are_given_once() -> None:
    exchange = replace_in_body(LONG, "\n\n", "\n\n: keep-alive 17\n\n: keep-alive 17\n\n")
    assert texts_of(exchange).count(b"keep-alive") == 1
    after_id = sdk_results(replace_in_body(exchange, '\n\ndata: {"id"', '\n\nid: 1\ndata: {"id"', 60))
    assert after_id.sync.error == "JSONDecodeError"


@pytest.mark.parametrize(
    ("pair", "given"),
    [
        (b'"content":"you"', b'"content":"x"'), (b'"content" : "you"', b'"content" : "x"'),
        ('"content":"深度"'.encode(), b'"content":"x"'), (rb'"content":"a\n\"b\" \u4f60"', b'"content":"x"'),
        (rb'"content":"\ud83d"', rb'"content":"\ud83d"'),
        ('"content":"a\u2028b"'.encode(), '"content":"a\u2028b"'.encode()),
        (b'"content":"\xff"', b'"content":"\xff"'), (b'"content":""', b'"content":""'),
        (b'"content":"12"', b'"content":"x"'), (b'"created":"12"', b'"created":"22"'),
        (b'"flagged":"yes"', b'"flagged":"yes"'), (b'"provider":"acme"', b'"provider":"x"'),
        (b'"role":"user"', b'"role":"user"'), (b'"index":7', b'"index":7'),
        (b'"created":1760000000', b'"created":2'), (b'"cached":-17', b'"cached":-2'),
        (b'"cached":0', b'"cached":0'), (b'"cached":12345678901234567890', b'"cached":12345678901234567890'),
        (b'"time":3.14', b'"time":2.5'), (b'"time":3.0', b'"time":3.0'), (b'"time":3e10', b'"time":3e10'),
        (b'"time":0.5e10', b'"time":0.5e10'), (b'"a":[":","b",":"]', b'"a":[":","b",":"]'),
        (rb'"\u0072ole":"x y"', rb'"\u0072ole":"x y"'),
    ],
)  # fmt: skip
def test_texts_and_numbers_give_way_to_constants_of_their_kind(pair: bytes, given: bytes) -> None:
    assert mask_values(b'{"z":null,%b}' % pair, {}) == b'{"z":null,%b}' % given


def test_ids_stay_apart_and_equal_ones_equal() -> None:
    found = mask_values(b'[{"id": "call_a"},{"id": "call_b"},{"id": "call_a"},{"id": ""}]', {})
    assert found == b'[{"id": "0"},{"id": "1"},{"id": "0"},{"id": ""}]'


def test_shortening_takes_time_in_proportion_to_hostile_bytes() -> None:
    def seconds(size: int) -> float:
        bodies = [b": a\n" * size, b"\n" * 3 * size, b": a\n\n" * (size // 2), b'data: "' + b"\\" * 3 * size]
        begun = time.process_time()
        for body in bodies:
            texts_of(with_body(STREAM, BYTES + body))
        return time.process_time() - begun

    assert seconds(100_000) < 8 * seconds(25_000)  # with its square it would be 16 times


@pytest.fixture(scope="module")
def recorded() -> list[Exchange]:
    if not CORPUS.is_dir():
        pytest.skip("the recorded exchanges are not beside this repository")
    entries = [entry.exchange for path in archives_in(CORPUS) for entry in read_archive(path)]
    return [exchange for exchange in entries if exchange.response.status == 200]


def some_of(recorded: list[Exchange], share: int) -> Iterator[Exchange]:
    yield from [exchange for exchange in recorded if exchange.is_stream][::share]
    yield from [exchange for exchange in recorded if not exchange.is_stream][:: 2 * share]


@pytest.mark.parametrize(("share", "least"), [(20, 50), pytest.param(5, 200, marks=pytest.mark.thorough)])
def test_a_shortened_stream_tells_what_the_whole_one_does(recorded: list[Exchange], share: int, least: int) -> None:
    seen = 0
    for exchange in some_of(recorded, share):
        seen += 1
        short, full = sdk_results(exchange, Depth.SHAPE), sdk_results(exchange, Depth.FULL)
        assert errors(short) == errors(full), exchange.response.body[:300]
        if full.sync.error is None:
            agree = [reading.sync.messages == reading.read.completion.messages for reading in (short, full)]
            assert agree == [True, True]
    assert seen > least


def test_recorded_exchanges_share_their_forms(recorded: list[Exchange]) -> None:
    forms = {id(sdk_results(exchange, Depth.SHAPE)) for exchange in recorded}
    assert len(forms) < len(recorded) / 2
    assert max(len(texts_of(exchange)) for exchange in recorded if exchange.is_stream) < 32_000


# Where and how it runs.


def test_the_place_is_that_of_the_original_stream() -> None:
    wrong, framing = in_middle(b"data: nul\n\n"), in_middle(b"event: ping\n\n")
    assert places(wrong, Depth.SHAPE) == places(wrong, Depth.FULL) == (40, "")
    assert places(framing, Depth.SHAPE) == places(framing, Depth.FULL) == (None, len(LATE) + 2)
    assert places(with_body(BODY, b"<html>"), Depth.SHAPE) == (None, 0)
    assert places(with_body(STREAM, b"retry: 1\n\n"), Depth.SHAPE) == (None, 0)
    unclosed = with_response(STREAM, eof=False, body=BYTES[:-20])
    assert places(unclosed, Depth.SHAPE) == (None, len(b"\n\n".join(EVENTS[:4])) + 2)


def places(exchange: Exchange, depth: Depth) -> tuple[int | None, str | int]:
    set_depth(depth)
    try:
        assert (sdk_results(exchange).read is exchange) is (depth is Depth.FULL)
        return failure_location(exchange, sdk_results(exchange).sync)
    finally:
        set_depth(Depth.SHAPE)


@pytest.mark.asyncio
async def test_it_runs_inside_a_running_event_loop() -> None:
    reading = sdk_results(dataclasses.replace(STREAM_USAGE), Depth.FULL).asynchronous
    assert (reading.chunks, reading.error) == (6, None)


def test_it_runs_in_several_threads_at_once() -> None:
    exchanges = [dataclasses.replace(one) for one in (STREAM, TOOLS, STREAM_USAGE) * 10]
    with ThreadPoolExecutor(3) as pool:
        readings = list(pool.map(lambda one: sdk_results(one, Depth.FULL), exchanges))
        chunks = list(pool.map(lambda one: (one.sync.chunks, one.asynchronous.chunks), readings))
    assert chunks == [(5, 5), (4, 4), (6, 6)] * 10


def test_an_interrupt_is_not_taken_for_a_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(clients, "_collect", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _ = SdkResults(STREAM).sync


def test_no_warning_leaks_and_nothing_is_left_behind() -> None:
    content = replace_in_body(STREAM, '"content":"你好"', '"content":[{"type":"text","text":"a"}]')
    with warnings.catch_warnings(record=True, action="always") as caught:
        for exchange in (content, ODD["empty data"].exchange, ODD["not UTF-8"].exchange):
            assert errors(sdk_results(dataclasses.replace(exchange), Depth.FULL))
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def test_importing_it_imports_no_sdk() -> None:
    code = "import sys, harness.sdk, harness.checks.chat.sdk; print(*sorted({'openai', 'httpx2', 'vcr'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_a_process_that_read_a_failing_stream_ends_quietly() -> None:
    code = (
        "from harness.sdk import Depth, sdk_results; from harness.simulate.reference import STREAM, replace_in_body\n"
        "readings = sdk_results(replace_in_body(STREAM, '[DONE]', '[done]'), Depth.FULL)\n"
        "print(readings.sync.error, readings.asynchronous.error)"
    )
    run = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)
    assert (run.stdout.split(), run.stderr) == (["JSONDecodeError", "JSONDecodeError"], "")


def test_a_legal_tier_fails_strict_validation_under_no_release_of_the_sdk() -> None:
    legal = replace_in_body(STREAM_USAGE, '"service_tier":"default"', '"service_tier":"fast"')
    found = {finding.check: finding for finding in judge_exchanges([legal], Subject("tier", "x", "-", "-"), RULES)}
    known = declares_tier("fast")
    assert found["sdk.strict"].outcome is (Outcome.PASS if known else Outcome.NA)
    assert ("fast" in found["sdk.strict"].message) is not known
    wrong = replace_in_body(STREAM_USAGE, '"service_tier":"default"', '"service_tier":"on_demand"')
    assert sdk_results(wrong).strict.error
    assert not declares_tier("on_demand")
