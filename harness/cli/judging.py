"""The commands that judge recordings, and show what was judged."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import orjson

from harness.checks import told_of
from harness.cli.common import (
    ALL,
    FORCE,
    FORMAT,
    KNOWN,
    LANG,
    ROOT,
    SDK_DEPTH,
    SIZES,
    count_of,
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
from harness.judging.audit import audit as audit_archives
from harness.judging.deviations import KnownProblems
from harness.judging.published import PublishedCase, published_cases, run_published
from harness.judging.runner import Case, Selection, plan, run_case
from harness.matrix.providers import Matrix
from harness.recording.archives import archives_in
from harness.recording.atomic import write_atomically
from harness.reports import clients, table, terminal
from harness.reports.failures import counted
from harness.reports.files import write_report
from harness.reports.history import add_results, read_history, write_history
from harness.reports.start_table import with_start_tables
from harness.results import (
    Finding,
    Level,
    Results,
    check_writable,
    is_client_log,
    json_schema,
    read_client_results,
    read_results,
    write_results,
)
from harness.words import translated

_NAMED = 3
_TOLD = 20
"""Of what can't be read in one file, so much is told line by line."""


@click.command()
@ROOT
@click.option("--provider", "providers", multiple=True, help="Run only this provider. Repeatable, like the next three.")
@click.option("--model", "models", multiple=True, help="Run only this model.")
@click.option("--scenario", "scenarios", multiple=True, help="Run only this scenario.")
@click.option("--check", "checks", multiple=True, help="Run only this check or family.")
@click.option(
    "--level",
    type=click.Choice(["must", "should", "observe"]),
    default="observe",
    help="Lowest level to run: must, should, or observe (all).",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="Folder for the reports  [default: ROOT/reports if no option narrows the run].",
)
@FORCE
@SDK_DEPTH
@LANG
@FORMAT
@one_line_errors
def run(  # noqa: PLR0913, PLR0917 - one parameter an option
    root: Path,
    providers: tuple[str, ...],
    models: tuple[str, ...],
    scenarios: tuple[str, ...],
    checks: tuple[str, ...],
    level: str,
    report: Path | None,
    force: bool,  # noqa: FBT001 - a flag of the command line
    form: str,
) -> None:
    """Check all recordings of the matrix, write reports/ and print the table."""
    selection = Selection(providers, models, scenarios, checks, Level(level.upper()))
    cases = plan(matrix_of(root), root, selection)
    shared = published_cases(root, selection)
    results = Results(started("replay"), [*_findings(cases, selection), *_published(shared, root, selection)])
    if not any(finding.cassette for finding in results.findings):
        refuse(f"{root / 'cassettes'}: no recording of what was asked for; {_paths(cases)}")
    folder = report or (root / "reports" if selection == Selection() else None)
    if folder and not results.nothing_judged:
        write_report(folder, results, force=force)
    show(results, form)
    _end(results)


def _findings(cases: list[Case], selection: Selection) -> Iterator[Finding]:
    checks = selection.chosen()
    for case in progress(cases, len(cases), "replaying"):
        yield from run_case(case, checks)


def _published(cases: list[PublishedCase], root: Path, selection: Selection) -> Iterator[Finding]:
    checks, known = selection.chosen(), KnownProblems(root)
    for case in progress(cases, len(cases), "published"):
        yield from run_published(case, checks, known)


def _paths(cases: list[Case]) -> str:
    return f"the first would be at {cases[0].cassette}" if cases else "nothing was selected"


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@ROOT
@click.option(
    "--results", "results_file", type=click.Path(path_type=Path), help="Write all findings to this file, as JSON lines."
)
@click.option(
    "--provider-from", type=click.Choice(["auto", "host", "field", "folder"]), default="auto", show_default=True,
    help="Where to read the provider from: the host, the field `provider`, or the folder of the file.",
)  # fmt: skip
@SDK_DEPTH
@SIZES("body", "line", "event", "events", "values", "row", "unpacked", "file")
@click.option(
    "--skip-unreadable", is_flag=True, help="Do not end with 2 for what can't be read; it is told all the same."
)
@KNOWN
@ALL
@LANG
@FORMAT
@one_line_errors
def audit(  # noqa: PLR0913, PLR0917 - one parameter an option
    paths: tuple[Path, ...],
    root: Path,
    results_file: Path | None,
    provider_from: Any,
    skip_unreadable: bool,  # noqa: FBT001 - a flag of the command line
    known: bool,  # noqa: FBT001 - likewise
    whole: bool,  # noqa: FBT001 - a flag of the command line
    form: str,
) -> None:
    """Check recordings you already have: vcrpy cassettes, HAR files, JSON lines. PATHS are files or folders."""
    if results_file:
        check_writable(results_file)
    archives = [archive for path in paths for archive in archives_in(path)]
    matrix = matrix_of(root)
    listed = KnownProblems(root) if known else None
    results = Results(started("audit"))
    others = Counter[str]()
    bad = sum(
        not _audited(archive, matrix, provider_from, results, others, listed)
        for archive in progress(archives, len(archives), "auditing")
    )
    unjudged = _unjudged(others)
    if not results.findings and not bad:
        files = count_of(len(archives), "file")
        named = ", ".join(map(str, paths[:_NAMED])) + (", …" if len(paths) > _NAMED else "")
        refuse(f"{named}: no chat completion or message in {files}{f'; {unjudged}' if unjudged else ''}")
    if results_file and results.findings:
        write_results(results_file, results)
    _show_audit(results, unjudged, form, whole=whole)
    if bad:
        left = "nothing was judged or written" if not results.findings else "what could be read was judged"
        say(f"harness: of {count_of(len(archives), 'file')} {bad} could not be read, or not whole; {left}", err=True)
    _end(results, bad=bool(bad) and not skip_unreadable)


def _show_audit(results: Results, unjudged: str, form: str, *, whole: bool) -> None:
    """Print findings, and what was not judged: into JSON lines goes nothing but findings, so it is said beside them."""
    if form == "pretty" and results.findings:
        terminal.show_audit(results, Outlet(), told_of, unjudged=unjudged, whole=whole)
        return
    if form != "pretty":
        show(results, form)
    if unjudged and form == "markdown":
        say_block(translated("\n{sentence}.").format(sentence=unjudged))
    elif unjudged:
        say(f"harness: {unjudged}", err=True)


def _unjudged(others: Counter[str]) -> str:
    """Return in a line what was of no dialect that is judged, the commonest first; empty where all was."""
    count = others.total()
    named = ", ".join(f"{number:,} {name}" for name, number in others.most_common())
    said = translated("{exchanges} not judged (only chat completions and Messages are): {kinds}")
    return said.format(exchanges=counted(count, "audit"), kinds=named) if count else ""


def _end(results: Results, *, bad: bool = False) -> None:
    """End with 2 where something was bad or nothing was judged, and say why; else with 1 or 0 by the findings."""
    nothing = results.nothing_judged
    if nothing:
        refuse(f"nothing was judged: {nothing}")
    sys.exit(2 if bad else 1 if results.unexpected else 0)


def _audited(  # noqa: PLR0913, PLR0917 - what is read, how, and where what comes of it goes
    archive: Path,
    matrix: Matrix | None,
    provider_from: Any,
    results: Results,
    others: Counter[str],
    known: KnownProblems | None,
) -> bool:
    """Add the findings of one file to ``results``; say a line for each thing in it that can't be read, and return whether all can."""
    unread = 0

    def told(error: HarnessError) -> None:
        nonlocal unread
        unread += 1
        if unread <= _TOLD:
            say(f"harness: {error}", err=True)

    try:
        for findings in audit_archives(
            [archive], matrix, provider_from, None, told, lambda what: others.update([what]), known
        ):
            results.findings += findings
    except HarnessError as error:
        told(error)
    if unread > _TOLD:
        say(f"harness: {archive}: {unread - _TOLD:,} more lines that can't be read", err=True)
    return not unread


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
        text = clients.render(read_client_results(results_file))
        Outlet().print(text, soft_wrap=True, markup=False)
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


def _with_tables(path: Path, results: Results, featured: tuple[str, ...]) -> str:
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(f"{path}: {getattr(error, 'strerror', None) or error}; name a text file in UTF-8") from None
    started = with_start_tables(text, results, featured)
    changed = table.replace_between_markers(started or text, table.tables(results, featured)) or started
    if changed is None:
        raise HarnessError(f"{path}: it lacks the lines {table.BEGIN} and {table.END}; add them where the tables go")
    return changed
