"""The grouped result of a recording equals the findings judged one by one, for any exchange."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from harness.checks import CHECKS
from harness.checks.registry import Check, Reason
from harness.judging.judgement import Judgement
from harness.judging.recordings import Subject, check_set, judge_exchanges, judge_recording
from harness.results import Deviation, Finding, Level, Outcome, RecordingResult, gathered
from harness.simulate.chat.faults import FAULTS
from harness.simulate.reference import (
    BODY,
    REASONING,
    STREAM,
    STREAM_USAGE,
    TOOLS,
    replace_in_body,
    with_expected_status,
    with_response,
)
from harness.wire.exchange import Exchange

ABOUT = Subject("acme", "small", "chat.stream", "cassettes/acme/small/chat.stream.yaml")
ALL = check_set(CHECKS.values())
OF_CHATS = [check for check in CHECKS.values() if "chat" in check.dialects]


def told(findings: Iterable[Finding]) -> list[str]:
    return [repr(finding) for finding in findings]


def one_by_one(exchange: Exchange) -> list[tuple[Outcome, str]]:
    """The findings of each check on an exchange without a plan."""
    judgement = Judgement(exchange)
    return [(one.outcome, one.message) for one in map(judgement.verdict, OF_CHATS)]


@pytest.mark.parametrize(
    "exchange", [STREAM, STREAM_USAGE, BODY, TOOLS, REASONING, *(FAULTS[name].apply() for name in list(FAULTS)[::40])]
)
def test_what_is_planned_by_conditions_is_what_each_check_says(exchange: Exchange) -> None:
    result = judge_recording([exchange], ABOUT, ALL)
    found = result.all_findings(ALL.levels)
    assert [one.check for one in found] == [check.id for check in OF_CHATS]
    for finding, (outcome, message) in zip(found, one_by_one(exchange), strict=True):
        assert finding.outcome is outcome
        if outcome is not Outcome.FAIL:
            assert (finding.value if outcome is Outcome.OBSERVED else finding.message) == message


def test_findings_are_made_of_what_tells_of_something_alone() -> None:
    result = judge_recording([STREAM], ABOUT, ALL)
    assert result.findings == []
    assert result.outcomes.total() == len(OF_CHATS)
    again = judge_recording([STREAM], replace(ABOUT, model="large"), ALL)
    assert all(one is other for one, other in zip(result.groups, again.groups, strict=True))


def test_groups_are_those_that_findings_would_be_gathered_into() -> None:
    for exchange in (STREAM, BODY, FAULTS["stream-cut"].apply()):
        result = judge_recording([exchange], ABOUT, ALL)
        (again,) = gathered(result.all_findings(ALL.levels), ALL.levels)
        assert set(again.groups) == set(result.groups)
        assert again.findings == result.findings


def test_several_exchanges_are_judged_by_the_worst_of_them() -> None:
    wrong = FAULTS["object-missing"].apply()
    result = judge_recording([STREAM, wrong], ABOUT, ALL)
    assert "chunk.object" in {one.check for one in result.findings}
    assert told(judge_exchanges([STREAM, wrong], ABOUT, CHECKS.values())) == told(result.all_findings(ALL.levels))


def test_what_was_not_answered_is_told_of_all_checks_at_once() -> None:
    result = judge_recording([with_expected_status(with_response(STREAM, status=503), 200)], ABOUT, ALL)
    assert result.outcomes[Outcome.INCONCLUSIVE] > 200
    assert all(one.family == "http" for one in result.findings)


def test_a_listed_deviation_that_is_gone_is_told_of() -> None:
    gone = Deviation("chunk.object", "why", "https://example.org", "2025", "object is absent")
    (finding,) = judge_recording([STREAM], ABOUT, ALL, (gone,)).findings
    assert (finding.check, finding.outcome) == ("chunk.object", Outcome.FIXED)
    at_times = replace(gone, sometimes=True)
    assert judge_recording([STREAM], ABOUT, ALL, (at_times,)).findings == []


def crashing(_: Exchange) -> Reason | None:
    raise RuntimeError("no")


def test_a_condition_that_crashes_is_a_finding_of_its_checks_alone() -> None:
    broken = replace(CHECKS["chunk.id"], id="chunk.broken", applies=crashing)
    chosen: list[Check] = [*CHECKS.values(), broken]
    found = {one.check: one for one in judge_exchanges([STREAM], ABOUT, chosen)}
    assert found["chunk.broken"].outcome is Outcome.BROKEN
    assert "RuntimeError: no" in found["chunk.broken"].message
    assert {one.outcome for name, one in found.items() if name != "chunk.broken"} <= {
        Outcome.PASS,
        Outcome.NA,
        Outcome.OBSERVED,
    }


def test_checks_come_in_the_order_in_which_they_are_given() -> None:
    chosen = [CHECKS[name] for name in ("usage.sum", "http.status", "chunk.id")]
    assert [one.check for one in judge_exchanges([STREAM], ABOUT, chosen)] == ["usage.sum", "http.status", "chunk.id"]
    assert isinstance(judge_recording([STREAM], ABOUT, check_set(())), RecordingResult)
    assert check_set(chosen) is check_set(chosen)
    assert check_set(chosen).levels == {"usage.sum": Level.MUST, "http.status": Level.MUST, "chunk.id": Level.MUST}


def test_a_message_in_a_choice_of_an_odd_index_breaks_no_check() -> None:
    odd = replace_in_body(STREAM, '"index":0,"delta":{', '"index":[0],"message":{"content":"x"},"delta":{')
    assert not [one for one in judge_recording([odd], ABOUT, ALL).findings if one.outcome is Outcome.BROKEN]
