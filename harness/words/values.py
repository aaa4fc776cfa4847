"""
Translates observed values, and outcomes of clients.

How it works: a value is a word, or words joined by ``|``, ``+``, commas, colons, semicolons and brackets, kinds by
a slash.  Each is looked up in ``zh.values.po``, the longest first; names of fields and of headers, which are not
there, stay unchanged.
"""

import re
from functools import cache, lru_cache

from harness.words import LANGUAGES, entries, file_of, language, read
from harness.words.problems import filled_in

_BETWEEN = (" | ", "; ", " + ", ", ", ": ")
_CHINESE = {"; ": "；", ", ": "，", ": ": "："}
_BRACKETS = re.compile(r"(.+) \((.+)\)")
_KINDS = frozenset({"missing", "null", "text", "list", '""', "-"})

_HAN = re.compile(r"[\u4e00-\u9fff]")


def translated_value(value: str, into: str | None = None) -> str:
    """Return an observed value in a language, by default that of :func:`language`; in English without a translation."""
    chosen = into or language()
    return value if chosen == LANGUAGES[0] else _value(value, chosen)


@lru_cache(maxsize=10_000)
def _value(value: str, chosen: str) -> str:
    whole = _whole(chosen).get(value)
    if whole is not None:
        return whole
    found = _BRACKETS.fullmatch(value)
    if found and " | " not in value:
        head, inner = _value(found[1], chosen), _value(found[2], chosen)
        return f"{head}（{inner}）" if _HAN.search(head + inner) else value
    separator = next((one for one in _between(value) if one in value), None)
    if separator is None:
        return filled_in(value, "values", chosen) or value
    parts = [_value(part, chosen) for part in value.split(separator)]
    between = _CHINESE.get(separator, separator) if _HAN.search("".join(parts)) else separator
    return between.join(parts)


@cache
def _whole(chosen: str) -> dict[str, str]:
    return dict(entries(read(file_of(chosen, "values"))))


def _between(value: str) -> tuple[str, ...]:
    """Return the allowed separators of the words of a value: a slash only between kinds, not within names."""
    return (*_BETWEEN, "/") if {*value.split("/")} <= _KINDS else _BETWEEN


def translated_outcome(message: str, into: str | None = None) -> str:
    """Return the outcome of a client in a language, by default that of :func:`language`; in English without one."""
    chosen = into or language()
    return message if chosen == LANGUAGES[0] else filled_in(message, "outcomes", chosen) or message
