"""Parses a body in one pass: its kind, its events, its columns, and what is not JSON."""

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import orjson

from harness.wire import sse
from harness.wire.chat.chunks import Columns
from harness.wire.dialect import DialectName
from harness.wire.limits import many_values, sizes
from harness.wire.shapes import MessageKey
from harness.wire.surrogates import whole_characters

if TYPE_CHECKING:
    from harness.wire.messages.columns import MessageColumns

BodyKind = Literal["stream", "json", "html", "text", "empty"]

DONE = b"[DONE]"

_STREAM_LINE = re.compile(
    rb"^\s*(?:\xef\xbb\xbf)?(?:data|event|id|retry)?(?::|[\r\n])|^\s*error: ?\{|[\r\n](?:data|event):"
)
_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF = re.compile(rb"(?<!\\)(?:\\\\)*(?:%s(?!%s)|(?<!\\u[dD][89abAB]..)%s)" % (_HIGH, _LOW, _LOW))
"""An escaped lone surrogate; an even number of backslashes escapes nothing."""


@dataclass(slots=True)
class Reading:
    """
    The result of one pass over a body.

    ``columns`` are those of a chat or legacy completion, empty in another dialect; ``messages`` those of Messages,
    None in another.  ``body_kind`` is the kind of the bytes, whatever the headers say.  ``done`` are the numbers of
    ``[DONE]`` events; ``not_json`` the numbers of other events that are not JSON, with the cause; ``bad_utf8``
    those of events with invalid UTF-8; ``half_characters`` those of chunks, or 0 for a body, with an escaped lone
    surrogate; ``syntax_error`` says why a body is not JSON, else ``body`` is its value; ``too_large`` is the limit
    that was exceeded, beyond which nothing was read.
    """

    body_kind: BodyKind
    columns: Columns
    parser: sse.Parser | None = None
    done: list[int] = field(default_factory=list)
    not_json: list[tuple[int, str]] = field(default_factory=list)
    bad_utf8: list[int] = field(default_factory=list)
    half_characters: list[int] = field(default_factory=list)
    syntax_error: str | None = None
    start: int = 0
    too_large: str | None = None
    messages: "MessageColumns | None" = None
    body: Any = None

    @property
    def own(self) -> "Columns | MessageColumns":
        """The columns of its dialect."""
        return self.columns if self.messages is None else self.messages


def read(content: bytes, dialect: DialectName = "chat") -> Reading:
    """Read a decoded body in one pass, streamed or not."""
    body_kind, start = _body_kind(content)
    if body_kind == "stream":
        return _read_stream(content, dialect)
    reading = _begin(body_kind, "message", dialect)
    reading.start = start
    if body_kind == "json":
        reading.too_large = _beyond(content, "a body")
        if not reading.too_large:
            _take_body(reading, content[start:] if start else content)
    return reading


def _begin(body_kind: BodyKind, part: MessageKey, dialect: DialectName) -> Reading:
    if dialect == "completions":
        from harness.wire.completions.columns import TextColumns

        return Reading(body_kind, TextColumns(part))
    reading = Reading(body_kind, Columns(part))
    if dialect == "messages":
        from harness.wire.messages.columns import MessageColumns  # chat has no use for its grammar

        reading.messages = MessageColumns(part)
    return reading


def _take_body(reading: Reading, data: bytes) -> None:
    reading.body, reading.syntax_error = parse_json(data)
    if reading.syntax_error is None:
        _take(reading, data, reading.body, 0)


def _take(reading: Reading, data: bytes, chunk: Any, number: int) -> None:
    """Add a chunk, or a body, that was parsed leniently."""
    halved = (b"\\ud" in data or b"\\uD" in data) and _HALF.search(data) is not None
    columns = reading.own
    columns.repeated_keys.see(data, chunk, columns.add(chunk, number), number)
    if halved:
        reading.half_characters.append(number)
    if halved and reading.parser:
        columns.keep_halves(json.loads(data.decode("utf-8", "replace")), number)


def _beyond(data: bytes, what: str) -> str | None:
    """Return which limit JSON exceeds; None if none."""
    if len(data) > sizes().event:
        return f"{what} of more than {sizes().event:,} bytes"
    return f"{what} of more than {sizes().values:,} values" if many_values(data) else None


def _body_kind(content: bytes) -> tuple[BodyKind, int]:
    """Return the kind of a body by its first bytes; the offset is where a JSON body begins."""
    head = content[:4096] if content[:4096].strip() else content
    text = head.removeprefix(sse.BOM).lstrip()
    start = len(head) - len(text)
    if not text:
        return "empty", 0
    if text[:1] in b'{["':
        return "json", start
    if text[:64].lower().startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "html", start
    return ("stream", 0) if _STREAM_LINE.search(head) else ("text", start)


def _read_stream(content: bytes, dialect: DialectName) -> Reading:
    parser = sse.parse(content)
    reading = _begin("stream", "delta", dialect)
    reading.parser, reading.too_large = parser, parser.too_large
    texts = parser.events.data
    if len(content) > sizes().values:
        found = next(((n, what) for n, data in enumerate(texts) if (what := _beyond(data, "an event"))), None)
        texts, reading.too_large = (texts[: found[0]], found[1]) if found else (texts, reading.too_large)
    for number, data in reading.own.add_stream(texts):
        _take_odd(reading, data, number)
    return reading


def _take_odd(reading: Reading, data: bytes, number: int) -> None:
    """Handle an event that is not strict JSON: the end mark, invalid UTF-8 inside JSON, or something else."""
    if data.strip() == DONE:
        reading.done.append(number)
        return
    if not sse.is_utf8(data):
        reading.bad_utf8.append(number)
    chunk, error = parse_json(data)
    if error is None:
        _take(reading, data, chunk, number)
    else:
        reading.not_json.append((number, error))


def parse_json(data: bytes) -> tuple[Any, str | None]:
    """
    Parse JSON leniently; return the value or what is wrong.

    Invalid UTF-8 becomes U+FFFD, and so does a lone surrogate, which orjson rejects and Python's own parser, hence
    the OpenAI SDK, accepts.
    """
    if not data.strip():
        return None, "it is empty"
    text = data.decode("utf-8", "replace")
    try:
        return orjson.loads(text), None
    except orjson.JSONDecodeError as error:
        try:
            lenient = json.dumps(json.loads(text, parse_constant=_refuse), ensure_ascii=False, allow_nan=False)
            return orjson.loads(whole_characters(lenient)), None
        except (ValueError, RecursionError):
            return None, str(error)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
