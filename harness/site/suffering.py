"""Counts which client code fails because of what: by rule, by legal variant, and by provider."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from harness.results import WORST_FATE_FIRST, ClientFinding, ClientOutcome, ClientResults
from harness.simulate.faults import EVERY_FAULT, EVERY_VARIANT

_NOT_READ = frozenset({ClientOutcome.NA, ClientOutcome.ENV})
REFERENCE = "reference"


@dataclass(slots=True)
class Suffering:
    """
    The outcomes of clients, counted for the pages.

    A client's failure on OpenAI's own form is not counted.  ``at`` is by provider and client; ``by_cause`` by
    provider, then by the fault or variant that explains it; ``by_fault`` by fault or variant alone; ``tried`` is
    the number of clients tried on each of these.
    """

    at: dict[str, dict[str, list[ClientFinding]]] = field(default_factory=lambda: defaultdict(dict))
    by_cause: dict[str, dict[str, dict[str, ClientFinding]]] = field(default_factory=lambda: defaultdict(dict))
    by_fault: dict[str, dict[str, ClientFinding]] = field(default_factory=lambda: defaultdict(dict))
    tried: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, results: ClientResults | None) -> "Suffering":
        """Return it for a log of clients."""
        made = cls()
        if results is None:
            return made
        read: dict[str, set[str]] = defaultdict(set)
        for one in results.findings:
            if one.fate not in _NOT_READ:
                made._add(one, read)
        made.tried = {what: len(clients) for what, clients in read.items()}
        return made

    def _add(self, one: ClientFinding, read: dict[str, set[str]]) -> None:
        read[one.fault or one.provider].add(one.client)
        if not one.fault:
            self.at[one.provider].setdefault(one.client, []).append(one)
        if not one.fate.bad or one.on_reference:
            return
        if one.fault:
            _keep_worst(self.by_fault[one.fault], one)
        else:
            _keep_worst(self.by_cause[one.provider].setdefault(one.explanation or "", {}), one)

    def hit(self, provider: str, check: str) -> dict[str, ClientFinding]:
        """Return the clients that break on a provider's responses by breach of a rule, each with its worst outcome."""
        return _merged(found for cause, found in self.by_cause[provider].items() if rule_of(cause) == check)

    def by_forms(self, faults: Iterable[str]) -> dict[str, ClientFinding]:
        """Return the clients that some of these faults or variants break, each with its worst outcome."""
        return _merged(self.by_fault[fault] for fault in faults if fault in self.by_fault)

    def of_rule(self, check: str) -> dict[str, ClientFinding]:
        """Return the clients that some breach of a rule breaks, each with its worst outcome."""
        return self.by_forms(faults_of(check))

    def worst(self, provider: str, client: str) -> ClientFinding | None:
        """Return the worst outcome of a client for a provider; None if it was not tried."""
        found = self.at[provider].get(client, [])
        blamed = [one for one in found if not one.on_reference or not one.fate.bad]
        return min(blamed or found, key=lambda one: (WORST_FATE_FIRST[one.fate], not one.explanation), default=None)

    def fine(self, provider: str) -> list[str]:
        """Return the clients that handle every response of a provider, by name."""
        return sorted(
            client for client in self.at[provider] if (worst := self.worst(provider, client)) and not worst.fate.bad
        )

    def broken_alike(self, provider: str) -> list["BrokenAlike"]:
        """Return the clients that break on a provider's responses, by worst outcome and cause, the worst first."""
        groups: dict[object, BrokenAlike] = {}
        for client in sorted(self.at[provider]):
            worst = self.worst(provider, client)
            if worst and worst.fate.bad and not worst.on_reference:
                causes = one_a_cause(self.at[provider][client])
                key = (worst.fate, *((one.explanation, str(one.beyond)) for one in causes))
                groups.setdefault(key, BrokenAlike([], causes)).clients.append(worst)
        return sorted(groups.values(), key=lambda one: (WORST_FATE_FIRST[one.worst.fate], -len(one.clients)))


@dataclass(slots=True)
class BrokenAlike:
    """Clients that break on a provider's responses in one way: the worst finding of each, and one per cause."""

    clients: list[ClientFinding]
    causes: list[ClientFinding]

    @property
    def worst(self) -> ClientFinding:
        """The finding that represents all."""
        return self.clients[0]


def one_a_cause(found: Iterable[ClientFinding]) -> list[ClientFinding]:
    """Return one of a client's failures per cause, the worst first; those without a single cause count as one."""
    causes: dict[str, ClientFinding] = {}
    for one in sorted(found, key=lambda one: (WORST_FATE_FIRST[one.fate], not one.explanation)):
        if one.fate.bad and not one.on_reference:
            causes.setdefault(one.explanation or "", one)
    return list(causes.values())


def rule_of(cause: str) -> str | None:
    """Return the rule that a fault breaks; None for a legal variant."""
    fault = EVERY_FAULT.get(cause)
    return fault.rule if fault else None


def faults_of(check: str) -> tuple[str, ...]:
    """Return the faults that break a rule."""
    return _by_rule().get(check, ())


@cache
def _by_rule() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for fault in EVERY_FAULT.values():
        found[fault.rule].append(fault.id)
    return {rule: tuple(faults) for rule, faults in found.items()}


def title_of(cause: str) -> str:
    """Return the title of a fault or a variant."""
    found = EVERY_FAULT.get(cause) or EVERY_VARIANT.get(cause)
    return found.title if found else cause


def _keep_worst(found: dict[str, ClientFinding], one: ClientFinding) -> None:
    before = found.get(one.client)
    if before is None or WORST_FATE_FIRST[one.fate] < WORST_FATE_FIRST[before.fate]:
        found[one.client] = one


def _merged(parts: Iterable[dict[str, ClientFinding]]) -> dict[str, ClientFinding]:
    merged: dict[str, ClientFinding] = {}
    for part in parts:
        for one in part.values():
            _keep_worst(merged, one)
    return merged
