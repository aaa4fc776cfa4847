"""Checks the framing of a stream: lines, blank lines, events, and the end mark."""

import re
from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import takewhile

from harness.checks import json_forms, sources
from harness.checks.applies import all_of, complete_answer, exact_framing, exact_lines, stream, uncut
from harness.checks.error_causes import told_within
from harness.checks.kinds import n_of_m
from harness.checks.registry import observation, rule
from harness.printable import count_of
from harness.results import Advice, Level, Problem
from harness.simulate.reference import STREAM, replace_in_body, replace_last_in_body, with_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.json_faults import PARTED, are_one
from harness.wire.reading import DONE
from harness.wire.shapes import as_object
from harness.wire.sse import Parser

MUST, SHOULD = Level.MUST, Level.SHOULD

_BYTES = STREAM.response.body
_DONE = b"data: [DONE]\n\n"
_INDENTED = re.compile(rb"[ \t]+((?:data|event|id|retry):)")  # another field than the one without white space
_ALWAYS_ERRORS = ("/error_msg", "/error_message", "/error_code", "/errors", "/detail")
"""Top-level keys of an event that only errors have."""
FLAT_ERROR = Advice(
    "The OpenAI SDK raises nothing: it yields a chunk whose `choices` is None. A loop over them fails with "
    "TypeError; one that tests first drops the error and keeps half a text.",
    "If `chunk.choices is None`, raise, and show `chunk.to_json()`.",
)
"""The impact of an error in a stream without a key ``error``."""
_COMMENTED = with_body(STREAM, b": keep-alive\n\n" + _BYTES)
_IS_STREAM = ("http.stream-asked",)
_FIELD = b"data: "
_BUFFER = 64 * 1024
_SHOWN = 120
"""Maximum line size of Go's bufio.Scanner, bytes: https://github.com/infiniflow/ragflow/issues/15381."""
_SHORT = "up to 64 KiB"
_BLANK = re.compile(rb"\n\r?\n|\r\r")

_SPLIT_DATA = Advice(
    "Legal; readers that parse each `data:` line by itself get half of a JSON text and raise.",
    "Join the data lines of an event with line breaks before parsing, as the OpenAI SDK does: `json.loads(sse.data)`.",
)
_ODD_MARK = Advice(
    "The text is complete; the OpenAI SDK does not know this spelling of `[DONE]`, and raises json.JSONDecodeError at the end.",
    "Catch it, `except ValueError:`, and keep the text if a finish_reason came: `if not finish: raise`.",
)
_IN_CHOICE = Advice(
    "The OpenAI SDK passes it on with the choice and raises nothing: the truncated text looks like a complete answer.",
    'Check every choice: `if getattr(choice, "error", None): raise RuntimeError(choice.error)`.',
)
_AS_CHUNK = Advice(
    "The OpenAI SDK turns it into a chunk without choices: `chunk.choices[0]` raises TypeError, and code that skips "
    "such chunks shows the truncated text as complete.",
    "Raise on anything but a chunk: `if chunk.choices is None: raise RuntimeError(chunk.model_extra)`.",
)
_SECOND_MARK = Advice(
    "Nothing is lost; a reader that continues after `[DONE]` takes the second one as broken JSON.",
    'Stop at the first: `if data == "[DONE]": break`, as the OpenAI SDK does.',
)
_OPEN_MARK = Advice(
    "The text is complete; a reader that drops the unclosed mark, and knows no other sign of the end, takes it as truncated.",
    "Take the finish_reason as the end: `finish = choice.finish_reason or finish`, whether [DONE] is sent or not.",
)


def _parser(exchange: Exchange) -> Parser:
    return exchange.reading.parser or Parser()


@rule(
    "sse.utf8", MUST, "A stream is UTF-8.",
    sources.SSE_FORMAT, exact_framing,
    good=(STREAM,),
    bad=(with_body(STREAM, _BYTES.replace("你".encode(), b"\xff\xfe")), with_body(STREAM, _BYTES.replace("你好".encode(), "你好".encode("gbk")))),
    depends_on=_IS_STREAM,
)  # fmt: skip
def utf8(exchange: Exchange) -> Iterator[Problem]:
    """
    The OpenAI SDK raises UnicodeDecodeError, which is not one of its own errors; browsers show U+FFFD.

    Instead: Catch UnicodeDecodeError around the SDK's loop; in your own reader use `line.decode("utf-8",
    errors="replace")`.
    """
    bad = exchange.reading.bad_utf8
    if bad:
        where = n_of_m(len(bad), len(_parser(exchange).events), "event")
        yield Problem(f"{where} hold invalid UTF-8", ((bad[0], ""),))


@rule(
    "sse.json", MUST, "Every `data` field except `[DONE]` is JSON.",
    sources.CHUNK, stream,
    good=(STREAM,),
    bad=(replace_in_body(STREAM, '"finish_reason":null}]}', '"finish_reason":null}]', 1), replace_in_body(STREAM, "[DONE]", "[done]"), replace_in_body(STREAM, '"delta":{"content"', '\n\ndata: "delta":{"content"', 1), with_body(STREAM, b"data: : PROCESSING\n\n" + _BYTES)),
    depends_on=_IS_STREAM,
)  # fmt: skip
def json(exchange: Exchange) -> Iterator[Problem]:
    """
    The OpenAI SDK raises json.JSONDecodeError, which `except openai.APIError` does not catch.

    Instead: Catch it around the loop, `except (openai.APIError, ValueError)`; your own reader can skip the event.
    """
    texts = _parser(exchange).events.data
    wrong = [(n, why) for n, why in exchange.reading.not_json if texts[n].strip()]
    marks = [(n, why) for n, why in wrong if texts[n].strip(b' "[]').lower() == b"done"]
    for found, advice in (([one for one in wrong if one not in marks], None), (marks, _ODD_MARK)):
        if found:
            number, why = found[0]
            fault = PARTED if are_one(texts, [n for n, _ in found]) else json_forms.fault_in(exchange, number, why)
            message = f"{len(found)} data of the stream are not JSON: {fault.said}"
            yield Problem(message, ((number, ""),), advice or json_forms.ADVICE.get(fault.form))


@rule(
    "sse.object", MUST, "Every JSON `data` field is an object.",
    sources.CHUNK, stream,
    good=(STREAM,),
    bad=(replace_in_body(STREAM, "data: [DONE]", 'data: "ping"\n\ndata: [DONE]'), replace_in_body(STREAM, "data: [DONE]", "data: []\n\ndata: [DONE]"), replace_in_body(STREAM, "data: [DONE]", 'data: "{\\"choices\\":[]}"\n\ndata: [DONE]')),
    depends_on=_IS_STREAM,
)  # fmt: skip
def is_object(exchange: Exchange) -> Iterator[Problem]:
    """
    The SDK hands the client a list or a string where it expects a chunk: AttributeError.

    Instead: Skip it: `if not isinstance(chunk, ChatCompletionChunk): continue`, or `isinstance(data, dict)` in
    raw JSON.
    """
    for number, what in exchange.reading.own.not_objects[:1]:
        twice = json_forms.encoded_twice(exchange.chunk(number))
        count = len(exchange.reading.own.not_objects)
        message = f"{count} data of the stream hold JSON that is not an object, first {what}"
        yield Problem(
            message + ": an object that was encoded twice" * twice, ((number, ""),), json_forms.TWICE if twice else None
        )


@rule(
    "sse.data-not-empty", SHOULD, "No `data` field is empty.",
    sources.REFERENCE, exact_lines,
    good=(STREAM,),
    bad=(with_body(STREAM, b"data:\n\n" + _BYTES), with_body(STREAM, b"event: ping\ndata: \n\n" + _BYTES)),
    depends_on=_IS_STREAM,
)  # fmt: skip
def data_not_empty(exchange: Exchange) -> Iterator[Problem]:
    """
    Legal, but the OpenAI SDK raises json.JSONDecodeError.

    Instead: Read with httpx-sse, and `if not sse.data.strip(): continue`; with the SDK, catch ValueError.
    """
    empty = [n for n, _ in exchange.reading.not_json if not _parser(exchange).events.data[n].strip()]
    if empty:
        yield Problem(f"{count_of(len(empty), 'event has', 'events have')} empty data", ((empty[0], ""),))


@rule(
    "sse.data-given", SHOULD, "Every block of non-standard fields also has a `data` field.",
    sources.REFERENCE, exact_lines,
    good=(STREAM, _COMMENTED),
    bad=(with_body(STREAM, b"upstream error: read ECONNRESET\n\n" + _BYTES), with_body(STREAM, b"PING\n\n" + _BYTES)),
    depends_on=_IS_STREAM,
)  # fmt: skip
def data_given(exchange: Exchange) -> Iterator[Problem]:
    """
    Readers, including the OpenAI SDK, drop it: text that was not sent as data is lost, most often why a stream ended early.

    Instead: Check the lines as they come, and keep those that start with no field: `if line and not
    line.startswith(("data", "event", "id", "retry", ":")): odd.append(line)`.
    """
    parser = _parser(exchange)  # standard fields may come without data: sse.blank-lines shows which clients that breaks
    unnamed = [block for block in parser.events_without_data if block[1] & {"unknown-field", "no-colon"}]
    starts, content = [offset for offset, _ in unnamed], exchange.response.content
    told_of = [
        *json_forms.bare_errors(parser, content),
        *(at for at, name in parser.unknown_fields if name == b"error"),
    ]
    within = ((bisect(starts, at) - 1, at) for at in told_of)
    told = {n for n, offset in within if n >= 0 and not _BLANK.search(content, starts[n], offset)}  # by sse.no-error
    rests = json_forms.rests_of_interrupted(exchange)  # by sse.json
    blocks = [block for number, block in enumerate(unnamed) if number not in told and block[0] not in rests]
    if blocks:
        offset, oddities = blocks[0]
        indented = _INDENTED.match(content, offset)
        named = ", ".join(sorted(oddities & {"named", "id", "retry", "unknown-field", "no-colon"})) or "no field"
        fields = f"white space before {indented[1].decode()}" if indented else named
        fields = "a chunk of JSON" if json_forms.bare_chunk(content, offset) else fields
        many = count_of(len(blocks), "block has", "blocks have")
        yield Problem(f"{many} no data (first: {fields})", ((None, offset),))


@rule(
    "sse.no-error", MUST, "A stream with status 200 contains no error.",
    sources.CHUNK, stream,
    good=(STREAM,),
    bad=(
        replace_in_body(STREAM, "data: [DONE]", 'event: error\ndata: {"error":{"message":"overloaded","code":500}}'),
        replace_in_body(STREAM, '"finish_reason":"stop"', '"finish_reason":"stop","error":{"message":"overloaded"}'),
        replace_in_body(STREAM, "data: [DONE]", 'event: error\ndata: {"message":"overloaded"}'),
        replace_in_body(STREAM, "data: [DONE]", 'error: {"message":"overloaded"}'),
        replace_in_body(STREAM, "data: [DONE]", 'data: {"result":{"error":{"message":"overloaded"}}}'),
        with_body(STREAM, b'data: {"code":429,"message":"Slow down."}\n\n' + _DONE),
        with_body(STREAM, b'data: {"detail":"Too many requests"}\n\n' + _DONE),
        replace_in_body(STREAM, "data: [DONE]", '{"error":{"message":"overloaded"}}'),
        replace_in_body(STREAM, "data: [DONE]", '{"code":60000,"message":"overloaded","data":null}'),
        replace_in_body(STREAM, "data: [DONE]", 'data: {"error_code":336100,"error_msg":"busy","id":"as-1"}\n\ndata: [DONE]'),
    ),
    depends_on=_IS_STREAM, dialects=WITH_CHOICES,
)  # fmt: skip
def no_error(exchange: Exchange) -> Iterator[Problem]:
    """
    The OpenAI SDK raises APIError for a top-level error; it passes on one inside a choice, and the text is truncated.

    Instead: Catch `openai.APIError` around the loop, raise on `getattr(choice, "error", None)`, and mark the text
    as truncated.
    """
    for problem in _errors(exchange):
        yield problem
        return


def _errors(exchange: Exchange) -> Iterator[Problem]:
    """Yield the errors in a stream, in each known form."""
    for error in exchange.columns.errors:
        advice, inner = _IN_CHOICE if error.pointer.startswith("/choices/") else None, told_within(error.value)
        said = f"an error came in the stream: {error.text}{f'; within it: {inner}' * bool(inner)}"
        yield Problem(said, ((error.chunk, error.pointer),), advice)
    yield from json_forms.errors_in_no_event(exchange)
    for shape in exchange.columns.shapes:
        hidden = [p for p, what in shape.kinds.items() if p.endswith("/error") and what in {"text", "object"}]
        if hidden and "/choices" not in shape.kinds:
            at = (shape.first, hidden[0])
            yield Problem("an error came in the stream, inside another object", (at,), _AS_CHUNK)
        flat = _flat_error(shape.kinds)
        if flat:
            told = as_object(exchange.chunk(shape.first)).get(flat[1:])
            words = f", {' '.join(told.split())[:_SHOWN]}" if isinstance(told, str) else ""
            said = f"an error came in the stream, without the key error: {flat[1:]}{words}"
            yield Problem(said, ((shape.first, flat),), FLAT_ERROR)
    events = _parser(exchange).events if "named" in _parser(exchange).oddities else ()
    for number in (number for number, event in enumerate(events) if event.type == b"error"):
        words = json_forms.words_in(exchange.chunk(number))
        yield Problem(f"an event of the type error came in the stream{words}", ((number, ""),), _AS_CHUNK)


def _flat_error(kinds: Mapping[str, str]) -> str | None:
    """Return the place of an error without the key ``error`` in an event without choices; None if there is none."""
    if kinds.get("/choices", "missing") not in {"missing", "null", "[]"}:
        return None
    said = next((place for place in ("/message", "/msg") if kinds.get(place) == "text"), None)
    numbered = kinds.keys() & {"/code", "/status", "/status_code"}
    always = next(
        (place for place in _ALWAYS_ERRORS if kinds.get(place, "null") not in {"null", "[]", "missing"}), None
    )
    return always or (said if said and numbered else None)


@rule(
    "sse.done", MUST, "A stream ends with `data: [DONE]`.",
    sources.STREAM_OPTIONS, all_of(all_of(exact_lines, complete_answer), uncut),
    good=(STREAM, replace_in_body(STREAM, "[DONE]", "[DONE] ")),
    bad=(replace_in_body(STREAM, "data: [DONE]\n\n", ""),),
    depends_on=_IS_STREAM, explained_by=("sse.json", "sse.no-error"), dialects=WITH_CHOICES,
)  # fmt: skip
def done(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that waits for `[DONE]` hangs until the connection closes; one that does not wait cannot detect
    truncation.

    Instead: Take a finish_reason in every choice as the end; treat a stream with neither as truncated.
    """
    tail = _parser(exchange).unterminated_event
    if not exchange.reading.done and not (tail and tail.data.strip() == DONE):
        events = _parser(exchange).events
        yield Problem("the stream ends without [DONE]", ((len(events) - 1, ""),) if events else ((None, 0),))


@rule(
    "sse.done-last", MUST, "`[DONE]` is sent once, and nothing follows it.",
    sources.STREAM_OPTIONS, exact_lines,
    good=(STREAM, with_body(STREAM, _BYTES + b": bye\n\n")),
    bad=(
        with_body(STREAM, _BYTES + b"data: [DONE]\n\n"),
        with_body(STREAM, _BYTES + _BYTES.split(b"\n\n")[1] + b"\n\n"),
        with_body(STREAM, _BYTES + b'{"error":{"message":"aborted"}}'),
        with_body(STREAM, _BYTES + b"0\r\n"),
    ),
    depends_on=(*_IS_STREAM, "sse.done", "sse.final-blank-line"), dialects=WITH_CHOICES,
)  # fmt: skip
def done_last(exchange: Exchange) -> Iterator[Problem]:
    """
    What follows is lost: clients stop reading at `[DONE]`.

    Instead: Stop at the first mark; if text or usage comes late, use your own reader and `continue` there.
    """
    done = exchange.reading.done
    after = len(_parser(exchange).events) - 1 - done[0] if done else 0
    if after:
        said = f"{count_of(after, 'event follows', 'events follow')} [DONE]"
        yield Problem(said, ((done[0] + 1, ""),), _SECOND_MARK if after == len(done) - 1 else None)
    elif done:
        yield from _garbage(exchange)


def _garbage(exchange: Exchange) -> Iterator[Problem]:
    """Yield a problem for bytes after the end mark that are neither a complete block nor a comment."""
    mark = _parser(exchange).events[exchange.reading.done[0]]
    start = mark.data_at + len(mark.data)
    rest = exchange.response.content[start:]
    unclosed = list(takewhile(bytes.strip, reversed(rest.splitlines())))
    lines = [line for line in unclosed if not line.startswith(b":")]
    if lines:
        where = start + rest.rindex(lines[-1])
        yield Problem(f"{sum(map(len, lines))} bytes that are not an event follow [DONE]", ((None, where),))


@rule(
    "sse.final-blank-line", MUST, "The last event ends with a blank line.",
    sources.SSE_EVENTS, all_of(exact_framing, uncut),
    good=(STREAM,),
    bad=(replace_last_in_body(STREAM, "\n\n", "\n"), with_body(STREAM, _BYTES[:-30])),
    depends_on=_IS_STREAM,
)  # fmt: skip
def final_blank_line(exchange: Exchange) -> Iterator[Problem]:
    """
    A conforming reader discards the unclosed event, and so does the OpenAI SDK: the last text is lost.

    Instead: Read lines yourself and parse a last `data:` line when the body ends; the SDK and httpx-sse drop
    it.
    """
    tail = _parser(exchange).unterminated_event
    if tail:
        mark = tail.data.strip() == DONE
        what = "the mark [DONE]" if mark else f"an event of {len(tail.data)} bytes of data"
        yield Problem(f"no blank line closes {what}", ((None, tail.start),), _OPEN_MARK if mark else None)


@observation(
    "sse.framing", "The line ending, and whether a space follows `data:`.",
    sources.SSE_FORMAT, all_of(exact_framing, uncut),
    good=(STREAM,),
    bad=(replace_in_body(STREAM, "\n", "\r\n"), replace_in_body(STREAM, "data: ", "data:")),
    depends_on=_IS_STREAM,
    harmful=lambda value: _SPLIT_DATA if "multi-line" in value else value.replace(", BOM", "") != "LF, space",
)  # fmt: skip
def framing(exchange: Exchange) -> str:
    r"""
    Legal in every form; hand-written readers know one: `line[6:]`, `split("\n\n")`.

    Instead: Leave it to the SDK (a BOM costs it the first event); else split bytes at CRLF, CR or LF and take
    `line[5:].strip()`.
    """
    odd = _parser(exchange).oddities
    endings = [name.upper() for name in ("crlf", "cr") if name in odd] or ["LF"]
    forms = ["no space" if "no-space" in odd else "space"]
    forms += ["BOM"] if _parser(exchange).bom else []
    forms += [name for name in ("multi-line", "no-colon") if name in odd]
    forms += ["unknown-field"] if _parser(exchange).unknown_fields else []
    return ", ".join([*endings, *forms])


@observation(
    "sse.comments", "The comment lines of the stream.",
    sources.SSE_FORMAT, exact_lines,
    good=(STREAM,),
    bad=(_COMMENTED,),
    depends_on=_IS_STREAM,
    harmful=lambda value: value != "none",
)  # fmt: skip
def comments(exchange: Exchange) -> str:
    """
    Legal; readers that strip `data: ` without checking crash on them, and some fire an event with empty data.

    Instead: Skip lines that begin with a colon, `if line.startswith(b":"): continue`; the SDK does, unless an
    `id:` came before.
    """
    texts = Counter(text.decode("utf-8", "replace") for _, text in _parser(exchange).comments)
    return "; ".join(f": {text[:40]} ×{count}" for text, count in texts.most_common(2)) or "none"


@observation(
    "sse.names", "The event names and ids of the stream.",
    sources.SSE_EVENTS, exact_lines,
    good=(STREAM,),
    bad=(replace_in_body(STREAM, "data: {", "event: result\ndata: {"), replace_in_body(STREAM, "data: {", "id: 7\ndata: {")),
    depends_on=_IS_STREAM,
    harmful=lambda value: value != "none", dialects=WITH_CHOICES,
)  # fmt: skip
def event_names(exchange: Exchange) -> str:
    """
    An EventSource delivers named events to listeners of that name only, never to onmessage.

    Instead: Read the data of every event and ignore `sse.event`; in browsers read with fetch or call
    `addEventListener` per name.
    """
    parser = _parser(exchange)
    names: dict[str, None] = {}
    if "named" in parser.oddities:
        names = dict.fromkeys(
            event.type.decode("utf-8", "replace") for event in parser.events if "named" in event.oddities
        )
    ids = ["id"] if "id" in parser.oddities else []
    return ", ".join([*(f"event: {name}" for name in sorted(names)), *ids]) or "none"


@observation(
    "sse.end", "What the stream ends with.",
    sources.STREAM_OPTIONS, all_of(all_of(exact_lines, complete_answer), uncut),
    good=(STREAM,), bad=(replace_in_body(STREAM, "data: [DONE]\n\n", ""),),
    depends_on=_IS_STREAM, dialects=WITH_CHOICES,
)  # fmt: skip
def end(exchange: Exchange) -> str:
    """
    It decides whether a client can wait for [DONE].

    Instead: Stop at `[DONE]` or at the end of the connection, whichever comes; judge by finish_reason whether
    the answer is whole.
    """
    tail = _parser(exchange).unterminated_event
    if exchange.reading.done:
        return "[DONE]"
    return "[DONE], not closed" if tail and tail.data.strip() == DONE else "no [DONE]"


@observation(
    "sse.longest-line", "The length of the longest `data` line.",
    sources.SSE_FORMAT, exact_lines,
    good=(STREAM,),
    bad=(replace_in_body(STREAM, "你好", "你好" * 12_000),),
    depends_on=_IS_STREAM,
    harmful=lambda value: value != _SHORT,
)  # fmt: skip
def longest_line(exchange: Exchange) -> str:
    """
    Legal; readers with a line buffer of fixed size stop there: Go's `bufio.Scanner` at 64 KiB, aiohttp's lines at 128 KiB.

    Instead: Give the reader a buffer that grows: `bufio.Reader.ReadBytes` in Go, `content.iter_any()` in aiohttp with
    the lines cut by yourself.
    """
    # Data contains a line end only if several lines were joined.
    long = (data for data in _parser(exchange).events.data if len(data) + len(_FIELD) > _BUFFER)
    lines = (line for data in long for line in data.split(b"\n"))
    longest = max(map(len, lines), default=0) + len(_FIELD)
    return f"{longest:,} bytes" if longest > _BUFFER else _SHORT
