"""The documents stay true: tables, numbers, commands and options are held against the code."""

import re
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.checks import CHECKS
from harness.cli import main
from harness.judging.deviations import load_deviations
from harness.judging.runner import Selection, plan, run_case
from harness.matrix.providers import load_matrix
from harness.matrix.scenarios import SCENARIOS
from harness.reports import badge, page, table
from harness.results import Outcome, Results, read_results

ROOT = Path(__file__).resolve().parents[1]
READMES = ("README.md", "README.zh-CN.md")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def results() -> Results:
    """What the recorded matrix says now."""
    everything = Selection()
    cases = plan(load_matrix(ROOT / "providers.yaml"), ROOT, everything)
    findings = [finding for case in cases for finding in run_case(case, everything.chosen())]
    return Results(read_results(ROOT / "reports/results.jsonl").run, findings)


def test_the_committed_results_are_current(results: Results) -> None:
    assert read_results(ROOT / "reports/results.jsonl").findings == results.findings, "run: make compat"


def test_the_committed_report_is_current(results: Results) -> None:
    assert read("reports/compatibility.md") == f"# Compatibility\n\n{table.render(results)}", "run: make compat"


def test_the_committed_page_and_badges_are_current(results: Results) -> None:
    assert read("reports/index.html") == page.render(results), "run: make compat"
    badges = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "reports/badges").glob("*.svg")}
    assert badges == badge.render(results), "run: make compat"


def main_providers() -> list[str]:
    (named,) = re.findall(r"^MAIN := (.*)$", read("Makefile"), re.MULTILINE)
    return str(named).split()


@pytest.mark.parametrize("name", READMES)
def test_the_table_in_the_readme_is_current(name: str, results: Results) -> None:
    assert table.replace_between_markers(read(name), table.tables(results, main_providers())) == read(name), (
        "run: make compat"
    )


def test_the_matrix_holds_no_surprise(results: Results) -> None:
    assert [finding.cell for finding in results.unexpected] == []


@pytest.mark.parametrize("name", READMES)
def test_the_count_of_checks_is_current(name: str) -> None:
    (listed,) = re.findall(r"<!-- families -->(.*?)<!-- /families -->", read(name), re.DOTALL)
    counts = Counter(check.family for check in CHECKS.values())
    assert dict(re.findall(r"(\w+) (\d+)", listed)) == {family: str(count) for family, count in counts.items()}
    assert f"{len(CHECKS)} " in read(name).split("<!-- families -->")[0].splitlines()[-1]


@pytest.mark.parametrize("name", READMES)
def test_the_counts_of_scenarios_and_requests_are_current(name: str) -> None:
    (line,) = [one for one in read(name).splitlines() if "`harness scenarios`" in one and "|" not in one]
    counts = (len(SCENARIOS), sum(scenario.requests for scenario in SCENARIOS.values()))
    assert tuple(map(int, re.findall(r"(?<![\w.])\d+", line))) == counts


@pytest.mark.parametrize("name", READMES)
def test_every_command_and_no_other_is_described(name: str) -> None:
    described = set(re.findall(r"^\| `harness ([\w-]+)", read(name), re.MULTILINE))
    assert described == set(main.commands)


@pytest.mark.parametrize("name", READMES)
def test_the_options_of_the_plugin_are_described(name: str) -> None:
    plugin = (ROOT / "harness/pytest/plugin.py").read_text(encoding="utf-8")
    added = {"--compat-provider", "--compat-model", "--compat-scenario", "--compat-check"}
    added |= set(re.findall(r'addoption\(\s*"(--compat-[\w-]+)"', plugin))
    assert set(re.findall(r"--compat-[\w-]+", read(name))) == added


@pytest.mark.parametrize("name", READMES)
def test_every_outcome_is_named(name: str) -> None:
    assert [outcome.value for outcome in Outcome if f"`{outcome.value}`" not in read(name)] == []


@pytest.mark.parametrize("name", [*READMES, "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"])
def test_links_lead_somewhere(name: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", read(name))
    assert [target for target in targets if not target.startswith("http") and not (ROOT / target).exists()] == []


@pytest.mark.parametrize("name", [*READMES, "CONTRIBUTING.md", "SECURITY.md"])
def test_make_targets_and_checks_that_are_named_exist(name: str) -> None:
    targets = set(re.findall(r"^([\w-]+):", read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([\w-]+)", read(name), re.MULTILINE)) <= targets
    explained = [word for word in re.findall(r"harness explain ([\w.-]+)(?![\w/])", read(name)) if "." in word]
    assert [word for word in explained if CliRunner().invoke(main, ["explain", word]).exit_code] == []


def test_files_and_options_that_security_md_rests_on_exist() -> None:
    text = read("SECURITY.md")
    files = re.findall(r"`((?:harness|tests)/[\w/]+\.py)`", text)
    assert files
    assert [name for name in files if not (ROOT / name).exists()] == []
    options = {option for command in main.commands.values() for one in command.params for option in one.opts}
    assert set(re.findall(r"`(--(?!compat)[\w-]+)`", text)) - options == set()


def test_both_languages_show_the_same_code() -> None:
    blocks = [re.findall(r"```\n(.*?)```", read(name), re.DOTALL) for name in READMES]
    bare = [[re.sub(r"\s+#.*", "", block) for block in found] for found in blocks]
    assert bare[0] == bare[1]


def test_both_languages_have_the_same_parts_and_figures() -> None:
    headings = [len(re.findall(r"^## ", read(name), re.MULTILINE)) for name in READMES]
    assert headings[0] == headings[1]
    figures = [Counter(re.findall(r"\d[\d,.]*\d|\d", prose(read(name)))) for name in READMES]
    assert figures[0] == figures[1]


def prose(text: str) -> str:
    text = re.sub(rf"{re.escape(table.BEGIN)}.*?{re.escape(table.END)}", "", text, flags=re.DOTALL)
    return re.sub(r"```.*?```|https?://\S+", "", text, flags=re.DOTALL)


def test_architecture_is_a_page() -> None:
    assert len(read("ARCHITECTURE.md").splitlines()) <= 60


def test_the_repository_speaks_of_the_project_alone() -> None:
    here = re.compile(r"(?<![\w.])/(?:work|root|home|tmp|Users)/\w")
    files = [path for path in ROOT.rglob("*") if path.suffix in {".md", ".py", ".yaml", ".toml", ".json", ".jsonl"}]
    made = {".venv", ".venv-openai2", ".fuzz", "build", "node_modules"}  # by tools, and not kept
    own = [path for path in files if not made & set(path.parts) and path != Path(__file__).resolve()]
    assert [str(path.relative_to(ROOT)) for path in own if here.search(path.read_text(encoding="utf-8"))] == []


def test_every_listed_deviation_is_exercised(results: Results) -> None:
    """It shows in a recording or a reconstruction, or names the fault that shows it."""
    known = [finding for finding in results.findings if finding.outcome is Outcome.KNOWN]
    idle = [
        f"{provider.id}: {one.check}: {one.message}"
        for provider in load_matrix(ROOT / "providers.yaml").providers
        for one in load_deviations(ROOT / "cassettes" / provider.id)
        if not (one.fault or one.sometimes)
        and not any(
            finding.provider == provider.id
            and one.covers(finding.check, finding.scenario, finding.model)
            and one.expects(re.sub(r" \(and \d+ more\)$", "", finding.message))
            for finding in known
        )
    ]
    assert idle == []


def test_there_are_enough_of_them() -> None:
    listed = [
        one
        for provider in load_matrix(ROOT / "providers.yaml").providers
        for one in load_deviations(ROOT / "cassettes" / provider.id)
    ]
    assert len(listed) >= 180
    assert f"{len(listed)} listed deviations" in read("CHANGELOG.md")
