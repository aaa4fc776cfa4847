"""Escapes the outside texts in results for their destination."""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, TypeVar

from harness.printable import printable

_Told = TypeVar("_Told")
_TEXTS = 10_000
"""Number of escaped texts that are cached."""


def shown(told: _Told, text: Callable[[str], str] = printable) -> _Told:
    """Return results, or a part of them, with ``text`` applied to every string; enumerations stay unchanged."""
    changed: _Told = Showing(text).shown(told)
    return changed


class Showing:
    """One pass over results, with a cache: most texts repeat and need no escaping."""

    def __init__(self, text: Callable[[str], str] = printable) -> None:
        self._text = lru_cache(_TEXTS)(text)
        self._fit: set[object] = set()

    def shown(self, value: Any) -> Any:
        """Return a value with every text escaped."""
        kind: Any = type(value)
        if kind is str:
            return self._text(value)
        if kind in {list, tuple}:
            return kind([self.shown(one) for one in value]) if value else value
        if kind is dict:
            return {self.shown(key): self.shown(one) for key, one in value.items()}
        names, values_of = _fields(kind)
        if names:
            return self._with_shown(value, names, values_of(value))
        # Findings that are made on iteration; an enumeration is a string, and stays.
        made = isinstance(value, Sequence) and not isinstance(value, str | bytes)
        return [self.shown(one) for one in value] if made else value

    def _with_shown(self, told: Any, names: tuple[str, ...], values: tuple[Any, ...]) -> Any:
        """Return an object with its fields escaped."""
        if self._all_fit(values):
            return told
        changed: dict[str, Any] = {}
        for name, before in zip(names, values, strict=True):
            after = self.shown(before)
            if after is not before and after != before:
                changed[name] = after
            elif before is None or before == () or isinstance(before, str):
                self._remember(before)
        return replace(told, **changed) if changed else told

    def _remember(self, fit: object) -> None:
        if len(self._fit) > _TEXTS:
            self._fit.clear()
        self._fit.add(fit)

    def _all_fit(self, values: tuple[Any, ...]) -> bool:
        try:
            return self._fit.issuperset(values)
        except TypeError:  # a list is not hashable
            return False


@cache
def _fields(kind: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """Return the names of the fields of a dataclass, none for other types, and a function that gets all values."""
    names = tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
    return names, attrgetter(*names) if len(names) > 1 else lambda told: tuple(getattr(told, name) for name in names)
