"""
Reports items of the matrix in one step if there is nothing to show.

A matrix has some 270,000 items.  What pytest does around each of them (three phases, each captured, with hooks and
a report) takes longer than judging it; in one step a matrix takes 60 % of the time.  The reports are the same
three, in the same order.  Failures, and items whose phases a plugin hooks into, take pytest's own way.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_PHASES: tuple[Literal["setup", "call", "teardown"], ...] = ("setup", "call", "teardown")
_HEARD = (*(f"pytest_runtest_{phase}" for phase in _PHASES), "pytest_runtest_makereport")
# Plugins that hook into every item without affecting those of harness.
_INDIFFERENT = {"_pytest", "_hypothesis_pytestplugin", "pytest_asyncio", "harness"}
_NEED_PHASES = ("setuponly", "setupshow", "setupplan", "runxfail")


class Quiet(NamedTuple):
    """The outcome of an item without anything to show but a reason."""

    outcome: Literal["passed", "skipped"]
    reason: str = ""
    known: bool = False


class QuietItem(pytest.Item):
    """An item that needs no fixture, and knows its outcome without pytest's phases."""

    own_marks: int

    def quiet(self) -> Quiet | None:
        """Return its outcome; None if pytest has to run it, since there is something to show."""
        raise NotImplementedError


class OneStep:
    """Runs the items between two others of their own file: the file's setup is then already done."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._before: pytest.Item | None = None
        self._listened: bool | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Literal[True] | None:
        """Report a quiet item of harness; leave all others to pytest."""
        before, self._before = self._before, item
        if not (isinstance(item, QuietItem) and _alike(before, item) and _alike(item, nextitem)):
            return None
        if len(item.own_markers) != item.own_marks or self._is_listened_to():
            return None
        start, began = time.time(), time.perf_counter()
        quiet = item.quiet()
        if quiet is None:
            return None
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in _reports(item, quiet, start, time.perf_counter() - began):
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _is_listened_to(self) -> bool:
        """Return whether a plugin, a conftest or an option hooks into the phases of items; checked once loaded."""
        if self._listened is None:
            modules = (
                implementation.function.__module__.partition(".")[0]
                for name in _HEARD
                for implementation in getattr(self._config.hook, name).get_hookimpls()
            )
            options = (self._config.getoption(name, default=None) for name in _NEED_PHASES)
            self._listened = any(options) or not _INDIFFERENT.issuperset(modules)
        return self._listened


def _alike(one: pytest.Item | None, other: pytest.Item | None) -> bool:
    return one is not None and other is not None and one.parent is other.parent and type(one) is type(other)


def _reports(item: pytest.Item, quiet: Quiet, start: float, seconds: float) -> Iterator[pytest.TestReport]:
    """Yield pytest's reports of the three phases."""
    keywords: dict[str, Literal[1]] = dict.fromkeys(item.keywords, 1)
    skipped = quiet.outcome == "skipped"
    for phase in _PHASES:
        mine = phase == "call"
        report = pytest.TestReport(
            item.nodeid, item.location, keywords, quiet.outcome if mine else "passed",
            (str(item.path), None, f"Skipped: {quiet.reason}") if mine and skipped else None,  # type: ignore[arg-type] # no line: pytest prints none then
            phase,
            duration=seconds if mine else 0, start=start, stop=start + seconds, user_properties=item.user_properties,
        )  # fmt: skip
        if mine and quiet.known:
            report.longrepr, report.wasxfail = quiet.reason, quiet.reason
        yield report
