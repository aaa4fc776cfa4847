"""Published recordings in a run are judged by their requests, with the deviations listed for their provider."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.checks import CHECKS
from harness.cli import main
from harness.errors import UnknownName
from harness.judging.deviations import KnownProblems
from harness.judging.published import published_cases, run_published
from harness.judging.runner import Selection, plan
from harness.matrix.providers import load_matrix
from harness.recording.cassette import write_cassette
from harness.results import Outcome, read_results
from harness.simulate.reference import BODY, STREAM, replace_in_body
from harness.wire.exchange import Source

MATRIX = """
providers:
  - id: acme
    name: Acme
    base_url: https://api.acme.example/v1
    key_env: ACME_API_KEY
    docs: https://acme.example/docs
    models: [{id: small, thinking: {}}]
"""
LISTED = """
deviations:
  - check: chunk.created
    scenarios: [tools.*]
    models: [other]
    message: "*"
    reason: It counts no time.
    source: https://acme.example/docs
    seen: {first: 2026-01, last: 2026-03}
  - check: sdk.strict
    message: "*"
    reason: The same.
    source: https://acme.example/docs
    seen: {first: 2026-01, last: 2026-03}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "providers.yaml").write_text(MATRIX, encoding="utf-8")
    source = Source("published", "2026-03-01", "https://example.org/a", "texts: replaced")
    timeless = replace_in_body(BODY, ',"created":1760000000', "")
    write_cassette(tmp_path / "cassettes/acme/published/small/2026-03-01-body.yaml", [replace(timeless, source=source)])
    write_cassette(tmp_path / "cassettes/far/published/big/2026-02-01-stream.yaml", [replace(STREAM, source=source)])
    (tmp_path / "cassettes/acme/deviations.yaml").write_text(LISTED, encoding="utf-8")
    return tmp_path


def test_they_are_selected_by_provider_model_and_as_a_scenario(root: Path) -> None:
    def chosen(**wanted: Any) -> list[str]:
        return [case.provider for case in published_cases(root, Selection(**wanted))]

    assert chosen() == chosen(scenarios=("published",)) == ["acme", "far"]
    assert chosen(providers=("far",)) == chosen(models=("big",)) == chosen(models=("far/big",)) == ["far"]
    assert chosen(scenarios=("chat.stream",)) == []


def test_names_of_published_recordings_are_known_and_others_are_not(root: Path) -> None:
    matrix = load_matrix(root / "providers.yaml")
    assert plan(matrix, root, Selection(providers=("far",), models=("far/big",), scenarios=("published",))) == []
    with pytest.raises(UnknownName, match="unknown provider 'fur'"):
        plan(matrix, root, Selection(providers=("fur",)))


def test_what_is_listed_is_known_whatever_was_asked(root: Path) -> None:
    case = published_cases(root, Selection())[0]
    found = {one.check: one for one in run_published(case, tuple(CHECKS.values()), KnownProblems(root))}
    known = found["chunk.created"]
    assert (known.outcome, known.provenance, known.recorded_at) == (Outcome.KNOWN, "published", "2026-03-01")
    assert (known.scenario, known.cassette) == (
        "published.2026-03-01-body",
        "cassettes/acme/published/small/2026-03-01-body.yaml",
    )


def test_run_judges_them_and_its_tables_show_them(root: Path) -> None:
    result = CliRunner().invoke(main, ["run", "--root", str(root), "--format", "markdown"])
    assert result.exit_code == 0, result.output
    judged = {one.provider for one in read_results(root / "reports/results.jsonl").findings if one.cassette}
    assert judged == {"acme", "far"}
    assert "| far" in result.stdout
    assert "P 2026-03" in result.stdout


pytest_plugins = ["pytester"]


def run_plugin(root: Path, pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    wanted = ("--compat-scenario", "published", "-p", "no:cacheprovider", "-rA")
    return pytester.runpytest_inprocess(str(root / "providers.yaml"), *wanted, *options)


def test_the_plugin_has_an_item_for_each_that_tells_all_its_failures(root: Path, pytester: pytest.Pytester) -> None:
    run_plugin(root, pytester).assert_outcomes(passed=1, xfailed=1)
    run_plugin(root, pytester, "--compat-check", "models").assert_outcomes(skipped=2)
    (root / "cassettes/acme/deviations.yaml").write_text("deviations: []", encoding="utf-8")
    run = run_plugin(root, pytester)
    run.assert_outcomes(passed=1, failed=1)
    run.stdout.fnmatch_lines(
        ["*acme/small/published.2026-03-01-body*", "fail: created is absent*(MUST)", "fail: the strict client*(SHOULD)"]
    )


def test_the_report_of_the_plugin_holds_the_findings_of_each(root: Path, pytester: pytest.Pytester) -> None:
    run_plugin(root, pytester, "--compat-report", str(root / "told")).assert_outcomes(passed=1, xfailed=1)
    CliRunner().invoke(main, ["run", "--root", str(root), "--scenario", "published", "--report", str(root / "run")])
    told, by_run = (read_results(root / name / "results.jsonl").findings for name in ("told", "run"))
    assert sorted(told, key=str) == sorted(by_run, key=str)


def test_a_published_recording_that_can_not_be_read_is_an_error(root: Path, pytester: pytest.Pytester) -> None:
    (root / "cassettes/far/published/big/2026-02-01-stream.yaml").write_text("interactions: [", encoding="utf-8")
    run_plugin(root, pytester).assert_outcomes(errors=1, xfailed=1)


def test_what_comes_with_the_program_is_found_where_it_is_named_or_nothing_else_is(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with_the_program = [case.id for case in published_cases(elsewhere, Selection())]
    assert len(with_the_program) > 400
    assert {case.provider for case in published_cases(root, Selection())} == {"acme", "far"}
    named = Selection(providers=("deepseek",))
    assert {case.provider for case in published_cases(root, named)} == {"deepseek"}
    assert plan(load_matrix(root / "providers.yaml"), root, Selection(providers=("snowflake",))) == []


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("acme/small/published.2026-03-01-body/chunk.created", 0, "https://example.org/a"),
        ("acme/small/published.2026-03-01-body/chunk.created", 0, "It counts no time."),
        ("far/big/published.2026-02-01-stream/chunk.id", 0, "pass"),
        ("far/big/published.2026-02-02-stream/chunk.id", 2, "try published.2026-02-01-stream"),
        ("fur/big/published.2026-02-01-stream/chunk.id", 2, "unknown provider 'fur'"),
        ("far/big/published.2026-02-01-stream/chunk.idd", 2, "unknown check 'chunk.idd'"),
    ],
)
def test_a_cell_of_one_is_explained_with_where_it_was_published(root: Path, name: str, code: int, said: str) -> None:
    result = CliRunner().invoke(main, ["explain", name, "--root", str(root)], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    assert said in result.output
