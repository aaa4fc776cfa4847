"""
Runs published recordings as pytest items: one per recording, with the findings of all checks.

One rule on one published recording is of little interest, and 230 items for each would outnumber the matrix: the
purpose is to show whether a provider has an unlisted deviation. ``--compat-check`` narrows what an item judges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import HarnessError
from harness.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.checks import Check
    from harness.judging.deviations import KnownProblems
    from harness.judging.published import PublishedCase
    from harness.judging.runner import Selection
    from harness.results import Finding


class PublishedItem(pytest.Item):
    """One published recording: fails if a finding is unexpected, is an expected failure if all are listed."""

    def __init__(
        self, *, case: PublishedCase, checks: tuple[Check, ...], known: KnownProblems, told_as: str, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._case, self._checks, self._known = case, checks, known
        self._told_as = told_as
        self._findings: list[Finding] = []
        self.add_marker("compat")
        self.add_marker("compat_published")

    def setup(self) -> None:
        """Judge the recording; a broken check or an unreadable cassette is an error, not a failure."""
        from harness.judging.published import run_published

        try:
            self._findings = list(run_published(self._case, self._checks, self._known))
        except HarnessError as error:
            pytest.fail(printable(str(error)), pytrace=False)
        if self.config.getoption("--compat-report"):
            from harness.results import dump

            self.user_properties += [(self._told_as, dump(finding).decode()) for finding in self._findings]
        broken = [f"{one.check}: {one.message}" for one in self._findings if one.outcome == "broken"]
        if broken:
            pytest.fail(printable("; ".join(broken)), pytrace=False)

    def runtest(self) -> None:
        """Turn the outcomes into pytest's."""
        from harness.results import UNEXPECTED, Outcome

        unexpected = [one for one in self._findings if one.outcome in UNEXPECTED]
        if unexpected:
            raise _UnlistedError(unexpected)
        known = [one.check for one in self._findings if one.outcome is Outcome.KNOWN]
        if known:
            pytest.xfail(f"known: {printable(', '.join(known))}")
        if not any(one.outcome in {Outcome.PASS, Outcome.OBSERVED} for one in self._findings):
            reasons = dict.fromkeys(f"{one.outcome}: {one.message}" for one in self._findings)
            pytest.skip(printable("; ".join(reasons)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show each finding and its bytes instead of a traceback."""
        error = excinfo.value
        if isinstance(error, pytest.xfail.Exception):
            return str(error)  # pytest's own way takes 50 ms, for a traceback that is not shown
        if isinstance(error, _UnlistedError):
            from harness.pytest.describing import described

            return "\n\n".join(map(described, error.findings))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the item by its recording."""
        return self.path, 0, f"compat {self.name}"


class _UnlistedError(Exception):
    """Unexpected outcomes."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(printable("; ".join(finding.message for finding in findings)))
        self.findings = findings


def published_items(parent: pytest.File, selection: Selection, told_as: str) -> Iterator[PublishedItem]:
    """Yield an item for each selected recording; its findings go into its report as ``told_as``, if requested."""
    from harness.judging.deviations import KnownProblems
    from harness.judging.published import published_cases

    root = parent.path.parent
    checks, known = selection.chosen(), KnownProblems(root)
    for case in published_cases(root, selection, own=True):
        yield PublishedItem.from_parent(parent, name=case.id, case=case, checks=checks, known=known, told_as=told_as)
