"""
The pytest plugin: ``providers.yaml`` collected into one item per target × scenario × check.

It is loaded in every pytest run of the environment, so what is heavy is imported when a matrix is collected.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.checks import Check
    from harness.results import Finding
    from harness.runner import Case, Selection

FILE_NAME = "providers.yaml"
_FINDING = "compat_finding"
_FAMILIES = (
    "http", "sse", "chunk", "identity", "completion", "role", "content", "reasoning", "finish_reason", "tool_calls",
    "tool_choice", "structured", "usage", "params", "multi_turn", "parity", "error", "sdk", "recording",
)  # fmt: skip
_OPTIONS = ("provider", "model", "scenario", "check")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; the prefix keeps them apart from those of other plugins."""
    group = parser.getgroup("compat", "compatibility of OpenAI-compatible chat APIs")
    for name in _OPTIONS:
        group.addoption(
            f"--compat-{name}", action="append", default=[], metavar="ID", help=f"only this {name}; repeatable"
        )
    group.addoption(
        "--compat-level",
        choices=("must", "should", "observe"),
        default="observe",
        help="the least binding level to run",
    )
    group.addoption(
        "--compat-sdk-depth",
        choices=("shape", "full"),
        default="shape",
        help="what the OpenAI SDK is given of a stream: one event of each shape, or every byte",
    )
    group.addoption("--compat-report", metavar="DIR", help="write results.jsonl and compatibility.md to this folder")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and the reporter where a report was asked for."""
    config.addinivalue_line("markers", "compat: an item of the provider matrix")
    for family in _FAMILIES:
        config.addinivalue_line("markers", f"compat_{family}: a check of the family {family}")
    folder = config.getoption("--compat-report")
    if folder and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Reporter(Path(folder)), "compat-reporter")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> MatrixFile | None:
    """Collect the provider matrix."""
    return MatrixFile.from_parent(parent, path=file_path) if file_path.name == FILE_NAME else None


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse options that nothing answers to: a run that asked for something and got nothing is no success."""
    options = session.config.option
    asked = [f"--compat-{name}" for name in (*_OPTIONS, "report") if getattr(options, f"compat_{name}")]
    if asked and not session.testsfailed and not any(isinstance(item, CheckItem) for item in session.items):
        raise pytest.UsageError(f"{', '.join(asked)}: no {FILE_NAME} was collected; name its path or run where one is")


class MatrixFile(pytest.File):
    """A providers.yaml."""

    def collect(self) -> Iterator[CheckItem]:
        """Yield an item for each check of each recording, and one for each recording that is not there."""
        from harness.matrix.providers import load_matrix
        from harness.runner import plan
        from harness.sdk import Depth, set_depth

        set_depth(Depth(self.config.getoption("--compat-sdk-depth")))
        selection = _selection(self.config)
        try:
            cases = plan(load_matrix(self.path), self.path.parent, selection)
        except HarnessError as error:
            raise self.CollectError(str(error)) from None
        recordings = _Recordings(selection.chosen())
        for case in cases:
            for check in recordings.checks_of(case):
                yield CheckItem.from_parent(
                    self, name=f"{case.id}/{check}", case=case, check=check, recordings=recordings
                )


def _selection(config: pytest.Config) -> Selection:
    from harness.results import Level
    from harness.runner import Selection

    providers, models, scenarios, checks = (tuple(config.getoption(f"--compat-{name}")) for name in _OPTIONS)
    return Selection(providers, models, scenarios, checks, Level(config.getoption("--compat-level").upper()))


class _Recordings:
    """The findings of the recording in hand: read once for all its items, then let go."""

    def __init__(self, checks: tuple[Check, ...]) -> None:
        self._checks = checks
        self._ids = [check.id for check in checks]
        self._case: Case | None = None
        self._findings: dict[str, Finding] = {}
        self._error = ""

    def checks_of(self, case: Case) -> list[str]:
        from harness.runner import RECORDING

        return [RECORDING] if case.absent else self._ids

    def finding(self, case: Case, check: str) -> Finding:
        from harness.runner import run_case

        if self._case is not case:
            self._case, self._error = case, ""
            try:
                self._findings = {finding.check: finding for finding in run_case(case, self._checks)}
            except HarnessError as error:
                self._error = str(error)
        if self._error:
            raise HarnessError(self._error)
        return self._findings[check]


class CheckItem(pytest.Item):
    """One check on one recording."""

    def __init__(self, *, case: Case, check: str, recordings: _Recordings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._case = case
        self._check = check
        self._recordings = recordings
        self._finding: Finding | None = None
        self.add_marker("compat")
        self.add_marker(f"compat_{check.partition('.')[0]}")

    def setup(self) -> None:
        """Judge the recording; a broken check or an unreadable cassette is an error, not a failure."""
        finding = self._finding = self._recordings.finding(self._case, self._check)
        self.user_properties.append((_FINDING, _as_text(finding)))
        if finding.outcome == "broken":
            raise _BrokenError(finding.message)

    def runtest(self) -> None:
        """Turn the outcome into pytest's."""
        finding = self._finding
        if finding is None or finding.outcome in {"pass", "observed"}:
            return
        if finding.outcome == "known":
            pytest.xfail(f"known: {finding.message}")
        if finding.outcome in {"fail", "fixed", "changed"}:
            raise _FoundError(finding)
        pytest.skip(f"{finding.outcome}: {finding.message}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the finding and its bytes instead of a traceback."""
        error = excinfo.value
        if isinstance(error, _FoundError):
            return _described(error.finding)
        if isinstance(error, HarnessError | _BrokenError):
            return str(error)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Name the item by its cell; a text that ended the node id would be shown as a Python name."""
        return self.path, None, f"compat {self.name}"


class _BrokenError(Exception):
    """A check crashed: our bug."""


class _FoundError(Exception):
    """An outcome nobody expected."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def _described(finding: Finding) -> str:
    from harness.checks import CHECKS

    lines = [f"{finding.outcome.value}: {finding.message}  ({finding.level.value})", CHECKS[finding.check].title]
    for evidence in finding.evidence:
        event = "" if evidence.event is None else f"event {evidence.event}, "
        lines.append(f"  {event}byte {evidence.offset} {evidence.pointer or ''}: {evidence.excerpt}")
    lines.append(f"breaks: {CHECKS[finding.check].breaks}")
    lines.append(f"source: {finding.source or CHECKS[finding.check].source}")
    lines.append(f"recording: {finding.cassette} ({finding.provenance}, {finding.recorded_at or 'no date'})")
    return "\n".join(lines)


def _as_text(finding: Finding) -> str:
    """Return the finding as JSON, since xdist carries nothing but plain values between processes."""
    import orjson

    return orjson.dumps(finding).decode()


class _Reporter:
    """Gathers the findings of all processes and writes the report."""

    def __init__(self, folder: Path) -> None:
        from datetime import UTC, datetime

        self._folder = folder
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._rows: dict[str, str] = {}
        self._lost = 0
        self._note = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the finding of an item from its report, which xdist carries between processes."""
        if report.when == "setup" and report.failed and not any(name == _FINDING for name, _ in report.user_properties):
            self._lost += 1
        for name, value in report.user_properties:
            if name == _FINDING:
                self._rows[report.nodeid] = str(value)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the report, sorted by cell: workers finish in any order; none of a run that was cut short."""
        from pydantic import TypeAdapter

        from harness import __version__
        from harness.reports.files import write_report
        from harness.results import Finding, Results, Run
        from harness.sdk import version

        cut_short = session.shouldstop or session.shouldfail or exitstatus not in {0, 1} or self._lost
        if cut_short:
            self._note = f"{self._folder}: no report written: the run did not judge every recording"
        elif self._rows:
            checked = TypeAdapter(Finding)
            findings = [checked.validate_json(row) for _, row in sorted(self._rows.items())]
            write_report(self._folder, Results(Run(__version__, self._started, "replay", version()), findings))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say why there is no report."""
        if self._note:
            terminalreporter.write_line(self._note)
