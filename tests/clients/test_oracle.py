"""The oracle judges what a user got: each outcome in its case, and no other."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clients.client import FINISH, REASONING, TEXT, TOOLS, USAGE, Client
from harness.clients.due import ExpectedHandling, expected_handling
from harness.clients.oracle import ClientOutput, Failure, judge_client
from harness.results import ClientOutcome
from harness.simulate import reference
from harness.simulate.edits import chunks, continues_tool_call, has_choice, remove, set_value
from harness.simulate.faults import FAULTS, VARIANTS
from harness.simulate.reference import BODY, REASONING_BODY, STREAM, STREAM_USAGE, TOOLS_PARALLEL, with_body
from harness.wire.exchange import Exchange


def reader(*reads: str, streams: bool = True, only: str | None = None) -> Client:
    return Client("reader", "a reader", "own", Path("reader.py"), frozenset(reads), streams=streams, only=only)


SHOWS = reader(TEXT)
THINKS = reader(TEXT, REASONING)
ENDS = reader(TEXT, FINISH)
COUNTS = reader(TEXT, USAGE)
CALLS = reader(TEXT, TOOLS)
ALL = reader(TEXT, REASONING, FINISH, USAGE, TOOLS)

SAID = "你好! How can I help?"
THOUGHT = "The user greets me. I greet back."
PARIS = ("get_weather", '{"city":"Paris"}')
TIME = ("get_time", '{"zone":"CET"}')


def raised(*kinds: str, message: str = "no") -> ClientOutput:
    return ClientOutput(failure=Failure(kinds, message))


REFUSED = raised("openai.APIError", "openai.OpenAIError", "builtins.Exception", message="an error occurred")
SLIPPED = raised(
    "builtins.AttributeError", "builtins.Exception", message="'NoneType' object has no attribute 'content'"
)
NOT_JSON = raised("json.decoder.JSONDecodeError", "builtins.ValueError", "builtins.Exception")


@cache
def deviating(name: str) -> Exchange:
    return (FAULTS.get(name) or VARIANTS[name]).apply()


def fate(client: Client, exchange: Exchange, output: ClientOutput) -> ClientOutcome:
    return judge_client(client, exchange, output)[0]


GOOD = {
    "the text": (SHOWS, STREAM, ClientOutput(SAID)),
    "the text of a body": (reader(TEXT, streams=False), BODY, ClientOutput(SAID)),
    "the text and the thought": (THINKS, reference.REASONING, ClientOutput("你好!", THOUGHT)),
    "a thought with blanks around it": (THINKS, reference.REASONING, ClientOutput("你好!", f"\n{THOUGHT}\n")),
    "the thought of a body": (reader(TEXT, REASONING, streams=False), REASONING_BODY, ClientOutput("你好!", "The user greets me.")),
    "a thought that is not read": (SHOWS, reference.REASONING, ClientOutput("你好!")),
    "the end": (ENDS, STREAM, ClientOutput(SAID, finish="stop")),
    "an end that is not read": (SHOWS, STREAM, ClientOutput(SAID, finish="length")),
    "the count": (COUNTS, STREAM_USAGE, ClientOutput(SAID, usage=13)),
    "no count where none came": (COUNTS, STREAM, ClientOutput(SAID)),
    "a count that is not read": (SHOWS, STREAM_USAGE, ClientOutput(SAID, usage=1)),
    "all of it": (ALL, STREAM_USAGE, ClientOutput(SAID, "", "stop", 13)),
    "a call": (CALLS, reference.TOOLS, ClientOutput(tools=(PARIS,))),
    "a call whose arguments are written otherwise": (
        CALLS, reference.TOOLS, ClientOutput(tools=(("get_weather", '{ "city": "Par\\u0069s" }'),)),
    ),
    "two calls": (CALLS, TOOLS_PARALLEL, ClientOutput(tools=(PARIS, TIME))),
    "a call without arguments, read as an empty object": (
        CALLS, remove(continues_tool_call, only=slice(None))(reference.TOOLS), ClientOutput(tools=(("get_weather", "{}"),)),
    ),
    "a thought in tags, kept apart": (THINKS, deviating("think-tags"), ClientOutput(SAID, "A greeting.")),
    "a text that holds a word for nothing": (SHOWS, reference.replace_in_body(STREAM, " help", " None help"), ClientOutput("你好! How can I None help?")),
    "the object of an answer that is JSON": (
        reader(TEXT, only="json"), reference.replace_in_body(BODY, SAID, '{\\"a\\": 1}'), ClientOutput('{"a":1}'),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_what_came_is_ok(name: str) -> None:
    assert judge_client(*GOOD[name]) == (ClientOutcome.OK, "")


BAD = {
    "None printed at the end": (SHOWS, STREAM, ClientOutput(f"{SAID}None"), ClientOutcome.NONE),
    "None printed at both ends": (SHOWS, STREAM, ClientOutput(f"None{SAID}None"), ClientOutcome.NONE),
    "undefined printed": (SHOWS, STREAM, ClientOutput(f"undefined{SAID}"), ClientOutcome.NONE),
    "null printed": (SHOWS, STREAM, ClientOutput(f"{SAID}null"), ClientOutcome.NONE),
    "an object printed": (SHOWS, STREAM, ClientOutput(f"[object Object]{SAID}"), ClientOutcome.NONE),
    "nothing but None": (SHOWS, reference.TOOLS, ClientOutput("None"), ClientOutcome.NONE),
    "nothing shown": (SHOWS, STREAM, ClientOutput(), ClientOutcome.EMPTY),
    "a piece missing": (SHOWS, STREAM, ClientOutput("你好! help?"), ClientOutcome.WRONG),
    "a piece twice": (SHOWS, STREAM, ClientOutput(f"{SAID}{SAID}"), ClientOutcome.WRONG),
    "the same in another case": (SHOWS, STREAM, ClientOutput(SAID.lower()), ClientOutcome.WRONG),
    "a blank more": (SHOWS, STREAM, ClientOutput(f"{SAID} "), ClientOutcome.WRONG),
    "a thought shown as text": (SHOWS, reference.REASONING, ClientOutput(f"{THOUGHT}你好!"), ClientOutcome.WRONG),
    "another text where only a call came": (SHOWS, reference.TOOLS, ClientOutput("Paris"), ClientOutcome.WRONG),
    "read as Latin-1": (SHOWS, STREAM, ClientOutput(SAID.encode().decode("latin-1")), ClientOutcome.MOJIBAKE),
    "read as Windows-1252": (SHOWS, reference.replace_in_body(STREAM, SAID[:2], "“"), ClientOutput("â€œ! How can I help?"), ClientOutcome.MOJIBAKE),
    "characters cut in two": (SHOWS, STREAM, ClientOutput(f"{'�' * 3}好! How can I help?"), ClientOutcome.MOJIBAKE),
    "tags shown": (SHOWS, deviating("think-tags"), ClientOutput(f"<think>\nA greeting.\n</think>\n\n{SAID}"), ClientOutcome.TAGS),
    "a closing tag shown": (SHOWS, deviating("think-tag-closing"), ClientOutput("I greet.</think>你好!"), ClientOutcome.TAGS),
    "a thought in tags thrown away": (THINKS, deviating("think-tags"), ClientOutput(SAID), ClientOutcome.LOST_REASONING),
    "a thought thrown away": (THINKS, reference.REASONING, ClientOutput("你好!"), ClientOutcome.LOST_REASONING),
    "half a thought": (THINKS, reference.REASONING, ClientOutput("你好!", "The user greets me."), ClientOutcome.LOST_REASONING),
    "a thought nobody had": (THINKS, STREAM, ClientOutput(SAID, "hm"), ClientOutcome.LOST_REASONING),
    "no count": (COUNTS, STREAM_USAGE, ClientOutput(SAID), ClientOutcome.LOST_USAGE),
    "another count": (COUNTS, STREAM_USAGE, ClientOutput(SAID, usage=26), ClientOutcome.LOST_USAGE),
    "no end": (ENDS, STREAM, ClientOutput(SAID), ClientOutcome.LOST_FINISH),
    "another end": (ENDS, STREAM, ClientOutput(SAID, finish="length"), ClientOutcome.LOST_FINISH),
    "no call": (CALLS, reference.TOOLS, ClientOutput(), ClientOutcome.WRONG_CALLS),
    "another function": (CALLS, reference.TOOLS, ClientOutput(tools=(("get_weatherget_weather", PARIS[1]),)), ClientOutcome.WRONG_CALLS),
    "other arguments": (CALLS, reference.TOOLS, ClientOutput(tools=((PARIS[0], '{"city":"Rome"}'),)), ClientOutcome.WRONG_CALLS),
    "half of the arguments": (CALLS, reference.TOOLS, ClientOutput(tools=((PARIS[0], '{"city":'),)), ClientOutcome.WRONG_CALLS),
    "arguments as a text in JSON": (CALLS, reference.TOOLS, ClientOutput(tools=((PARIS[0], '"{}"'),)), ClientOutcome.WRONG_CALLS),
    "arguments of any depth": (CALLS, reference.TOOLS, ClientOutput(tools=((PARIS[0], "[" * 5000 + "]" * 5000),)), ClientOutcome.WRONG_CALLS),
    "one call of two": (CALLS, TOOLS_PARALLEL, ClientOutput(tools=(PARIS,)), ClientOutcome.WRONG_CALLS),
    "two calls in the wrong order": (CALLS, TOOLS_PARALLEL, ClientOutput(tools=(TIME, PARIS)), ClientOutcome.WRONG_CALLS),
    "a call where none came": (CALLS, STREAM, ClientOutput(SAID, tools=(PARIS,)), ClientOutcome.WRONG_CALLS),
    "another object, of an answer that is JSON": (
        reader(TEXT, only="json"), reference.replace_in_body(BODY, SAID, '{\\"a\\": 1}'), ClientOutput('{"a":2}'), ClientOutcome.WRONG,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_came_otherwise_is_named_after_what_went_wrong(name: str) -> None:
    client, exchange, output, expected = BAD[name]
    found, message = judge_client(client, exchange, output)
    assert found is expected
    assert message
    assert "\n" not in message


def test_the_table_of_bad_ends_holds_every_fate_that_a_text_can_have() -> None:
    assert {one[3] for one in BAD.values()} == {one for one in ClientOutcome if one.bad} - {
        ClientOutcome.SILENT,
        ClientOutcome.HANG,
        ClientOutcome.CRASH,
    }


def test_the_worst_of_several_is_told() -> None:
    assert fate(ALL, STREAM_USAGE, ClientOutput("other", "other", "other", 0, (PARIS,))) is ClientOutcome.WRONG_CALLS
    assert fate(ALL, STREAM_USAGE, ClientOutput("other", "other", "other", 0)) is ClientOutcome.WRONG
    assert fate(ALL, STREAM_USAGE, ClientOutput(SAID, "other", "other", 0)) is ClientOutcome.LOST_REASONING
    assert fate(ALL, STREAM_USAGE, ClientOutput(SAID, "", "other", 0)) is ClientOutcome.LOST_USAGE
    assert fate(ALL, STREAM_USAGE, ClientOutput(SAID, "", "other", 13)) is ClientOutcome.LOST_FINISH


def test_a_call_that_is_not_read_tells_nothing_of_the_reader() -> None:
    assert fate(SHOWS, reference.TOOLS, ClientOutput()) is ClientOutcome.NA
    assert fate(ENDS, reference.TOOLS, ClientOutput()) is ClientOutcome.NA
    assert fate(CALLS, reference.TOOLS, ClientOutput(tools=(PARIS,))) is ClientOutcome.OK


GOOD_ANSWERS = {"stream": STREAM, "body": BODY, "call": reference.TOOLS, "thought": reference.REASONING}


@pytest.mark.parametrize("output", [SLIPPED, NOT_JSON, REFUSED, raised("builtins.RuntimeError")])
@pytest.mark.parametrize("name", GOOD_ANSWERS)
def test_any_exception_on_a_good_answer_is_a_crash(name: str, output: ClientOutput) -> None:
    found, message = judge_client(SHOWS, GOOD_ANSWERS[name], output)
    assert (found, message) == (ClientOutcome.CRASH, str(output.failure))


def test_an_exception_after_all_was_shown_is_a_crash() -> None:
    assert fate(SHOWS, STREAM, replace(SLIPPED, text=SAID)) is ClientOutcome.CRASH


DUE: dict[ExpectedHandling, tuple[str, ...]] = {
    "error": (
        "error-plain-text", "error-event", "error-event-mid-stream", "error-in-200", "error-for-body", "error-html",
        "error-beside-choices", "status-moved", "empty-stream", "body-cut", "body-plain-text", "html-for-stream",
        "error-frame",
    ),
    "cut": ("stream-cut", "transfer-cut-stream", "gzip-cut", "stream-cut-with-plain-text"),
    "damaged": ("json-cut", "json-python", "json-nan", "json-two-objects"),
    "unsure": ("finish-never", "body-for-stream", "stream-for-body", "utf8-half", "json-word", "data-empty", "transfer-unfinished",
               "finish-null-in-body", "last-chunk-not-closed", "finish-error", "finish-network-error"),
    "answer": ("mark-missing", "status-accepted", "think-tags", "gzip-stream"),
}  # fmt: skip


@pytest.mark.parametrize(("due", "name"), [(due, name) for due, names in DUE.items() for name in names])
def test_what_an_exchange_asks_of_its_reader(due: ExpectedHandling, name: str) -> None:
    assert expected_handling(deviating(name)) == due


@pytest.mark.parametrize("name", [name for due in ("error", "cut", "damaged", "unsure") for name in DUE[due]])
def test_whoever_says_that_a_bad_answer_is_none_is_ok_and_whoever_falls_over_it_crashes(name: str) -> None:
    assert judge_client(SHOWS, deviating(name), REFUSED) == (ClientOutcome.OK, "says so: APIError: an error occurred")
    assert fate(SHOWS, deviating(name), SLIPPED) is ClientOutcome.CRASH
    assert fate(SHOWS, deviating(name), NOT_JSON) is ClientOutcome.CRASH


def shown(exchange: Exchange) -> ClientOutput:
    """Return the output of a reader that handles everything."""
    messages = exchange.completion.messages
    return ClientOutput((messages[0].content if messages else None) or "")


@pytest.mark.parametrize("name", [name for due in ("error", "cut", "damaged") for name in DUE[due]])
def test_whoever_takes_a_bad_answer_for_a_success_is_silent(name: str) -> None:
    assert fate(SHOWS, deviating(name), shown(deviating(name))) is ClientOutcome.SILENT
    assert fate(ALL, deviating(name), ClientOutput()) is ClientOutcome.SILENT


def test_silence_is_told_by_what_was_passed_over() -> None:
    told = {
        "stream-cut": "a stream that was cut, reported as success",
        "error-plain-text": "status 401, reported as success",
        "error-event-mid-stream": "an error at status 200, reported as success",
        "empty-stream": "no answer, reported as success",
        "json-cut": "an event that can't be read, passed over",
    }
    assert {name: judge_client(SHOWS, deviating(name), ClientOutput("你"))[1] for name in told} == told
    ended = judge_client(ENDS, deviating("stream-cut"), ClientOutput("你", finish="stop"))[1]
    assert ended == "a stream that was cut, reported as success, finish stop"


@pytest.mark.parametrize("name", DUE["unsure"])
def test_an_answer_that_may_be_refused_may_be_taken_too(name: str) -> None:
    assert fate(SHOWS, deviating(name), shown(deviating(name))) in {ClientOutcome.OK, ClientOutcome.NA}


def test_whoever_reads_more_than_we_do_of_a_damaged_answer_is_ok() -> None:
    damaged = deviating("json-cut")
    ours = shown(damaged).text
    assert ours != SAID
    assert fate(SHOWS, damaged, ClientOutput(SAID)) is ClientOutcome.OK
    assert fate(SHOWS, damaged, ClientOutput(ours)) is ClientOutcome.SILENT


@pytest.mark.parametrize("exchange", [STREAM, deviating("error-plain-text"), deviating("stream-cut")])
def test_what_did_not_come_to_an_end_is_judged_whatever_was_due(exchange: Exchange) -> None:
    assert judge_client(SHOWS, exchange, ClientOutput(env="not installed")) == (ClientOutcome.ENV, "not installed")
    assert fate(SHOWS, exchange, ClientOutput(hung=True)) is ClientOutcome.HANG
    assert fate(SHOWS, exchange, ClientOutput(flood=True)) is ClientOutcome.WRONG
    assert fate(SHOWS, exchange, ClientOutput(SAID, env="", hung=True)) is ClientOutcome.ENV


def test_a_count_that_is_no_number_asks_for_none() -> None:
    uncounted = reference.replace_in_body(STREAM_USAGE, '"total_tokens":13', '"total_tokens":"13"')
    assert fate(COUNTS, uncounted, ClientOutput(SAID)) is ClientOutcome.OK


def test_of_two_ends_either_may_be_taken() -> None:
    twice = chunks(has_choice, set_value("choices/0/finish_reason", "length"), only=slice(1, 2))(STREAM)
    assert [fate(ENDS, twice, ClientOutput(SAID, finish=one)) for one in ("length", "stop", "content_filter", None)] == [
        ClientOutcome.OK, ClientOutcome.OK, ClientOutcome.LOST_FINISH, ClientOutcome.LOST_FINISH,
    ]  # fmt: skip


SLIPS = (
    ("builtins.AttributeError", "builtins.Exception"), ("builtins.TypeError", "builtins.Exception"),
    ("builtins.KeyError", "builtins.LookupError", "builtins.Exception"), ("builtins.IndexError", "builtins.LookupError"),
    ("builtins.UnboundLocalError", "builtins.NameError"), ("builtins.AssertionError",), ("builtins.RecursionError",),
    ("builtins.UnicodeDecodeError", "builtins.UnicodeError", "builtins.ValueError"), ("builtins.SystemError",),
    ("requests.exceptions.JSONDecodeError", "json.decoder.JSONDecodeError", "builtins.ValueError"),
    ("SyntaxError", "Error"), ("TypeError", "Error"), ("ReferenceError", "Error"), ("RangeError", "Error"),
)  # fmt: skip
REFUSALS = (
    ("openai.APIError", "builtins.Exception"), ("builtins.RuntimeError", "builtins.Exception"), ("builtins.ValueError",),
    ("httpx.RemoteProtocolError", "builtins.Exception"), ("builtins.OSError",), ("builtins.SystemExit",),
    ("builtins.TimeoutError", "builtins.OSError"), ("Error",), ("APIError", "OpenAIError", "Error"), ("string",), (),
)  # fmt: skip


def test_a_slip_is_told_from_a_refusal_by_the_kind_of_exception() -> None:
    assert [kinds for kinds in SLIPS if not Failure(kinds, "").is_client_bug] == []
    assert [kinds for kinds in REFUSALS if Failure(kinds, "").is_client_bug] == []


def test_a_failure_is_told_in_a_line() -> None:
    said = Failure(("json.decoder.JSONDecodeError", "builtins.ValueError"), "Expecting\n  value", "json/decoder.py:1")
    assert str(said) == "JSONDecodeError: Expecting value @ json/decoder.py:1"
    assert str(Failure((), "no")) == "something thrown that is no error: no"
    traced = Failure(("builtins.ValueError",), "no\nTraceback (most recent call last):\n  File x", "a/b.py:1")
    assert str(traced) == "ValueError: no @ a/b.py:1"


def saying(texts: list[str]) -> Exchange:
    """Return the reference stream with these texts, one per chunk."""
    head, piece, *_, end, done, _ = STREAM.response.body.split(b"\n\n")
    pieces = [piece.replace('"你好"'.encode(), orjson.dumps(text)) for text in texts]
    return with_body(STREAM, b"\n\n".join([head, *pieces, end, done, b""]))


@given(st.lists(st.text(), max_size=4), st.text())
def test_of_any_text_that_text_is_ok_and_every_other_is_bad(texts: list[str], other: str) -> None:
    exchange, text = saying(texts), "".join(texts)
    assert fate(SHOWS, exchange, ClientOutput(text)) is ClientOutcome.OK
    assert fate(SHOWS, exchange, ClientOutput(other)).bad == (other != text)
    assert fate(SHOWS, exchange, ClientOutput(text + other)).bad == bool(other)


@given(st.text(), st.text(min_size=1))
def test_any_thought_in_tags_is_reasoning_and_no_text(thought: str, text: str) -> None:
    exchange = saying([f"<think>{thought}</think>", text])
    assert fate(THINKS, exchange, ClientOutput(text.lstrip("\n"), thought)) is ClientOutcome.OK
    leaked = fate(SHOWS, exchange, ClientOutput(f"<think>{thought}</think>{text}"))
    assert leaked in {ClientOutcome.TAGS, ClientOutcome.NONE}


ARGUMENTS = st.dictionaries(st.text(), st.integers(-1000, 1000) | st.text() | st.none() | st.booleans(), max_size=4)


@given(ARGUMENTS, ARGUMENTS)
def test_arguments_are_compared_as_what_they_mean(arguments: dict[str, object], others: dict[str, object]) -> None:
    text = orjson.dumps(arguments).decode()
    call = set_value("choices/0/delta/tool_calls/0/function/arguments", text)
    exchange = chunks(continues_tool_call, call, only=slice(0, 1))(
        remove(continues_tool_call, only=slice(1, None))(reference.TOOLS)
    )
    indented = orjson.dumps(dict(reversed(arguments.items())), option=orjson.OPT_INDENT_2).decode()
    assert fate(CALLS, exchange, ClientOutput(tools=((PARIS[0], indented),))) is ClientOutcome.OK
    other = fate(CALLS, exchange, ClientOutput(tools=((PARIS[0], orjson.dumps(others).decode()),)))
    assert (other is ClientOutcome.OK) == (arguments == others)
