"""
The committed table of clients matches their behaviour: every sixth of the project's own environment in `make
test-thorough`, all on request.

``HARNESS_TEST_CLIENTS=1`` takes all in, with those that ``make test-clients`` installs, and 2 every second one of each tier.
"""

import os
import re
from pathlib import Path

import pytest

from harness.clients.catalogue import CLIENTS, ENVIRONMENTS, tier_of
from harness.clients.matrix import described, run_matrix, trials_of
from harness.clients.tool_round_trips import round_trips_of
from harness.matrix.providers import load_matrix
from harness.reports import clients as report
from harness.results import ClientFinding, ClientOutcome, ClientResults, read_client_results
from harness.serve.recording_index import REFERENCE, RecordingIndex

ROOT = Path(__file__).resolve().parents[2]
EVERY = int(os.environ.get("HARNESS_TEST_CLIENTS", "0"))
MAY_DIFFER = {0: 0, 1: 0.005, 2: 0.005}  # how a library cuts or times out hangs on the machine's speed too


@pytest.fixture(scope="module")
def committed() -> ClientResults:
    return read_client_results(ROOT / "reports/clients.jsonl")


@pytest.mark.thorough
@pytest.mark.parametrize("tier", [0, 1, 2])
def test_what_clients_do_with_providers_is_what_is_committed(tier: int, committed: ClientResults) -> None:
    if tier and not EVERY:
        pytest.skip("only the project's own environment is tried here; all of them with: make test-clients")
    clients = [one for one in CLIENTS.values() if tier_of(one) == tier][:: EVERY or 6]
    assert [one.env for one in clients if not ENVIRONMENTS[one.env].installed] == [], "run: make clients"
    index = RecordingIndex(load_matrix(ROOT / "providers.yaml"), ROOT)
    trials = trials_of(index, [name for name in index.providers if name != REFERENCE], deviations=False)
    now = run_matrix(clients, trials, committed.run, lambda _done, _total: None)
    ids = {one.id for one in clients}
    before = {one.cell: told(one) for one in committed.findings if one.client in ids and not one.fault}
    after = {one.cell: told(one) for one in now.findings}
    assert after.keys() == before.keys(), "run: make clients"
    differing = {cell: (before[cell], after[cell]) for cell in after if before[cell] != after[cell]}
    assert len(differing) <= MAY_DIFFER[tier] * len(after), f"run: make clients; {dict(list(differing.items())[:10])}"
    assert len(after) > 500


def told(finding: ClientFinding) -> tuple[object, ...]:
    return (finding.fate, finding.on_reference, finding.predicted, finding.provenance, finding.recorded_at)


def test_every_client_and_every_version_is_committed(committed: ClientResults) -> None:
    assert list(committed.clients) == list(CLIENTS), "run: make clients"
    for name, about in described(CLIENTS.values()).items():
        pinned = ENVIRONMENTS[CLIENTS[name].env].pins
        kept = {key: value for key, value in about.items() if key != "versions" or pinned}
        assert {key: committed.clients[name][key] for key in kept} == kept, "run: make clients"


def test_no_client_failed_to_run(committed: ClientResults) -> None:
    assert [one.cell for one in committed.findings if one.fate is ClientOutcome.ENV] == []


def test_every_client_was_tried_on_every_fault_that_it_asks_for(committed: ClientResults) -> None:
    faults = {name: sum(1 for one in committed.findings if one.client == name and one.fault) for name in CLIENTS}
    for dialect, least in (("chat", 350), ("messages", 90), ("completions", 35)):
        own = [one for one in CLIENTS.values() if one.dialect == dialect and one.streams and not one.only]
        streaming = {faults[one.id] for one in own}
        assert len(streaming) == 1
        assert min(streaming) > least


def test_what_goes_back_after_a_call_is_what_is_committed(committed: ClientResults) -> None:
    own = [loop for one in CLIENTS.values() if tier_of(one) == 0 and one.loops for loop in round_trips_of(one)]
    assert own
    assert [loop for loop in committed.loops if loop.client in {one.client for one in own}] == own
    assert {loop.client for loop in committed.loops} == {one.id for one in CLIENTS.values() if one.loops}


def test_the_committed_report_is_current(committed: ClientResults) -> None:
    assert (ROOT / "reports/clients.md").read_text(encoding="utf-8") == report.render(committed), "run: make clients"


@pytest.mark.parametrize("name", ["docs/guide-app.md", "docs/guide-app.zh-CN.md"])
def test_the_figures_in_the_guide_are_those_of_the_report(name: str, committed: ClientResults) -> None:
    (said,) = re.findall(
        r"<!-- clients -->(.*?)<!-- /clients -->", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL
    )
    libraries = [client for client, about in committed.clients.items() if not about["idiom"]]
    pairs = [counts(committed, fault, set(libraries), silent=silent) for fault, silent in QUOTED]
    good = [one.agrees for one in committed.findings if one.agrees is not None]
    share = f"{sum(good) / len(good):.1%}".removesuffix("%")
    told = [str(len(CLIENTS)), str(len(libraries)), *(word for pair in pairs for word in pair), str(len(good)), share]
    assert sorted(re.findall(r"\d+(?:\.\d+)?", said.replace("think", ""))) == sorted([*told, *STATUS]), (
        "see reports/clients.md"
    )


STATUS = ["200"]
QUOTED = [
    ("stream-cut", True), ("error-for-stream", True), ("call-index-missing", False), ("call-name-repeated", False),
    ("choices-null", False), ("delta-null", False), ("think-tags", False), ("thought-under-other-name", False),
    ("choices-empty-first", False), ("finish-empty-before-end", False),
]  # fmt: skip


def counts(results: ClientResults, fault: str, libraries: set[str], *, silent: bool) -> tuple[str, str]:
    """Return how many libraries a fault breaks, in how many silently, and how many read it."""
    found = [one for one in results.findings if one.fault == fault and one.client in libraries]
    read = [one for one in found if one.fate not in {ClientOutcome.NA, ClientOutcome.ENV}]
    bad = [
        one
        for one in read
        if one.fate.bad and not one.on_reference and (one.fate is ClientOutcome.SILENT or not silent)
    ]
    return str(len(bad)), str(len(read))
