"""
Detects placeholders that a publisher substituted for ids, dates and names.

Nothing counts as altered in a recording that this program made itself: even an id "" or a ``created`` of 0 was
sent.  In a recording that was published or made by another tool, a field is altered if it holds what no server
generates: a word such as REDACTED or sanitized, a name in brackets, a row of x or of zeros, digits in a row, the
``abc123`` of manuals.  A value that a careless server may send, ``created`` 0 or the id "0", counts as altered only
together with another altered field, or if both occur; alone it is judged.  An id "" is none of these, since servers
do send it, with ``created`` 0 beside it.
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
    """Return whether a value is a placeholder, of a form that no server generates."""
    if not isinstance(value, str) or not value:
        return False
    if _WORDS.search(value) or _BRACKETS.fullmatch(value):
        return True
    rest = _PREFIX.sub("", value, count=1)
    return bool(_FILLED.fullmatch(rest)) or (
        len(rest) >= _ROW and rest.isdigit() and any(rest in row for row in _IN_A_ROW)
    )


def altered_fields(values: Mapping[str, Mapping[Any, Occurrences]]) -> frozenset[str]:
    """Return which of id, model, system_fingerprint and created hold a publisher's placeholder, given their values."""
    found = {name for name in _NAMES if any(values[name]) and all(map(is_placeholder, filter(None, values[name])))}
    ids, times = set(values["id"]), set(values["created"])
    timeless = bool(times) and times <= _NO_TIME
    if timeless and ids and ids <= _WEAK:
        found.add("id")
    if (timeless and found) or (times and times <= _FILLED_TIME):
        found.add("created")
    return frozenset(found)
