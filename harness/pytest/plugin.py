"""
Collects ``providers.yaml`` into one pytest item per target × scenario × check.

Other programs have files of that name too.  One is collected if it is named on the command line or by
``compat_matrix`` in pytest's configuration, or names harness's schema at its beginning.

It is loaded in every pytest run of the environment, so heavy modules are imported only when a matrix is collected.

The network is off unless ``--compat-live`` or ``--compat-record`` is given.  Then the cases of the items to run are
sent in the background, providers concurrently, from the first item on; an item waits only for its own case.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import HarnessError
from harness.printable import printable
from harness.pytest.blocking import allowed_hosts, pytest_runtest_protocol
from harness.pytest.fixtures import compat_provider, compat_recorder, compat_server, pytest_generate_tests
from harness.pytest.options import BLOCK, FILE_NAME, SELECTING, pytest_addoption
from harness.pytest.protocol import OneStep, Quiet, QuietItem
from harness.pytest.reporter import FINDING, Reporter
from harness.words import set_language

__all__ = [
    "FILE_NAME", "compat_provider", "compat_recorder", "compat_server", "pytest_addoption", "pytest_generate_tests",
    "pytest_runtest_protocol",
]  # fmt: skip

if TYPE_CHECKING:
    from harness.checks import Check
    from harness.judging.runner import Case, Selection, Skip
    from harness.live.record import Recorded, RecordingRun
    from harness.pytest.clients import Clients
    from harness.results import Finding

_FAMILIES = (
    "http", "sse", "chunk", "identity", "completion", "role", "content", "reasoning", "finish_reason", "tool_calls",
    "tool_choice", "structured", "usage", "logprobs", "params", "multi_turn", "parity", "models", "error", "sdk", "messages",
    "completions", "recording",
)  # fmt: skip
_CLIENTS: pytest.StashKey[Clients] = pytest.StashKey()
_LEFT_ALONE: pytest.StashKey[list[Path]] = pytest.StashKey()
_TO_COLLECT = (
    "name it, set compat_matrix, or begin it with: # yaml-language-server: $schema=llm-compat-harness.schema.json"
)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and the reporter if a report is requested."""
    set_language(config.getoption("--compat-lang"))
    config.addinivalue_line(
        "markers",
        "compat(providers, scenarios, faults, variants): an item of the provider matrix; or the recorded answers that a "
        "test with the fixture compat_provider runs on",
    )
    config.addinivalue_line("markers", "block_network(allowed_hosts): let the test connect to no network")
    config.addinivalue_line("markers", "compat_client: client code run on a recording")
    config.addinivalue_line("markers", "compat_published: all checks on a recording that others published")
    for family in _FAMILIES:
        config.addinivalue_line("markers", f"compat_{family}: a check of the family {family}")
    if _online(config) and config.getoption("--compat-client"):
        raise pytest.UsageError("--compat-client works on recordings; leave out --compat-live and --compat-record")
    if config.getoption("--compat-live") and config.getoption(BLOCK):
        raise pytest.UsageError(f"--compat-live needs the network, which {BLOCK} blocks; use only one of them")
    if _online(config) and (config.getoption("numprocesses", None) or hasattr(config, "workerinput")):
        raise pytest.UsageError(
            "--compat-live and --compat-record request each response once for all items; run them without -n"
        )
    config.pluginmanager.register(OneStep(config), "compat-one-step")
    folder = config.getoption("--compat-report")
    if folder and not hasattr(config, "workerinput"):
        mode = "live" if _online(config) else "replay"
        config.pluginmanager.register(Reporter(Path(folder), mode), "compat-reporter")


def pytest_unconfigure() -> None:
    """Reset the language to the locale's, for later code in this process."""
    set_language(None)


def _online(config: pytest.Config) -> bool:
    return bool(config.getoption("--compat-live")) or config.getoption("--compat-record") != "none"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> MatrixFile | None:
    """Collect a provider matrix of harness."""
    config = parent.config
    if file_path in config.getini("compat_matrix"):
        return MatrixFile.from_parent(parent, path=file_path)
    if file_path.name != FILE_NAME:
        return None
    from harness.matrix.recognising import has_schema_line

    if has_schema_line(file_path) or file_path in _named(config):
        return MatrixFile.from_parent(parent, path=file_path)
    config.stash.setdefault(_LEFT_ALONE, []).append(file_path)
    return None


def _named(config: pytest.Config) -> list[Path]:
    """Return the paths given on the command line, or by ``testpaths``."""
    return [Path(os.path.abspath(config.invocation_params.dir / name.partition("::")[0])) for name in config.args]  # noqa: PTH100 - as pytest does, which follows no links


def pytest_collection_finish(session: pytest.Session) -> None:
    """Reject options that select nothing: a run that does nothing it was asked to is not a success."""
    for item in session.items:
        allowed_hosts(item)
    options = session.config.option
    asked = [f"--compat-{name}" for name in (*SELECTING, "client", "report") if getattr(options, f"compat_{name}")]
    if asked and not session.testsfailed and not any(item.get_closest_marker("compat") for item in session.items):
        raise pytest.UsageError(
            f"{', '.join(asked)}: no {FILE_NAME} was collected; name the path of yours, which harness new-provider drafts, or "
            "check what comes with harness by: harness run"
        )


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Report what is about to be sent, with the estimated cost; and unselected files that look like a matrix."""
    left = [f"compat: {path}: not collected; {_TO_COLLECT}" for path in _meant_perhaps(config)]
    return left + [f"compat: {live.estimate(items)}" for live in _live_of(items)]


def _meant_perhaps(config: pytest.Config) -> list[Path]:
    from harness.matrix.recognising import looks_like_ours

    return [path for path in config.stash.get(_LEFT_ALONE, []) if looks_like_ours(path)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop sending."""
    for live in _live_of(getattr(session, "items", [])):
        live.close()
    clients = session.config.stash.get(_CLIENTS, None)
    if clients:
        clients.close()


def _live_of(items: list[pytest.Item]) -> list[_Live]:
    found = [item.recordings.live for item in items if isinstance(item, CheckItem)]
    return list(dict.fromkeys(live for live in found if live))


class MatrixFile(pytest.File):
    """A providers.yaml."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item per check and recording, and one per missing or published recording; or those of clients."""
        from harness.judging.runner import listed_deviations, plan
        from harness.matrix.project import over_bundled
        from harness.matrix.providers import load_matrix
        from harness.pytest.published import published_items
        from harness.sdk import Depth, set_depth

        set_depth(Depth(self.config.getoption("--compat-sdk-depth")))
        selection = _selection(self.config)
        try:
            matrix = over_bundled(load_matrix(self.path), self.path.parent)
            cases = plan(matrix, self.path.parent, selection)
            for case in cases:  # one error of the file, rather than one of each item
                listed_deviations(case)
        except HarnessError as error:
            raise self.CollectError(printable(str(error))) from None
        if self.config.getoption("--compat-client"):
            yield from self._clients(cases)
            return
        try:
            live = _Live(self.session, self.path.parent) if _online(self.config) else None
        except HarnessError as error:
            raise self.CollectError(printable(str(error))) from None
        recordings = _Recordings(selection.chosen(), live)
        for case in cases:
            for check in recordings.checks_of(case):
                yield CheckItem.from_parent(
                    self, name=f"{case.id}/{check}", case=case, check=check, recordings=recordings
                )
        yield from published_items(self, selection, FINDING)

    def _clients(self, cases: list[Case]) -> Iterator[pytest.Item]:
        from harness.pytest.clients import Clients

        try:
            clients = Clients(self.config.getoption("--compat-client"))
        except HarnessError as error:
            raise self.CollectError(printable(str(error))) from None
        if all(case.skip for case in cases):
            raise self.CollectError("there is no recording for this selection; make one with: harness record")
        self.config.stash[_CLIENTS] = clients
        yield from clients.items(self, cases)


def _selection(config: pytest.Config) -> Selection:
    from harness.judging.runner import Selection
    from harness.results import Level

    chosen = (tuple(config.getoption(f"--compat-{name}")) for name in SELECTING)
    providers, models, scenarios, checks, dialects = chosen
    return Selection(providers, models, scenarios, checks, Level(config.getoption("--compat-level").upper()), dialects)


class _Live:
    """The cases of one matrix that are sent over the network, from the first that is waited for."""

    def __init__(self, session: pytest.Session, root: Path) -> None:
        from harness.live.record import environment_of

        self._session = session
        self._environment = environment_of(root)
        self._everything = bool(session.config.getoption("--compat-live"))
        self._keep = session.config.getoption("--compat-record")
        self._long = bool(session.config.getoption("--compat-long"))
        self._named = tuple(session.config.getoption("--compat-provider"))
        self._recording_run: RecordingRun | None = None
        self._asked: dict[str, bool] = {}

    def asks(self, case: Case) -> bool:
        """Return whether the response to ``case`` comes over the network; recordings made meanwhile change nothing."""
        if case.id not in self._asked:
            again = (self._everything or self._keep == "all") and (self._long or not case.scenario.costly)
            self._asked[case.id] = again or not case.recorded
        return self._asked[case.id]

    def skip(self, case: Case) -> Skip | None:
        """Return why there is nothing to send; None if there is."""
        from harness.judging.runner import Skip
        from harness.live.budget import prompt_tokens
        from harness.live.record import missing_credentials
        from harness.results import Outcome

        refusal = case.target.skip_reason(case.scenario)
        if refusal or case.target.model.retired:
            return Skip(Outcome.NA, refusal or f"{case.target.model.id} was retired on {case.target.model.retired}")
        if case.scenario.costly and not self._long:
            tokens = prompt_tokens(case.scenario)
            return Skip(Outcome.MISSING, f"sent only with --compat-long: it takes about {tokens:,} tokens")
        reason = missing_credentials(case, self._environment, self._named)
        return Skip(Outcome.MISSING, reason) if reason else None

    def of(self, case: Case) -> Recorded:
        """Wait for the result of ``case``."""
        from harness.live.record import RecordingRun, RecordOptions

        if self._recording_run is None:
            self._recording_run = RecordingRun(
                self._cases(self._session.items),
                self._environment,
                RecordOptions(self._keep, named=self._named, reuse=not self._everything),
            ).__enter__()
        return self._recording_run.of(case)

    def estimate(self, items: list[pytest.Item]) -> str:
        """Return the estimated cost of the cases of ``items``."""
        from harness.live.record import estimate

        return estimate(self._cases(items))

    def close(self) -> None:
        """Stop sending."""
        if self._recording_run:
            self._recording_run.__exit__()

    def _cases(self, items: list[pytest.Item]) -> list[Case]:

        own = (item.case for item in items if isinstance(item, CheckItem) and item.recordings.live is self)
        asked = {one.id: one for one in own if self.asks(one) and not self.skip(one)}
        return list(asked.values())


class _Recordings:
    """The findings of the current recording: read once for all its items, then released."""

    def __init__(self, checks: tuple[Check, ...], live: _Live | None = None) -> None:
        self.live = live
        self._checks = checks
        self._of_dialect: dict[str, list[str]] = {}
        self._case: Case | None = None
        self._findings: dict[str, Finding] = {}
        self._error = ""

    def checks_of(self, case: Case) -> list[str]:
        from harness.judging.runner import RECORDING

        if self._skip(case):
            return [RECORDING]
        dialect = case.scenario.dialect
        if dialect not in self._of_dialect:
            self._of_dialect[dialect] = [check.id for check in self._checks if dialect in check.dialects]
        return self._of_dialect[dialect]

    def finding(self, case: Case, check: str) -> Finding:
        if self._case is not case:
            self._case, self._findings, self._error = None, {}, ""
            try:
                self._findings = {finding.check: finding for finding in self._judged(case)}
            except HarnessError as error:
                self._error = str(error)
            self._case = case  # only now: after a crash the next item judges again, and does not get another's findings
        if self._error:
            raise HarnessError(self._error)
        return self._findings[check]

    def _skip(self, case: Case) -> Skip | None:

        return self.live.skip(case) if self.live and self.live.asks(case) else case.skip

    def _judged(self, case: Case) -> list[Finding]:
        from harness.judging.runner import Skip, judge_case, run_case, skipped_finding
        from harness.results import Outcome

        skip = self._skip(case)
        if skip:
            return [skipped_finding(case, skip)]
        if not (self.live and self.live.asks(case)):
            return list(run_case(case, self._checks))
        asked = self.live.of(case)
        if not asked.exchanges:
            outcome = Outcome.MISSING if asked.state == "missing" else Outcome.INCONCLUSIVE
            stand_in = skipped_finding(case, Skip(outcome, asked.reason))
            own = (check for check in self._checks if case.scenario.dialect in check.dialects)
            return [replace(stand_in, check=check.id, level=check.level) for check in own]
        return list(judge_case(case, list(asked.exchanges), self._checks))


class CheckItem(QuietItem):
    """One check on one recording."""

    own_marks = 2

    def __init__(self, *, case: Case, check: str, recordings: _Recordings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case = case
        self.recordings = recordings
        self._check = check
        self._finding: Finding | None = None
        for marker in _markers(check.partition(".")[0]):
            self.add_marker(marker)

    def quiet(self) -> Quiet | None:
        """Return its quiet outcome; None if there is something to show, or in a live run, which may wait."""
        if self.recordings.live:
            return None
        try:
            finding = self.recordings.finding(self.case, self._check)
        except Exception:  # noqa: BLE001 - whatever it is, pytest says it of this item, and goes on
            return None
        quiet = _quiet(finding)
        if quiet:
            self.user_properties.append((FINDING, _as_text(finding)))
        return quiet

    def setup(self) -> None:
        """Judge the recording; a broken check or an unreadable cassette is an error, not a failure."""
        try:
            finding = self._finding = self.recordings.finding(self.case, self._check)
        except HarnessError as error:
            pytest.fail(printable(str(error)), pytrace=False)
        self.user_properties.append((FINDING, _as_text(finding)))
        if finding.outcome == "broken":
            pytest.fail(printable(finding.message), pytrace=False)

    def runtest(self) -> None:
        """Turn the outcome into pytest's."""
        if self._finding is None:
            return
        quiet = _quiet(self._finding)
        if quiet is None:
            raise _FoundError(self._finding)
        if quiet.known:
            pytest.xfail(quiet.reason)
        if quiet.outcome == "skipped":
            pytest.skip(quiet.reason)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the finding and its bytes instead of a traceback."""
        error = excinfo.value
        if isinstance(error, pytest.xfail.Exception):
            return str(error)  # pytest's own way takes 50 ms, for a traceback that is not shown
        if isinstance(error, _FoundError):
            from harness.pytest.describing import described

            return described(error.finding)
        return super().repr_failure(excinfo, style)

    @cached_property
    def location(self) -> tuple[str, int, str]:
        """Name the item by its cell; a text at the end of the node id would be shown as a Python name."""
        return self.nodeid.partition("::")[0], 0, f"compat {self.name}"

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the basis of ``location``."""
        return self.path, 0, self.location[2]


@cache
def _markers(family: str) -> tuple[pytest.MarkDecorator, pytest.MarkDecorator]:
    return pytest.mark.compat, getattr(pytest.mark, f"compat_{family}")


def _quiet(finding: Finding) -> Quiet | None:
    """Return the quiet outcome of an item with ``finding``; None if it fails."""
    if finding.outcome in {"pass", "observed"}:
        return Quiet("passed")
    if finding.outcome in {"fail", "fixed", "changed", "broken"}:
        return None
    return Quiet("skipped", f"{finding.outcome}: {printable(finding.message)}", known=finding.outcome == "known")


class _FoundError(Exception):
    """An unexpected outcome."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(printable(finding.message))
        self.finding = finding


def _as_text(finding: Finding) -> str:
    """Return the finding as JSON, since xdist passes only plain values between processes."""
    from harness.results import dump

    return dump(finding).decode()
