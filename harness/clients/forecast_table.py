"""
Reads ``forecast.json``, the bundled table of known traits of responses, and how clients handle each.

`make clients` writes it.  Computing the traits means judging every fault and variant of the catalogue, which takes
many times as long as reading them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from harness.matrix.bundled import packed
from harness.results import ClientOutcome

TABLE = packed("clients", "forecast.json")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
"""The letters of the outcomes, in the order of the table."""
UNTRIED = "."

Fact = tuple[str, str]
"""A check, and its result: a problem or an observation, without the numbers in it."""


@dataclass(frozen=True, slots=True)
class KnownTrait:
    """A fault or legal variant: the id of the reference response that it changes, and the facts that it adds to it."""

    id: str
    plain: str
    facts: frozenset[Fact]


@dataclass(frozen=True, slots=True)
class Table:
    """The traits, and for each client its outcome for each trait and reference response, by their ids."""

    traits: tuple[KnownTrait, ...]
    fates: Mapping[str, Mapping[str, ClientOutcome]]


@cache
def table() -> Table:
    """Return the bundled table."""
    told = json.loads(TABLE.read_text(encoding="utf-8"))
    outcomes = dict(zip(LETTERS, map(ClientOutcome, told["outcomes"]), strict=False))
    traits = tuple(
        KnownTrait(name, plain, frozenset((check, said) for check, said in facts))
        for name, plain, facts in told["traits"]
    )
    tried = [*told["references"], *(trait.id for trait in traits)]
    fates = {
        client: {name: outcomes[letter] for name, letter in zip(tried, row, strict=True) if letter != UNTRIED}
        for client, row in told["clients"].items()
    }
    return Table(traits, fates)
