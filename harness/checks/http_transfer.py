"""Checks how a response is sent: its encoding, framing and pauses, below the level of client libraries."""

import re
from collections.abc import Iterator
from dataclasses import replace
from gzip import compress
from http import HTTPStatus

from harness.checks import sources
from harness.checks.applies import (
    all_of,
    answer_with_headers,
    any_exchange,
    has_headers,
    has_read_times,
    stream,
    success_status,
)
from harness.checks.registry import Reason, Unread, observation, rule
from harness.matrix.scenarios import SCENARIOS
from harness.results import Advice, Level, Problem
from harness.simulate.chat.content import CREATED
from harness.simulate.chat.ideal import error, recording
from harness.simulate.reference import (
    BODY,
    STREAM,
    ask,
    replace_last_in_body,
    with_body,
    with_expected_status,
    with_header,
    with_response,
)
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import OK, Exchange, Headers, Reads

MUST, SHOULD = Level.MUST, Level.SHOULD

_UNNAMED = with_header(STREAM, "content-type", "text/event-stream")
_ASCII = with_body(_UNNAMED, STREAM.response.body.replace("你好".encode(), b"Hi"))
_BUSY = with_expected_status(with_response(BODY, status=429, body=error(429, "Too many requests.").body), 429)
_CHUNKED = with_response(with_header(STREAM, "transfer-encoding", "chunked"), http_version="HTTP/1.1")
_READ = Reads((len(BODY.response.body),), (9000,))
_WIRE = with_response(BODY, reads=_READ, http_version="HTTP/1.1")
_COUNTED = ask("Count from 1 to 40.", stream=True)
_CLOCKED = replace_last_in_body(STREAM, f'"created":{CREATED}', f'"created":{CREATED + 4}')

_CANCELLED = recording(SCENARIOS["chat.cancel"])[-1]
_AT_ONCE = 2.0  # seconds; an answer that begins so soon has not waited for another one's end
_SHOWN = 60
_MILLISECOND = 1e-3
_PAUSE = 1.0
"""Seconds of silence after which a burst may have been buffered; a model may think as long, but generates slowly."""
_MOST = 0.8
"""Part of a stream that makes a burst: some servers send a first chunk at once, and buffer the rest."""
_MANY, _FASTEST = 12, 5_000
"""Number of events, and events per second, that no model reaches: the fastest generate some 3,000 tokens per second."""


def _paced(exchange: Exchange, first: int, each: int) -> Reads:
    """Return the reads of a stream that arrives event by event, the first after ``first`` microseconds."""
    sizes = tuple(len(event) + 2 for event in exchange.response.body.split(b"\n\n")[:-1])
    return Reads(sizes, (first, *[each] * (len(sizes) - 1)))


def _accepting(exchange: Exchange, encodings: str) -> Exchange:
    headers = Headers((*exchange.request.headers.pairs, ("Accept-Encoding", encodings)))
    return replace(exchange, request=replace(exchange.request, headers=headers))


def _plain(exchange: Exchange) -> str | None:
    """A stream without compression: compressed ones arrive in blocks."""
    return "a compressed stream comes in lumps" if _encodings(exchange) else None


@rule(
    "http.encoding", MUST, "The body can be decoded by its content-encoding.",
    sources.HTTP_ENCODING, any_exchange,
    good=(BODY, with_header(BODY, "content-encoding", "identity")),
    bad=(
        with_header(with_body(BODY, b"\x1f\x8b damaged"), "content-encoding", "gzip"),
        with_response(with_header(BODY, "content-encoding", "gzip"), reads=_READ),
        with_response(with_header(BODY, "content-encoding", "br"), reads=_READ),
        with_response(with_header(_BUSY, "content-encoding", "gzip"), reads=Reads((len(_BUSY.response.body),), (9000,))),
        with_body(BODY, compress(BODY.response.body)),
        with_header(with_body(BODY, compress(compress(BODY.response.body))), "content-encoding", "gzip"),
    ),
)  # fmt: skip
def encoding(exchange: Exchange) -> Iterator[Problem]:
    """
    The response cannot be read.

    Instead: Ask for plain bytes, `OpenAI(default_headers={"Accept-Encoding": "identity"})`; where that is
    ignored, retry.
    """
    if exchange.response.undecodable:
        named_only = exchange.response.undecodable.startswith("the body is called")
        yield Problem(exchange.response.undecodable, ((None, 0),), NAMED_ONLY if named_only else None)
        return
    packed = next((name for mark, name in _PACKED if exchange.response.content.startswith(mark)), None)
    if packed and not exchange.response.unsupported_encoding:
        told = "its content-encoding does not say so in full" if _encodings(exchange) else "no content-encoding says so"
        yield Problem(f"the body is compressed with {packed}, and {told}", ((None, 0),), _NOT_NAMED)


_PACKED = ((b"\x1f\x8b\x08", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
_NOT_NAMED = Advice(
    "A client decompresses only what the header names: the SDK raises UnicodeDecodeError at the second byte, and a "
    "browser shows garbled text.",
    'Ask for plain bytes, `default_headers={"Accept-Encoding": "identity"}`; if they still come compressed, check '
    'the first bytes: `text = gzip.decompress(raw) if raw.startswith(b"\\x1f\\x8b") else raw`.',
)

NAMED_ONLY = Advice(
    "A client that obeys the header fails to decode a body that is not encoded: browsers, Node.js and curl end with "
    "an error and return nothing.",
    'Ask for plain bytes, `default_headers={"Accept-Encoding": "identity"}`; if the header still comes, read the raw '
    "bytes, `response.iter_raw()`, and decode them yourself.",
)
"""The impact of an encoding that only the header claims."""


def _encodings(exchange: Exchange) -> list[str]:
    """Return the claimed encodings of a body, without identity ones."""
    names = exchange.response.headers.get("content-encoding", "").lower().split(",")
    return [name.strip() for name in names if name.strip() not in {"", "identity"}]


_CODINGS = {
    "aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "exi", "gzip", "identity", "pack200-gzip", "x-compress",
    "x-gzip", "zstd",
}  # fmt: skip
"""The registered content codings: https://www.iana.org/assignments/http-parameters."""
_CHARSET = re.compile(r"utf-?\d+|us-ascii|ascii|iso-?8859-?\d+|latin-?1|gb[k\d]+|big5|windows-\d+|shift[_-]jis|euc-\w+")
_FRAMING = {"chunked", "trailers"}


@rule(
    "http.encoding-known", SHOULD, "`content-encoding` names a registered content coding.",
    sources.HTTP_ENCODING, has_headers,
    good=(BODY, with_header(BODY, "content-encoding", "identity")),
    bad=(
        with_header(BODY, "content-encoding", "utf-8"),
        with_header(STREAM, "content-encoding", "none"),
        with_header(STREAM, "content-encoding", "chunked"),
    ),
    depends_on=("http.encoding",),
)  # fmt: skip
def encoding_known(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that reject an unknown encoding get no response, such as Apache HttpClient from 5.6 and cpp-httplib; the
    OpenAI SDK reads on.

    Instead: If the name is unknown, take the bytes as they are, `response.iter_raw()`, and decode them as UTF-8.
    """
    for name in _encodings(exchange):
        if name not in _CODINGS:
            what = "a charset" if _CHARSET.fullmatch(name) else "a transfer coding" if name in _FRAMING else None
            said = f"which is {what}" if what else "which is not registered"
            yield Problem(f"the content-encoding is {name}, {said}", ((None, 0),))
            return


def _accept_known(exchange: Exchange) -> Reason | None:
    known = "accept-encoding" in exchange.request.headers
    return has_headers(exchange) or (None if known else "the recording does not say what encodings were accepted")


@rule(
    "http.encoding-accepted", SHOULD, "The body uses only encodings that the request accepts.",
    sources.HTTP_ACCEPT, _accept_known,
    good=(_accepting(BODY, "identity"), with_header(_accepting(BODY, "gzip, deflate"), "content-encoding", "gzip"), with_header(_accepting(BODY, "br;q=0.5, *;q=0.1"), "content-encoding", "gzip")),
    bad=(
        with_header(_accepting(BODY, "identity"), "content-encoding", "gzip"),
        with_header(_accepting(BODY, "gzip, br;q=0"), "content-encoding", "br"),
        with_header(_accepting(STREAM, "gzip, deflate"), "content-encoding", "zstd"),
    ),
    depends_on=("http.encoding", "http.encoding-known"),
)  # fmt: skip
def encoding_accepted(exchange: Exchange) -> Iterator[Problem]:
    """
    A client without the decoder, such as urllib's for any encoding and httpx for br without its extra, reads noise.

    Instead: Undo what the header `content-encoding` names, whatever was asked for.
    """
    accepted = _qualities(exchange.request.headers["accept-encoding"])
    refused = [name for name in _encodings(exchange) if not accepted.get(_ALIAS.get(name, name), accepted.get("*", 0))]
    if refused:
        asked = exchange.request.headers["accept-encoding"].strip() or "an empty list"
        yield Problem(f"the body is sent as {', '.join(refused)}, and accepted was {asked[:_SHOWN]}", ((None, 0),))


_ALIAS = {"x-gzip": "gzip", "x-compress": "compress"}


def _qualities(accepted: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in accepted.lower().split(","):
        name, _, parameter = one.partition(";")
        quality = re.fullmatch(r"\s*q\s*=\s*([0-9.]+)\s*", parameter)
        found[name.strip()] = 0.0 if quality and not quality[1].strip("0.") else 1.0
    return found


def _own_head(exchange: Exchange) -> Reason | None:
    """
    The headers are original: recorders that undo an encoding write their own content-length.

    They then drop content-encoding, and none of them keeps the HTTP version.
    """
    own = exchange.response.http_version or _encodings(exchange)
    return has_headers(exchange) or (None if own else "the head of this recording may be its recorder's")


_CHUNKED_TWICE = Advice(
    "Proxies such as nginx and Envoy refuse the answer, and clients that undo one layer read the sizes of the other as text.",
    "Ask the server without the proxy between, or by HTTP/2, which has no such header.",
)
_CUT_SHORT = Advice(
    "A client waits for the rest until it times out, or raises at the end: `httpx.RemoteProtocolError`, IncompleteRead.",
    'Ask for plain bytes, `default_headers={"Accept-Encoding": "identity"}`: most often the length is that of a compressed body.',
)


_WITHOUT_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
"""Clients read no body after these, whatever `content-length` says: RFC 9110, section 6.4.1."""


def _is_short(exchange: Exchange, length: int) -> bool:
    """Return whether fewer bytes came than the original headers announce; a response without a body may name any length."""
    response = exchange.response
    if response.status in _WITHOUT_BODY:
        return False
    whole = exchange.source.fidelity == "wire" and not _encodings(exchange) and not response.closed_by_us
    return whole and not exchange.altered and response.eof and len(response.body) < length


@rule(
    "http.framing", MUST, "A response states its end in one way only.",
    sources.HTTP_FRAMING, _own_head,
    good=(_WIRE, with_header(_WIRE, "transfer-encoding", "chunked"), with_header(_WIRE, "content-length", str(len(BODY.response.body)))),
    bad=(
        with_header(with_header(_WIRE, "transfer-encoding", "chunked"), "content-length", "12"),
        with_header(_WIRE, "content-length", "12, 14"),
        with_header(_WIRE, "content-length", "-1"),
        with_header(with_response(_WIRE, http_version="HTTP/2"), "transfer-encoding", "chunked"),
        with_header(_WIRE, "transfer-encoding", "chunked, chunked"),
        with_header(_WIRE, "content-length", str(len(BODY.response.body) + 212)),
    ),
)  # fmt: skip
def framing(exchange: Exchange) -> Iterator[Problem]:
    """
    Node.js refuses the answer with a parse error, and a proxy that believes the other header cuts it or waits for more.

    Instead: Use a proxy that removes `content-length` when `transfer-encoding` is present, or use HTTP/2.
    """
    headers, version = exchange.response.headers, exchange.response.http_version or ""
    length, transfer = headers.get("content-length"), headers.get("transfer-encoding")
    if transfer is not None and version.startswith("HTTP/2"):
        yield Problem(f"transfer-encoding {transfer[:_SHOWN]} in {version}, which does not allow it", ((None, 0),))
    elif length is not None and transfer is not None:
        yield Problem(f"content-length {length[:_SHOWN]} beside transfer-encoding {transfer[:_SHOWN]}", ((None, 0),))
    elif length is not None and not all(one.strip().isdigit() for one in {*length.split(",")}):
        yield Problem(f"content-length {length[:_SHOWN]} is not a number of bytes", ((None, 0),))
    elif length is not None and len({one.strip() for one in length.split(",")}) > 1:
        yield Problem(f"several lengths: content-length {length[:_SHOWN]}", ((None, 0),))
    elif transfer is not None and transfer.lower().count("chunked") > 1:
        yield Problem(
            f"transfer-encoding {transfer[:_SHOWN]}: chunked stands in it twice", ((None, 0),), _CHUNKED_TWICE
        )
    elif length is not None and _is_short(exchange, int(length.split(",")[0])):
        came = len(exchange.response.body)
        yield Problem(f"content-length is {length[:_SHOWN]}, and {came} bytes came", ((None, 0),), _CUT_SHORT)
    elif length is not None and not exchange.response.eof:
        raise Unread("http.complete")


@observation(
    "http.delivery", "Whether the stream arrives in pieces or all at once.",
    sources.REFERENCE, has_read_times,
    good=(with_response(STREAM, reads=Reads((400, 400, 400), (0, 9000, 9000))),),
    bad=(with_response(STREAM, reads=Reads((1200,), (9000,))),),
)  # fmt: skip
def delivery(exchange: Exchange) -> str:
    """
    A proxy that buffers shows the reader nothing until the end.

    Instead: Show progress that needs no chunk, and allow a read timeout for the whole answer; nothing in the
    client undoes buffering.
    """
    reads = exchange.response.reads
    return "in pieces" if reads and len(reads.sizes) > 1 and sum(reads.dt_us[1:]) > 0 else "buffered whole"


@rule(
    "http.as-it-is-made", SHOULD, "A stream is sent while it is generated.",
    sources.REFERENCE, all_of(has_read_times, _plain),
    good=(
        with_response(_COUNTED, reads=_paced(_COUNTED, first=2_000_000, each=20_000)),
        with_response(_COUNTED, reads=_paced(_COUNTED, first=300_000, each=0)),
        with_response(_COUNTED, reads=_paced(_COUNTED, first=2_000_000, each=1_000)),
        with_response(STREAM, reads=Reads((len(STREAM.response.body),), (2_000_000,))),
    ),
    bad=(
        with_response(_COUNTED, reads=_paced(_COUNTED, first=2_000_000, each=0)),
        with_response(_COUNTED, reads=Reads((len(_COUNTED.response.body),), (5_000_000,))),
        with_response(_CLOCKED, reads=Reads((len(_CLOCKED.response.body),), (5_000_000,))),
    ),
    depends_on=("http.stream-asked",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def as_it_is_made(exchange: Exchange) -> Iterator[Problem]:
    """
    The user sees nothing until the end, as without streaming, and a client with a shorter read timeout gives up.

    Instead: Set a read timeout long enough for the whole answer, `timeout=600`, and show progress that needs no
    chunk; your own proxy may be buffering, such as nginx without `proxy_buffering off`.
    """
    reads, parser = exchange.response.reads, exchange.reading.parser
    if reads is None or parser is None:
        return
    at = max(range(len(reads.dt_us)), key=reads.dt_us.__getitem__)
    pause, burst = reads.dt_us[at] / 1e6, sum(reads.dt_us[at + 1 :]) / 1e6
    events = len(parser.events) * sum(reads.sizes[at:]) / max(1, sum(reads.sizes))
    if pause < _PAUSE or events < len(parser.events) * _MOST:
        return
    made = _made_within(exchange)
    spread = f"within {burst * 1e3:.0f} ms" if burst >= _MILLISECOND else "at once"
    what = f"{round(events)} events came {spread}, after {pause:.1f} s of nothing"
    if made >= _PAUSE and burst < made / 4:
        yield Problem(f"{what}, but their created times are {made} s apart", ((0, ""),))
    elif events >= _MANY and burst < events / _FASTEST:
        yield Problem(f"{what}: no model is that fast, so they were buffered", ((0, ""),))


def _made_within(exchange: Exchange) -> int:
    """Return the seconds from the first to the last ``created`` of the chunks."""
    times = [one for one in exchange.columns.values["created"] if type(one) is int and one > 0]
    return max(times) - min(times) if times else 0


@observation(
    "http.compression", "Whether the response is compressed.",
    sources.HTTP_ENCODING, answer_with_headers,
    good=(STREAM, BODY),
    bad=(with_header(BODY, "content-encoding", "br"), with_header(STREAM, "content-encoding", "gzip")),
)  # fmt: skip
def compression(exchange: Exchange) -> str:
    """
    A compressed stream often arrives in bursts: the compressor waits for more data before it outputs any.

    Instead: Ask for streams with `Accept-Encoding: identity`.
    """
    return exchange.response.headers.get("content-encoding", "none")


@observation(
    "http.transfer", "The HTTP version, and how the end of the response is marked.",
    sources.HTTP_INCOMPLETE, lambda x: None if x.response.http_version else "the recording has no version of HTTP",
    good=(_CHUNKED,),
    bad=(with_response(STREAM, http_version="HTTP/1.0"), with_header(_CHUNKED, "transfer-encoding", None), with_response(STREAM, http_version="HTTP/2")),
)  # fmt: skip
def transfer(exchange: Exchange) -> str:
    """
    If closing the connection marks the end, a truncated response looks complete.

    Instead: Treat a stream as complete only if it ends with `[DONE]` or a finish_reason, and a body only if it parses.
    """
    response = exchange.response
    if response.http_version == "HTTP/2":
        return "HTTP/2"
    chunked = "chunked" in response.headers.get("transfer-encoding", "")
    end = "chunked" if chunked else "content-length" if "content-length" in response.headers else "until it closes"
    return f"{response.http_version}, {end}"


@observation(
    "http.guessed-encoding", "Whether a reader that guesses the encoding of a stream guesses right.",
    sources.REQUEST, all_of(stream, has_headers),
    good=(STREAM,),
    bad=(_UNNAMED, _ASCII),
    harmful=lambda value: value.startswith("no"),
)  # fmt: skip
def guessed_encoding(exchange: Exchange) -> str:
    """
    Without a charset, requests decodes a stream as ISO-8859-1 when asked for text: 你好 is shown as ä½ å¥½.

    Instead: Decode the bytes as UTF-8 in every case: `resp.encoding = "utf-8"` in requests, ahead of
    `iter_lines(decode_unicode=True)`.
    """
    media_type = exchange.response.headers.get("content-type", "").lower()
    if "charset" in media_type or not media_type.startswith("text/"):
        return "yes"
    return "yes, all is ASCII" if exchange.response.content.isascii() else "no: no charset, and letters beyond ASCII"


@observation(
    "http.rate-limit", "The headers that state rate limits.",
    "https://platform.openai.com/docs/guides/rate-limits", has_headers,
    good=(STREAM,),
    bad=(with_header(STREAM, "x-ratelimit-remaining-requests", "99"),),
)  # fmt: skip
def rate_limit(exchange: Exchange) -> str:
    """
    A client that paces itself by them has nothing to go by when they are absent, and misreads other names.

    Instead: Pace by 429 and `retry-after`; take such headers as a hint only.
    """
    names = [name for name in exchange.response.headers if "ratelimit" in name]
    kinds = {re.sub(r"^(x-)?ratelimit-|-(?:requests|tokens|minute|day|month|hour|req).*$", "", name) for name in names}
    return ", ".join(sorted(kinds)) or "none"


def _after_cancel(exchange: Exchange) -> Reason | None:
    before = exchange.earlier[-1] if exchange.earlier else None
    closed = before is not None and before.expected.cancelled_by_client and before.response.status == OK
    return success_status(exchange) or (None if closed else "no stream was closed before it")


@observation(
    "http.after-cancel", "How soon the next request is answered after a stream was closed early.",
    sources.SDK_STREAM, _after_cancel,
    good=(_CANCELLED,),
    bad=(with_response(_CANCELLED, reads=Reads((len(_CANCELLED.response.body),), (31_000_000,))),),
)  # fmt: skip
def after_cancel(exchange: Exchange) -> str:
    """
    A server that does not notice the closing goes on generating: the tokens are billed, the slot stays taken, and the
    next request waits until it is through.

    Instead: Limit the output with `max_tokens`, since closing may save nothing; still close streams that you no
    longer need.
    """
    reads = exchange.response.reads
    if not reads or not reads.dt_us:
        return "it is answered"
    waited = reads.dt_us[0] / 1e6
    return "at once" if waited < _AT_ONCE else f"after {waited:.0f} s"
