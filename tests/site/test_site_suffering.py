"""What the pages say breaks a client: what was measured alone, or what else the response has."""

from dataclasses import replace

from harness.results import ClientFinding, ClientOutcome
from harness.site.suffering import Suffering, one_a_cause

BROKEN = ClientFinding("a", "groq", "m", "chat.stream", ClientOutcome.CRASH, predicted=ClientOutcome.OK)
EXPLAINED = replace(BROKEN, predicted=ClientOutcome.WRONG, cause="usage-twice", fate=ClientOutcome.WRONG)


def test_a_finding_stands_for_each_cause_the_worst_first() -> None:
    found = [EXPLAINED, replace(EXPLAINED, request_id="tools.auto"), BROKEN, replace(BROKEN, request_id="tools.auto")]
    assert one_a_cause(found) == [BROKEN, EXPLAINED]


def test_what_openai_does_to_it_too_has_no_cause() -> None:
    assert one_a_cause([replace(BROKEN, on_reference=True), replace(BROKEN, fate=ClientOutcome.OK)]) == []


def test_of_equally_bad_ones_the_explained_comes_first() -> None:
    explained = replace(EXPLAINED, fate=ClientOutcome.CRASH)
    assert one_a_cause([BROKEN, explained]) == [explained, BROKEN]


def test_clients_that_break_alike_are_one_row() -> None:
    other = replace(BROKEN, why="the answer has what no fault or variant has alone: role.pattern: every")
    found = {"a": [BROKEN], "b": [replace(BROKEN, client="b")], "c": [replace(other, client="c")], "d": [EXPLAINED]}
    alike = Suffering(at={"groq": found}).broken_alike("groq")
    assert [[one.client for one in group.clients] for group in alike] == [["a", "b"], ["c"], ["a"]]
    assert [one.worst.fate for one in alike] == [ClientOutcome.CRASH, ClientOutcome.CRASH, ClientOutcome.WRONG]
