"""
The proof of the rules: the requirements on every fault, variant and pair of faults.

``make test-thorough`` tries each pair, some ten thousand, and ``make test`` those of every eighth fault.
"""

import pkgutil
import re
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.checks import CHECKS
from harness.cli import main
from harness.judging.proof import EXEMPT, Proof, all_pairs, render, summary, try_faults
from harness.matrix.scenarios import SCENARIOS
from harness.results import Level
from harness.simulate.chat import faults
from harness.simulate.edits import NothingChanged
from harness.simulate.faults import FAULTS, FAULTS_OF, VARIANTS, VARIANTS_OF, Fault
from harness.wire.dialect import DIALECTS

ROOT = Path(__file__).resolve().parents[2]
RULES = [check.id for check in CHECKS.values() if check.level is not Level.OBSERVE and "chat" in check.dialects]


@pytest.fixture(scope="module")
def proof() -> Proof:
    return try_faults(pairs=False)


@pytest.fixture(scope="module")
def whole() -> Proof:
    return try_faults()


def test_the_catalogue_is_large_enough() -> None:
    assert len(FAULTS) >= 150
    assert len(VARIANTS) >= 25


@pytest.mark.parametrize("kind", ["FAULTS", "VARIANTS"])
def test_no_two_have_one_name(kind: str) -> None:
    """The later would replace the earlier, which a listed deviation may name."""
    modules = [import_module(f"{faults.__name__}.{module.name}") for module in pkgutil.iter_modules(faults.__path__)]
    names = Counter(one.id for module in modules for one in getattr(module, kind, ()))
    assert [name for name, times in names.items() if times > 1] == []


def test_every_fault_is_caught_by_the_rule_meant_for_it(proof: Proof) -> None:
    assert proof.missed == []


def test_every_rule_has_a_fault_of_its_own_or_says_why_not(proof: Proof) -> None:
    assert proof.unproven == []
    assert {fault.rule for fault in FAULTS.values()} == set(RULES)


def test_no_rule_crashes(proof: Proof) -> None:
    assert [one.fault.id for one in proof.caught if one.broken] == []


def test_a_reason_is_given_only_where_it_is_needed(proof: Proof) -> None:
    given = [rule for rule in EXEMPT if not rule.startswith(("messages.", "completions."))]
    assert [rule for rule in given if rule not in RULES or proof.killed_only_by(rule)] == []


def test_no_variant_and_no_reference_raises_an_alarm(proof: Proof) -> None:
    assert proof.alarms == {}
    assert proof.references == sum(scenario.requests for scenario in SCENARIOS.values())


@pytest.mark.thorough
def test_of_two_faults_at_once_both_are_reported(whole: Proof) -> None:
    assert len(whole.pairs) > 2000
    assert whole.hidden == []
    assert sum(pair.outcome == "both fail" for pair in whole.pairs) > 0.85 * len(whole.pairs)
    assert sum(pair.outcome == "both are blocked" for pair in whole.pairs) < 0.002 * len(whole.pairs)


def test_of_some_pairs_of_faults_none_hides_the_other() -> None:
    pairs = list(all_pairs(list(FAULTS.values())[::8]))
    assert len(pairs) > 200
    assert [(pair.first.id, pair.second.id) for pair in pairs if pair.outcome == "hidden"] == []
    assert sum(pair.outcome == "both fail" for pair in pairs) > 0.85 * len(pairs)


@pytest.mark.thorough
def test_pairs_are_of_one_scenario_and_no_fault_is_left_out(whole: Proof) -> None:
    assert all(pair.first.on == pair.second.on for pair in whole.pairs)
    paired = {fault.id for pair in whole.pairs for fault in (pair.first, pair.second)}
    alone = Counter(fault.on for fault in FAULTS.values())
    lonely = [fault.id for fault in FAULTS.values() if fault.id not in paired and alone[fault.on] > 1]
    # What replaces the whole answer goes with no other change of it.
    assert len(lonely) < len(FAULTS) / 8


def test_a_pair_is_compatible_if_the_order_does_not_matter() -> None:
    faults = [fault for fault in FAULTS.values() if fault.on == "chat.stream"]
    for pair in all_pairs(faults[:12]):
        reference = pair.first.reference()
        one = pair.second.change(pair.first.change(reference))
        other = pair.first.change(pair.second.change(reference))
        assert one.response.body == other.response.body


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_can_be_made_but_once_or_adds_to_itself(fault: Fault) -> None:
    """A change without a target says so; it never fails on its own result."""
    try:
        again = fault.change(fault.apply())
    except NothingChanged:
        return
    before = fault.reference()
    assert (again.request, again.response) != (before.request, before.response)


@pytest.mark.thorough
def test_the_written_proof_is_current(whole: Proof) -> None:
    written = (ROOT / "reports/proof.md").read_text(encoding="utf-8")
    assert written == render(whole, *map(try_faults, DIALECTS[1:])), "run: make proof"


def test_the_written_proof_is_current_but_for_the_pairs(proof: Proof) -> None:
    written = (ROOT / "reports/proof.md").read_text(encoding="utf-8")
    but_for_pairs, sentences = re.subn(r" Of \d+ pairs of faults .*", "", written)
    assert sentences == len(DIALECTS)
    assert but_for_pairs == render(proof, *(try_faults(one, pairs=False) for one in DIALECTS[1:])), "run: make proof"


def counts_in(name: str) -> list[str]:
    (said,) = re.findall(r"<!-- proof -->(.*?)<!-- /proof -->", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
    return re.findall(r"\d+", said)


@pytest.mark.parametrize("name", ["docs/method.md", "docs/method.zh-CN.md"])
def test_the_counts_in_the_docs_are_those_of_the_proof(name: str, proof: Proof) -> None:
    counts = re.findall(r"\d+", summary(proof))
    assert counts_in(name)[: len(counts)] == counts


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["docs/method.md", "docs/method.zh-CN.md"])
def test_the_counts_of_pairs_in_the_docs_are_those_of_the_proof(name: str, whole: Proof) -> None:
    assert counts_in(name) == re.findall(r"\d+", summary(whole))


@pytest.mark.thorough
def test_the_command_prints_the_counts(tmp_path: Path) -> None:
    good = CliRunner().invoke(main, ["proof", "--no-pairs", "--write", str(tmp_path / "proof.md")])
    assert good.exit_code == 0
    assert [line.partition(": ")[0] for line in good.output.splitlines()[1:]] == ["messages", "completions"]
    assert "| rule " in (tmp_path / "proof.md").read_text(encoding="utf-8")


def test_the_command_prints_what_falls_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = next(iter(FAULTS.values()))
    lost = Fault(fault.id, fault.title, fault.on, fault.source, fault.change, "usage.sum")
    catalogues: list[dict[str, Any]] = [*FAULTS_OF.values(), *VARIANTS_OF.values()]
    for catalogue in catalogues:
        for name in reversed(list(catalogue)[8:]):  # so that they come back in their order
            monkeypatch.delitem(catalogue, name)
    monkeypatch.setitem(FAULTS, fault.id, lost)
    bad = CliRunner().invoke(main, ["proof", "--no-pairs", "--write", str(tmp_path / "proof.md")])
    assert bad.exit_code == 1
    assert f"missed: {fault.id}" in bad.output
    assert "missed: " + next(one for one in FAULTS if one != fault.id) not in bad.output
    assert "| rule " in (tmp_path / "proof.md").read_text(encoding="utf-8")
