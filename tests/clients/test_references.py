"""The two robust clients handle all legal variants, and all faults except those listed here."""

import importlib.util
from functools import cache

import pytest

from harness.clients.catalogue import CLIENTS, ENVIRONMENTS
from harness.clients.client_runner import ClientRun, try_all
from harness.clients.due import expected_handling
from harness.clients.trials import deviation_trials, reference_trials
from harness.results import ClientOutcome
from harness.simulate.faults import FAULTS, FAULTS_OF, VARIANTS

NAMES = ("openai.reference", "requests.reference")
LEAST = {"messages": 12, "completions": 5}  # answers that are errors, cut or damaged
OF_OTHERS = (
    "httpx.messages-reference",
    "anthropic.reference",
    "openai.completions-reference",
    "requests.completions-reference",
)
pytestmark = [
    pytest.mark.skipif(
        not importlib.util.find_spec("requests"), reason="requests is not installed; the extra `clients` brings it"
    ),
    pytest.mark.thorough,
]

SILENT = {
    "openai.reference": {
        "error-in-choice",  # the finish_reason is there too, and whoever looked for an error in a choice would look for all
    },
    "requests.reference": {
        "error-in-choice",  # as above
    },
}
"""Errors and truncations that each takes for a success."""

_KEEP_ALIVE = "the SDK takes a block without data for an event, and parses its empty data"
REFUSED = {
    "openai.reference": {
        "block-ping": _KEEP_ALIVE,
        "block-retry": _KEEP_ALIVE,
        "block-id": _KEEP_ALIVE,
        "id-before-keep-alive": _KEEP_ALIVE,
        "id-before-keep-alive-in-thought": _KEEP_ALIVE,
        "id-before-blank-lines": _KEEP_ALIVE,
        "gzip-accepted-by-star": "the SDK's HTTP client does not undo x-gzip",
        "length-beside-chunks": "the HTTP client takes the length, and the stream is cut there",
        "event-named-thread": "the SDK takes an event of that name for one of the assistants' API, which has no choices",
        "index-one": "the only choice is number 1, and the first is read only",
    },
    "requests.reference": {
        "status-accepted": "a status other than 200 is no answer",
        "index-one": "as above",
        "length-beside-chunks": "as above",
    },
}
"""Valid responses that each rejects: by an exception, but not by a crash."""

_ELSEWHERE = "the usage stands where nobody looks, or behind the mark of the end"
MISREAD = {
    "mark-before-usage": _ELSEWHERE,
    "usage-behind-mark": _ELSEWHERE,
    "usage-in-choice": _ELSEWHERE,
    "usage-in-x-groq": _ELSEWHERE,
    "usage-unasked-in-choice": _ELSEWHERE,
    "thought-in-two-fields-in-turn": "a thought that goes on in another field is read from the one it began in",
    "think-tags": "a thought in tags is shown as text",
    "think-tags-split": "as above",
    "think-tag-closing": "as above",
}
"""Responses of which both lose a part."""


@cache
def client_run() -> dict[str, dict[str, ClientRun]]:
    """Return the outcome of each trial, by client; cached, since a batch of two thousand takes some seconds."""
    found: dict[str, dict[str, ClientRun]] = {name: {} for name in NAMES}
    for one in try_all([CLIENTS[name] for name in NAMES], (*reference_trials(), *deviation_trials())):
        found[one.client.id][one.trial.id] = one
    return found


def bad(name: str, fate: ClientOutcome) -> dict[str, str]:
    """Return the trials with an outcome, and their messages."""
    return {key: one.finding.message for key, one in client_run()[name].items() if one.finding.fate is fate}


@pytest.mark.parametrize("name", NAMES)
def test_every_trial_that_suits_is_tried_once(name: str) -> None:
    known = (*reference_trials(), *deviation_trials())
    assert list(client_run()[name]) == [one.id for one in known if one.suits(CLIENTS[name])]
    assert len(client_run()[name]) > 400
    assert [one.finding.message for one in client_run()[name].values() if one.finding.fate is ClientOutcome.ENV] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_and_all_legal_variants_are_survived(name: str) -> None:
    legal = {
        key: one for key, one in client_run()[name].items() if one.trial.fault is None or one.trial.fault in VARIANTS
    }
    assert len(legal) > 100
    failed = {key: one.finding.message for key, one in legal.items() if one.finding.fate.bad}
    assert {key: said for key, said in failed.items() if key not in REFUSED[name]} == {}


@pytest.mark.parametrize("name", NAMES)
def test_no_fault_is_passed_over_in_silence_but_those_written_down(name: str) -> None:
    assert set(bad(name, ClientOutcome.SILENT)) == SILENT[name]
    due = [
        one
        for one in client_run()[name].values()
        if expected_handling(one.trial.exchange) in {"error", "cut", "damaged"}
    ]
    assert len(due) > 70


@pytest.mark.parametrize("name", NAMES)
def test_no_answer_makes_it_fall_over_and_the_good_ones_that_it_refuses_are_written_down(name: str) -> None:
    slips = {
        key: one.output.failure
        for key, one in client_run()[name].items()
        if one.output.failure and one.output.failure.is_client_bug
    }
    assert slips == {}
    assert set(bad(name, ClientOutcome.CRASH)) == set(REFUSED[name])


@pytest.mark.parametrize("name", NAMES)
def test_no_answer_is_misread_but_those_written_down(name: str) -> None:
    told = {ClientOutcome.SILENT, ClientOutcome.CRASH}
    misread = {key for key, one in client_run()[name].items() if one.finding.fate.bad and one.finding.fate not in told}
    assert misread == set(MISREAD)


_NAMES_ALONE = "the SDK reads events by their names, and passes over those that have none"
_OF_CHAT = "an answer in the form of chat holds no text where a reader of completions looks"
LOST = {
    "httpx.messages-reference": {},
    "anthropic.reference": {
        "messages-no-event-names": _NAMES_ALONE,
        "messages-unnamed-piece": _NAMES_ALONE,
        "messages-no-type": "the SDK makes nothing of an event without its type",
        "messages-error-without-type": "as above",
    },
    "openai.completions-reference": {"completions-chat-chunks": _OF_CHAT},
    "requests.completions-reference": {"completions-chat-chunks": _OF_CHAT},
}
"""What the robust clients of Messages and of legacy completions lose."""


@pytest.mark.parametrize("name", OF_OTHERS)
def test_in_other_dialects_all_is_survived_but_what_is_written_down(name: str) -> None:
    client = CLIENTS[name]
    if not ENVIRONMENTS[client.env].installed:
        pytest.skip(f"run: harness clients install {client.env}")
    known = [one for one in (*reference_trials(), *deviation_trials()) if one.suits(client)]
    found = {one.trial.id: one for one in try_all([client], known)}
    assert list(found) == [one.id for one in known]
    assert {name for name, one in found.items() if one.finding.fate.bad} == set(LOST[name])
    slips = [name for name, one in found.items() if one.output.failure and one.output.failure.is_client_bug]
    assert slips == []
    assert (
        sum(expected_handling(one.trial.exchange) in {"error", "cut", "damaged"} for one in found.values())
        > LEAST[client.dialect]
    )


def test_all_that_is_written_down_is_a_fault_of_the_catalogue() -> None:
    written = {*MISREAD}.union(*SILENT.values(), *REFUSED.values())
    assert written <= FAULTS.keys() | VARIANTS.keys()
    assert {name for lost in LOST.values() for name in lost} <= FAULTS_OF["messages"].keys() | FAULTS_OF[
        "completions"
    ].keys()
