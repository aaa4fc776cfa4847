"""A provider of the matrix that also serves Messages is recorded, judged and distinguished from chat."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from scripted import IDEAL, Server

from harness.checks import CHECKS
from harness.cli import main
from harness.errors import BadProviders
from harness.judging.runner import Selection, plan
from harness.matrix.messages import MESSAGES
from harness.matrix.providers import load_matrix
from harness.reports.start_table import QUESTIONS, answer_of
from harness.reports.summary import by_provider, coverage, families, family_cells, feature_cell
from harness.results import Outcome, Results, read_results
from harness.simulate.messages.ideal import MODEL
from harness.wire.dialect import dialect_of_scenario

MATRIX = """\
providers:
  - id: acme
    name: Acme
    base_url: {base}
    key_env: ACME_KEY
    docs: https://acme.example/docs
    dialects:
      messages:
        base_url: {messages}
        valid: {{at: 2026-11, how: documented, source: https://acme.example/messages}}{more}
    models:
      - {{id: small, name: gpt-4o-mini, thinking: {{disable: {{}}, enable: {{}}}}}}
      - {{id: sonnet, name: {model}, thinking: {{disable: {{}}, enable: {{}}}}}}
      - {{id: old, retired: 2026-01-01, thinking: {{disable: {{}}}}}}
      - {{id: elsewhere, base_url: "https://other.acme.example/v1", thinking: {{disable: {{}}}}}}
"""
pytest_plugins = ["pytester"]

ASKED = ("chat.stream", "chat.nonstream", "messages.stream", "messages.both-forms", "messages.unknown-model")


def matrix(base: str = "https://acme.example/v1", more: str = "") -> str:
    return MATRIX.format(base=base, messages=base.removesuffix("/v1"), more=more, model=MODEL)


def call(*words: str) -> Result:
    return CliRunner().invoke(main, words, env={"ACME_KEY": "good", "COLUMNS": "400"})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with recordings of a provider in both dialects, judged."""
    root = tmp_path_factory.mktemp("project")
    with Server(IDEAL) as server:
        (root / "providers.yaml").write_text(matrix(server.base_url))
        for model, dialect in (("small", "chat"), ("sonnet", "messages")):
            chosen = [word for name in ASKED if name.startswith(dialect) for word in ("--scenario", name)]
            asked = call("record", "--root", str(root), "--model", f"acme/{model}", "--dialect", dialect, *chosen)
            assert asked.exit_code == 0, asked.output
            assert f"{len(chosen) // 2} recorded" in asked.stderr
    assert {request.path for request in server.requests} == {"/v1/chat/completions", "/v1/messages"}
    assert call("run", "--root", str(root), "--report", str(root / "reports")).exit_code == 0
    return root


@pytest.fixture(scope="module")
def results(project: Path) -> Results:
    return read_results(project / "reports/results.jsonl")


def test_a_recording_stands_under_its_scenario(project: Path) -> None:
    kept = {path.relative_to(project / "cassettes/acme").as_posix() for path in (project / "cassettes").rglob("*.yaml")}
    assert kept == {f"{'small' if name.startswith('chat') else 'sonnet'}/{name}.yaml" for name in ASKED}


def test_each_dialect_is_judged_by_its_own_checks(results: Results) -> None:
    for dialect in ("chat", "messages"):
        found = (one for one in results.findings if one.scenario == f"{dialect}.stream")
        judged = {one.check for one in found if one.outcome is not Outcome.MISSING}
        assert judged == {check.id for check in CHECKS.values() if dialect in check.dialects}
    missing = {one.scenario for one in results.findings if one.outcome is Outcome.MISSING and one.model == "sonnet"}
    assert set(MESSAGES) - set(ASKED) <= missing


def test_only_models_that_are_there_are_asked_in_messages(results: Results) -> None:
    assert {one.model for one in results.findings if dialect_of_scenario(one.scenario) == "messages"} == {
        "small",
        "sonnet",
    }


def test_the_tables_tell_dialects_apart(results: Results) -> None:
    cells, findings = family_cells(results), by_provider(results)["acme"]
    assert "messages" in families(results)
    alone = Results(results.run, [one for one in results.findings if dialect_of_scenario(one.scenario) == "chat"])
    assert cells["acme", "http"].text == family_cells(alone)["acme", "http"].text
    assert coverage(findings).startswith(f"{coverage(alone.findings)}; messages 3/{2 * len(MESSAGES)}: R 3 ")
    assert feature_cell(findings, "sse.end") == feature_cell(alone.findings, "sse.end")
    assert [answer_of(findings, one) for one in QUESTIONS] == [answer_of(alone.findings, one) for one in QUESTIONS]


@pytest.mark.parametrize(("dialect", "scenarios"), [("chat", {"chat"}), ("messages", {"messages"})])
def test_a_run_is_narrowed_to_a_dialect(project: Path, dialect: str, scenarios: set[str]) -> None:
    result = call("run", "--root", str(project), "--dialect", dialect, "--report", str(project / dialect))
    assert result.exit_code == 0, result.output
    findings = read_results(project / dialect / "results.jsonl").findings
    assert {dialect_of_scenario(one.scenario) for one in findings} == scenarios


def test_it_is_told_of_a_provider(project: Path) -> None:
    assert f"3/{len(MESSAGES)}" in call("providers", "--root", str(project)).stdout
    told = call("explain", "acme", "--root", str(project)).stdout
    assert "key in x-api-key, Authorization: Bearer" in told
    assert "2026-11, documented https://acme.example/messages" in told


def test_what_is_asked_by_name_is_told_of_where_it_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "providers.yaml").write_text(matrix())
    for name, reason in (
        ("old", "no address of acme/old for messages is in providers.yaml"),
        ("elsewhere", "no address of acme/elsewhere for messages is in providers.yaml"),
    ):
        chosen = Selection(models=(f"acme/{name}",), scenarios=("messages.stream",))
        (case,) = plan(load_matrix(tmp_path / "providers.yaml"), tmp_path, chosen)
        assert case.skip is not None
        assert (case.skip.outcome, case.skip.reason) == (Outcome.NA, reason)


def test_a_dialect_that_is_lacking_is_not_applicable(tmp_path: Path) -> None:
    text = matrix()
    served = text[text.index("    dialects:") : text.index("    models:")]
    (tmp_path / "providers.yaml").write_text(text.replace(served, "    lacks: [messages]\n"))
    found = load_matrix(tmp_path / "providers.yaml")
    assert not [case for case in plan(found, tmp_path, Selection()) if case.scenario.dialect == "messages"]
    (case,) = plan(found, tmp_path, Selection(models=("small",), scenarios=("messages.stream",)))
    assert case.skip is not None
    assert case.skip.reason == "acme/small lacks messages"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("\n    lacks: [messages]", "lacks messages, and dialects says where it is served"),
        ("\n        models: [large]", "dialects.messages.models: it has no model 'large'"),
        ("\n        key_header: token", "key_header"),
        ("\n        address: https://acme.example", "address"),
    ],
)
def test_a_wrong_entry_is_refused_in_a_line(tmp_path: Path, more: str, says: str) -> None:
    (tmp_path / "providers.yaml").write_text(matrix(more=more))
    with pytest.raises(BadProviders, match=says) as refused:
        load_matrix(tmp_path / "providers.yaml")
    assert "\n" not in str(refused.value)


def test_an_address_given_for_a_provider_is_that_of_all_its_dialects(tmp_path: Path) -> None:
    (tmp_path / "providers.yaml").write_text(matrix())
    with Server(IDEAL) as server:
        moved = ("--base-url", server.base_url, "--scenario", "messages.stream", "--model", "acme/sonnet")
        assert call("record", "acme", "--root", str(tmp_path), *moved).exit_code == 0
        assert [request.path for request in server.requests] == ["/v1/messages"]


def test_pytest_has_an_item_for_each_check_of_messages(project: Path, pytester: pytest.Pytester) -> None:
    words = ("--collect-only", "-q", "-p", "no:hypothesispytest", "-p", "no:cacheprovider", f"{project}/providers.yaml")
    result = pytester.runpytest_inprocess(*words, "--compat-dialect", "messages")
    names = [line.partition("::")[2] for line in result.outlines if "::" in line]
    assert "acme/sonnet/messages.stream/messages.one-block-open" in names
    assert "acme/sonnet/messages.tool/recording.present" in names
    assert not [name for name in names if "/chat." in name]
