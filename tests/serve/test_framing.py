"""Re-segmenting a body changes none of its bytes."""

import pytest

from harness.serve.framing import reframe
from harness.simulate.faults import FAULTS, VARIANTS
from harness.simulate.reference import BODY, REASONING, STREAM, with_response
from harness.wire.exchange import Exchange, Reads
from harness.wire.reading import read

ANSWERS = {"stream": STREAM, "reasoning": REASONING, "body": BODY, "gzip": VARIANTS["gzip-stream"].apply()}


@pytest.mark.parametrize("how", ["recorded", "bytes", "events", "merged", "random:7"])
@pytest.mark.parametrize("name", ANSWERS)
def test_the_bytes_stay_the_same(how: str, name: str) -> None:
    cut = reframe(how)
    assert cut
    pieces = cut(ANSWERS[name].response)
    assert b"".join(pieces) == ANSWERS[name].response.body
    assert all(pieces)


def pieces(how: str, exchange: Exchange) -> list[bytes]:
    cut = reframe(how)
    assert cut
    return cut(exchange.response)


def test_each_way_cuts_where_it_says() -> None:
    body = STREAM.response.body
    events = body.count(b"\n\n")
    assert [len(piece) for piece in pieces("bytes", STREAM)] == [1] * len(body)
    assert len(pieces("events", STREAM)) == events
    assert all(piece.endswith(b"\n\n") for piece in pieces("events", STREAM))
    assert pieces("merged", STREAM) == [body]
    assert pieces("recorded", with_response(STREAM, reads=Reads((10, len(body) - 10)))) == [body[:10], body[10:]]
    assert pieces("random:7", STREAM) == pieces("random:7", STREAM) != pieces("random:8", STREAM)


def test_what_follows_the_last_event_is_sent_too() -> None:
    cut = FAULTS["transfer-cut-stream"].apply()
    assert b"".join(pieces("events", cut)) == cut.response.body


def test_lines_that_end_with_cr_lf_mean_the_same() -> None:
    sent = b"".join(pieces("crlf", REASONING))
    assert sent.count(b"\r\n") == REASONING.response.body.count(b"\n")
    assert read(sent).columns.choices[0].fragments("content").text == REASONING.completion.messages[0].content
    assert pieces("crlf", BODY) == [BODY.response.body]
    assert b"".join(pieces("crlf", ANSWERS["gzip"])) == ANSWERS["gzip"].response.body


@pytest.mark.parametrize("word", ["", "random", "random:", "random:x", "Bytes", "lines"])
def test_another_word_is_none(word: str) -> None:
    assert reframe(word) is None
