"""Parsing an exchange, whatever its bytes."""

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.simulate.reference import (
    BODY,
    REASONING,
    STREAM,
    STREAM_USAGE,
    TOOLS,
    replace_in_body,
    with_body,
    with_header,
)
from harness.wire import limits
from harness.wire.chat.completion import ToolCall
from harness.wire.exchange import Exchange, Headers, Request, Response
from harness.wire.limits import Sizes
from harness.wire.pointer import locate
from harness.wire.reading import read


@pytest.mark.parametrize(
    ("body", "look"),
    [
        (b"data: {}\n\n", "stream"),
        (b": hi\n\ndata: {}\n\n", "stream"),
        (b"event: x\ndata: {}\n\n", "stream"),
        (b"id: 1\n\n", "stream"),
        (b"\xef\xbb\xbfdata: {}\n\n", "stream"),
        (b'{"a":1}', "json"),
        (b"\n\n [1]", "json"),
        (b'"Invalid token"', "json"),
        (b"<!DOCTYPE html>", "html"),
        (b"404 page not found", "text"),
        (b"database: down", "text"),
        (b"", "empty"),
        (b" \n\n", "empty"),
    ],
)
def test_a_body_is_what_its_bytes_are(body: bytes, look: str) -> None:
    assert read(body).body_kind == look


def test_stream_and_body_add_up_alike() -> None:
    (streamed,), (whole,) = STREAM_USAGE.completion.messages, BODY.completion.messages
    assert streamed == whole
    assert STREAM_USAGE.completion.usage == BODY.completion.usage


def test_reasoning_and_tools_add_up() -> None:
    assert REASONING.completion.messages[0].reasoning == "The user greets me. I greet back."
    assert TOOLS.completion.messages[0].tool_calls == (ToolCall("call_1", "get_weather", '{"city":"Paris"}'),)


def test_tool_fragments_without_index_are_joined_by_id() -> None:
    bare = replace_in_body(TOOLS, '"index":0,"id"', '"id"')
    bare = replace_in_body(bare, '"tool_calls":[{"index":0,', '"tool_calls":[{')
    assert bare.completion.messages[0].tool_calls == TOOLS.completion.messages[0].tool_calls


def test_done_and_what_is_not_json_are_told_apart() -> None:
    reading = read(b"data: {}\n\ndata: [DONE]\n\ndata: [done]\n\ndata:\n\ndata: [DONE] bye\n\n")
    assert reading.done == [1]
    assert [number for number, _ in reading.not_json] == [2, 3, 4]


def test_invalid_utf8_inside_json_does_not_lose_the_chunk() -> None:
    body = STREAM.response.body.replace("你好".encode(), b"\xff")
    assert read(body).columns.choices[0].fragments("content").text == "\ufffd! How can I help?"


@pytest.mark.parametrize("level", [zlib.MAX_WBITS | 16, zlib.MAX_WBITS])
def test_compressed_bodies_are_unpacked(level: int) -> None:
    packer = zlib.compressobj(wbits=level)
    packed = packer.compress(BODY.response.body) + packer.flush()
    name = "gzip" if level > zlib.MAX_WBITS else "deflate"
    assert with_header(with_body(BODY, packed), "Content-Encoding", name).completion == BODY.completion


def test_a_cut_or_damaged_compression_is_said() -> None:
    packed = gzip.compress(BODY.response.body)
    for body, name, said in (
        (packed[:-9], "gzip", "cut short"),
        (packed[:10] + b"\xff" * 20, "gzip", "damaged"),
    ):
        response = with_header(with_body(BODY, body), "Content-Encoding", name).response
        assert said in (response.undecodable or "")


def test_an_unsupported_compression_is_no_fault_of_the_provider() -> None:
    response = with_header(with_body(BODY, b"\x28\xb5\x2f\xfd\0\0"), "Content-Encoding", "zstd").response
    assert response.undecodable is None
    assert "not one this tool can undo" in (response.unsupported_encoding or "")


@pytest.mark.parametrize(
    "body", [b'{"a":1e999}', b'{"a":NaN}', b'{"a":"\\ud83d"}', b"[" * 3000, b"\n" * 5000 + b'{"a":1}']
)
def test_json_that_parsers_disagree_on_is_read_or_said(body: bytes) -> None:
    reading = read(body)
    assert reading.body_kind == "json"
    assert (reading.syntax_error is None) == (b"1e999" not in body and b"NaN" not in body and b"[[" not in body)


def test_a_bomb_stops_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_sizes", Sizes(body=1000))
    response = with_header(with_body(BODY, gzip.compress(b"x" * 100_000)), "Content-Encoding", "gzip").response
    assert len(response.content) == 1000
    assert response.too_large == "it unpacks to more than 1,000 bytes"
    assert response.undecodable is None


def test_what_is_larger_than_is_read_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert BODY.chunk(0) is not None
    monkeypatch.setattr(limits, "_sizes", Sizes(event=100))
    beyond = with_body(BODY, BODY.response.body)
    assert beyond.too_large == "a body of more than 100 bytes"
    assert beyond.chunk(0) is None


def test_a_decoded_body_under_a_kept_header_is_believed() -> None:
    assert with_header(BODY, "Content-Encoding", "gzip").completion == BODY.completion


def test_places_point_at_the_bytes() -> None:
    offset, excerpt = STREAM.place(2, "/choices/0/delta/content")
    body = STREAM.response.body
    assert body[offset:].startswith(b'"content":"! How can I"')
    assert excerpt == '"content":"! How can I"'


def test_a_place_in_a_body_counts_its_leading_blank_lines() -> None:
    blank = with_body(BODY, b"\n\n" + BODY.response.body)
    offset, _ = blank.place(0, "/model")
    assert blank.response.body[offset:].startswith(b'"model"')


def test_a_place_in_a_multi_line_event_is_that_of_the_event() -> None:
    split = with_body(STREAM, b'data: {"id":\ndata: "a"}\n\n')
    assert split.place(0, "/id") == (6, '"id":\\n"a"')


def test_headers_keep_order_and_case_and_match_in_any() -> None:
    headers = Headers((("X-A", "1"), ("x-b", "2"), ("x-a", "3")))
    assert headers.pairs[0] == ("X-A", "1")
    assert headers["X-a"] == "1, 3"
    assert list(headers) == ["x-a", "x-b"]
    assert (headers.get("X-a"), headers.get("y"), headers.get("y", 0), "X-B" in headers, "y" in headers) == (
        "1, 3",
        None,
        0,
        True,
        False,
    )


def test_what_was_asked_decides_whether_it_streams() -> None:
    unknown = Exchange(Request("POST", ""), STREAM.response)
    assert unknown.is_stream
    assert not Exchange(Request("POST", "", body=b"{}"), STREAM.response).is_stream


@given(st.binary(max_size=400) | st.binary(max_size=300).map(lambda b: b"data: {" + b + b"}\n\ndata: [DONE]\n\n"))
def test_reading_never_raises(body: bytes) -> None:
    exchange = with_body(STREAM, body)
    assert exchange.completion.messages is not None
    exchange.place(0, "/choices/0")
    exchange.excerpt(3)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [({"include_usage": True}, True), ({"include_usage": False}, False), ({"include_usage": 1}, False), ([], False), (None, False)],
)  # fmt: skip
def test_usage_is_asked_for_by_true_alone(options: Any, *, wanted: bool) -> None:
    request = Request("POST", "", body=json.dumps({"stream_options": options}).encode())
    assert request.include_usage is wanted


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.example:443/v1", "api.example"),
        ("http://localhost:11434/v1", "localhost:11434"),
        ("http://[::1/v1", ""),
        ("/v1", ""),
    ],
)
def test_the_host_of_a_request_keeps_an_unusual_port(url: str, host: str) -> None:
    assert Request("POST", url).host == host


def test_the_model_is_what_was_asked_for_or_else_what_the_answer_names_first() -> None:
    body = b'data: {"model":""}\n\ndata: {"model":"seen"}\n\n'
    asked = Request("POST", "", body=b'{"model":"asked"}')
    assert Exchange(asked, Response(200, body=body)).model == "asked"
    assert Exchange(Request("POST", ""), Response(200, body=body)).model == "seen"
    assert Exchange(Request("POST", ""), Response(200)).model is None


def test_a_compression_of_many_members_is_read_to_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = Headers((("content-encoding", "gzip"),))
    packed = b"".join(gzip.compress(b"%04d" % n) for n in range(3000))
    assert Response(200, headers, packed).content == b"".join(b"%04d" % n for n in range(3000))
    assert Response(200, headers, packed + b"x").undecodable == "1 bytes follow the compressed body"
    monkeypatch.setattr(limits, "_sizes", Sizes(body=10))
    cut = Response(200, headers, packed)
    assert cut.content == b"0000000100"
    assert cut.too_large == "it unpacks to more than 10 bytes"


def test_a_compressed_body_is_unpacked_to_64_mebibytes() -> None:
    packed = gzip.compress(bytes(65 << 20), 1)
    response = Response(200, Headers((("content-encoding", "gzip"),)), packed)
    assert len(response.content) == 64 << 20
    assert response.too_large == "it unpacks to more than 67,108,864 bytes"


def test_a_damaged_later_member_leaves_those_before_it() -> None:
    damaged = gzip.compress(b"whole") + b"\x1f\x8b" + b"\xff" * 20
    response = Response(200, Headers((("content-encoding", "gzip"),)), damaged)
    assert response.content == b"whole"
    assert "damaged" in (response.undecodable or "")


def test_a_number_too_long_for_int_is_pointed_at() -> None:
    data = b'{"created": %s, "model": "m"}' % (b"9" * 5000)
    assert locate(data, "/model") == (data.index(b'"model"'), len(data) - 1)
