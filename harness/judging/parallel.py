"""
Judges recordings in several processes: files of an audit, cases of a run.

A file is one unit of work, since each exchange in it is compared with those before it.  The findings of a unit are
written to a log and read back when needed: so results take no memory, and processes exchange file names.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from harness.errors import HarnessError
from harness.judging.audit import ProviderFrom, audited
from harness.judging.deviations import KnownProblems
from harness.judging.published import published_cases, run_published
from harness.judging.recordings import CheckSet, check_set
from harness.judging.runner import Selection, plan, run_case
from harness.matrix.project import project_matrix
from harness.results import Finding, Level, Log, LogWriter, RecordingResult, Run
from harness.sdk.readings import Depth, set_depth, settings
from harness.wire.limits import set_sizes, sizes

_Work = TypeVar("_Work")
_Done = TypeVar("_Done")

_CASES = 32
_AHEAD = 3
"""Maximum units of work per process that are started before the first is read back."""


@dataclass(frozen=True, slots=True)
class AuditOrder:
    """The options of judging files, in this process or another."""

    root: Path
    provider_from: ProviderFrom
    known: bool
    level: Level = Level.OBSERVE
    named: tuple[str, ...] = ()

    @property
    def checks(self) -> CheckSet:
        """The checks to run, or those named by id or family; raises UnknownName."""
        return check_set(Selection(checks=self.named, level=self.level).chosen(None))


@dataclass(slots=True)
class FileReport:
    """What else was found in a file: what could not be parsed, and what was in no supported dialect."""

    path: Path
    unread: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


def audit_files(
    paths: Sequence[Path], order: AuditOrder, jobs: int
) -> Iterator[tuple[FileReport, Iterable[RecordingResult]]]:
    """
    Yield each file with the findings on its exchanges; its report is complete once these were consumed.

    With one job everything runs in this process.
    """
    if jobs <= 1 or len(paths) <= 1:
        judge = _auditing(order)
        for path in paths:
            report = FileReport(path)
            yield report, judge(path, report)
        return
    with tempfile.TemporaryDirectory(prefix="harness-audit-") as folder, _pool(jobs, len(paths)) as pool:
        work = [(path, Path(folder) / f"{number}.jsonl", order) for number, path in enumerate(paths)]
        for report, log in _in_order(pool, _audit_one, work, jobs):
            yield report, Log(log) if log.exists() else ()
            log.unlink(missing_ok=True)


def run_cases(root: Path, selection: Selection, jobs: int) -> tuple[int, Iterator[list[Finding]]]:
    """
    Return how many cases of a project are selected, and what yields the findings of each, published recordings last.

    Raises:
        HarnessError: the matrix, a cassette or a list of deviations can't be read.
    """
    judges = _judges_of(root, selection)
    if jobs <= 1:
        return len(judges), (judge() for judge in judges)
    return len(judges), _run_in_processes(root, selection, jobs, len(judges))


def _run_in_processes(root: Path, selection: Selection, jobs: int, count: int) -> Iterator[list[Finding]]:
    step = max(1, min(_CASES, count // (jobs * _AHEAD)))
    with _pool(jobs, count) as pool:
        work = [(root, selection, at, min(at + step, count)) for at in range(0, count, step)]
        for cases in _in_order(pool, _run_some, work, jobs):
            yield from cases


def _run_some(work: tuple[Path, Selection, int, int]) -> list[list[Finding]]:
    root, selection, first, last = work
    return [judge() for judge in _judges_of(root, selection)[first:last]]


_Judge = Callable[[], list[Finding]]


def _judges_of(root: Path, selection: Selection) -> list[_Judge]:
    """Return the judging function of each selected case."""
    checks, known = selection.chosen(), KnownProblems(root)
    own: list[_Judge] = [
        partial(_listed, run_case, case, checks) for case in plan(project_matrix(root), root, selection)
    ]
    return own + [partial(_listed, run_published, case, checks, known) for case in published_cases(root, selection)]


def _listed(judge: Callable[..., Iterator[Finding]], *given: object) -> list[Finding]:
    return list(judge(*given))


def _audit_one(work: tuple[Path, Path, AuditOrder]) -> tuple[FileReport, Path]:
    """Judge one file, and write its findings to a log; to none if there are none."""
    path, log, order = work
    report = FileReport(path)
    with LogWriter(log, Run("", "", "audit"), order.checks.levels) as writer:
        for result in _auditing_here(order)(path, report):
            writer.add(result)
        if not writer.empty:
            writer.keep()
    return report, log


def _auditing(order: AuditOrder) -> Callable[[Path, FileReport], Iterator[RecordingResult]]:
    """Return the function that judges files; the listed deviations of providers are read once."""
    matrix, known = project_matrix(order.root), KnownProblems(order.root) if order.known else None
    checks = order.checks

    def judge(path: Path, report: FileReport) -> Iterator[RecordingResult]:
        def unread(error: HarnessError) -> None:
            report.unread.append(str(error))

        def other(what: str) -> None:
            report.others[what] += 1

        try:
            yield from audited([path], matrix, order.provider_from, checks, unread, other, known)
        except HarnessError as error:
            unread(error)

    return judge


_auditing_here = cache(_auditing)
"""The same, cached, in a process that serves one audit alone."""


@contextmanager
def _pool(jobs: int, work: int) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(min(jobs, work), get_context("spawn"), _begin, (asdict(sizes()), settings.depth.value))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(limits: dict[str, int], depth: str) -> None:
    set_sizes(**limits)
    set_depth(Depth(depth))


def _in_order(
    pool: ProcessPoolExecutor, do: Callable[[_Work], _Done], work: Sequence[_Work], jobs: int
) -> Iterator[_Done]:
    """Yield the result of each unit of work, in order, with a bounded number in flight."""
    waiting: list[Future[_Done]] = []
    for piece in work:
        waiting.append(pool.submit(do, piece))
        if len(waiting) > jobs * _AHEAD:
            yield waiting.pop(0).result()
    while waiting:
        yield waiting.pop(0).result()
