"""Writes JSON values as text, at any depth."""

import json
from typing import Any

import orjson

TOO_DEEP = '"nested too deep to show"'


def json_text(value: Any, *, in_order: bool = False) -> str:
    """
    Return a value that was parsed from JSON as JSON text, with sorted keys if asked.

    orjson parses 1,024 levels but writes only 254, so it may fail to write what it parsed.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if in_order else 0).decode()
    except TypeError:
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=in_order)
        except RecursionError:
            return TOO_DEEP


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal; values too deep to compare are unequal."""
    try:
        return bool(one == other)
    except RecursionError:
        return False


def python_text(value: Any) -> str:
    """Return the ``repr`` of a value, or a note that it is too deep."""
    try:
        return str(value)
    except RecursionError:
        return TOO_DEEP
