"""Finds the day of a recording, which recorders give under many names, as text or as seconds."""

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_NAMES = frozenset({
    "capturedat", "recordedat", "recorded", "starteddatetime", "timestamp", "createdat", "requestcreatedat",
    "startedat", "starttime", "start", "timeexported", "date", "at",
})  # fmt: skip
_HOLDERS = ("meta", "metadata", "times", "request", "log")
_PUNCTUATION = re.compile(r"[^a-z]")
_SECONDS = range(1_000_000_000, 10_000_000_000)  # from 2001 to 2286; larger ones are milliseconds and the like
_FEWER = 1000


def day_of(item: Any) -> str | None:
    """Return the day that an object gives, itself or in its metadata; None if it gives none."""
    if not isinstance(item, dict):
        return None
    times = (value for key, value in item.items() if _PUNCTUATION.sub("", str(key).lower()) in _NAMES)
    own = next((day for day in map(_day, times) if day), None)
    inner = (day_of(item[key]) for key in _HOLDERS if isinstance(item.get(key), dict))
    return own or next((day for day in inner if day), None)


def _day(value: Any) -> str | None:
    """Return the day of an ISO 8601 or HTTP date, or of a number of seconds, as ISO 8601 text."""
    if isinstance(value, date):  # YAML reads dates
        return value.isoformat()[:10]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _day_of_seconds(value)
    if not isinstance(value, str):
        return None
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return parse(value).date().isoformat()
        except (ValueError, TypeError):
            continue
    return None


def _day_of_seconds(value: float) -> str | None:
    while value >= _SECONDS.stop and value < _SECONDS.stop * _FEWER**3:
        value /= _FEWER
    return datetime.fromtimestamp(value, UTC).date().isoformat() if _SECONDS.start <= value < _SECONDS.stop else None
