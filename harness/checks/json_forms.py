"""Gives advice on invalid JSON, by its cause, in the data of a stream and in a body alike."""

from collections.abc import Iterator
from json import JSONDecoder, loads
from typing import Any

from harness.results import Advice, Problem
from harness.wire.chat.chunks import Error
from harness.wire.exchange import Exchange
from harness.wire.json_faults import (
    INTERRUPTED,
    LINE_END,
    JsonFault,
    JsonForm,
    fault_of,
    is_broken_by_line_end,
    is_interrupted,
)
from harness.wire.shapes import as_object
from harness.wire.sse import Parser

_LINES = "for line in stream.response.iter_lines()"

ADVICE: dict[JsonForm, Advice] = {
    "python": Advice(
        "Every JSON parser fails at the first quote; the SDK raises json.JSONDecodeError in the middle of the stream.",
        f"Read the lines yourself, `{_LINES}`, and parse such a line with `ast.literal_eval(line[5:].strip())`.",
    ),
    "several": Advice(
        "The first one is read and the rest raises, or all are lost: a blank line is missing, or two writers share a line.",
        f"Read the lines yourself, `{_LINES}`, and decode the objects one by one: `decoder.raw_decode(text, at)`.",
    ),
    "bom": Advice(
        "JSON parsers raise at the byte order mark, in Python with the hint to decode as utf-8-sig.",
        f'Read the lines yourself, `{_LINES}`, and remove the byte order mark: `line[5:].strip().lstrip("\\ufeff")`.',
    ),
    "constant": Advice(
        "Python and the SDK read it; JavaScript, Go, Rust and orjson reject the whole chunk; sums over it are NaN.",
        "Skip values that are not numbers: `[one for one in numbers if math.isfinite(one)]`.",
    ),
    "number": Advice(
        "Python and JavaScript read it as Infinity; Go, Rust and orjson reject the whole chunk.",
        "Skip values that are not numbers: `[one for one in numbers if math.isfinite(one)]`.",
    ),
    "comma": Advice(
        "Every strict parser fails at the bracket; the SDK raises json.JSONDecodeError in the middle of the stream.",
        f'Read the lines yourself, `{_LINES}`, and remove the comma: `re.sub(r",(\\s*[}}\\]])", r"\\1", line[5:])`.',
    ),
    "parted": Advice(
        "No single event is JSON: a proxy split the stream by size and wrote each piece as its own event.",
        f"Read the lines yourself, `{_LINES}`, and put pieces together until they are JSON: `pending += line[5:].strip()`.",
    ),
    "interrupted": Advice(
        "A heartbeat was written in the middle of an event: the SDK raises json.JSONDecodeError, and the rest of the event is lost.",
        f"Read the lines yourself, `{_LINES}`, skip those that begin with a colon, and join pieces until they are "
        "JSON: `pending += line`.",
    ),
    "unclosed": Advice(
        "The SDK joins the two lines and raises json.JSONDecodeError: the error in the second line is lost.",
        f'Read the lines yourself, `{_LINES}`, skip lines that are not JSON, and raise at `chunk["error"]`.',
    ),
    "remark": Advice(
        "A comment keeps a connection open and is skipped; sent as data it goes to the JSON parser, which ends the "
        "stream: json.JSONDecodeError.",
        f'Read the lines yourself, `{_LINES}`, and skip such a line: `if line[5:].lstrip().startswith(":"): continue`.',
    ),
    "entity": Advice(
        "A template escaped the JSON for a page: every parser fails at the first quote.",
        "Undo it before parsing: `data = json.loads(html.unescape(text))`.",
    ),
    "field": Advice(
        "Readers strip one `data:` and pass the other to the parser: json.JSONDecodeError in the middle of the stream.",
        f'Read the lines yourself, `{_LINES}`, and strip both: `line.removeprefix("data: ").removeprefix("data: ")`.',
    ),
}
"""Advice by form; for other forms the rules' own applies."""

OF_BODY: dict[JsonForm, Advice] = {
    "constant": Advice(
        "Python and the SDK read it; JavaScript, Go, Rust and orjson reject the whole response; sums over it are NaN.",
        "Skip values that are not numbers: `[one for one in numbers if math.isfinite(one)]`.",
    ),
    "number": Advice(
        "Python and JavaScript read it as Infinity; Go, Rust and orjson reject the whole response.",
        "Skip values that are not numbers: `[one for one in numbers if math.isfinite(one)]`.",
    ),
    "several": Advice(
        "Every JSON parser fails at the second text; most often a gateway has added an error or a second answer.",
        "Read the first alone: `answer, end = json.JSONDecoder().raw_decode(text)`, and look at `text[end:]` for an error.",
    ),
    "python": Advice(
        "Every JSON parser fails at the first quote.",
        "Take the text with `with_raw_response`, and parse it with `ast.literal_eval(response.text)`.",
    ),
}
"""The same for a body."""

TWICE = Advice(
    "The SDK returns a string instead of a chunk or a response: AttributeError at `chunk.choices`.",
    "Decode it once more: `given = json.loads(given) if isinstance(given, str) else given`; the result is a dict.",
)


def encoded_twice(value: Any) -> bool:
    """Return whether a JSON value is a string that contains a JSON object."""
    return isinstance(value, str) and value.lstrip().startswith("{")


BARE_ERROR = Advice(
    "The OpenAI SDK skips lines that are not fields: no chunk or half a text, no exception, and the reason is lost.",
    'Read the lines yourself: `for line in stream.response.iter_lines():`, `if line.startswith("{"): raise '
    "RuntimeError(line)`; with the SDK's loop, treat a stream without a finish_reason as failed.",
)
"""The impact of an error in a stream without ``data:`` before it."""

AS_LINES = Advice(
    "The OpenAI SDK skips a line without `data:`: no chunk, no exception, no text.",
    'Read the lines yourself: `for line in stream.response.iter_lines():`, `if line.startswith("{"): chunk = json.loads(line)`.',
)
"""The impact of chunks sent as JSON lines, not events."""


def bare_lines(exchange: Exchange) -> int:
    """Return the number of first lines of a body that are JSON objects without ``data:``; 0 if fewer than two."""
    lines = exchange.response.content[:_HEAD].split(b"\n")
    objects = [line for line in lines if line.strip()]
    count = next((at for at, line in enumerate(objects) if not line.startswith(b'{"')), len(objects))
    return count if count > 1 else 0


AS_FIELD = Advice(
    "SSE readers, including the OpenAI SDK, skip an unknown field: the truncated text looks like a complete answer.",
    'Check each line as it comes: `if line.startswith("error:"): raise RuntimeError(line)`.',
)
"""The impact of a field ``error``, which no SSE parser knows."""

_LINE, _SHOWN = 1_000, 120
_HEAD = 1 << 16  # bytes in which an error ends
_NUMBERED = {"code", "status", "status_code", "statusCode", "error_code", "type", "success"}
_KEYS = {b'"error"', b'"detail"'}


_OF_OTHERS: tuple[tuple[str, frozenset[str]], ...] = (
    ("Ollama's /api/chat", frozenset({"message", "done"})),
    ("Ollama's /api/generate", frozenset({"response", "done"})),
    ("Anthropic's /v1/messages", frozenset({"content", "stop_reason", "role"})),
    ("OpenAI's /v1/responses", frozenset({"output", "object"})),
    ("OpenAI's /v1/images", frozenset({"data", "created"})),
    ("Gemini's generateContent", frozenset({"candidates"})),
    ("Cohere's /v2/chat", frozenset({"message", "finish_reason"})),
    ("Qianfan's older API", frozenset({"result", "is_end"})),
    ("DashScope's own API", frozenset({"output", "request_id"})),
    ("TGI's /generate", frozenset({"generated_text"})),
    ("llama.cpp's /completion", frozenset({"content", "stop"})),
)
"""APIs by the top-level keys of their responses."""
_OF_EVENTS = (
    ("response.", "OpenAI's /v1/responses"), ("message_start", "Anthropic's /v1/messages"), ("content_block", "Anthropic's /v1/messages"),
    ("text-delta", "the Vercel AI SDK's own stream"), ("start", "the Vercel AI SDK's own stream"),
)  # fmt: skip
"""APIs by the prefix of their event types."""


def form_of_another(exchange: Exchange) -> str | None:
    """Return the API whose form a response without choices has; None if unknown."""
    first = as_object(exchange.chunk(exchange.columns.first)) if exchange.columns.count else {}
    kind = first.get("type")
    of_kind = (api for begins, api in _OF_EVENTS if isinstance(kind, str) and kind.startswith(begins))
    return next(of_kind, None) or next((api for api, keys in _OF_OTHERS if keys <= first.keys()), None)


def envelope(exchange: Exchange) -> str | None:
    """Return the first key whose object is a completion with choices; None if there is none."""
    outer = as_object(exchange.chunk(exchange.columns.first)) if exchange.columns.count else {}
    return next((key for key, inner in outer.items() if isinstance(as_object(inner).get("choices"), list)), None)


def bare_error(exchange: Exchange) -> Error | None:
    """Return the error at the beginning of a body that continues as a stream; None for other bodies."""
    reading = exchange.reading
    if reading.body_kind != "json" or not reading.syntax_error:
        return None
    head = exchange.response.content[reading.start : reading.start + _HEAD].decode("utf-8", "replace")
    try:
        value, _ = JSONDecoder().raw_decode(head)
    except (ValueError, RecursionError):
        return None
    given = as_object(value)
    said = given.get("error") or given.get("detail") or (given if isinstance(given.get("message"), str) else None)
    return Error(0, "", said) if said else None


def bare_chunk(content: bytes, offset: int) -> bool:
    """Return whether the line at ``offset`` is a chunk without ``data:`` before it."""
    line = content[offset:].splitlines()[0] if content[offset : offset + 1] == b"{" else b""
    try:
        return isinstance(as_object(loads(line)).get("choices"), list)
    except (ValueError, RecursionError):
        return False


def bare_errors(parser: Parser, content: bytes) -> list[int]:
    """Return the places of stream lines that are JSON errors without ``data:``, on one line or on several."""
    return [
        offset for offset, name in parser.unknown_fields if _names_error(name) or _is_flat_error(content, offset, name)
    ]


def fault_in(exchange: Exchange, number: int, why: str) -> JsonFault:
    """Return what is wrong with the data of an event that is not JSON; ``why`` is the parser's message."""
    parser = exchange.reading.parser or Parser()
    event = parser.events[number]
    rest = exchange.response.content[event.data_at + len(event.data) :]
    if is_broken_by_line_end(event.data, rest):
        return LINE_END
    return INTERRUPTED if is_interrupted(event.data, rest) else fault_of(event.data, why)


def _names_error(field: bytes) -> bool:
    return field[:1] in {b"{", b" ", b"\t"} and field.lstrip(b"{ \t") in _KEYS


def _is_flat_error(content: bytes, offset: int, field: bytes) -> bool:
    """Return whether a line is an object with message and code, without choices, like an error without an envelope."""
    if not field.lstrip().startswith(b"{"):
        return False
    try:
        given = as_object(loads(content[offset : offset + _HEAD].split(b"\n", 1)[0]))
    except (ValueError, RecursionError):
        return False
    said = any(isinstance(given.get(key), str) for key in ("message", "msg", "error_msg", "errorMessage"))
    return said and "choices" not in given and not given.keys().isdisjoint(_NUMBERED)


def errors_in_no_event(exchange: Exchange) -> Iterator[Problem]:
    """Yield the errors of a stream in a field of their own, or outside fields."""
    parser, content = exchange.reading.parser or Parser(), exchange.response.content
    for offset in (offset for offset, name in parser.unknown_fields if name == b"error"):
        line = content[offset : offset + _LINE].splitlines()[0].partition(b":")[2]
        said = " ".join(line.decode("utf-8", "replace").split())[:_SHOWN]
        yield Problem(f"the stream has an SSE field named error: {said}", ((None, offset),), AS_FIELD)
    for offset in bare_errors(parser, content):
        yield Problem("an error came in the stream as plain JSON, outside any event", ((None, offset),), BARE_ERROR)


def rests_of_interrupted(exchange: Exchange) -> set[int]:
    """Return the places of blocks with the rest of an event that a heartbeat interrupts."""
    parser, content = exchange.reading.parser or Parser(), exchange.response.content
    events = [parser.events[n] for n, why in exchange.reading.not_json if fault_in(exchange, n, why) is INTERRUPTED]
    ends = [event.data_at + len(event.data) for event in events]
    return {end + len(content[end:]) - len(content[end:].lstrip(b"\r\n")) for end in ends}


def words_in(value: Any) -> str:
    """Return the first string value of an object, on one line; empty if there is none."""
    told = next((one for one in as_object(value).values() if isinstance(one, str) and one.strip()), None)
    return f": {' '.join(told.split())[:_SHOWN]}" if told else ""
