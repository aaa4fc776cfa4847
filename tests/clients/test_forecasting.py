"""The forecast of a probe uses a current table, and agrees with clients that were run."""

from functools import cache
from pathlib import Path

import pytest

from harness.clients.catalogue import CLIENTS
from harness.clients.forecast_table import TABLE, table
from harness.clients.forecasting import Forecaster, written_table
from harness.clients.predicting import facts_of
from harness.clients.trials import deviation_trial, deviation_trials, reference_trials
from harness.matrix.messages import MESSAGES
from harness.results import ClientForecast, ClientOutcome, read_client_results
from harness.simulate.faults import FAULTS_OF
from harness.simulate.messages.ideal import recording
from harness.wire.exchange import Exchange

ROOT = Path(__file__).resolve().parents[2]


def forecast(*answers: tuple[str, Exchange]) -> dict[str, ClientForecast]:
    forecaster = Forecaster("m")
    for scenario, exchange in answers:
        forecaster.add(scenario, [exchange])
    return {one.client: one for one in forecaster.forecasts()}


def test_openais_own_answers_are_handled_as_such() -> None:
    found = forecast(*((trial.scenario, trial.exchange) for trial in reference_trials()))
    assert len(found) == len(table().fates)
    assert {one.fate for one in found.values()} == {"ok"}


@cache
def faults() -> dict[str, tuple[str, Exchange]]:
    return {trial.fault or "": (trial.scenario, trial.exchange) for trial in deviation_trials()}


@pytest.mark.parametrize("fault", ["object-missing", "stream-cut", "index-counts-chunks", "arguments-object"])
def test_a_fault_is_foretold_as_clients_fared_with_it(fault: str) -> None:
    found = forecast(faults()[fault])
    (trait,) = [one for one in table().traits if one.id == fault]
    for name, one in found.items():
        fates = table().fates[name]
        alone, before = fates[fault], fates.get(trait.plain)
        if alone.bad and alone is not before:
            assert one.cause, name
            assert one.scenario == faults()[fault][0]
    assert any(one.cause == fault for one in found.values())


def test_of_answers_alike_one_is_looked_at_and_of_those_that_broke_off_none() -> None:
    scenario, cut = faults()["object-missing"]
    assert forecast() == {}
    assert forecast((scenario, cut)) == forecast((scenario, cut), (scenario, cut))


def test_of_messages_the_clients_that_speak_them_are_told_and_no_others() -> None:
    scenario = MESSAGES["messages.stream"]
    (answer,) = recording(scenario)
    found = forecast((scenario.id, answer))
    assert found.keys() == {name for name, one in CLIENTS.items() if one.dialect == "messages" and one.streams}
    assert {one.fate for one in found.values()} == {"ok"}


@pytest.mark.parametrize(
    ("fault", "client", "fate"),
    [
        ("messages-no-usage-at-start", "anthropic.text-stream", ClientOutcome.CRASH),
        ("messages-double-content-block-stop", "agent.by-index", ClientOutcome.WRONG_CALLS),
        ("messages-one-index", "anthropic.final-message", ClientOutcome.WRONG_CALLS),
        ("messages-no-type", "anthropic-node.stream", ClientOutcome.SILENT),
        ("messages-thinking-as-text", "ai-sdk.anthropic", ClientOutcome.CRASH),
        ("completions-null-text", "openai.completions", ClientOutcome.NONE),
        ("completions-no-text", "requests.completions-lines", ClientOutcome.CRASH),
        ("completions-chat-body", "openai.completions-body", ClientOutcome.NONE),
    ],
)
def test_a_fault_of_another_dialect_is_foretold_of_the_clients_it_breaks(fault: str, client: str, fate: str) -> None:
    one = forecast(faults()[fault])[client]
    assert one.fate == fate
    assert (
        one.cause in FAULTS_OF["messages"] | FAULTS_OF["completions"]
    )  # of several with the same facts the first is named


@pytest.mark.thorough
def test_the_table_is_of_the_faults_and_clients_as_they_are() -> None:
    told = written_table(read_client_results(ROOT / "reports/clients.jsonl"))
    assert told == TABLE.read_text(encoding="utf-8"), "write it anew: python -m harness.clients.forecasting"


@pytest.mark.parametrize(
    ("told_by_a_key", "alike"),
    [("audio-streamed", "content-null-first"), ("refusal-in-stream", "content-null-first")],
)
def test_what_a_message_has_beside_text_tells_it_from_one_that_has_it_not(told_by_a_key: str, alike: str) -> None:
    assert not facts_of(deviation_trial(told_by_a_key)) <= facts_of(deviation_trial(alike))
