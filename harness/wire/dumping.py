"""JSON values to JSON text, however deep they are."""

import json
from typing import Any

import orjson

TOO_DEEP = '"nested too deep to show"'


def json_text(value: Any, *, in_order: bool = False) -> str:
    """
    Return a value that was read from JSON as JSON text, with its keys in alphabetical order if asked.

    orjson reads 1,024 levels but writes only 254, so what it read it may refuse to write.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if in_order else 0).decode()
    except TypeError:
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=in_order)
        except RecursionError:
            return TOO_DEEP


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal; what is too deep to compare is taken for another."""
    try:
        return bool(one == other)
    except RecursionError:
        return False


def python_text(value: Any) -> str:
    """Return a value as Python prints it, or say that it is too deep."""
    try:
        return str(value)
    except RecursionError:
        return TOO_DEEP
