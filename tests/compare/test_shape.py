"""What differs in shape between two answers: keys, kinds, order, status; never texts, ids, counts or times."""

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.compare.shape import changes, questions
from harness.recording.archives import read_archive
from harness.simulate import edits
from harness.simulate.chat.ideal import error
from harness.simulate.edits import Change as Edit
from harness.simulate.faults import FAULTS, VARIANTS
from harness.simulate.reference import (
    BODY,
    REASONING,
    REFERENCES,
    STREAM,
    STREAM_USAGE,
    TOOLS,
    TOOLS_BODY,
    TOOLS_PARALLEL,
    ask,
    replace_in_body,
    with_body,
    with_request_params,
    with_response,
)
from harness.wire.exchange import Exchange

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"

TWO = ask(stream=True, n=2)
REFUSAL = with_response(BODY, status=404, body=error(404, "No.", code="model_not_found").body)


def told(old: Exchange, new: Exchange) -> list[tuple[str, str, str]]:
    return [change[:3] for change in changes(old, new)]


def chunks(where: Any, *what: Any, only: slice = slice(None)) -> Edit:
    return edits.chunks(where, *what, only=only)


@pytest.mark.parametrize(
    ("old", "change", "expected"),
    [
        # A key that came or went is told once where chunks of every phase changed, else for each phase that did.
        (STREAM, chunks(edits.any_chunk, edits.drop("system_fingerprint")), [("/system_fingerprint", "text", "missing")]),
        (STREAM, chunks(edits.any_chunk, edits.set_value("provider", "x")), [("/provider", "missing", "text")]),
        (BODY, chunks(edits.any_chunk, edits.set_value("provider", "x")), [("/provider", "missing", "text")]),
        (STREAM_USAGE, chunks(edits.has_choice, edits.drop("usage")), [
            ("/usage@opening", "null", "missing"), ("/usage@content", "null", "missing"), ("/usage@finish", "null", "missing"),
        ]),
        (STREAM, chunks(edits.any_chunk, edits.set_value("choices/*/delta/role", "assistant"), only=slice(1, None)), [
            ("/choices/*/delta/role@content", "missing", "text"), ("/choices/*/delta/role@finish", "missing", "text"),
        ]),
        # Types.
        (STREAM, chunks(edits.has_no_finish_reason, edits.set_value("choices/*/finish_reason", "")), [
            ("/choices/*/finish_reason@opening", "null", '""'), ("/choices/*/finish_reason@content", "null", '""'),
        ]),
        (STREAM, chunks(edits.any_chunk, edits.set_value("system_fingerprint", None)), [("/system_fingerprint", "text", "null")]),
        (STREAM, chunks(edits.any_chunk, edits.set_value("created", "now")), [("/created", "number", "text")]),
        (REASONING, chunks(edits.any_chunk, edits.set_value("choices/*/delta/content", ""), only=slice(1, 3)), [
            ("/choices/*/delta/content@reasoning", "null", '""'),
        ]),
        (REASONING, edits.replace_bytes(b"reasoning_content", b"reasoning"), [
            ("/choices/*/delta/reasoning_content@content", "null", "missing"), ("/choices/*/delta/reasoning@content", "missing", "null"),
            ("/choices/*/delta/reasoning_content@finish", "null", "missing"), ("/choices/*/delta/reasoning@finish", "missing", "null"),
            ("/choices/*/delta/reasoning_content@opening", '""', "missing"), ("/choices/*/delta/reasoning@opening", "missing", '""'),
        ]),
        # What stands in something that came or went is not told besides.
        (BODY, chunks(edits.any_chunk, edits.drop("usage/prompt_tokens_details")), [
            ("/usage/prompt_tokens_details", "object", "missing"),
        ]),
        (BODY, chunks(edits.any_chunk, edits.set_value("usage", [1])), [("/usage", "object", "list")]),
        (STREAM, chunks(edits.any_chunk, edits.set_value("x", {"y": {"z": 1}})), [("/x", "missing", "object")]),
        # A call: where one begins is unlike where it goes on.
        (TOOLS, edits.replace_bytes(b'"type":"function",', b""), [
            ("/choices/*/delta/tool_calls/*/type@opening call begins", "text", "missing"),
        ]),
        (TOOLS, edits.replace_bytes(b'"index":0,"function"', b'"index":0,"id":"","function"'), [
            ("/choices/*/delta/tool_calls/*/id@call goes on", "missing", '""'),
        ]),
        # What opens the second of two answers has the shape of what opens the first.
        (TWO, chunks(lambda chunk: chunk["choices"][0]["index"] == 1, edits.drop("choices/*/delta/role")), [
            ("/choices/*/delta/role@silent", "text", "missing"),
        ]),
        # Chunks of a kind of their own.
        (STREAM_USAGE, edits.remove(edits.has_usage), [("chunks/without choices", "some", "none")]),
        (STREAM, edits.remove(edits.has_finish_reason), [("chunks/finish", "some", "none")]),
        # The answer as a whole.
        (STREAM, chunks(edits.any_chunk, edits.set_value("id", "other"), only=slice(2, 3)), [("constant/id", "one value", "several values")]),
        (BODY, edits.status(404, REFUSAL.response.body), [("status", "200", "404")]),
        (STREAM, edits.body(lambda _: BODY.response.body), [("look", "stream", "json")]),
        (BODY, edits.body(lambda _: b'"no"'), [("look", "json", "json, text")]),
        (REFUSAL, chunks(edits.any_chunk, edits.set_value("error/code", 404)), [("/error/code", "text", "number")]),
        (REFUSAL, edits.body(lambda _: b'{"detail":"no"}'), [("/detail", "missing", "text"), ("/error", "object", "missing")]),
    ],
)  # fmt: skip
def test_a_change_of_shape(old: Exchange, change: Edit, expected: list[tuple[str, str, str]]) -> None:
    assert sorted(told(old, change(old))) == sorted(expected)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (STREAM, replace_in_body(STREAM, "你好", "Bonjour")),
        (STREAM, replace_in_body(STREAM, "chatcmpl-reference", "chatcmpl-other")),
        (STREAM, replace_in_body(STREAM, '"created":1760000000', '"created":1760000009')),
        (STREAM, edits.repeat(edits.has_content)(STREAM)),
        (STREAM_USAGE, edits.chunks(edits.has_usage, edits.set_value("usage/total_tokens", 99))(STREAM_USAGE)),
        (STREAM, edits.pieces(7)(STREAM)),
        (STREAM, replace_in_body(STREAM, "\n", "\r\n")),
        (BODY, replace_in_body(BODY, '"cached_tokens":0', '"cached_tokens":0.5')),
        (TOOLS, TOOLS_PARALLEL),
        (BODY, TOOLS_BODY),
        (STREAM, TOOLS),
        (STREAM, replace_in_body(STREAM, '"created":1760000000', '"created":1760000001', 2)),
        (
            edits.chunks(edits.any_chunk, edits.set_value("obfuscation", "x1"))(STREAM),
            edits.chunks(edits.any_chunk, edits.set_value("obfuscation", ""))(STREAM),
        ),
    ],
)
def test_what_varies_from_answer_to_answer_is_no_change(old: Exchange, new: Exchange) -> None:
    assert told(old, new) == []
    assert told(new, old) == []


def test_the_order_of_what_comes() -> None:
    late = edits.rebuild_stream(lambda found: [found[0], *found[3:5], *found[1:3], *found[5:]])(REASONING)
    between = edits.rebuild_stream(lambda found: [*found[:2], found[3], found[2], *found[4:]])(REASONING)
    assert ("order", "reasoning → content → finish", "content → reasoning → finish") in told(REASONING, late)
    assert ("order", "reasoning → content → finish", "reasoning & content → finish") in told(REASONING, between)


def test_a_change_says_where_it_stands_in_both() -> None:
    (change,) = changes(STREAM, edits.chunks(edits.has_finish_reason, edits.set_value("choices/*/x", 1))(STREAM))
    assert change.what == "/choices/*/x@finish"
    assert change.old_at == change.new_at == (4, "/choices/0/x")


def test_what_was_asked_otherwise() -> None:
    old = with_request_params(STREAM, temperature=0.5, user="a" * 90)
    new = with_request_params(STREAM, stream_options={"include_usage": True}, user="b")
    assert [change[:3] for change in questions(old, new)] == [
        ("temperature", "0.5", "missing"),
        ("user", f'"{"a" * 58}…', '"b"'),
        ("stream_options", "missing", '{"include_usage":true}'),
    ]
    assert list(questions(STREAM, STREAM)) == []
    one, other = with_request_params(BODY, x={"a": 1, "b": 2}), with_request_params(BODY, x={"b": 2, "a": 1})
    assert list(questions(one, other)) == []
    assert list(questions(STREAM, ask("Hello", stream=True))) != []


@pytest.mark.parametrize("depth", [300, 1000])
def test_what_was_asked_at_any_depth(depth: int) -> None:
    body = b'{"model":"m","metadata":' + b"[" * depth + b"]" * depth + b"}"
    deep = replace(STREAM, request=replace(STREAM.request, body=body))
    assert "metadata" in [change.what for change in questions(STREAM, deep)]
    assert list(questions(deep, deep)) == []


def test_later_messages_hold_the_answer_and_are_not_the_question() -> None:
    first = {"role": "user", "content": "Hi"}
    old, new = (
        with_request_params(BODY, messages=[first, {"role": "assistant", "content": text}]) for text in ("A", "B")
    )
    assert list(questions(old, new)) == []


EXCHANGES = [*REFERENCES.values(), REFUSAL, *(one.apply() for one in [*FAULTS.values(), *VARIANTS.values()])]
ANSWERS = st.sampled_from(EXCHANGES) | st.binary(max_size=60).map(lambda body: with_body(STREAM, body))


@settings(deadline=None)
@given(ANSWERS)
def test_an_answer_does_not_differ_from_itself(exchange: Exchange) -> None:
    assert told(exchange, exchange) == []


@settings(deadline=None)
@given(ANSWERS, ANSWERS)
def test_read_backwards_a_change_is_the_same_change(old: Exchange, new: Exchange) -> None:
    assert sorted(told(old, new)) == sorted((what, before, after) for what, after, before in told(new, old))


@settings(deadline=None)
@given(ANSWERS, ANSWERS)
def test_each_place_is_told_once_and_stands_in_the_answer(old: Exchange, new: Exchange) -> None:
    found = list(changes(old, new))
    assert len({change.what for change in found}) == len(found)
    for change in found:
        for exchange, at in ((old, change.old_at), (new, change.new_at)):
            if at is not None:
                assert exchange.place(*at)[1]


QUIET = ("dashscope", "databricks", "gpustack", "huggingface", "ollama", "together", "vllm", "zai")


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the recorded exchanges are not beside this repository")
def test_recordings_of_one_server_do_not_differ_by_chance() -> None:
    alike: dict[Any, list[Exchange]] = defaultdict(list)
    for name in QUIET:
        for entry in read_archive(CORPUS / f"{name}.jsonl.gz"):
            exchange, asks = entry.exchange, entry.exchange.request.json
            if asks:  # else nobody knows whether the same was asked
                said = (asks.get("model"), asks.get("stream"), repr(asks.get("thinking")), *sorted(asks))
                alike[name, said, exchange.response.status, exchange.source.fidelity].append(exchange)
    pairs = [pair for found in alike.values() for pair in pairwise(found)]
    assert len(pairs) > 100
    assert [told(*pair) for pair in pairs if told(*pair)] == []
