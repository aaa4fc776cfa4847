"""
What a publisher put in the place of what a server sent: placeholders for ids, dates and names.

Where the line is.  Nothing is taken for altered in a recording that this program made itself: what stands there was sent,
an id "" or a ``created`` of 0 as much as any other.  In a recording that another tool made, or somebody published, a field
is altered where it holds what no server makes up: a word such as REDACTED or sanitized, a name in brackets, a row of x or
of zeros, digits in a row, the ``abc123`` of manuals.  A value that a careless server may well send, ``created`` 0 or the
id "0", is taken for altered only beside another field that is, or both together: one of them alone is judged.  An id ""
is none of these, since servers do send it, with ``created`` 0 beside it.
"""

import re
from collections.abc import Mapping
from typing import Any

from harness.wire.shapes import Occurrences

_NAMES = ("id", "model", "system_fingerprint")
_WORDS = re.compile(
    r"redacted|sanitized|sanitised|scrubbed|filtered|masked|anonymi[sz]ed|placeholder|dummy|fixture",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"<[^<>]+>|\[[\w .-]+\]|\{+[\w .-]+\}+|%\w+%|\*\*.*\*\*|__.*__")
_PREFIX = re.compile(r"[A-Za-z]{1,16}[-_](?=.)")
_FILLED = re.compile(r"(?:[xX*.…_-]{3,}|[xX0-]{8,}|0{4,}|abc-?123\w*|(?:abc|xyz)(?:def)?)")
_IN_A_ROW = ("0123456789012345", "9876543210")
_ROW = 5  # digits; fewer of them come by chance
_WEAK = {"0", "id", "string"}
_NO_TIME = {0, 1}
_FILLED_TIME = {1_111_111_111, 1_234_567_890, 9_999_999_999}


def is_placeholder(value: Any) -> bool:
    """Tell whether a value is one that stands for another, of a form that no server makes."""
    if not isinstance(value, str) or not value:
        return False
    if _WORDS.search(value) or _BRACKETS.fullmatch(value):
        return True
    rest = _PREFIX.sub("", value, count=1)
    return bool(_FILLED.fullmatch(rest)) or (
        len(rest) >= _ROW and rest.isdigit() and any(rest in row for row in _IN_A_ROW)
    )


def altered_fields(values: Mapping[str, Mapping[Any, Occurrences]]) -> frozenset[str]:
    """Return which of id, model, system_fingerprint and created hold what a publisher put there, given their values."""
    found = {name for name in _NAMES if any(values[name]) and all(map(is_placeholder, filter(None, values[name])))}
    ids, times = set(values["id"]), set(values["created"])
    timeless = bool(times) and times <= _NO_TIME
    if timeless and ids and ids <= _WEAK:
        found.add("id")
    if (timeless and found) or (times and times <= _FILLED_TIME):
        found.add("created")
    return frozenset(found)
