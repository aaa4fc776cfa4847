"""Selects clients by id, tier or file, or all that can be run."""

from collections.abc import Iterable
from pathlib import Path

from harness.clients.catalogue import CLIENTS, ENVIRONMENTS, tier_of
from harness.clients.client import Client, client_of_file
from harness.clients.environments import Environment
from harness.errors import UnknownName, unknown

TIERS = (0, 1, 2)
_CODE = frozenset({".py", ".mjs", ".js"})


def choose(names: Iterable[str], tiers: Iterable[int]) -> list[Client]:
    """
    Return the clients that ``names`` name, as ids, libraries, environments or files, and those of ``tiers``; without either all that can be run.

    Raises:
        UnknownName: there is no such client.
    """
    wanted = set(tiers)
    chosen = {one.id: one for one in CLIENTS.values() if tier_of(one) in wanted}
    for name in names:
        for one in _named(name):
            there = chosen.get(one.id, CLIENTS.get(one.id, one))
            if there.path != one.path:
                raise UnknownName(f"{one.path}: a client is called {one.id} already; give the file another name")
            chosen[one.id] = one
    return list(chosen.values()) or [one for one in CLIENTS.values() if ENVIRONMENTS[one.env].installed]


def _named(name: str) -> list[Client]:
    if name in CLIENTS:
        return [CLIENTS[name]]
    library = [one for one in CLIENTS.values() if one.id.startswith(f"{name}.") or one.env == name]
    if library:
        return library
    if "/" in name or Path(name).suffix in _CODE:
        return [client_of_file(Path(name))]
    raise unknown(
        "client", name, list(dict.fromkeys([*CLIENTS, *(one.partition(".")[0] for one in CLIENTS), *ENVIRONMENTS]))
    )


def environments(names: Iterable[str], tiers: Iterable[int]) -> list[Environment]:
    """
    Return the environments that ``names`` name, by their own name or a client's, and those of ``tiers``.

    Raises:
        UnknownName: there is no such environment or client.
    """
    wanted = set(tiers)
    chosen = {one.name: one for one in ENVIRONMENTS.values() if one.tier in wanted}
    for name in names:
        found = [ENVIRONMENTS[name]] if name in ENVIRONMENTS else [ENVIRONMENTS[one.env] for one in _named(name)]
        chosen |= {one.name: one for one in found}
    return list(chosen.values())
