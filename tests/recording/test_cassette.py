"""Cassettes are byte-exact, readable, and complete or rejected."""

import dataclasses
import gzip
import os
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BadCassette, Unwritable
from harness.recording.cassette import dump_cassette, exchanges_of, load_yaml, read_cassette, write_cassette
from harness.simulate.reference import (
    BODY,
    STREAM,
    STREAM_USAGE,
    replace_in_body,
    with_body,
    with_header,
    with_response,
)
from harness.wire.exchange import Exchange, Headers, Reads, Source
from harness.wire.limits import Sizes, set_sizes

ALPHABET = st.one_of(
    st.sampled_from("\n\n\r\t \"'\\:#-|>&*!%@`{}[],?data0\x00\x1b\x7f\x85\xa0\u2028\u2029\ufeff🙂é中\ufffe\uffff"),
    st.characters(exclude_categories=["Cs"]),
)
BODIES = st.text(ALPHABET, max_size=60).map(str.encode) | st.binary(max_size=40)


def through_text(exchanges: list[Exchange]) -> list[Exchange]:
    return exchanges_of(load_yaml(dump_cassette(exchanges), Path("x.yaml")), Path("x.yaml"))


def test_an_empty_answer_that_was_received_is_kept(tmp_path: Path) -> None:
    empty = with_response(BODY, body=b"", http_version="HTTP/1.0")
    write_cassette(tmp_path / "a.yaml", [empty])
    (read,) = read_cassette(tmp_path / "a.yaml")
    assert (read.response.status, read.response.body, read.response.eof) == (200, b"", True)


@given(st.lists(BODIES, min_size=1, max_size=3))
@settings(max_examples=500)
@pytest.mark.thorough
def test_bodies_come_back_byte_for_byte_by_both_readers(bodies: list[bytes]) -> None:
    exchanges = [with_response(STREAM, body=body, reads=Reads((len(body),), (1,))) for body in bodies]
    assert [exchange.response.body for exchange in through_text(exchanges)] == bodies
    plain = yaml.load(dump_cassette(exchanges), yaml.CSafeLoader)
    strings = [item["response"]["body"]["string"] for item in plain["interactions"]]
    assert [s if isinstance(s, bytes) else s.encode() for s in strings] == bodies


def test_a_body_is_readable_in_review() -> None:
    text = dump_cassette([STREAM]).decode()
    assert "      string: |+\n        data: {" in text
    assert '"content":"你好"' in text
    assert "        data: [DONE]\n\n" in text


def test_crlf_is_a_row_a_line_too() -> None:
    text = dump_cassette([replace_in_body(STREAM, "\n", "\r\n")]).decode()
    assert '\n        data: [DONE]\\r\\n\\\n        \\r\\n"\n' in text


def test_everything_else_comes_back() -> None:
    full = dataclasses.replace(
        with_response(
            STREAM, reads=Reads((1000, len(STREAM.response.body) - 1000), (8420, 587)), eof=False, error="reset"
        ),
        source=Source("published", "2025-04-03", "https://example.org/a", "a note: with colon", "lines"),
    )
    (back,) = through_text([full])
    assert back.response == dataclasses.replace(full.response, http_version=None)
    assert back.source == full.source
    assert back.request.json == full.request.json
    assert back.request.url == full.request.url


def test_headers_are_kept_by_an_allow_list() -> None:
    leaky = with_header(with_header(STREAM, "Set-Cookie", "session=1"), "openai-organization", "org-1")
    asked = dataclasses.replace(leaky.request, headers=Headers((("Authorization", "Bearer x"), ("Accept", "*/*"))))
    text = dump_cassette([dataclasses.replace(leaky, request=asked)]).decode()
    assert not any(word in text.lower() for word in ("cookie", "organization", "authorization", "session", "org-1"))
    assert "Accept" in text


def test_key_shapes_are_replaced_wherever_they_stand() -> None:
    key = "sk-" + "A1b2" * 8
    body = f'{{"error":{{"message":"Incorrect API key provided: {key}"}}}}'.encode()
    text = dump_cassette([with_header(with_body(BODY, body), "via", f"1.1 {key}")])
    assert key.encode() not in text
    assert text.count(b"REDACTEDREDACTED") == 2 * (len(key) // 16)


def test_a_key_is_replaced_inside_a_compressed_body_too() -> None:
    key = b"sk-" + b"A1b2" * 8
    packed = with_header(with_body(BODY, gzip.compress(b'{"key":"' + key + b'"}')), "Content-Encoding", "gzip")
    (back,) = through_text([packed])
    assert key not in back.response.content
    assert back.response.content.startswith(b'{"key":"REDACTED')
    assert "content-encoding" not in back.response.headers


def test_redaction_keeps_the_sizes_true() -> None:
    body = b"data: sk-" + b"A1b2" * 8 + b"\n\n"
    (back,) = through_text([with_response(STREAM, body=body, reads=Reads((len(body),), (5,)))])
    assert back.response.reads == Reads((len(body),), (5,))


def test_writing_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a" / "b.yaml"
    write_cassette(path, [STREAM])
    before = path.read_bytes()

    def fail(_descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(Unwritable, match="disk full"):
        write_cassette(path, [BODY])
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


GOOD = dump_cassette([STREAM_USAGE, BODY])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"\n \n", "empty", id="blank"),
        pytest.param(GOOD[: GOOD.index(b"- request:", 200)], "no version line, so the file is truncated", id="cut between"),
        pytest.param(GOOD[: GOOD.index(b"  response")], "no version line", id="cut inside"),
        pytest.param(GOOD[: GOOD.index(b"headers:\n") + 4], "not readable as YAML", id="cut in a key"),
        pytest.param(b"a: [1\n", ":2: not readable as YAML", id="not YAML"),
        pytest.param(b"just text", "not a vcrpy cassette", id="text"),
        pytest.param(b"[]", "not a vcrpy cassette", id="list"),
        pytest.param(GOOD.replace("你".encode(), b"\xff"), "not readable as YAML", id="not UTF-8"),
        pytest.param(GOOD.replace(b"version: 1", b"version: 2"), "version 2; this tool reads version 1", id="version"),
        pytest.param(b"interactions: [{}]\nversion: 1\n", "interactions/0/request: missing or not an object", id="no request"),
        pytest.param(b"interactions: []\nversion: 1\n", "the list is empty", id="no exchange"),
        pytest.param(GOOD.replace(b"code: 200", b"code: ok", 1), "interactions/0/response/status/code: not a number", id="status"),
        pytest.param(GOOD.replace(b"body:\n      string", b"body:\n      text", 1), "interactions/0/response/body/string: missing", id="body"),
        pytest.param(GOOD.replace(b"provenance: recon", b"provenance: x", 1), "x_source/provenance", id="provenance"),
        pytest.param(GOOD.replace(b"      harness: ", b"      fidelity: good\n      harness: ", 1), "x_source/fidelity", id="fidelity"),
        pytest.param(GOOD.replace(b"x_source", b"x_stream: {sizes: 1 2, dt_us: 1 2}\n    x_source", 1), "sizes add up to 3", id="sizes"),
        pytest.param(GOOD.replace(b"x_source", b"x_stream: {sizes: a}\n    x_source", 1), "whole numbers", id="size text"),
        pytest.param(GOOD.replace(b"x_source", b"x_stream: {sizes: 3 -3}\n    x_source", 1), "whole numbers", id="size below 0"),
        pytest.param(GOOD.replace(b"x_source", b"x_stream: {sizes: 1, dt_us: -1}\n    x_source", 1), "whole numbers", id="time below 0"),
        pytest.param(GOOD.replace(b"uri: ", b"uri: &a [*a] #", 1), "interactions/0/request/uri: neither text nor", id="an address in itself"),
        pytest.param(GOOD.replace(b"x_source", b"headers: {date: {a: 1}}\n    x_source", 1), "headers/date: neither text", id="a header of keys"),
        pytest.param(GOOD.replace(b"x_source", b"headers: {[a]: 1}\n    x_source", 1), "not readable as YAML: found unhashable key", id="a list for a key"),
        pytest.param(b"- " * 100_000, "nested more than 500 levels deep", id="deep"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, "nested more than 500 levels deep", id="deep in brackets"),
        pytest.param(b"? " * 100_000, "nested more than 500 levels deep", id="deep in keys"),
    ],
)  # fmt: skip
def test_what_is_damaged_is_refused_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(BadCassette) as caught:
        read_cassette(path)
    message = str(caught.value)
    assert said in message
    assert message.startswith(str(path))
    assert "\n" not in message


def test_a_cut_cassette_is_never_taken_for_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    for length in range(0, len(GOOD) - 1, 7):
        path.write_bytes(GOOD[:length])
        with pytest.raises(BadCassette) as caught:
            read_cassette(path)
        assert "\n" not in str(caught.value), length


@pytest.mark.parametrize("value", ["null", "5", "[]", "[1]", "{}", "x", "true", "2026-01-01", "!!binary aGk="])
def test_any_odd_value_anywhere_is_refused_or_read(tmp_path: Path, value: str) -> None:
    path = tmp_path / "c.yaml"
    keys = ["interactions", "request", "method", "uri", "body", "headers", "response", "status", "code", "message"]
    keys += ["string", "x_source", "provenance", "note", "harness", "version", "Content-Type"]
    text = yaml.dump(yaml.safe_load(dump_cassette([STREAM])), default_style=None)
    for key in keys:
        document = yaml.safe_load(text)
        _replace(document, key, yaml.safe_load(value))
        path.write_text(yaml.dump(document))
        with suppress(BadCassette):
            assert read_cassette(path)[0].completion is not None, key


def _replace(node: object, key: str, value: object) -> None:
    if isinstance(node, dict):
        for name in node:
            if name == key:
                node[name] = value
            else:
                _replace(node[name], key, value)
    for item in node if isinstance(node, list) else ():
        _replace(item, key, value)


def test_bad_base64_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(dump_cassette([with_body(STREAM, b"\xff\xff\xff")]).replace(b"////", b"//*/"))
    with pytest.raises(BadCassette, match="base64"):
        read_cassette(path)


def test_an_empty_body_is_refused_unless_it_was_received(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    write_cassette(path, [with_body(STREAM, b"")])
    with pytest.raises(BadCassette, match="empty where an answer was due"):
        read_cassette(path)
    write_cassette(path, [with_response(STREAM, body=b"", reads=Reads((0,), (900,)))])
    assert read_cassette(path)[0].response.body == b""


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCassette, match="No such file"):
        read_cassette(tmp_path / "none.yaml")


TRICKY = ["string: '@@1@@'\nx\n", "a\nstring: |\nb", "body:\n  string: |+\n  x\n", "!block 0", "'@@0@@'"]


@pytest.mark.parametrize("text", TRICKY)
def test_bodies_that_look_like_the_file_itself(text: str) -> None:
    exchanges = [with_body(STREAM, text.encode()), with_body(BODY, text.encode() * 2)]
    exchanges = [
        dataclasses.replace(one, request=dataclasses.replace(one.request, body=text.encode())) for one in exchanges
    ]
    back = through_text(exchanges)
    assert [one.response.body for one in back] == [one.response.body for one in exchanges]
    assert [one.request.body for one in back] == [text.encode()] * 2


EDITS = [
    (b"\n        ", b"\n          "),
    (b"\n        ", b"\n       "),
    (b"\n\n        data", b"\n   \n        data"),
    (b"string: |+\n", b"string: |\n"),
    (b"string: |+\n", b"string: |-\n"),
    (b"string: |+\n", b"string: |2+\n"),
    (b"string: |+\n", b"string: |+ # the body\n"),
    (b"\n    x_source", b"\n    # a note\n    x_source"),
]


@pytest.mark.parametrize(("old", "new"), EDITS)
def test_an_edited_file_reads_as_yaml_reads_it(old: bytes, new: bytes) -> None:
    edited = dump_cassette([STREAM]).replace(old, new)
    plain = yaml.load(edited, yaml.CSafeLoader)
    body = plain["interactions"][0]["response"]["body"]["string"].encode()
    assert exchanges_of(load_yaml(edited, Path("x")), Path("x"))[0].response.body == body


def test_a_file_of_another_writer_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    document = yaml.safe_load(dump_cassette([STREAM]))
    path.write_text(yaml.dump(document))
    assert read_cassette(path)[0].response.body == STREAM.response.body


def test_a_file_is_read_within_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # of holes: it takes no room
    set_sizes(file=1000)
    try:
        with pytest.raises(BadCassette, match=r"large.yaml: it holds more than 1,000 bytes; record it again"):
            read_cassette(path)
    finally:
        set_sizes(file=Sizes().file)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes among its files")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(BadCassette, match=r"pipe\.yaml: not a regular file; record it again, or move it away"):
        read_cassette(tmp_path / "pipe.yaml")


def test_the_failure_before_is_kept(tmp_path: Path) -> None:
    failed = dataclasses.replace(STREAM, source=Source("recorded", "2026-01-01", failed_before=503))
    write_cassette(tmp_path / "a.yaml", [failed])
    (found,) = read_cassette(tmp_path / "a.yaml")
    assert found.source.failed_before == 503
    text = (tmp_path / "a.yaml").read_text()
    (tmp_path / "b.yaml").write_text(text.replace("failed_before: 503", "failed_before: often"))
    with pytest.raises(BadCassette, match="failed_before: 'often' is not a status code"):
        read_cassette(tmp_path / "b.yaml")
