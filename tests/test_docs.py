"""The documents are current: tables, numbers, commands and options are compared with the code."""

import os
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.checks import CHECKS
from harness.cli import main
from harness.judging.deviations import load_deviations
from harness.matrix.providers import load_matrix
from harness.matrix.scenarios import SCENARIOS
from harness.pytest import reference
from harness.pytest.options import ALLOWED, BLOCK, SELECTING
from harness.reports import badge, table
from harness.reports.start_table import QUESTIONS, with_start_tables
from harness.reports.summary import PROVENANCES, recorded
from harness.reports.summary import providers as providers_of
from harness.results import Finding, Outcome, Results, digest_of, read_digest
from harness.results.basis import EVIDENCE
from harness.wire.dialect import DIALECTS, dialect_of_scenario

ROOT = Path(__file__).resolve().parents[1]
READMES = ("README.md", "README.zh-CN.md")
GUIDES = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("guide-*.md"))
METHODS = ("docs/method.md", "docs/method.zh-CN.md")
FIGURES = ("docs/figures.md", "docs/figures.zh-CN.md")
FIRST_MET = ("docs/install.md", "docs/install.zh-CN.md", "docs/formats.md", "docs/formats.zh-CN.md")
WRITING = ("docs/profiles.md", "docs/profiles.zh-CN.md")
PAGES = (*READMES, *GUIDES, *METHODS, *FIGURES, *FIRST_MET, *WRITING)
PAIRS = [(name, name.replace(".md", ".zh-CN.md")) for name in PAGES if ".zh-CN" not in name]
COMMANDS = main.loaded()


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def results(matrix_findings: tuple[Finding, ...], published_findings: tuple[Finding, ...]) -> Results:
    """The current findings of ``harness run``: on the recorded matrix, and on published recordings."""
    return Results(read_digest(ROOT / "reports/digest.jsonl").run, [*matrix_findings, *published_findings])


@pytest.mark.thorough
def test_the_committed_digest_is_current(results: Results) -> None:
    committed, now = read_digest(ROOT / "reports/digest.jsonl"), digest_of(results)
    assert [row for row in now.rows if row not in committed.rows] == [], "run: make compat"
    assert now == committed, "run: make compat"


def test_what_is_generated_and_committed_stays_small() -> None:
    listed = files_of_git("reports", "docs/claims.md", "docs/fidelity.md", "docs/registry.md", "docs/commands.md")
    assert sum(path.stat().st_size for path in listed if path.exists()) < 6_000_000
    assert {path.name for path in listed} & {"results.jsonl", "index.html", "clients.html"} == set()


def files_of_git(*places: str) -> list[Path]:
    """The files below some places that are committed, or would be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *places]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if told.returncode:
        pytest.skip(f"no git checkout: {told.stderr.strip()}")
    return [ROOT / name for name in told.stdout.splitlines()]


@pytest.mark.thorough
def test_the_committed_report_is_current(results: Results) -> None:
    assert read("reports/compatibility.md") == f"# Compatibility\n\n{table.render(results)}", "run: make compat"


@pytest.mark.thorough
def test_the_committed_badges_are_current(results: Results) -> None:
    badges = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "reports/badges").glob("*.svg")}
    assert badges == badge.render(results), "run: make compat"


def main_providers() -> list[str]:
    (named,) = re.findall(r"^MAIN := (.*)$", read("Makefile"), re.MULTILINE)
    return str(named).split()


@pytest.mark.thorough
@pytest.mark.parametrize("name", READMES)
def test_the_start_table_in_the_readme_is_current(name: str, results: Results) -> None:
    assert with_start_tables(read(name), results, main_providers()) == read(name), "run: make compat"


@pytest.mark.parametrize("name", READMES)
def test_a_readme_is_short(name: str) -> None:
    assert len(read(name).splitlines()) <= 120


def test_the_questions_of_the_start_table_name_checks() -> None:
    families = {check.family for check in CHECKS.values()}
    named = {name for question in QUESTIONS for name in (question.observation, *question.rules)}
    assert named - set(CHECKS) - families == set()


@pytest.mark.thorough
@pytest.mark.parametrize("name", READMES)
def test_what_the_results_rest_on_is_current(name: str, results: Results) -> None:
    """The numbers of providers by kind of evidence, and the names of those recorded and of those without anything."""
    (said,) = re.findall(r"<!-- evidence -->(.*?)<!-- /evidence -->", read(name), re.DOTALL)
    kinds: dict[str, set[str]] = {kind: set() for kind in PROVENANCES}
    published = set()
    for finding in results.findings:
        if finding.provenance:
            kinds[finding.provenance].add(finding.provider)
        if finding.provenance == "published":
            published.add(finding.cassette)
    absent = set(providers_of(results)) - set(recorded(results))
    made = kinds["reconstructed"] - kinds["published"] - kinds["recorded"]
    counts = [len(providers_of(results)), len(kinds["recorded"]), len(published), len(made)]
    assert list(map(int, re.findall(r"\d+", said))) == counts
    assert {name for name in kinds["recorded"] | absent if not re.search(rf"(?<![\w-]){name}(?![\w-])", said)} == set()


@pytest.mark.thorough
@pytest.mark.parametrize("name", READMES)
def test_what_is_said_of_dialects_is_current(name: str, results: Results) -> None:
    """Who has an address of Messages, whose recordings break no rule there, whose do, and who is recorded in completions."""
    (said,) = re.findall(r"<!-- dialects -->(.*?)<!-- /dialects -->", read(name), re.DOTALL)
    shown = {dialect: dict[str, set[Outcome]]() for dialect in DIALECTS}
    for finding in results.findings:
        if finding.provenance in EVIDENCE:
            of = shown[dialect_of_scenario(finding.scenario)]
            of.setdefault(finding.provider, set()).add(finding.outcome)
    differs = {who for who, outcomes in shown["messages"].items() if outcomes & {Outcome.KNOWN, Outcome.FAIL}}
    groups = [set(re.findall(r"[a-z][a-z-]+", names)) for names in re.findall(r"[(（](.*?)[)）]", said, re.DOTALL)]
    assert groups == [set(shown["messages"]) - differs, differs, set(shown["completions"])]
    served = sum(one.dialects.messages is not None for one in load_matrix(ROOT / "providers.yaml").providers)
    assert list(map(int, re.findall(r"\d+", said))) == [served]


@pytest.mark.thorough
def test_the_matrix_holds_no_surprise(results: Results) -> None:
    assert [finding.cell for finding in results.unexpected] == []


@pytest.mark.parametrize("name", METHODS)
def test_the_counts_of_checks_and_scenarios_are_current(name: str) -> None:
    assert reference.with_counts(read(name), read("reports/proof.md")) == read(name), "run: make docs"
    (listed,) = re.findall(r"<!-- families -->(.*?)<!-- /families -->", read(name), re.DOTALL)
    assert sum(int(count) for count in re.findall(r"\d+", listed)) == len(CHECKS)
    (counted,) = re.findall(r"<!-- counts -->(.*?)<!-- /counts -->", read(name), re.DOTALL)
    assert next(map(int, re.findall(r"\d+", counted))) == len(CHECKS)
    (scenarios,) = re.findall(r"<!-- scenarios -->(.*?)<!-- /scenarios -->", read(name), re.DOTALL)
    counts = (len(SCENARIOS), sum(scenario.requests for scenario in SCENARIOS.values()))
    assert tuple(map(int, re.findall(r"\d+", scenarios))) == counts


def test_the_reference_of_commands_is_current() -> None:
    assert read(reference.COMMANDS) == reference.reference(), "run: make docs"


def test_every_command_and_option_has_a_line() -> None:
    text = read(reference.COMMANDS)
    assert {name for name in COMMANDS if f"## harness {name}" not in text} == set()
    plugin = (ROOT / "harness/pytest/options.py").read_text(encoding="utf-8")
    added = {f"--compat-{name}" for name in SELECTING} | {BLOCK, ALLOWED}
    added |= set(re.findall(r'addoption\(\s*"(--compat-[\w-]+)"', plugin))
    assert set(re.findall(r"^\| `(--compat-[\w-]+)", text, re.MULTILINE)) == added
    assert re.findall(r"^\| `--[^|]*\| +\|", text, re.MULTILINE) == [], "an option without a help text"


@pytest.mark.parametrize("name", METHODS)
def test_every_outcome_is_named(name: str) -> None:
    assert [outcome.value for outcome in Outcome if f"`{outcome.value}`" not in read(name)] == []


@pytest.mark.parametrize("name", PAGES)
def test_options_that_are_named_exist(name: str) -> None:
    options = set(re.findall(r"`(?:-\w, )?(--[\w-]+)", read(reference.COMMANDS))) | {"--lf", "--junitxml"}
    options |= {
        word for line in re.findall(r"`--[^`]+`", read(reference.COMMANDS)) for word in re.findall(r"--[\w-]+", line)
    }
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]+", prose(read(name)))) - options == set()


@pytest.mark.parametrize(
    "name", [*PAGES, "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/commands.md"]
)
def test_links_lead_somewhere(name: str) -> None:
    """To a file, and to a heading in it if one is named."""
    folder = (ROOT / name).parent
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", read(name))
    own = [
        (folder / target if target else ROOT / name, part) for target, part in links if not target.startswith("http")
    ]
    assert [str(target) for target, _ in own if not target.exists()] == []
    assert [part for target, part in own if part and part not in anchors(target)] == []


def anchors(page: Path) -> set[str]:
    """Return the addresses of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", [*PAGES, "CONTRIBUTING.md", "SECURITY.md"])
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
    options = {option for command in COMMANDS.values() for one in command.params for option in one.opts}
    assert set(re.findall(r"`(--(?!compat)[\w-]+)`", text)) - options == set()


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_both_languages_show_the_same_code(english: str, chinese: str) -> None:
    blocks = [re.findall(r"```\w*\n(.*?)```", read(name), re.DOTALL) for name in (english, chinese)]
    bare = [[commands_of(re.sub(r"\s+#.*", "", block)) for block in found] for found in blocks]
    assert bare[0] == bare[1]


def commands_of(block: str) -> str:
    """What ``explain`` prints is in the language of the page: of that the command alone; all of another block."""
    return block.partition("\n")[0] if block.startswith("$ harness explain ") else block


@pytest.mark.parametrize(("name", "language"), [("README.md", "en"), ("README.zh-CN.md", "zh")])
def test_the_finding_of_the_readme_is_what_the_command_prints(name: str, language: str) -> None:
    blocks = [
        one for one in re.findall(r"```\n(.*?)```", read(name), re.DOTALL) if one.startswith("$ harness explain ")
    ]
    (shown,) = blocks
    command, *lines = shown.splitlines()
    cell = command.removeprefix("$ harness explain ")
    printed = CliRunner(env={"COLUMNS": "80"}).invoke(main, ["explain", cell, "--lang", language]).stdout
    assert len(lines) > 8
    assert [line for line in lines if line.rstrip("…").rstrip() not in printed] == []


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_both_languages_have_the_same_parts_and_figures(english: str, chinese: str) -> None:
    headings = [len(re.findall(r"^## ", read(name), re.MULTILINE)) for name in (english, chinese)]
    assert headings[0] == headings[1]
    figures = [Counter(re.findall(r"\d[\d,.]*\d|\d", prose(read(name)))) for name in (english, chinese)]
    assert figures[0] == figures[1]


def prose(text: str) -> str:
    """Return a page without its code and addresses."""
    return re.sub(r"```.*?```|https?://\S+", "", text, flags=re.DOTALL)


def test_architecture_is_a_page() -> None:
    assert len(read("ARCHITECTURE.md").splitlines()) <= 60


def test_the_repository_speaks_of_the_project_alone() -> None:
    here = re.compile(r"(?<![\w.])/(?:work|root|home|tmp|Users)/\w")
    made = {".git", ".venv", ".venv-openai2", ".fuzz", "build", "node_modules", "__pycache__"}  # by tools, and not kept
    kept = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in made and Path(folder, name) != ROOT / "site"]
        kept += [
            Path(folder, name) for name in names if name.endswith((".md", ".py", ".yaml", ".toml", ".json", ".jsonl"))
        ]
    own = [path for path in kept if path != Path(__file__).resolve()]
    assert [str(path.relative_to(ROOT)) for path in own if here.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.thorough
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
            and one.expects(re.sub(r" \(and \d+ more\)$", "", finding.message))
            and (
                one.covers(finding.check, finding.scenario, finding.model)
                # of a published recording the finding itself says by what it is known
                or (finding.check == one.check and " ".join(one.reason.split()) in (finding.known or ""))
            )
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
