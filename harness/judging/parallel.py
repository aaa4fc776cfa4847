"""
Recordings judged in several processes: files of an audit, cases of a run.

A file is one piece of work, since each answer in it is held against those before it.  What is found in one is written to a
log, from which it is read back as it is needed: so many results take no memory, and processes hand over file names.
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
"""So many pieces of work are given out for each process before the first is read back."""


@dataclass(frozen=True, slots=True)
class AuditOrder:
    """How files are judged, in this process or another."""

    root: Path
    provider_from: ProviderFrom
    known: bool
    level: Level = Level.OBSERVE
    named: tuple[str, ...] = ()

    @property
    def checks(self) -> CheckSet:
        """The checks that judge, or those that are named by id or family; raises UnknownName."""
        return check_set(Selection(checks=self.named, level=self.level).chosen(None))


@dataclass(slots=True)
class FileReport:
    """What was told of one file beside its results: what could not be read, and what was no chat completion."""

    path: Path
    unread: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


def audit_files(
    paths: Sequence[Path], order: AuditOrder, jobs: int
) -> Iterator[tuple[FileReport, Iterable[RecordingResult]]]:
    """
    Yield each file with what checks say of its exchanges; the report of a file is whole when these were gone through.

    With one job all is done in this process.
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
    """Return what judges each of the selected cases."""
    checks, known = selection.chosen(), KnownProblems(root)
    own: list[_Judge] = [
        partial(_listed, run_case, case, checks) for case in plan(project_matrix(root), root, selection)
    ]
    return own + [partial(_listed, run_published, case, checks, known) for case in published_cases(root, selection)]


def _listed(judge: Callable[..., Iterator[Finding]], *given: object) -> list[Finding]:
    return list(judge(*given))


def _audit_one(work: tuple[Path, Path, AuditOrder]) -> tuple[FileReport, Path]:
    """Judge one file, and write what is found to a log; to none where nothing was."""
    path, log, order = work
    report = FileReport(path)
    with LogWriter(log, Run("", "", "audit"), order.checks.levels) as writer:
        for result in _auditing_here(order)(path, report):
            writer.add(result)
        if not writer.empty:
            writer.keep()
    return report, log


def _auditing(order: AuditOrder) -> Callable[[Path, FileReport], Iterator[RecordingResult]]:
    """Return what judges files; what is listed of providers is read once."""
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
"""The same in a process that is there for one audit alone."""


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
    """Yield what became of each piece of work, in order; so many are done ahead and no more, whatever is waited for."""
    waiting: list[Future[_Done]] = []
    for piece in work:
        waiting.append(pool.submit(do, piece))
        if len(waiting) > jobs * _AHEAD:
            yield waiting.pop(0).result()
    while waiting:
        yield waiting.pop(0).result()
