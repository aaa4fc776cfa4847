"""The WHATWG rules, one by one, and that events do not depend on how the bytes were segmented."""

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.wire import sse
from harness.wire.sse import Event, Parser, parse

PIECES = st.sampled_from(
    [
        b"data: {}", b"data:{}", b"data", b"data: ", b"data:  two", b"event: ping", b"id: 7", b"id: a\0b", b"retry: 10",
        b"retry: -5", b": keep-alive", b":", b"foo: bar", b"foo", b"\n", b"\n\n", b"\r", b"\r\n", b"\r\n\r\n", b"\xff",
        b"\xef\xbb\xbf", "你好".encode(), "\u2028\x85".encode(), b"[DONE]", b" ", b"",
    ]
)  # fmt: skip
STREAMS = st.lists(PIECES, max_size=30).map(b"".join)


def data_of(body: bytes) -> list[bytes]:
    return [event.data for event in parse(body).events]


def everything(parser: Parser) -> tuple[object, ...]:
    names = ("events_without_data", "comments", "retries", "unknown_fields", "unterminated_event", "bom")
    return (list(parser.events), parser.oddities, *(getattr(parser, name) for name in names))


def fed(pieces: list[bytes]) -> Parser:
    parser = Parser()
    for piece in pieces:
        parser.feed(piece)
    parser.close()
    return parser


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"data: a\n\ndata: b\n\n", [b"a", b"b"], id="LF"),
        pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"], id="CRLF"),
        pytest.param(b"data: a\r\rdata: b\r\r", [b"a", b"b"], id="CR"),
        pytest.param(b"data: a\r\n\rdata: b\n\r\n", [b"a", b"b"], id="mixed"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", [b"a"], id="one leading BOM is stripped"),
        pytest.param(b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", [], id="a second BOM is part of the field name"),
        pytest.param(b"data: a\ndata: b\n\n", [b"a\nb"], id="data lines are joined"),
        pytest.param(b"data:a\n\n", [b"a"], id="no space"),
        pytest.param(b"data:  a\n\n", [b" a"], id="only one space is removed"),
        pytest.param(b"data\n\n", [b""], id="a line without colon is a field without value"),
        pytest.param(b"data\ndata\n\n", [b"\n"], id="two empty data lines"),
        pytest.param(b"data:\n\n", [b""], id="empty data is dispatched"),
        pytest.param(b": note\n\n", [], id="a comment dispatches nothing"),
        pytest.param(b"event: ping\n\n", [], id="a name dispatches nothing"),
        pytest.param(b"Data: a\n\n", [], id="field names are compared literally"),
        pytest.param(b"data : a\n\n", [], id="a space belongs to the name"),
        pytest.param(b"data: a\n", [], id="an event without its blank line is discarded"),
        pytest.param(b"data: a", [], id="so is one without its line end"),
        pytest.param(
            "data: a\u2028b\x85c\u2029\n\n".encode(), ["a\u2028b\x85c\u2029".encode()], id="other breaks are text"
        ),
        pytest.param(b"data: a\x0bb\x0c\x1c\n\n", [b"a\x0bb\x0c\x1c"], id="control characters are text"),
        pytest.param(b"", [], id="nothing"),
    ],
)
def test_dispatches_what_the_rules_say(body: bytes, expected: list[bytes]) -> None:
    assert data_of(body) == expected


def test_an_event_knows_its_span_type_and_id() -> None:
    body = b": hi\nid: 1\nevent: delta\ndata: a\n\ndata: b\n\n"
    first, second = parse(body).events
    assert body[first.start : first.end] == b": hi\nid: 1\nevent: delta\ndata: a\n\n"
    assert body[first.data_at : first.data_at + 1] == b"a"
    assert (first.type, first.last_id) == (b"delta", b"1")
    assert (second.type, second.last_id) == (b"message", b"1"), "the type is for one event, the id persists"
    assert first.oddities == {"comment", "id", "named"}
    assert second.oddities == frozenset()


@pytest.mark.parametrize(
    ("body", "oddity"),
    [
        (b"data:a\n\n", "no-space"),
        (b"data: a\r\n\r\n", "crlf"),
        (b"data: a\r\r", "cr"),
        (b"data: a\ndata: b\n\n", "multi-line"),
        (b"data\n\n", "no-colon"),
        (b"data: \xff\n\n", "bad-utf8"),
        (b"data: \xff\r\n\r\n", "bad-utf8"),
        (b"foo: 1\ndata: a\n\n", "unknown-field"),
        (b"retry: 1\ndata: a\n\n", "retry"),
    ],
)
def test_oddities_are_named(body: bytes, oddity: str) -> None:
    (event,) = parse(body).events
    assert oddity in event.oddities


def test_only_the_event_with_invalid_bytes_is_marked() -> None:
    oddities = [event.oddities for event in parse("data: 你\n\n".encode() + b"data: \xff\n\ndata: b\n\n").events]
    assert oddities == [frozenset(), {"bad-utf8"}, frozenset()]


def test_an_id_with_nul_is_ignored() -> None:
    assert [event.last_id for event in parse(b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n").events] == [b"1", b"1"]


def test_what_is_discarded_is_kept_apart() -> None:
    parser = parse(b"retry: x\nfoo: 1\n\nevent: e\n\ndata: last\n")
    assert parser.retries == [(0, b"x")]
    assert parser.unknown_fields == [(9, b"foo")]
    assert [offset for offset, _ in parser.events_without_data] == [0, 17]
    assert parser.unterminated_event == Event(27, 38, 33, b"last")


def test_a_blank_line_more_is_no_event() -> None:
    parser = parse(b"\n\n\ndata: a\n\n\n\n")
    assert [event.start for event in parser.events] == [3]
    assert parser.events_without_data == []


@example(b"data: {}data: {}\xff\n\n")
@given(STREAMS)
@settings(max_examples=400)
def test_byte_by_byte_gives_the_same(body: bytes) -> None:
    assert everything(fed([body[i : i + 1] for i in range(len(body))])) == everything(parse(body))


@given(STREAMS, st.lists(st.integers(0, 200), max_size=8))
@settings(max_examples=400)
def test_cut_anywhere_gives_the_same(body: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[a:b] for a, b in pairwise(places)]
    assert everything(fed(pieces)) == everything(parse(body))


@given(st.binary(max_size=300))
def test_never_raises_and_spans_tile(body: bytes) -> None:
    events = parse(body).events
    assert all(event.start < event.end <= len(body) for event in events)
    assert all(a.end <= b.start for a, b in pairwise(events))


def test_a_long_line_in_small_pieces_takes_linear_time() -> None:
    parser = Parser()
    for _ in range(20_000):
        parser.feed(b"data: " if not parser.events and not parser._waiting else b"x" * 100)  # noqa: SLF001
    parser.feed(b"\n\n")
    parser.close()
    assert len(parser.events[0].data) > 1_900_000


@pytest.mark.parametrize(
    "body", [b"data: a\n\n:c\n\ndata:b\n\ndata: c\r\n\r\ndata: d\n\n", b"data: a\n\ndata: b\n\n", b""]
)
def test_a_large_body_is_cut_on_access(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = parse(body).events
    assert isinstance(listed.data, list)
    monkeypatch.setattr(sse, "_LARGE", -1)
    cut = parse(body).events
    assert [cut.data[n] for n in range(len(cut))] == list(cut.data) == listed.data == cut.data[:]
    assert list(cut) == list(listed)
    assert [cut[n] for n in range(-len(cut), 0)] == list(cut)
    with pytest.raises(IndexError):
        cut.data[len(cut)]
    with pytest.raises(IndexError):
        cut[len(cut)]
