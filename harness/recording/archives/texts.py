"""Reads recordings that are plain text: a raw stream, and the output of curl; detected by their beginning."""

import re
from collections.abc import Callable, Iterator

from harness.recording.archives.http_text import (
    CURL_I,
    CURL_V,
    HTTPRR,
    MESSAGES,
    curl_i_exchange,
    curl_v_exchange,
    exchange_of_messages,
    httprr_exchanges,
)
from harness.wire.exchange import Exchange, Request, Response, Source

_SSE = re.compile(rb"(?:data|event|id|retry):|:")
_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r)(?:\r\n|\n|\r)")
_DATA_LINE = re.compile(rb"(data:[^\r\n]*)(\r\n|\n|\r|\Z)")


TextReader = Callable[[bytes, str], Iterator[Exchange]]
"""Reads the content of a file; its name is for messages."""


def text_reader(begins: bytes) -> TextReader | None:
    """Return the reader of a text that ``begins`` so; None if there is none."""
    readers: tuple[tuple[bool, TextReader], ...] = (
        (begins.startswith(HTTPRR), httprr_exchanges),
        (bool(CURL_I.match(begins)), _one(curl_i_exchange)),
        (bool(CURL_V.match(begins)), _one(curl_v_exchange)),
        (bool(MESSAGES.match(begins)), _one(exchange_of_messages)),
        (bool(_SSE.match(begins)), _stream),
    )
    return next((reader for fits, reader in readers if fits), None)


def _one(read: Callable[[bytes, str], Exchange]) -> TextReader:
    return lambda content, where: iter([read(content, where)])


def _stream(content: bytes, _where: str) -> Iterator[Exchange]:
    """Yield the exchange of a raw stream; if its blank lines are missing, each data line is an event."""
    if _BLANK_LINE.search(content) or content.count(b"data:") < 2:  # noqa: PLR2004 - one event needs none
        yield Exchange(Request("POST", ""), Response(200, body=content))
    else:
        framed = _DATA_LINE.sub(rb"\1\2\2", content)
        yield Exchange(Request("POST", ""), Response(200, body=framed), Source(fidelity="lines"))
