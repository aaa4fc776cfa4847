"""Results as they may be shown: the texts in them, which came from outside, made fit for where they go."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar

from harness.printable import printable

_Told = TypeVar("_Told")


def shown(told: _Told, text: Callable[[str], str] = printable) -> _Told:
    """Return results, or a part of them, with every text in them as ``text`` makes it; enumerations stay as they are."""
    changed: _Told = _shown(told, cache(text))  # findings are many, and their texts alike
    return changed


def _shown(value: Any, text: Callable[[str], str]) -> Any:
    kind: Any = type(value)
    if kind is str:
        return text(value)
    if kind in {list, tuple}:
        return kind([_shown(one, text) for one in value]) if value else value
    if kind is dict:
        return {_shown(key, text): _shown(one, text) for key, one in value.items()}
    names = _names(kind)
    changed: dict[str, Any] = {}
    for name in names:
        before = getattr(value, name)
        after = _shown(before, text)
        if after is not before and after != before:
            changed[name] = after
    return replace(value, **changed) if changed else value


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
