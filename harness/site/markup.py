"""
Escapes outside text for the pages, and renders bytes with a place marked.

How it works: a page is raw HTML inside Markdown, which interprets line ends, tabs and backticks even there; so
these become character references, in addition to HTML's own special characters.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.printable import printable, printable_lines

_REFERENCES = str.maketrans({"`": "&#96;", "\n": "&#10;", "\t": "&#9;", "_": "&#95;", "*": "&#42;"})
_NO_SLUG = re.compile(r"[^A-Za-z0-9._-]")
_BEFORE = 220
_AFTER = 180
_LONGEST = 400
_LONG_ADDRESS, _ADDRESS_HEAD, _ADDRESS_TAIL = 72, 34, 36
_REMEMBERED = 20_000
"""Most texts stand on many pages: names, titles, advice."""

_CONTINUES = 0b1000_0000
_TOP_BITS = 0b1100_0000


@lru_cache(_REMEMBERED)
def safe(text: str) -> Markup:
    """Return a text as one escaped line."""
    return Markup(escape(printable(text)).translate(_REFERENCES))  # noqa: S704 - it was escaped


def safe_lines(text: str) -> Markup:
    """Return a text of several lines, escaped for a ``pre``."""
    return Markup(escape(printable_lines(text)).translate(_REFERENCES))  # noqa: S704 - it was escaped


@lru_cache(_REMEMBERED)
def prose(text: str) -> Markup:
    """Return one of harness's sentences, with the parts between backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return safe(text)
    return Markup().join(
        Markup("<code>{}</code>").format(safe(part)) if number % 2 else safe(part) for number, part in enumerate(parts)
    )


def address(url: str) -> str:
    """Return the target of a link for display: decoded, without its scheme, its middle elided if it is long."""
    shown = unquote(url.split("://", 1)[-1])
    return shown if len(shown) <= _LONG_ADDRESS else f"{shown[:_ADDRESS_HEAD]}…{shown[-_ADDRESS_TAIL:]}"


def anchor(name: str) -> Markup:
    """Return an id as an anchor of a Markdown heading, without characters that no id of harness has."""
    return Markup(_NO_SLUG.sub("-", name))  # noqa: S704 - letters, digits, dots, dashes and underscores


@dataclass(frozen=True, slots=True)
class BytesShown:
    """Some bytes of a response as text, with a marked place; ``number`` is the offset of that place."""

    before: str
    marked: str
    after: str
    number: int


def bytes_around(content: bytes, at: int, length: int) -> BytesShown:
    """Return the bytes around a place: the text before and after it is truncated, the place itself to a few lines."""
    number, at = at, _character_at(content, min(at, len(content)))
    end = min(at + min(length, _LONGEST), len(content))
    begin = _character_at(content, max(0, at - _BEFORE))
    line = content.find(b"\n", begin, max(begin, at - _BEFORE // 2))
    begin = line + 1 if begin and line >= 0 else begin
    stop = _character_at(content, min(len(content), end + _AFTER))
    end = _character_at(content, end)
    before, marked, after = (_text(content[one:other]) for one, other in ((begin, at), (at, end), (end, stop)))
    return BytesShown(
        f"{'…' if begin else ''}{before.lstrip(chr(10))}",
        marked,
        f"{after}{'…' if stop < len(content) else ''}",
        number,
    )


def _character_at(content: bytes, at: int) -> int:
    """Return the nearest place at or before ``at`` where a UTF-8 character begins."""
    for back in range(4):
        if at - back <= 0 or at - back >= len(content) or content[at - back] & _TOP_BITS != _CONTINUES:
            return at - back
    return at


def _text(piece: bytes) -> str:
    return piece.decode("utf-8", "backslashreplace").replace("\r\n", "\n")


def environment(**more: Any) -> Environment:
    """Return the template environment; every value that is not markup is escaped."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
        auto_reload=False,
    )
    made.filters |= {"address": address, "prose": prose, "lines": safe_lines, "anchor": anchor}
    made.globals |= more
    return made


def _finalized(value: Any) -> Any:
    return value if hasattr(value, "__html__") else safe(str(value))
