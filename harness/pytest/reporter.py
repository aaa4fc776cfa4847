"""Writes the report of a pytest run from the findings of its items."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.printable import printable

FINDING = "compat_finding"  # the property of an item's report that holds a finding, as JSON


class Reporter:
    """Gathers the findings of all processes and writes the report."""

    def __init__(self, folder: Path, mode: str) -> None:
        from datetime import UTC, datetime

        self._folder = folder
        self._mode = mode
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._rows: dict[str, list[str]] = {}
        self._lost = 0
        self._note = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the findings of an item from its report, which xdist passes between processes."""
        if report.when == "setup" and report.failed and not any(name == FINDING for name, _ in report.user_properties):
            self._lost += 1
        rows = [str(value) for name, value in report.user_properties if name == FINDING]
        if rows:
            self._rows[report.nodeid] = rows

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the report, sorted by cell: workers finish in any order; none if the run was interrupted."""
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
            findings = [checked.validate_json(row) for _, rows in sorted(self._rows.items()) for row in rows]
            try:
                write_report(self._folder, Results(Run(__version__, self._started, self._mode, version()), findings))
            except HarnessError as error:
                self._note = printable(str(error))
                session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print why there is no report."""
        if self._note:
            terminalreporter.write_line(self._note)
