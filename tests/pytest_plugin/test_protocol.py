"""Items reported in one step have the same reports as pytest's own, and only if no plugin needs the phases."""

from pathlib import Path
from typing import Any

import pytest
from projects import write_project

import harness.sdk.clients  # noqa: F401 - pytester forgets what a run imports, and asyncio stands no second time
from harness.judging import runner
from harness.judging.runner import Case
from harness.pytest.plugin import CheckItem
from harness.recording.cassette import write_cassette
from harness.simulate.reference import BODY, STREAM, recorded, replace_in_body

DEVIATION = """\
deviations:
  - {check: chunk.object, message: "*", reason: It always was., source: "https://acme.example", seen: {first: "2025"}}
  - {check: usage.once, message: "*", reason: No longer., source: "https://acme.example", seen: {first: "2025"}}
"""
FAULTY = replace_in_body(
    replace_in_body(STREAM, '"object":"chat.completion.chunk",', ""), '"role":"assistant"', '"role":"bot"'
)
QUIETLY = ("-p", "no:hypothesispytest", "providers.yaml", "--compat-scenario=chat.stream")
IN_PHASES = ("-p", "no:compat-one-step")

KEPT = """\
import pytest
@pytest.fixture(scope='module', autouse=True)
def kept():
    yield
    print('LEFT')
def test_it(): pass
"""

pytest_plugins = ["pytester"]


class Heard:
    """The reports of a run."""

    def __init__(self) -> None:
        self.reports: list[Any] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr or "")
        self.reports.append(
            (report.nodeid, report.when, report.outcome, reason, getattr(report, "wasxfail", None), report.keywords.keys(),
             report.user_properties)
        )  # fmt: skip


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    write_project(pytester.path)
    (pytester.path / "cassettes/acme/deviations.yaml").write_text(DEVIATION)
    write_cassette(pytester.path / "cassettes/acme/small/chat.stream.yaml", [FAULTY])
    return pytester.path


def heard(pytester: pytest.Pytester, *arguments: str) -> Heard:
    plugin = Heard()
    pytester.inline_run(*QUIETLY, *arguments, plugins=[plugin])
    return plugin


@pytest.mark.usefixtures("project")
def test_the_reports_are_those_of_pytest(pytester: pytest.Pytester) -> None:
    quick, slow = heard(pytester).reports, heard(pytester, *IN_PHASES).reports
    assert quick == slow
    assert {outcome for _, _, outcome, *_ in quick} == {"passed", "skipped", "failed"}
    assert any(known for _, _, _, _, known, *_ in quick)


@pytest.mark.usefixtures("project")
def test_only_what_failed_and_what_stands_at_an_end_is_set_up(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up: list[str] = []
    own = CheckItem.setup

    def counted(item: CheckItem) -> None:
        set_up.append(item.name)
        own(item)

    monkeypatch.setattr(CheckItem, "setup", counted)
    result = pytester.runpytest_inprocess(*QUIETLY)
    counts = result.parseoutcomes()
    assert len(set_up) == counts["failed"] + 2 < counts["passed"]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "conftest",
    [
        "def pytest_runtest_setup(item): print('HEARD', item.name)",
        "def pytest_runtest_makereport(item, call): print('HEARD', item.name)",
    ],
)
def test_who_listens_to_phases_hears_each_item(pytester: pytest.Pytester, conftest: str) -> None:
    pytester.makeconftest(conftest)
    result = pytester.runpytest_inprocess(*QUIETLY, "-s", "-v")
    items = sum(result.parseoutcomes().get(one, 0) for one in ("passed", "failed", "skipped", "xfailed"))
    assert result.stdout.str().count("HEARD") >= items > 100


@pytest.mark.usefixtures("project")
def test_a_mark_that_a_project_adds_is_heeded(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "import pytest\ndef pytest_itemcollected(item): item.add_marker(pytest.mark.skip(reason='slow'))"
    )
    assert pytester.runpytest_inprocess(*QUIETLY).parseoutcomes().keys() == {"skipped"}


@pytest.mark.usefixtures("project")
def test_files_beside_it_are_set_up_and_torn_down(pytester: pytest.Pytester) -> None:
    for folder in ("a", "b"):
        (pytester.path / folder).mkdir()
        (pytester.path / folder / f"test_{folder}.py").write_text(KEPT)
    result = pytester.runpytest_inprocess("a", *QUIETLY, "b", "-s")
    assert result.parseoutcomes()["passed"] > 100
    assert "errors" not in result.parseoutcomes()
    assert result.stdout.str().count("LEFT") == 2


@pytest.mark.usefixtures("project")
def test_a_crash_is_an_error_of_its_items_and_no_other_finding_stands_for_theirs(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = runner.run_case

    def crashing(case: Case, checks: Any) -> Any:
        if case.scenario.id == "chat.nonstream":
            raise RuntimeError("a defect of ours")
        return judged(case, checks)

    write_cassette(pytester.path / "cassettes/acme/small/chat.nonstream.yaml", [recorded(BODY)])
    monkeypatch.setattr(runner, "run_case", crashing)
    few = (*QUIETLY, "--compat-check=chunk", "--tb=no")
    counts = pytester.runpytest_inprocess(*few, "--compat-scenario=chat.nonstream").parseoutcomes()
    alone = pytester.runpytest_inprocess(*few).parseoutcomes()
    endings = ("passed", "failed", "skipped", "xfailed")
    assert counts["errors"] > 20
    assert [counts.get(one, 0) for one in endings] == [alone.get(one, 0) for one in endings]
