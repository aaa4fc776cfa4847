"""
The two matrices: clients × faults and variants, measured; providers × clients, foretold and confirmed.

A client's fate with the reference answers and with what a provider's answers hold is all that foretelling needs, so it
is measured first; then the provider's recordings are replayed to it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from harness.clients.catalogue import ENVIRONMENTS
from harness.clients.client import Client
from harness.clients.driver import TIMEOUT
from harness.clients.looping import loops_of
from harness.clients.predicting import atoms_in, foretell, like, placed
from harness.clients.trials import Trial, deviation_trials, provider_trials, reference_trials
from harness.clients.trying import Tried, try_all
from harness.results import ClientFinding, ClientResults, Fate, Run
from harness.serve.shelf import REFERENCE, Shelf

Progress = Callable[[int, int], None]
"""Told how many of how many trials are done."""


@dataclass(frozen=True)
class Trials:
    """The answers that clients are tried on: the reference's, faults and variants, and those of providers."""

    deviations: tuple[Trial, ...]
    recorded: tuple[Trial, ...]

    @cached_property
    def held(self) -> dict[str, list[str]]:
        """The faults and variants in each recorded answer."""
        return {trial.id: atoms_in(trial) for trial in self.recorded}

    @cached_property
    def alone(self) -> tuple[Trial, ...]:
        """What foretelling needs: the reference answers, and each thing held alone, where it is not tried anyway."""
        tried = {trial.id for trial in self.deviations}
        needed = {one.id: one for trial in self.recorded for one in self._placed(trial)}
        return (*reference_trials(), *(one for name, one in needed.items() if name not in tried))

    def _placed(self, trial: Trial) -> Iterator[Trial]:
        return (placed(atom, trial.form) for atom in self.held[trial.id])

    @property
    def all(self) -> tuple[Trial, ...]:
        """Every trial."""
        return (*self.alone, *self.deviations, *self.recorded)


def trials_of(shelf: Shelf, providers: Iterable[str], *, deviations: bool) -> Trials:
    """Return the trials with the recordings of ``providers``, and with all faults and variants where they are wanted."""
    recorded = [trial for name in providers if name != REFERENCE for trial in provider_trials(shelf.held(name))]
    return Trials(deviation_trials() if deviations else (), tuple(recorded))


def run_matrix(
    clients: Sequence[Client],
    trials: Trials,
    run: Run,
    progress: Progress,
    timeout: float = TIMEOUT,
) -> ClientResults:
    """Try every client on every trial that it suits, and return what became of them, in the order of both."""
    total = sum(trial.suits(client) for client in clients for trial in trials.all)
    tried: dict[tuple[str, str], Tried] = {}
    for one in try_all(clients, trials.all, timeout):
        tried[one.client.id, one.trial.id] = one
        progress(len(tried), total)
    findings = [finding for client in clients for finding in _findings(client, trials, tried)]
    loops = [loop for client in clients if client.loops for loop in loops_of(client)]
    return ClientResults(run, described(clients), findings, loops)


def _findings(client: Client, trials: Trials, tried: Mapping[tuple[str, str], Tried]) -> Iterator[ClientFinding]:
    """Yield the findings of one client, but for those that only foretelling needs."""
    tolerance = {trial: one.finding.fate for (name, trial), one in tried.items() if name == client.id}
    for trial in (*reference_trials(), *trials.deviations, *trials.recorded):
        one = tried.get((client.id, trial.id))
        if one is None:
            continue
        plain = like(trial)
        before = tolerance.get(plain.id) if plain else None
        own = trial.provider == REFERENCE
        fate = one.finding.fate
        predicted = None if own or fate is Fate.ENV else foretell(tolerance, trial, trials.held[trial.id])
        yield replace(one.finding, predicted=predicted, on_reference=fate.bad and before is fate)


def described(clients: Iterable[Client]) -> dict[str, dict[str, object]]:
    """Return what a log says of each client."""
    return {
        one.id: {
            "title": one.title, "idiom": one.idiom, "tier": ENVIRONMENTS[one.env].tier, "environment": one.env,
            "versions": ENVIRONMENTS[one.env].versions, "reads": sorted(one.reads), "source": one.source,
        }
        for one in clients
    }  # fmt: skip
