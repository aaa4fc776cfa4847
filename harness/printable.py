r"""
Escapes outside text for display: on a terminal, in Markdown, in SVG and in logs.

How it works: terminal controls (C0, DEL, C1), bidirectional controls, which reorder text
(https://trojansource.codes), invisible characters (Unicode's Default_Ignorable_Code_Point) and lone surrogates
become an escape such as ``\x1b``, as Python writes it.  Letters of every script, combining marks and emoji stay: so
does a joiner between two non-ASCII characters, and one variation selector after such a character.  It is for
display only: recordings, and output for programs, keep every byte.
"""

import re
from functools import cache

_CONTROLS = "\x00-\x1f\x7f-\x9f\u2028\u2029"
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSEEN = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_HIDDEN = f"{_CONTROLS}{_BIDI}{_UNSEEN}\ud800-\udfff"
_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0d\U000e0100-\U000e01ef"
_EMOJI_OR_TEXT = "\ufe0e\ufe0f"
_VARIED = f"[{_SELECTORS}{_EMOJI_OR_TEXT}]"
_JOINER = "[\u200c\u200d]"
_SEEN = f"[^\x00-\x7f\u200c\u200d{_HIDDEN}{_SELECTORS}{_EMOJI_OR_TEXT}]"
_FLAGS = "\U0001f3f4\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074|\U000e0077\U000e006c\U000e0073)\U000e007f"
"""England, Scotland and Wales: the only emoji written with invisible characters."""

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LAYOUT = frozenset("\n\t")
_NOT_SEEN_YET_PRINTABLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
    + "".join(map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
"""The characters to replace that Python calls printable: marks and letters by their category."""


def printable(text: str) -> str:
    """Return a text as one line, with invisible and control characters escaped; idempotent."""
    return text if _is_plain(text) else _replaced().sub(_escape, text)


def printable_lines(text: str) -> str:
    """Return a text of several lines the same way; line ends and tabs stay."""
    if _is_plain(text.replace("\n", "").replace("\t", "")):
        return text
    return _replaced().sub(lambda found: found[0] if found[0] in _LAYOUT else _escape(found), text)


def printable_json(text: str) -> str:
    r"""Return equivalent JSON, with such characters written as ``\uXXXX``: they only occur in strings."""
    if text.isascii() and "\x7f" not in text:
        return text
    return _replaced().sub(lambda found: found[0] if found[0] in _LAYOUT else _json_escape(found), text)


def _is_plain(text: str) -> bool:
    """Return quickly whether a text certainly has nothing to replace; others are examined in full."""
    return text.isprintable() and (text.isascii() or _NOT_SEEN_YET_PRINTABLE.isdisjoint(text))


@cache
def _replaced() -> re.Pattern[str]:
    """Return the pattern to replace; compiled on first use, since few texts need it."""
    return re.compile(
        f"({_FLAGS})|[{_HIDDEN}]"
        f"|(?<!{_SEEN})(?<!{_SEEN}{_VARIED}){_JOINER}|{_JOINER}(?!{_SEEN})"
        f"|(?<!{_SEEN})[{_SELECTORS}]|(?<!{_SEEN})(?<![0-9#*])[{_EMOJI_OR_TEXT}]"  # 1️⃣ is a digit and a selector
    )


def _escape(found: re.Match[str]) -> str:
    if found[1]:
        return found[1]
    code = ord(found[0])
    if found[0] in _SHORT:
        return _SHORT[found[0]]
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - as repr does


def _json_escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass").hex()
    return found[1] or "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def count_of(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its unit: 1 file, 2,000 files; ``many`` is the plural unless it only adds an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
