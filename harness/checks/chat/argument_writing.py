"""Recognizes how arguments that are not a JSON object are written, with advice for each notation."""

import ast
import json
import re
from html import unescape

from harness.results import Advice
from harness.wire.chat.calls import is_object

_SHOWN = 60
_QUOTES = 40

_FOR_HTML = Advice(
    "`json.loads` raises at the first name: the call is never made.",
    "If it raises, undo the escapes: `json.loads(html.unescape(arguments))`.",
)
_AROUND = Advice(
    "`json.loads` raises at the text around the object: the call is never made.",
    'Read from the first brace to the last: `arguments[arguments.index("{") : arguments.rindex("}") + 1]`.',
)
_BEHEADED = Advice(
    "`json.loads` raises: the first piece of the arguments never came, and the call is never made.",
    "Ask again without `stream=True`: the server loses the first piece, and the client cannot tell what it was.",
)
_PYTHON = Advice(
    "`json.loads` raises at the first quote, or at None, True or False: the call is never made.",
    "Parse it as Python: `ast.literal_eval(arguments)`.",
)
_BRACES = Advice(
    "`json.loads` raises at the second brace: the call is never made.",
    "Remove the outer braces: `json.loads(arguments[1:-1])`.",
)
_BRACE_TWICE = Advice(
    "`json.loads` raises at the second brace: the call is never made.",
    "Take the first brace off where it raises: `json.loads(arguments[1:])`.",
)
_BEYOND = Advice(
    "`json.loads` raises at what follows the object: the call is never made.",
    "Read the object and leave the rest: `args, _ = json.JSONDecoder().raw_decode(arguments.lstrip())`.",
)
_RESTARTED = Advice(
    "`json.loads` raises where they begin again: the call is never made.",
    "Read on from the last place that has the first characters: `json.loads(arguments[arguments.rfind(arguments[:5]) :])`.",
)
_GAP = Advice(
    "`json.loads` raises, and a reader that mends JSON makes a value of two: the call is never made, or made with the wrong values.",
    "Nothing in the client tells what is missing: ask again without `stream=True`, where nothing is put together of pieces.",
)
_QUOTES_ESCAPED = Advice(
    "`json.loads` raises at the first backslash: the call is never made.",
    r"""If it raises, remove the backslashes: `json.loads(arguments.replace('\\"', '"'))`.""",
)
_BACKSLASH = Advice(
    "`json.loads` raises at the backslash: the call is never made. Others of the kind, such as `\\n` in a path, are read as a different character.",
    "Double the backslashes that escape nothing: `json.loads(re.sub(r'\\\\(?![\"\\\\/bfnrtu])', r'\\\\\\\\', arguments))`.",
)
_KEYS = Advice(
    "`json.loads` raises at the first key: the call is never made.",
    "Insert the quotes: `json.loads(re.sub(r'([{,]\\s*)(\\w+)\\s*:', r'\\1\"\\2\":', arguments))`.",
)
_COMMA = Advice(
    "`json.loads` raises at the bracket after the comma: the call is never made.",
    "Remove the comma: `json.loads(re.sub(r',\\s*([}\\]])', r'\\1', arguments))`.",
)
_NO_COMMA = Advice(
    "`json.loads` raises at the key after the gap: the call is never made.",
    'Insert the comma: `json.loads(re.sub(r\'"\\s*"(?=\\w+"\\s*:)\', \'","\', arguments))`.',
)
_NO_VALUE = Advice(
    "`json.loads` raises at the missing value: the call is never made.",
    "The intended value is unknown: send the error back as the tool's result, and let the model try again.",
)
_INNER = Advice(
    "`json.loads` raises after the quote: the call is never made, and a reader that repairs JSON may end the value there.",
    "Do not guess where the value ends: send the error back as the tool's result, and let the model try again.",
)
_NO_JSON = Advice(
    "`json.loads` raises at the first character: the call is never made.",
    "Start the server with the tool parser of the model; until then send the error back as the tool's result, and let the model try again.",
)
_REWRITES = (
    ("the arguments are escaped for HTML", _FOR_HTML, unescape),
    ("the arguments are in two pairs of braces", _BRACES, lambda text: text[1:-1]),
    ("the first brace of the arguments comes twice", _BRACE_TWICE, lambda text: text[1:] if text[:2] == "{{" else text),
    ("the quotes of the arguments are escaped once more", _QUOTES_ESCAPED, lambda text: text.replace('\\"', '"')),
    ("a backslash in the arguments escapes nothing", _BACKSLASH, lambda text: re.sub(r'\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})', r"\\\\", text)),
    ("the keys of the arguments have no quotes", _KEYS, lambda text: re.sub(r"([{,]\s*)(\w+)\s*:", r'\1"\2":', text)),
    ("the arguments have a comma before a closing bracket", _COMMA, lambda text: re.sub(r",\s*([}\]])", r"\1", text)),
    ("a comma is missing between two of the arguments", _NO_COMMA, lambda text: re.sub(r'"\s*"(?=\w+"\s*:)', '","', text)),
    ("a value of the arguments is missing", _NO_VALUE, lambda text: re.sub(r":\s*(?=[,}])", ":null", text)),
)  # fmt: skip
"""The message of each notation, the advice, and the conversion to an object."""

_ONE_VALUE = re.compile(r'\s*\{\s*"\w+"\s*:\s*".*"\s*\}\s*\Z', re.DOTALL)
_TWO_COLONS = re.compile(r':\s*"[^"]*"\s*:')
"""A value followed by another value without a comma or key between them."""
_MARKUP = re.compile(r"\s*<(?:/?(?:\w+:)?(?:tool_call|function|parameter|arg_key|arg_value|invoke|args?)\b|\|)")
_PYTHON_CALL = re.compile(r"\s*[A-Za-z_][\w.]*\(.*\)\s*", re.DOTALL)
_PAIRS = re.compile(r"\s*\w+\s*[=:]\s*[^\s{\[][^\n]*(?:\n\s*\w+\s*[=:][^\n]*)*\s*")
_STRAY = re.compile(r'[^\s{\[,:\\]"(?=[^\s:,}\]])')
"""A quote that neither begins nor ends a JSON string."""


def rewritten(text: str) -> tuple[str, Advice] | None:
    """Return the problem of an object in another notation, with text around it, or with a part missing."""
    shown = text[:_SHOWN]
    for said, advice, mended in _REWRITES:
        if is_object(mended(text)):
            return f"{said}: {shown}", advice
    rest = beyond(text)
    begin, end = text.find("{"), text.rfind("}") + 1
    around = begin >= 0 and (begin or end < len(text)) and is_object(text[begin:end])
    forms = (
        (around, "the arguments have text around them", _AROUND),
        (bool(rest), f"{rest!r} follows the object of the arguments", _BEYOND),
        (_restarted(text), "the arguments begin again before they end", _RESTARTED),
        (is_object("{" + text) or is_object('{"' + text), "the beginning of the arguments is missing", _BEHEADED),
        (_is_python(text), "the arguments are written as Python", _PYTHON),
        (
            bool(_TWO_COLONS.search(text)),
            "a piece of the arguments is missing, or stands in the place of another",
            _GAP,
        ),
        (_inner(text), "a quote in a value of the arguments is not escaped", _INNER),
    )
    told = next(((f"{said}: {shown}", advice) for found, said, advice in forms if found), None)
    other = None if told else _other_form(text)
    return (f"{other}: {shown}", _NO_JSON) if other else told


def _other_form(text: str) -> str | None:
    """Return the form of arguments without any JSON: template markup, a Python call, keys and values."""
    if _MARKUP.match(text):
        return "the arguments are the markup of a model's template, not JSON"
    if _PYTHON_CALL.fullmatch(text):
        return "the arguments are a call as Python writes it, not JSON"
    return "the arguments are keys and values, not JSON" if _PAIRS.fullmatch(text) else None


def beyond(text: str) -> str | None:
    """Return the text after the object that ``text`` begins with, such as an extra brace; None if there is none."""
    bare = text.lstrip()
    try:
        value, end = json.JSONDecoder().raw_decode(bare)
    except (ValueError, RecursionError):
        return None
    return bare[end:].strip()[:_SHOWN] or None if isinstance(value, dict) else None


def _restarted(text: str) -> bool:
    """Return whether an object follows a beginning of itself; a quote may have closed that."""
    again = text.rfind(text[:5])
    return again > 0 and text.startswith(text[: again - 1], again) and is_object(text[again:])


def _is_python(text: str) -> bool:
    if not ("'" in text or any(word in text for word in ("None", "True", "False", '"""'))):
        return False
    try:
        return isinstance(ast.literal_eval(text), dict)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False


def _inner(text: str) -> bool:
    """Return whether a quote belongs to a value: parsing of ``text`` stops after it."""
    mended = text
    for _ in range(_QUOTES):
        try:
            return isinstance(json.loads(mended), dict)
        except json.JSONDecodeError as error:
            quote = mended.rfind('"', 0, error.pos)
            if quote < 1 or mended[quote - 1] == "\\" or mended[quote + 1 : error.pos].strip():
                break
            mended = mended[:quote] + "\\" + mended[quote:]
        except RecursionError:
            return False
    return bool(_ONE_VALUE.match(text) and _STRAY.search(text))
