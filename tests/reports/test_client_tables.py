"""The tables and the page of client code: letters, blame, and escaping of outside text."""

import re

import pytest

from harness.reports import clients, clients_page
from harness.results import ClientFinding, ClientOutcome, ClientResults, LoopFinding, ProviderPrediction, Run

ABOUT = {
    "title": "`x`",
    "idiom": True,
    "tier": 0,
    "environment": "own",
    "versions": {"openai": "3"},
    "reads": [],
    "source": None,
}
LIBRARY = ABOUT | {"idiom": False, "environment": "other", "versions": {"lib": "1"}}


def finding(
    client: str = "a", provider: str = "acme", fate: ClientOutcome = ClientOutcome.OK, message: str = "", **more: object
) -> ClientFinding:
    return ClientFinding(client, provider, "small", "chat.stream", fate, message, provenance="recorded", **more)  # type: ignore[arg-type]


def results(*findings: ClientFinding, **more: object) -> ClientResults:
    run = Run("0", "2026-03-05T00:00:00+00:00", "clients")
    return ClientResults(run, {"a": ABOUT, "lib": LIBRARY}, list(findings), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fates", "letter"),
    [
        ([(ClientOutcome.OK, False)], "✓"),
        ([(ClientOutcome.NA, False)], "·"),
        ([(ClientOutcome.NA, False), (ClientOutcome.OK, False)], "✓"),
        ([(ClientOutcome.OK, False), (ClientOutcome.NONE, False), (ClientOutcome.CRASH, False)], "X"),
        ([(ClientOutcome.CRASH, False), (ClientOutcome.SILENT, False)], "S"),
        ([(ClientOutcome.CRASH, True), (ClientOutcome.OK, False)], "(X)"),
        ([(ClientOutcome.SILENT, True), (ClientOutcome.LOST_USAGE, False)], "u"),
        ([(ClientOutcome.ENV, False)], "?"),
    ],
)
def test_a_cell_is_the_worst_that_the_provider_is_to_blame_for(
    fates: list[tuple[ClientOutcome, bool]], letter: str
) -> None:
    assert clients.letter_of([finding(fate=fate, on_reference=shared) for fate, shared in fates]) == letter


def test_every_fate_has_a_letter_of_its_own() -> None:
    assert set(clients.LETTERS) == set(ClientOutcome)
    assert len(set(clients.LETTERS.values())) == len(ClientOutcome)
    assert [letter for letter in clients.LETTERS.values() if letter not in clients.LEGEND] == []


def test_what_was_not_tried_is_no_pass() -> None:
    table = clients.provider_table(results(finding("a", "acme"), finding("lib", "other")))
    assert re.search(r"\| `a` +\| ✓ +\| - +\|", table)
    assert re.search(r"\| `lib` +\| - +\| ✓ +\|", table)
    assert "| acme R   | other R   |" in table


def test_agreement_counts_both_ways_to_be_wrong() -> None:
    told = results(
        finding(predicted=ClientOutcome.OK),
        finding(fate=ClientOutcome.CRASH, predicted=ClientOutcome.NONE),
        finding(fate=ClientOutcome.CRASH, predicted=ClientOutcome.OK, why="it | has"),
        finding(predicted=ClientOutcome.CRASH),
    )
    assert clients.agreement(told).startswith("Predicted correctly: 2 of 4 (50.0%). 1 were predicted to work")
    assert "| acme/small/chat.stream | ok | crash | `a` | it \\| has |" in clients.render(told)
    assert clients.agreement(results(finding())) == ""


def test_what_is_foretold_stands_apart_from_what_was_measured() -> None:
    told = results(
        finding(predicted=ClientOutcome.OK),
        foreseen=[ProviderPrediction("a", "unrecorded", ClientOutcome.CRASH, "choices-null")],
    )
    assert "unrecorded" not in clients.provider_table(told)
    assert re.search(r"\| `a` +\| ≈✓ +\| ≈X +\|", clients.foretold_table(told))


def test_a_fault_names_the_libraries_and_counts_the_idioms_that_do_not_survive_it() -> None:
    told = results(
        finding("a", "reference", ClientOutcome.CRASH, fault="choices-null"),
        finding("lib", "reference", ClientOutcome.SILENT, fault="choices-null"),
    )
    assert "| `choices-null` | chat.stream | 0/2 | S lib | X 1 |" in clients.deviation_table(told)


def test_what_goes_back_is_told_for_each_key() -> None:
    told = results(
        finding(),
        loops=[
            LoopFinding("lib", "reasoning_content", None, "null"),
            LoopFinding("lib", "reasoning", "reasoning_content", "null", ("tool_choice",)),
        ],
    )
    assert re.search(r"\| `lib` +\| no +\| as reasoning_content +\| null +\| tool_choice +\|", clients.loop_table(told))


def test_the_page_escapes_what_came_and_loads_nothing() -> None:
    told = results(finding(fate=ClientOutcome.WRONG, message="<script>alert('你好')</script>"))
    text = clients_page.render(told)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert re.findall(r"""(?:src|@import|url\()\s*=?\s*["']?http""", text) == []
    assert '<td class="bad"><details><summary>W</summary><b>wrong text</b>' in text
    assert "<th>acme <small>R</small>" in text
