"""
Predicts which client code works with an endpoint, from a probe's responses and a table bundled with harness.

How it works: the outcome of each client for each fault and legal variant, and the facts by which the checks
recognize these, are measured when `make clients` runs all client code; `forecast.json` stores both, so that a probe
runs no client and tries no fault.  A client that fails on OpenAI's own response says nothing about the endpoint:
only what a trait makes worse is reported.  A trait is looked up in its own response of the catalogue, whatever the
form of the probed one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from harness.clients.catalogue import CLIENTS
from harness.clients.forecast_table import LETTERS, TABLE, UNTRIED, Fact, KnownTrait, table
from harness.clients.predicting import Alone, Prediction, facts_of, like, measured_traits, predict_from
from harness.clients.trials import Trial, is_tried, reference_trials
from harness.results import WORST_FATE_FIRST, ClientForecast, ClientOutcome, ClientResults
from harness.sdk.form import canonical_form
from harness.serve.recording_index import REFERENCE
from harness.wire.exchange import Exchange


def written_table(results: ClientResults) -> str:
    """Return the table as JSON, a line per trait and client: of the current faults, and of a run of all clients."""
    references = [trial.id for trial in reference_trials()]
    traits = [[one.id, one.plain, sorted(map(list, one.facts))] for one in measured_traits()]
    letters = dict(zip(ClientOutcome, LETTERS, strict=False))
    fates: dict[str, dict[str, str]] = {name: {} for name in results.clients}
    for one in results.findings:
        if one.provider == REFERENCE:
            trial = one.fault or f"{REFERENCE}/{one.model}/{one.request_id}"
            fates[one.client][trial] = letters[one.fate]
    tried = [*references, *(str(trait[0]) for trait in traits)]
    rows = {client: "".join(own.get(name, UNTRIED) for name in tried) for client, own in fates.items()}
    return _json({"outcomes": [*ClientOutcome], "references": references, "traits": traits, "clients": rows})


def _json(told: dict[str, Any]) -> str:
    """Return JSON with a line per element of a list or an object, so that versions of it can be diffed."""
    parts = []
    for name, value in told.items():
        pairs = value.items() if isinstance(value, dict) else ((None, one) for one in value)
        lines = [f"{json.dumps(key)}: {json.dumps(one)}" if key is not None else json.dumps(one) for key, one in pairs]
        begin, end = "{}" if isinstance(value, dict) else "[]"
        parts.append(f"{json.dumps(name)}: {begin}\n" + ",\n".join(lines) + f"\n{end}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def predicted(trial: Trial, held: Iterable[KnownTrait], fates: Mapping[str, ClientOutcome]) -> Prediction:
    """Return the predicted outcome of a client for a response with these traits."""
    return predict_from(fates, trial, _alone(held, fates))


def _alone(held: Iterable[KnownTrait], fates: Mapping[str, ClientOutcome]) -> Iterator[Alone]:
    for trait in held:
        if trait.id in fates:
            yield trait.id, fates.get(trait.plain, ClientOutcome.NA), fates[trait.id]


def held_in(trial: Trial) -> list[KnownTrait]:
    """Return the traits of a response that the most similar reference response does not have."""
    facts, plain = facts_of(trial), like(trial)
    usual = _facts_of_reference(plain.id) if plain else frozenset()
    return [trait for trait in table().traits if trait.facts <= facts and not trait.facts <= usual]


@cache
def _facts_of_reference(name: str) -> frozenset[Fact]:
    return next(facts_of(trial) for trial in reference_trials() if trial.id == name)


class Forecaster:
    """Collects the responses of a probe, and predicts for each client the outcome for the worst of them."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._forms = set[object]()
        self._worst: dict[str, tuple[Prediction, str]] = {}
        self._tried = set[str]()

    def add(self, scenario: str, exchanges: Iterable[Exchange]) -> None:
        """Add the responses to one scenario; those of equal form are analysed once."""
        for exchange in filter(is_tried, exchanges):
            trial = Trial("probed", self._model, scenario, exchange)
            form = (trial.form, trial.is_city, canonical_form(exchange))
            if form in self._forms or not exchange.response.eof:
                continue
            self._forms.add(form)
            self._predict(trial, held_in(trial))

    def _predict(self, trial: Trial, held: list[KnownTrait]) -> None:
        for name, fates in table().fates.items():
            client = CLIENTS.get(name)
            if client is None or not trial.suits(client):
                continue
            self._tried.add(name)
            found = predicted(trial, held, fates)
            worst = self._worst.get(name)
            if found.cause and found.fate.bad and (not worst or _rank(found) < _rank(worst[0])):
                self._worst[name] = found, trial.scenario

    def forecasts(self) -> tuple[ClientForecast, ...]:
        """Return a forecast for each client that reads responses of these forms, the worst first."""
        found = [self._forecast(name) for name in CLIENTS if name in self._tried]
        return tuple(sorted(found, key=lambda one: WORST_FATE_FIRST[ClientOutcome(one.fate)]))

    def _forecast(self, name: str) -> ClientForecast:
        client, worst = CLIENTS[name], self._worst.get(name)
        if worst is None:
            return ClientForecast(name, client.title, not client.idiom, str(ClientOutcome.OK))
        prediction, scenario = worst
        return ClientForecast(name, client.title, not client.idiom, str(prediction.fate), prediction.cause, scenario)


def _rank(prediction: Prediction) -> int:
    return WORST_FATE_FIRST[prediction.fate]


def main() -> None:
    """Write the table of a run of all clients, reports/clients.jsonl, beside this file."""
    from harness.results import read_client_results

    TABLE.write_text(written_table(read_client_results(Path("reports/clients.jsonl"))), encoding="utf-8")


if __name__ == "__main__":
    main()
