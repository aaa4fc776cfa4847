"""Masks bodies: separates JSON and text from the framing, which stays."""

import codecs
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from harness.recording.masking.identifiers import masked_id
from harness.recording.masking.json_texts import Context, JsonTexts
from harness.wire.exchange import Exchange, Headers, Response
from harness.wire.unpacking import GZIP

_LINE = re.compile(r"[^\r\n]+")
_LINE_END = re.compile(r"\r\n|\n|\r")
_FIELD = re.compile(
    r"(?P<start>\ufeff?(?:(?P<indent>[ \t]+)(?=(?:data|event|id|retry):))?(?P<name>[a-z_-]{0,20})(?P<colon>: ?)(?:data: ?)*)(?P<value>.*)",
    re.DOTALL,
)
_JSON = re.compile(r'\s*[{\["]')
_TAG = re.compile(r"<[^>]*>")
_DEFLATE = b"\x78"
_NO_BLOCK = b"\xff" * 8  # of deflate
_NAMES = frozenset({"data", "event", "id", "retry"})
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_KEPT_FIELDS = frozenset({"event", "retry", "bare"})


@dataclass(slots=True)
class _Lines:
    """Related lines, as spans of the text; ``kind`` is their field."""

    kind: str
    spans: list[tuple[int, int]] = field(default_factory=list)


def masked_response(exchange: Exchange, context: Context) -> Response:
    """Return the response with other texts in its body; nothing else changes."""
    response = exchange.response
    if not response.content:
        return response
    if response.undecodable and response.content is response.body and response.body[:1] in {GZIP[:1], _DEFLATE}:
        return replace(response, body=_unreadable(response.body))
    content = masked_content(response.content, context, kind=exchange.reading.body_kind)
    if response.content is response.body:
        return replace(response, body=content)
    return _packed(response, content)


def masked_content(content: bytes, context: Context, kind: str) -> bytes:
    """Return a body with other texts, of the same length; ``kind`` is the kind of the body."""
    for mark, encoding in _UTF16.items():
        if content.startswith(mark):
            with suppress(UnicodeDecodeError):  # damaged, it is masked as any bytes
                bare = content.removeprefix(mark).decode(encoding).encode()
                return mark + masked_content(bare, context, "text").decode().encode(encoding)
    text = content.decode("utf-8", "surrogateescape")
    if kind == "stream":
        made = _masked_stream(text, context)
    elif kind == "json" or (kind == "text" and re.search(r'[{\[]\s*"', text)):
        made = JsonTexts(context).masked([text])[0]
    else:
        made = _masked_text(text, context)
    return made.encode("utf-8", "surrogateescape")


def _masked_stream(text: str, context: Context) -> str:
    blocks = list(_blocks(text))
    texts = ["\n".join(text[start:end] for start, end in block.spans) for block in blocks]
    is_json = [
        block.kind not in {"id", ""} and _JSON.match(one) is not None for block, one in zip(blocks, texts, strict=True)
    ]
    made_json = iter(JsonTexts(context).masked([one for one, json in zip(texts, is_json, strict=True) if json]))
    parts, at = [], 0
    for block, one, json in zip(blocks, texts, is_json, strict=True):
        made = next(made_json) if json else _masked_field(block.kind, one, context)
        for (start, end), line in zip(block.spans, _lines(made, block), strict=True):
            parts += [text[at:start], line]
            at = end
    return "".join([*parts, text[at:]])


def _lines(made: str, block: _Lines) -> Iterator[str]:
    at = 0
    for start, end in block.spans:
        yield made[at : at + end - start]
        at += end - start + 1


def _masked_field(kind: str, value: str, context: Context) -> str:
    if kind in _KEPT_FIELDS:
        return value
    if kind == "id":
        return masked_id(value, context.vocabulary)
    if kind == "":  # a comment
        return context.repetitions.masked(value)
    # A JSON parser's message for a word depends on its first letter.
    return value[:1] + _masked_text(value, context)[1:]


def _masked_text(text: str, context: Context) -> str:
    """Mask a text that is not JSON: of a page or an error only what it repeats of the request."""
    if context.refused or _TAG.match(text.lstrip()):
        return context.repetitions.masked(text)
    return context.vocabulary.text(text)


def _blocks(text: str) -> Iterator[_Lines]:
    """Yield the values of fields; ``data`` lines of one event together, and lines that are not fields."""
    block, at = _Lines("none"), 0
    for line in _LINE.finditer(text):
        found = _FIELD.fullmatch(line[0])
        kind = found["name"] if found else "bare" if line[0] in _NAMES else "line"
        kind = "indented" if found and found["indent"] else kind
        span = (line.start() + (len(found["start"]) if found else 0), line.end())
        apart = len(_LINE_END.findall(text, at, line.start())) > 1
        if apart or kind != block.kind or kind not in {"data", "line"}:
            if block.spans:
                yield block
            block = _Lines(kind)
        block.spans.append(span)
        at = line.end()
    if block.spans:
        yield block


def _packed(response: Response, content: bytes) -> Response:
    """Return the response with another content, compressed as before; its reads no longer apply."""
    if response.too_large:
        headers = Headers(tuple(pair for pair in response.headers.pairs if pair[0].lower() != "content-encoding"))
        error = f"LimitReached: {response.too_large}"
        return replace(response, body=content, headers=headers, reads=None, eof=False, error=error)
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16 if response.body[:2] == GZIP else zlib.MAX_WBITS)
    packed = packer.compress(content)
    if not response.undecodable or "follow" in response.undecodable:
        after = b"\0" * int(response.undecodable.split()[0]) if response.undecodable else b""
        return replace(response, body=packed + packer.flush() + after, reads=None)
    # It ends where it did, or continues with something that is not a block.
    packed += packer.flush(zlib.Z_SYNC_FLUSH)
    return replace(response, body=packed if "cut short" in response.undecodable else packed + _NO_BLOCK, reads=None)


def _unreadable(body: bytes) -> bytes:
    return body[:2] + b"\0" * (len(body) - 2)
