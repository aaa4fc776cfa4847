"""The proof of the rules of Messages: the requirements on their faults and variants, and on those of shared rules."""

from dataclasses import replace

import pytest
from judging import alarms, findings

from harness.checks import CHECKS
from harness.judging.proof import EXEMPT, Proof, try_faults
from harness.matrix.messages import MESSAGES
from harness.results import Level, Outcome
from harness.simulate.edits import NothingChanged
from harness.simulate.faults import FAULTS, FAULTS_OF, VARIANTS_OF
from harness.simulate.messages.edits import typed
from harness.simulate.messages.faults import DEEDS, ORDER
from harness.simulate.messages.reference import BODY, REFERENCES, REFUSED, STREAM
from harness.wire.messages import grammar

ALL = FAULTS_OF["messages"]
RULES = [check.id for check in CHECKS.values() if check.level is not Level.OBSERVE and check.dialects == ("messages",)]
SHARED = [fault for fault in FAULTS.values() if "messages" in CHECKS[fault.rule].dialects]


@pytest.fixture(scope="module")
def proof() -> Proof:
    return try_faults("messages")


def test_there_are_rules_and_faults_enough() -> None:
    assert len(RULES) >= 45
    assert len(ALL) >= len(RULES)
    assert len(VARIANTS_OF["messages"]) >= 25


def test_every_fault_is_caught_by_the_rule_meant_for_it(proof: Proof) -> None:
    assert {what: found for what, found in proof.shortfalls.items() if found} == {}
    shared = {fault.rule for fault in SHARED}  # each proved in chat; a fault of Messages may show one of them too
    assert {fault.rule for fault in ALL.values()} - shared == set(RULES)
    assert proof.references == sum(scenario.requests for scenario in MESSAGES.values())


def test_a_reason_is_given_only_where_it_is_needed(proof: Proof) -> None:
    given = [rule for rule in EXEMPT if rule.startswith("messages.")]
    assert [rule for rule in given if rule not in RULES or proof.killed_only_by(rule)] == []


def test_every_deed_to_every_event_of_the_grammar_is_in_the_table() -> None:
    events = grammar.EVENTS - {grammar.ERROR}
    indexed = set(grammar.BLOCK.events)
    wanted = {(deed, event) for deed in DEEDS for event in events if deed != "reindex" or event in indexed}
    # After the last event there is none to swap it with, and nothing follows the end that could be taken for its block.
    assert wanted - set(ORDER) == {("swap", grammar.STOP)}


def test_what_the_table_calls_right_raises_no_alarm() -> None:
    tool = REFERENCES["messages.tool"]
    for (deed, event), rule in ORDER.items():
        if rule is None:
            _, make = DEEDS[deed]
            assert alarms(make(typed(event))(tool)) == []


def test_faults_of_the_rules_that_all_share_are_caught_in_messages_too() -> None:
    """HTTP, framing and errors are judged by one rule in all dialects: what it catches in chat it catches here."""
    caught: set[str] = set()
    missed = []
    for fault in SHARED:
        for reference in (STREAM, BODY, REFUSED):
            told = replace(reference, expected=fault.reference().expected)
            try:
                found = findings(fault.change(told)).get(fault.rule)
            except (NothingChanged, IndexError):
                continue
            if found and found.outcome is Outcome.FAIL:
                caught.add(fault.id)
                break
        else:
            missed.append(fault.id)
    assert len(caught) > 0.5 * len(SHARED), missed
    assert len({FAULTS[name].rule for name in caught}) > 0.8 * len({fault.rule for fault in SHARED}), missed
