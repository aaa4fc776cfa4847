"""The proof of the rules of legacy completions, their own and those shared with chat."""

from dataclasses import replace

import pytest
from judging import alarms, findings

from harness.checks import CHECKS
from harness.judging.proof import EXEMPT, Proof, try_faults
from harness.matrix.completions import COMPLETIONS
from harness.results import Level, Outcome
from harness.simulate import reference as chat
from harness.simulate.chat.ideal import DATED
from harness.simulate.completions.ideal import MODEL
from harness.simulate.completions.reference import BODY, REFERENCES, REFUSED, STREAM
from harness.simulate.edits import NothingChanged
from harness.simulate.faults import FAULTS, FAULTS_OF, VARIANTS_OF
from harness.simulate.reference import with_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange

ALL = FAULTS_OF["completions"]
OWN = [check.id for check in CHECKS.values() if check.level is not Level.OBSERVE and check.dialects == ("completions",)]
OF_CHOICES = [fault for fault in FAULTS.values() if CHECKS[fault.rule].dialects == WITH_CHOICES]


@pytest.fixture(scope="module")
def proof() -> Proof:
    return try_faults("completions", pairs=False)


def test_there_are_rules_and_faults_enough() -> None:
    assert len(OWN) >= 15
    assert len(ALL) >= 2 * len(OWN)
    assert len(VARIANTS_OF["completions"]) >= 10


def test_every_fault_is_caught_by_the_rule_meant_for_it(proof: Proof) -> None:
    assert {what: found for what, found in proof.shortfalls.items() if found} == {}
    assert {fault.rule for fault in ALL.values()} >= set(OWN) - set(EXEMPT)
    assert proof.references == sum(scenario.requests for scenario in COMPLETIONS.values())


@pytest.mark.thorough
def test_no_pair_of_faults_hides_one() -> None:
    found = try_faults("completions")
    assert len(found.pairs) > 50
    assert found.hidden == []


@pytest.mark.thorough
def test_faults_of_the_rules_that_chat_shares_are_caught_here_too() -> None:
    """A fault that names no delta can be made in either form of response, and is caught in both by the same rule."""
    caught: set[str] = set()
    missed = []
    for fault in OF_CHOICES:
        for reference in (STREAM, BODY, REFERENCES["completions.stream-usage"], REFUSED):
            told = replace(reference, expected=fault.reference().expected)
            try:
                found = findings(fault.change(told)).get(fault.rule)
            except (NothingChanged, LookupError, ValueError, TypeError, AttributeError):
                continue
            if found and found.outcome is Outcome.FAIL:
                caught.add(fault.id)
                break
        else:
            missed.append(fault.id)
    rules = {fault.rule for fault in OF_CHOICES}
    assert len({FAULTS[name].rule for name in caught}) > 0.6 * len(rules), (len(rules), sorted(missed))


@pytest.mark.parametrize(("asked", "of_chat"), [(BODY, chat.BODY), (STREAM, chat.STREAM)])
def test_an_answer_in_the_form_of_chat_is_told_by_one_rule(asked: Exchange, of_chat: Exchange) -> None:
    """What else is missing in it, such as the text, follows from that."""
    body = of_chat.response.body.replace(DATED.encode(), MODEL.encode())
    assert [alarm.split(":")[0] for alarm in alarms(with_body(asked, body)) if ": fail " in alarm] == [
        "completions.no-chat"
    ]


def test_a_reason_is_given_only_where_it_is_needed(proof: Proof) -> None:
    given = [rule for rule in EXEMPT if rule.startswith("completions.")]
    assert [rule for rule in given if rule not in OWN or proof.killed_only_by(rule)] == []
