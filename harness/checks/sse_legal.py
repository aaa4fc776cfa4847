"""Legal framing that readers stumble over which are not quite the standard's, the official SDK among them."""

from harness.checks import sources
from harness.checks.applies import exact_framing
from harness.checks.registry import observation
from harness.sdk import empty_events
from harness.simulate.reference import STREAM, replace_in_body, with_body
from harness.wire.exchange import Exchange

_BYTES = STREAM.response.body
_WITH_IDS = replace_in_body(STREAM, "data: {", "id: 7\ndata: {")


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
    Legal, a conforming reader passes over them; the OpenAI SDK makes an event of each, and raises
    json.JSONDecodeError of its emptiness: the rest of the text is lost.

    Instead: Read the lines yourself, and take only those that begin with data: `for line in
    stream.response.iter_lines():`, `if line.startswith("data:"):`.
    """
    found = empty_events(exchange)
    causes = dict.fromkeys(one.cause for one in found)
    return ", ".join(f"{cause} ×{sum(one.cause == cause for one in found)}" for cause in causes) or "none"
