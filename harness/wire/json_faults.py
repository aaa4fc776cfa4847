"""
Explains why text is not JSON, by cause instead of by the byte at which a parser gave up.

Each cause is one mistake that is undone: if the text is then JSON, that was the mistake.
"""

import ast
import contextlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from html import unescape
from typing import Any, Literal, NamedTuple

JsonForm = Literal[
    "python", "several", "bom", "constant", "number", "comma", "comment", "control", "word", "key", "quote", "cut", "deep",
    "text", "field", "parted", "remark", "entity", "interrupted", "unclosed", "escape", "other",
]  # fmt: skip

_MOST = 1 << 16
"""Length beyond which only the causes that one pass finds are tried, characters."""
_CLOSING_COMMA = re.compile(r",(\s*[}\]])")
_ESCAPE = re.compile(r"(\\[\"\\/bfnrtu])|\\")
_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"\w])//[^\n]*", re.DOTALL)
_BARE_KEY = re.compile(r"([{,]\s*)([A-Za-z_$][\w$]*)\s*:")
_WORD = re.compile(r"(?<=[:\[,\s])(None|True|False|undefined|nil)(?=\s*[,}\]])")
_LABEL = re.compile(r"\[(?!true\b|false\b|null\b|NaN\b|Infinity\b|None\b|True\b|False\b|undefined\b|nil\b)[A-Za-z]")
"""A word in brackets before plain text, such as [ERROR]."""
_NUMBER = re.compile(r"-?\d[\d.]*[eE][+-]?\d+|\d{300,}")
_WORDS = {"None": "null", "True": "true", "False": "false", "undefined": "null", "nil": "null"}
_SHOWN = 24
_PARTS = 8  # maximum number of events that one JSON text is searched in


_read = partial(json.loads, parse_int=str)
"""Numbers are not converted: int() rejects more than 4,300 digits."""


class JsonFault(NamedTuple):
    """A cause, and the phrase that follows "it is not JSON:"."""

    form: JsonForm
    said: str


def fault_of(data: bytes, error: str) -> JsonFault:
    """Return the cause why ``data`` is not JSON; ``error`` is the parser's message."""
    text = data.decode("utf-8", "replace")
    tries: tuple[Callable[[str], JsonFault | None], ...] = (_no_json_at_all, _marked, _several, _unclosed, _unquoted)
    with contextlib.suppress(RecursionError):
        tries += (_slip, _python, _single_quotes) if len(text) <= _MOST else ()
        found = (fault for one in (*tries, _broken_off) if (fault := one(text)))
        return next(found, JsonFault("other", error))
    return _DEEP


_DEEP = JsonFault("deep", "it is nested deeper than parsers go")
PARTED = JsonFault("parted", "one JSON text is parted over several events")


INTERRUPTED = JsonFault("interrupted", "a heartbeat stands in the midst of it")
_NEXT_LINE = re.compile(rb"\s*[\r\n]([^\r\n]+)")


def is_interrupted(data: bytes, rest: bytes) -> bool:
    """
    Return whether ``data``, which is not JSON, ends in a comment, and otherwise continues in the next line of
    ``rest``.
    """
    line = _NEXT_LINE.match(rest[:_MOST])
    return line is not None and _parses((data[: data.rfind(b":")] + line[1]).decode("utf-8", "replace"))


LINE_END = JsonFault("control", "a line end in it is not escaped, so that the rest is a line of its own")


def is_broken_by_line_end(data: bytes, rest: bytes) -> bool:
    """
    Return whether ``data``, which is not JSON, is JSON with the next line of ``rest``: a string holds the line
    end.
    """
    line = _NEXT_LINE.match(rest[:_MOST])
    if line is None or line[1].startswith((b"data:", b"event:", b"id:", b":")):
        return False
    joined = (data + b"\n" + line[1]).decode("utf-8", "replace")
    return _is_json(lambda: _read(joined, strict=False))


def are_one(texts: Sequence[bytes], numbers: Sequence[int]) -> bool:
    """Return whether texts with consecutive ``numbers``, none of them JSON, begin with one object in several parts."""
    joined = b""
    for number, before in zip(numbers[:_PARTS], (numbers[0] - 1, *numbers), strict=False):
        joined += texts[number]
        if number != before + 1 or len(joined) > _MOST or not joined.lstrip().startswith(b"{"):
            return False
        if _parses(joined.decode("utf-8", "replace")):
            return number > numbers[0]
    return False


def _parses(text: str) -> bool:
    try:
        _read(text, parse_constant=_refused)
    except ValueError:
        return False
    return True


def _refused(constant: str) -> None:
    raise ValueError(constant)


def _no_json_at_all(text: str) -> JsonFault | None:
    """Text that does not begin as JSON does; the parser's message serves as the explanation."""
    begins = text.strip().lstrip("\ufeff")
    if begins.startswith(("data:", "event:")):
        return JsonFault("field", f"the name of the field stands twice, {_short(begins)}")
    if begins.startswith(":"):
        return JsonFault("remark", f"it is a comment, {_short(begins)}, sent as data")
    is_json = begins[:1] in {"{", "[", '"'} and not _LABEL.match(begins)
    return None if is_json else JsonFault("text", f"it is plain text, {_short(text.strip())}")


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def _marked(text: str) -> JsonFault | None:
    if text.lstrip().startswith("\ufeff") and _parses(text.lstrip().lstrip("\ufeff")):
        return JsonFault("bom", "a byte order mark stands before it")
    return None


def _several(text: str) -> JsonFault | None:
    """Several JSON texts, one after the other."""
    decoder, at, count = json.JSONDecoder(parse_int=str), 0, 0
    text = text.strip()
    lines = ""
    while at < len(text) and text[at] in "{[":
        try:
            _, at = decoder.raw_decode(text, at)
        except ValueError:
            break
        count += 1
        rest = text[at:].lstrip()
        lines = ", with no blank line between them" if "\n" in text[at : len(text) - len(rest)] else lines
        at = len(text) - len(rest)
    if count == 0 or (count == 1 and at >= len(text)):
        return None
    mark = bool(lines) and text[at:] == "[DONE]"
    if at >= len(text) or mark:
        texts = f"{count} JSON texts" if count > 1 else "a JSON text"
        return JsonFault("several", f"{texts}{' and the mark [DONE]' * mark} stand in one{lines}")
    return JsonFault("several", f"after the JSON text comes {_short(text[at:])}")


def _unclosed(text: str) -> JsonFault | None:
    """A text that breaks off, with another one on the line below: the event of the first was not ended."""
    above, _, below = text.strip().rpartition("\n")
    both = above.startswith("{") and below.startswith("{") and _parses(below)
    broken = _broken_off(above) if both else None
    return JsonFault("unclosed", f"{broken.said}, and another JSON text follows on the next line") if broken else None


def _python(text: str) -> JsonFault | None:
    """The ``repr`` of a dict."""
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError):
        return None
    return JsonFault("python", "it is written as Python prints a dict") if isinstance(value, dict | list) else None


def _single_quotes(text: str) -> JsonFault | None:
    return JsonFault("quote", "its texts stand in single quotes") if _parses(text.replace("'", '"')) else None


def _unquoted(text: str) -> JsonFault | None:
    """
    Text that only Python accepts as JSON: NaN, Infinity, numbers beyond a double, or its depth.

    The depth that Python accepts differs by version; other parsers stop at about 1,000 levels.
    """
    found: list[str] = []
    try:
        _read(text, parse_constant=found.append)
    except ValueError:
        return None
    if found:
        return JsonFault("constant", f"it holds {found[0]}, which JSON has not")
    number = next((one for one in _NUMBER.findall(text) if abs(_as_float(one)) == float("inf")), None)
    return JsonFault("number", f"it holds the number {number[:_SHOWN]}, which is out of range") if number else _DEEP


def _as_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _slip(text: str) -> JsonFault | None:
    """A mistake that can be undone."""
    if _is_json(lambda: _read(text, strict=False)):
        return JsonFault("control", "a text in it holds a control character that is not escaped, such as a line break")
    return next((JsonFault(form, said) for form, said, undone in _undone(text) if _parses(undone)), None)


def _undone(text: str) -> Iterator[tuple[JsonForm, str, str]]:
    """Yield mistakes, and the text without them."""
    word = _WORD.search(text)
    if word:
        yield "word", f"it holds {word[1]}, which JSON has not", _WORD.sub(lambda found: _WORDS[found[1]], text)
    if "&quot;" in text:
        yield "entity", "its quotes are written as in HTML, &quot;", unescape(text)
    yield "escape", "a backslash in it escapes what JSON does not escape", _ESCAPE.sub(r"\1", text)
    yield "comma", "a comma stands before a closing bracket", _CLOSING_COMMA.sub(r"\1", text)
    yield "comment", "it holds a comment", _COMMENT.sub("", text)
    quoted = _BARE_KEY.sub(r'\1"\2":', text)
    if quoted != text:
        yield "key", "a key in it has no quotes", quoted if _parses(quoted) else quoted.replace("'", '"')


def _is_json(read: Callable[[], Any]) -> bool:
    try:
        read()
    except ValueError:
        return False
    return True


def _broken_off(text: str) -> JsonFault | None:
    """A text that ends before its brackets are closed."""
    try:
        _read(text)
    except json.JSONDecodeError as error:
        ended = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        return JsonFault("cut", f"it breaks off after {len(text):,} characters") if ended else None
    return None
