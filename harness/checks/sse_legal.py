"""Observes legal framing that parsers mishandle or ignore, and lines that no standard defines."""

import re
from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import all_of, exact_framing, exact_lines, uncut
from harness.checks.json_forms import bare_errors
from harness.checks.registry import observation, rule
from harness.printable import count_of
from harness.results import Advice, Level, Problem
from harness.sdk import empty_events
from harness.simulate.reference import STREAM, replace_in_body, with_body
from harness.wire.exchange import Exchange
from harness.wire.reading import DONE

_SHOWN = 40
_SPACED = "with white space around it"
_BYTES = STREAM.response.body
_WITH_IDS = replace_in_body(STREAM, "data: {", "id: 7\ndata: {")


_FIELDS = {
    b"data",
    b"event",
    b"id",
    b"retry",
    b"error",
}  # by sse.data-given and sse.no-error, with white space before them
_DATA = re.compile(rb"^data:", re.MULTILINE)
_END = re.compile(rb"\r?\n\r?\n")
_SIZE = re.compile(rb"[0-9a-fA-F]{1,6}\s*")
_OF_TRANSFER = Advice(
    "A proxy wrote the sizes of chunked transfer into the body: events look complete, but text that a size splits is lost.",
    'Check the lines as they come, and skip sizes: `if re.fullmatch(r"[0-9a-fA-F]{1,6}", line): continue`.',
)


@rule(
    "sse.known-lines", Level.SHOULD, "Every line of an event is a field or a comment.",
    sources.SSE_FORMAT, exact_lines,
    good=(STREAM, _WITH_IDS, with_body(STREAM, b": keep-alive\n\n" + _BYTES)),
    bad=(with_body(STREAM, b"217\r\n" + _BYTES), replace_in_body(STREAM, "data: {", "provider\ndata: {", 1)),
    depends_on=("http.stream-asked",), explained_by=("sse.json", "sse.no-error"),
)  # fmt: skip
def known_lines(exchange: Exchange) -> Iterator[Problem]:
    """
    Readers skip such a line, and its content is lost; readers that split at colons or treat any line as data raise.

    Instead: Use only known fields: `name, _, value = line.partition(":")`, and skip a line if `name not in ("data",
    "event", "id", "retry", "")`.
    """
    parser, content = exchange.reading.parser, exchange.response.content
    if parser is None:
        return
    told = {*bare_errors(parser, content)}
    odd = [(at, name) for at, name in parser.unknown_fields if at not in told and name.strip() not in _FIELDS]
    within = [  # an unknown field is legal, and ignored
        (at, name)
        for at, name in odd
        if content[at + len(name) : at + len(name) + 1] != b":" and _DATA.search(_event_around(content, at))
    ]
    if within:
        at, name = within[0]
        size = _SIZE.fullmatch(name) is not None
        shown = name.decode("utf-8", "replace")[:_SHOWN]
        what = f"{shown}, a size of chunked transfer" if size else shown
        many = count_of(len(within), "line of an event is", "lines of events are")
        yield Problem(
            f"{many} neither a field nor a comment, first {what}", ((None, at),), _OF_TRANSFER if size else None
        )


def _event_around(content: bytes, at: int) -> bytes:
    """Return the event that contains the line at ``at``."""
    start = max((content.rfind(end, 0, at) for end in (b"\n\n", b"\r\n\r\n")), default=0)
    end = _END.search(content, at)
    return content[max(0, start) : end.start() if end else len(content)]


@observation(
    "sse.bom", "Whether the stream begins with a byte order mark.",
    sources.SSE_FORMAT, exact_framing,
    good=(STREAM,),
    bad=(with_body(STREAM, b"\xef\xbb\xbf" + _BYTES),),
    depends_on=("http.stream-asked",),
    harmful=lambda value: value == "yes",
)  # fmt: skip
def bom(exchange: Exchange) -> str:
    """
    Legal; the OpenAI SDK does not skip it and loses the first event, the role and often the first text.

    Instead: Decode with `utf-8-sig` where you read the stream yourself.
    """
    return "yes" if exchange.reading.parser and exchange.reading.parser.bom else "no"


@observation(
    "sse.blank-lines", "The blank lines that a reader may mistake for an event without data.",
    sources.SSE_EVENTS, exact_framing,
    good=(STREAM, with_body(STREAM, b": keep-alive\n\n" + _BYTES)),
    bad=(
        replace_in_body(_WITH_IDS, "\n\nid: 7", "\n\n: keep-alive\n\nid: 7", 1),
        replace_in_body(_WITH_IDS, "\n\nid: 7", "\n\n\nid: 7", 1),
        with_body(STREAM, b"retry: 3000\n\n" + _BYTES),
        with_body(STREAM, b"event: ping\n\n" + _BYTES),
        with_body(STREAM, b"id: 1\n\n" + _BYTES),
    ),
    depends_on=("http.stream-asked",),
    harmful=lambda value: value != "none",
)  # fmt: skip
def blank_lines(exchange: Exchange) -> str:
    """
    Legal, and a conforming reader skips them; the OpenAI SDK makes an event of each and raises json.JSONDecodeError
    because it is empty: the rest of the text is lost.

    Instead: Read the lines yourself, and use only those that begin with data: `for line in
    stream.response.iter_lines():`, `if line.startswith("data:"):`.
    """
    found = empty_events(exchange)
    causes = dict.fromkeys(one.cause for one in found)
    return ", ".join(f"{cause} ×{sum(one.cause == cause for one in found)}" for cause in causes) or "none"


@observation(
    "sse.mark", "How the mark [DONE] is written.",
    sources.STREAM_OPTIONS, all_of(exact_lines, uncut),
    good=(STREAM,),
    bad=(replace_in_body(STREAM, "data: [DONE]", "data: [DONE] "),),
    depends_on=("http.stream-asked",),
    harmful=lambda value: value == _SPACED,
)  # fmt: skip
def mark(exchange: Exchange) -> str:
    """
    OpenAI sends it bare; code that compares the line with `[DONE]` parses the mark as JSON, and raises after the last word.

    Instead: Compare without white space: `if data.strip() == "[DONE]": break`.
    """
    parser = exchange.reading.parser
    written = {parser.events[number].data for number in exchange.reading.done} if parser else set()
    return _SPACED if written - {DONE} else "[DONE]" if written else "none"
