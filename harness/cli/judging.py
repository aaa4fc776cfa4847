"""Defines the commands that judge recordings, and show the results."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click
import orjson

from harness.checks import told_of
from harness.cli.common import (
    ALL,
    CHECK,
    DIALECT,
    FORCE,
    FORMAT,
    JOBS,
    KNOWN,
    LANG,
    LEVEL,
    ROOT,
    SDK_DEPTH,
    SIZES,
    matrix_of,
    one_line_errors,
    progress,
    refuse,
    show,
    started,
)
from harness.cli.console import Outlet
from harness.cli.outlet import say, say_block, say_json
from harness.errors import HarnessError
from harness.judging.parallel import AuditOrder, FileReport, audit_files, run_cases
from harness.judging.runner import Case, Selection, plan
from harness.printable import count_of
from harness.recording.archives import archives_in
from harness.recording.atomic import write_atomically
from harness.reports import terminal
from harness.reports.failures import counted
from harness.reports.history import add_results, read_history, write_history
from harness.reports.tally import Tally
from harness.results import (
    Level,
    Log,
    LogWriter,
    RecordingResult,
    Results,
    Run,
    check_writable,
    is_client_log,
    json_schema,
    read_client_results,
    read_results,
)
from harness.wire.dialect import DialectName
from harness.words import translated

if TYPE_CHECKING:
    from harness.matrix.providers import Matrix
    from harness.scale.table_file import TableWriter

_PARQUET = ".parquet"
_NAMED = 3
_TOLD = 20
"""Number of unreadable rows of one file that are reported line by line."""


@click.command()
@ROOT
@click.option("--provider", "providers", multiple=True, help="Run only this provider. Repeatable, like the next three.")
@click.option("--model", "models", multiple=True, help="Run only this model.")
@click.option("--scenario", "scenarios", multiple=True, help="Run only this scenario.")
@click.option("--check", "checks", multiple=True, help="Run only this check or family.")
@DIALECT
@LEVEL
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="Folder for the reports  [default: ROOT/reports if a providers.yaml is in ROOT and no option narrows the run].",
)
@FORCE
@SDK_DEPTH
@JOBS
@LANG
@FORMAT
@one_line_errors
def run(  # noqa: PLR0913, PLR0917 - one parameter an option
    root: Path,
    providers: tuple[str, ...],
    models: tuple[str, ...],
    scenarios: tuple[str, ...],
    checks: tuple[str, ...],
    dialects: tuple[DialectName, ...],
    level: str,
    report: Path | None,
    force: bool,  # noqa: FBT001 - a flag of the command line
    jobs: int,
    form: str,
) -> None:
    """
    Check all recordings of the matrix, write reports/ and print the table.

    Without a providers.yaml in ROOT, the providers that come with harness are checked, and no reports are written.
    """
    selection = Selection(providers, models, scenarios, checks, Level(level.upper()), dialects)
    matrix = matrix_of(root)
    cases = plan(matrix, root, selection)
    folder = report or _reports_of(matrix, root, selection)
    count, judged = run_cases(root, selection, jobs)
    findings = [finding for found in progress(judged, count, translated("replaying")) for finding in found]
    results = Results(started("replay"), findings)
    if not any(finding.cassette for finding in results.findings):
        refuse(f"{root / 'cassettes'}: there is no recording for this selection; {_paths(cases)}")
    if folder and not results.nothing_judged:
        from harness.reports.files import write_report

        write_report(folder, results, force=force)
    show(results, form)
    _end(results)


def _reports_of(matrix: "Matrix", root: Path, selection: Selection) -> Path | None:
    """Return the folder for the reports of a complete run: in the project with the matrix; none for the bundled one."""
    if selection != Selection():
        return None
    if not any(provider.bundled for provider in matrix.own):
        return root / "reports"
    said = translated(
        "harness: no providers.yaml in {folder}: checking the {count} providers that come with harness; "
        "--report FOLDER writes reports"
    )
    say(said.format(folder=root.resolve(), count=len(matrix.own)), err=True)
    return None


def _paths(cases: list[Case]) -> str:
    return f"the first would be at {cases[0].cassette}" if cases else "nothing was selected"


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@ROOT
@click.option(
    "--results", "results_file", type=click.Path(path_type=Path),
    help="Write all findings to this file: JSON lines, gzipped if its name ends in .gz, or Parquet if in .parquet.",
)  # fmt: skip
@click.option(
    "--provider-from", type=click.Choice(["auto", "host", "field", "folder"]), default="auto", show_default=True,
    help="Where to read the provider from: the host, the field `provider`, or the folder of the file.",
)  # fmt: skip
@CHECK
@LEVEL
@SDK_DEPTH
@SIZES("body", "line", "event", "events", "values", "row", "unpacked", "file")
@click.option(
    "--skip-unreadable", is_flag=True, help="Do not exit with 2 for files that can't be read; they are still reported."
)
@KNOWN
@ALL
@JOBS
@LANG
@FORMAT
@one_line_errors
def audit(  # noqa: PLR0913, PLR0917 - one parameter an option
    paths: tuple[Path, ...],
    root: Path,
    results_file: Path | None,
    provider_from: Any,
    checks: tuple[str, ...],
    level: str,
    skip_unreadable: bool,  # noqa: FBT001 - a flag of the command line
    known: bool,  # noqa: FBT001 - likewise
    whole: bool,  # noqa: FBT001 - a flag of the command line
    jobs: int,
    form: str,
) -> None:
    """Check recordings you already have: vcrpy cassettes, HAR files, JSON lines. PATHS are files or folders."""
    if results_file and results_file.suffix != _PARQUET:
        check_writable(results_file)
    archives = [archive for path in paths for archive in archives_in(path)]
    matrix_of(root)
    order = AuditOrder(root, provider_from, known, Level(level.upper()), checks)
    with _Audit(started("audit"), results_file, form, order.checks.levels) as auditing:
        files = audit_files(archives, order, jobs)
        for file, results in progress(files, len(archives), translated("auditing")):
            auditing.add(file, results)
        unjudged = _unjudged(auditing.others)
        if not auditing.tally.findings and not auditing.bad:
            count = count_of(len(archives), "file")
            named = ", ".join(map(str, paths[:_NAMED])) + (", …" if len(paths) > _NAMED else "")
            refuse(f"{named}: no chat completion or message in {count}{f'; {unjudged}' if unjudged else ''}")
        auditing.show(unjudged, whole=whole)
    if auditing.bad:
        left = "nothing was judged or written" if not auditing.tally.findings else "what could be read was judged"
        said = f"{auditing.bad} of {count_of(len(archives), 'file')} could not be read whole"
        say(f"harness: {said}; {left}", err=True)
    _end(auditing.tally, bad=bool(auditing.bad) and not skip_unreadable)


class _Audit:
    """The results of an audit as they arrive: written to a file, counted, and printed if JSON is requested."""

    def __init__(self, run: Run, file: Path | None, form: str, levels: Mapping[str, Level]) -> None:
        self.tally = Tally(run, told_of)
        self.others = Counter[str]()
        self.bad = 0
        self._run, self._form = run, form
        self._levels = levels
        self._log = _log_of(file, run, levels) if file else None
        self._kept: list[RecordingResult] = []

    def add(self, file: FileReport, results: Iterable[RecordingResult]) -> None:
        """Add the findings on one file; print a line for each unreadable row."""
        for result in results:
            self.tally.add(result)
            if self._log:
                self._log.add(result)
            if self._form == "json":
                for finding in result.all_findings(self._levels):
                    say_json(finding)
            elif self._form == "markdown":
                self._kept.append(result)
        for error in file.unread[:_TOLD]:
            say(f"harness: {error}", err=True)
        if len(file.unread) > _TOLD:
            say(f"harness: {file.path}: {len(file.unread) - _TOLD:,} more lines that can't be read", err=True)
        self.bad += bool(file.unread)
        self.others.update(file.others)

    def show(self, unjudged: str, *, whole: bool) -> None:
        """Keep the file, then print findings and what was not judged; beside JSON lines the latter goes to stderr."""
        if self._log and not self._log.empty:
            self._log.keep()
        if self._form == "pretty" and self.tally.findings:
            terminal.show_audit(self.tally, Outlet(), unjudged=unjudged, whole=whole)
            return
        if self._form == "markdown":
            found = [finding for result in self._kept for finding in result.all_findings(self._levels)]
            show(Results(self._run, found), self._form)
        if unjudged and self._form == "markdown":
            say_block(translated("\n{sentence}.").format(sentence=unjudged))
        elif unjudged:
            say(f"harness: {unjudged}", err=True)

    def __enter__(self) -> Self:
        """Open the file."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file, which is removed unless it was kept."""
        if self._log:
            self._log.__exit__()


def _log_of(file: Path, run: Run, levels: Mapping[str, Level]) -> "LogWriter | TableWriter":
    """Return the writer of findings to a file: to a table if its name says so, which needs pyarrow."""
    if file.suffix != _PARQUET:
        return LogWriter(file, run, levels)
    try:
        from harness.scale.table_file import TableWriter
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        refuse(f"{file}: Parquet needs pyarrow; install it with: pip install 'llm-compat-harness[scale]'")
    return TableWriter(file)


def _unjudged(others: Counter[str]) -> str:
    """Return in a line the exchanges in no supported dialect, the commonest first; empty if there are none."""
    count = others.total()
    named = ", ".join(f"{number:,} {name}" for name, number in others.most_common())
    said = translated("{exchanges} not judged (only chat completions, Messages and legacy completions are): {kinds}")
    return said.format(exchanges=counted(count, "audit"), kinds=named) if count else ""


def _end(results: Results | Tally, *, bad: bool = False) -> None:
    """Exit with 2 if something was bad or nothing was judged, with the reason; else with 1 or 0 by the findings."""
    nothing = results.nothing_judged
    if nothing:
        refuse(f"nothing was checked: {nothing}")
    sys.exit(2 if bad else 1 if results.unexpected else 0)


@click.command()
@click.argument("results_file", metavar="RESULTS", required=False, type=click.Path(path_type=Path))
@click.option(
    "--into",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Write the tables between the markers in this file. Repeatable.",
)
@click.option(
    "--feature",
    "featured",
    multiple=True,
    help="With --into: providers in the start table and the table of features. Repeatable.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a line of a results file.")
@click.option(
    "--history", "history_file", type=click.Path(path_type=Path),
    help="Add to this file which rules each recording did not pass, and on which day.",
)  # fmt: skip
@LANG
@FORMAT
@one_line_errors
def report(  # noqa: PLR0913, PLR0917 - one parameter an option
    results_file: Path | None,
    into: tuple[Path, ...],
    featured: tuple[str, ...],
    history_file: Path | None,
    schema: bool,  # noqa: FBT001 - a flag of the command line
    form: str,
) -> None:
    """Print the tables of a results file or of a clients.jsonl, or write those of a results file into documents."""
    if schema:
        say_json(json_schema(), orjson.OPT_INDENT_2)
        return
    if results_file is None:
        raise click.MissingParameter(param_type="argument", param_hint="RESULTS")
    if is_client_log(results_file) and not into and not history_file:
        from harness.reports import clients

        text = clients.render(read_client_results(results_file))
        Outlet().print(text, soft_wrap=True, markup=False)
        return
    if form != "markdown" and not into and not history_file:
        _show_log(Log(results_file), form)
        return
    results = read_results(results_file)
    changes = {path: _with_tables(path, results, featured) for path in into}
    for path, text in changes.items():
        write_atomically(path.resolve(), text.encode())
    if history_file:
        _add_history(history_file.resolve(), results)
    if not into and not history_file:
        show(results, form)


def _add_history(path: Path, results: Results) -> None:
    history = read_history(path)
    add_results(history, results)
    write_history(path, history)


def _show_log(log: Log, form: str) -> None:
    """Print a log while it is read, if possible: as JSON, and as an audit prints its findings."""
    if form == "json":
        for finding in log.findings():
            say_json(finding)
    elif log.run.mode == "audit":
        tally = Tally(log.run, told_of)
        for result in log:
            tally.add(result)
        terminal.show_audit(tally, Outlet())
    else:
        show(Results(log.run, list(log.findings())), form)


def _with_tables(path: Path, results: Results, featured: tuple[str, ...]) -> str:
    from harness.reports import table
    from harness.reports.start_table import with_start_tables

    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(f"{path}: {getattr(error, 'strerror', None) or error}; name a UTF-8 text file") from None
    started = with_start_tables(text, results, featured)
    changed = table.replace_between_markers(started or text, table.tables(results, featured)) or started
    if changed is None:
        raise HarnessError(
            f"{path}: the lines {table.BEGIN} and {table.END} are missing; add them where the tables should be"
        )
    return changed
