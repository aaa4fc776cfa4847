"""
Measures and predicts the two matrices: clients × faults and variants, and providers × clients.

A prediction needs only a client's outcomes for the reference responses and for the traits of a provider's
responses, so these are measured first; then the provider's recordings are replayed to it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from harness.clients.catalogue import ENVIRONMENTS
from harness.clients.client import Client
from harness.clients.client_runner import ClientRun, try_all
from harness.clients.driver import TIMEOUT
from harness.clients.predicting import (
    Baseline,
    beyond,
    in_form,
    like,
    predict,
    predict_listed,
    suffered,
    traits_in,
    traits_listed,
)
from harness.clients.tool_round_trips import round_trips_of
from harness.clients.trials import SPOKEN, Trial, deviation_trials, is_tried, provider_trials, reference_trials
from harness.judging.deviations import folder_of, load_deviations
from harness.results import ClientFinding, ClientOutcome, ClientResults, ProviderPrediction, Run
from harness.results.clients import BEYOND
from harness.serve.recording_index import REFERENCE, RecordingIndex
from harness.wire.dialect import DialectName

_MORE = 3

Progress = Callable[[int, int], None]
"""Called with the number of finished trials and their total."""


@dataclass(frozen=True)
class Trials:
    """The responses that clients are tried on: the reference's, faults and variants, and those of providers."""

    deviations: tuple[Trial, ...]
    recorded: tuple[Trial, ...]

    @cached_property
    def held(self) -> dict[str, list[str]]:
        """The faults and variants in each recorded response."""
        return {trial.id: traits_in(trial) for trial in self.recorded}

    @cached_property
    def alone(self) -> tuple[Trial, ...]:
        """The trials that predictions need: the reference responses, and each trait alone, unless tried anyway."""
        client_run = {trial.id for trial in self.deviations}
        needed = {one.id: one for trial in self.recorded for one in self._placed(trial)}
        return (*reference_trials(), *(one for name, one in needed.items() if name not in client_run))

    def _placed(self, trial: Trial) -> Iterator[Trial]:
        return (in_form(atom, trial.form) for atom in self.held[trial.id])

    @property
    def all(self) -> tuple[Trial, ...]:
        """Every trial."""
        return (*self.alone, *self.deviations, *self.recorded)


def trials_of(index: RecordingIndex, providers: Iterable[str], *, deviations: bool) -> Trials:
    """Return the trials with the recordings of ``providers``, and with all faults and variants if requested."""
    asked = [(name, dialect) for name in providers if name != REFERENCE for dialect in SPOKEN]
    recorded = [trial for name, dialect in asked for trial in provider_trials(index.answers(name, dialect))]
    return Trials(deviation_trials() if deviations else (), tuple(recorded))


def run_matrix(
    clients: Sequence[Client],
    trials: Trials,
    run: Run,
    progress: Progress,
    timeout: float = TIMEOUT,
) -> ClientResults:
    """Run every client on every trial that suits it, and return the outcomes, in the order of both."""
    total = sum(trial.suits(client) for client in clients for trial in trials.all)
    client_run: dict[tuple[str, str], ClientRun] = {}
    for one in try_all(clients, trials.all, timeout):
        client_run[one.client.id, one.trial.id] = one
        progress(len(client_run), total)
    findings: list[ClientFinding] = []
    for client in clients:
        own = {trial: one for (name, trial), one in client_run.items() if name == client.id}
        tolerance = {trial: one.finding.fate for trial, one in own.items()}
        findings += _findings(trials, tolerance, own)
    loops = [loop for client in clients if client.loops for loop in round_trips_of(client)]
    return ClientResults(run, described(clients), findings, loops)


def _findings(trials: Trials, tolerance: Baseline, client_run: Mapping[str, ClientRun]) -> Iterator[ClientFinding]:
    """Yield the findings of one client, without those that only predictions need."""
    known = suffered(tolerance)
    for trial in (*reference_trials(), *trials.deviations, *trials.recorded):
        if trial.id in client_run:
            finding, plain = client_run[trial.id].finding, like(trial)
            before = tolerance.get(plain.id) if plain else None
            yield _foretold(
                replace(finding, on_reference=finding.fate.bad and before is finding.fate),
                trials,
                tolerance,
                trial,
                known,
            )


def _foretold(
    finding: ClientFinding, trials: Trials, tolerance: Baseline, trial: Trial, known: Collection[str]
) -> ClientFinding:
    if trial.provider == REFERENCE or finding.fate is ClientOutcome.ENV:
        return finding
    held = trials.held[trial.id]
    fate, cause = predict(tolerance, trial, held)
    why = "" if fate.bad == finding.fate.bad else _why(trial, held, cause, known, missed=finding.fate.bad)
    return replace(finding, predicted=fate, cause=cause, why=why)


def _why(trial: Trial, held: list[str], cause: str | None, known: Collection[str], *, missed: bool) -> str:
    """Return why the outcome of a response may differ from the prediction; ``known`` are the explained checks."""
    if not missed:
        return (
            f"alone {cause} harms; something else in the answer makes up for it"
            if cause
            else "something in the answer makes up for it"
        )
    more = beyond(trial, held, known)[:_MORE]
    if more:
        return f"{BEYOND}{'; '.join(more)}"
    return f"{cause} makes up for it alone, not here" if cause else "what it has does harm together only"


def foresee(results: ClientResults, clients: Iterable[Client], index: RecordingIndex, root: Path) -> ClientResults:
    """
    Add the predicted outcomes of clients for providers without recordings, by their listed deviations.

    Raises:
        BadDeviations: a list can't be read.
    """
    unrecorded = {dialect: _unrecorded(index, dialect) for dialect in SPOKEN}
    folders = {name: folder_of(index.provider(name), root) for names in unrecorded.values() for name in names}
    listed = {name: traits_listed(load_deviations(folder)) for name, folder in folders.items()}
    for client in clients:
        own = [one for one in results.findings if one.client == client.id and one.provider == REFERENCE]
        tolerance = {one.fault or f"{REFERENCE}/{one.model}/{one.request_id}": one.fate for one in own}
        results.foreseen += [
            ProviderPrediction(client.id, name, *predict_listed(tolerance, listed[name][client.dialect]))
            for name in unrecorded[client.dialect]
            if listed[name][client.dialect]
        ]
    return results


def _unrecorded(index: RecordingIndex, dialect: DialectName) -> list[str]:
    """Return the providers without any recorded response in a dialect."""
    asked = [name for name in index.providers if name != REFERENCE]
    return [name for name in asked if not any(is_tried(one.exchange) for one in index.answers(name, dialect))]


def described(clients: Iterable[Client]) -> dict[str, dict[str, object]]:
    """Return the entry of each client in a log."""
    return {
        one.id: {
            "title": one.title, "idiom": one.idiom, "tier": ENVIRONMENTS[one.env].tier, "environment": one.env,
            "versions": ENVIRONMENTS[one.env].versions, "reads": sorted(one.reads), "source": one.source,
        }
        for one in clients
    }  # fmt: skip
