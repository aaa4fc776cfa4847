"""What people call a provider: its id, its brand, the family of its models, in any language they write it in."""

import re
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

_PART = re.compile(r"[\u4e00-\u9fff]+|[^\u4e00-\u9fff,]+")


class Named(Protocol):
    """What has names: a provider."""

    @property
    def id(self) -> str:
        """How the command line and addresses name it."""

    @property
    def name(self) -> str:
        """As people call it, perhaps in two languages."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names of it in recordings."""

    @property
    def called(self) -> tuple[str, ...]:
        """Brands and families of models that people mean it by."""


N = TypeVar("N", bound=Named)


def spoken(name: str) -> str:
    """Return a name as it is compared: small letters, and nothing but letters and figures, of any script."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def names_of(provider: Named) -> Iterator[str]:
    """Yield what a provider is called, its id first; of "Alibaba Bailian 阿里云百炼" also each half."""
    yield from (provider.id, provider.name, *_PART.findall(provider.name), *provider.aliases, *provider.called)


def called(name: str, providers: Iterable[N]) -> N | None:
    """Return the provider that people mean by ``name``: of that id, else one that is called so; None where none is."""
    there = list(providers)
    meant = spoken(name)
    named = (one for one in there if meant and meant in map(spoken, names_of(one)))
    return next((one for one in there if one.id == name), None) or next(named, None)


def hint_at(name: str, providers: Iterable[Named]) -> str:
    """Return the end of a message about an unknown name: the id of the provider that people call so; empty without one."""
    found = called(name, providers)
    return f"; its id here is {found.id}" if found else ""
