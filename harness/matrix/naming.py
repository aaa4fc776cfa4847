"""Resolves the names that people use for a provider: its id, its brand, its model family, in any language."""

import re
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

_PART = re.compile(r"[\u4e00-\u9fff]+|[^\u4e00-\u9fff,]+")


class Named(Protocol):
    """A provider, as far as its names go."""

    @property
    def id(self) -> str:
        """Its name on the command line and in URLs."""

    @property
    def name(self) -> str:
        """Its usual name, perhaps in two languages."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names of it in recordings."""

    @property
    def called(self) -> tuple[str, ...]:
        """Brands and model families that people use for it."""


N = TypeVar("N", bound=Named)


def spoken(name: str) -> str:
    """Return a name in a form for comparison: lower case, and only letters and digits of any script."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def names_of(provider: Named) -> Iterator[str]:
    """Yield the names of a provider, its id first; of "Alibaba Bailian 阿里云百炼" also each half."""
    yield from (provider.id, provider.name, *_PART.findall(provider.name), *provider.aliases, *provider.called)


def called(name: str, providers: Iterable[N]) -> N | None:
    """Return the provider with the id ``name``, else one with that name; None if there is none."""
    there = list(providers)
    meant = spoken(name)
    named = (one for one in there if meant and meant in map(spoken, names_of(one)))
    return next((one for one in there if one.id == name), None) or next(named, None)


def hint_at(name: str, providers: Iterable[Named]) -> str:
    """Return the end of a message about an unknown name: the id of the provider with that name; empty without one."""
    found = called(name, providers)
    return f"; its id here is {found.id}" if found else ""
