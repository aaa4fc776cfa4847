"""Defines the command that compares two runs, or two recordings."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import orjson

from harness.cli.common import FORMAT, ROOT, SDK_DEPTH, matrix_of, one_line_errors, progress
from harness.cli.console import Outlet
from harness.cli.outlet import say_block, say_json
from harness.compare.recordings import compare_recordings
from harness.errors import BadResults, NothingInCommon
from harness.reports import diff as report
from harness.reports.endpoints import side_by_side
from harness.reports.pairing import compare
from harness.results import DIGEST, Results, first_line, read_results
from harness.words import translated

_LOGS = (".jsonl", ".ndjson")
_NAMES = ("results.jsonl", "results.jsonl.gz")


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--targets", nargs=2, metavar="A B",
    help="Compare these two endpoints, PROVIDER or PROVIDER/MODEL, A as in OLD with B as in NEW.",
)  # fmt: skip
@ROOT
@SDK_DEPTH
@FORMAT
@one_line_errors
def diff(old: Path, new: Path, targets: tuple[str, str] | None, root: Path, form: str) -> None:
    """
    Compare two results files or two recordings, and report what changed and on which side; regressions first.

    OLD and NEW are results files or report folders, or cassettes or folders of them, which are matched by path and compared
    by the shape of the responses and by all rules, without the listed deviations. If the two sides are different providers,
    or if --targets names two endpoints (also of one file, given twice), results are matched by scenario. Exit code 1: a
    result got worse or was lost.
    """
    names = str(old), str(new)
    found = compare(side_by_side(_read(old, new, root), targets, names), names)
    if form == "pretty":
        report.show(found, Outlet())
    elif form == "markdown":
        say_block(report.render(found))
    else:
        for row in report.rows(found):
            say_json(row)
    sys.exit(1 if found.regressions else 0)


def _read(old: Path, new: Path, root: Path) -> tuple[Results, Results]:
    files = _results_file(old), _results_file(new)
    if files[0] and files[1]:
        return read_results(files[0]), read_results(files[1])
    for path in (old, new):
        if not path.exists():
            raise NothingInCommon(f"{path}: no such file or folder; give two results files or two recordings")
    if files[0] or files[1]:
        which = ("results", "a recording") if files[0] else ("a recording", "results")
        raise NothingInCommon(f"{old} holds {which[0]}, {new} {which[1]}; give two of a kind")
    return compare_recordings(old, new, matrix_of(root), _with_progress)


def _with_progress(names: list[str]) -> Iterator[str]:
    yield from progress(names, len(names), translated("comparing"))


def _results_file(path: Path) -> Path | None:
    """Return the results file that ``path`` is or contains, as a report folder does; None if there is none."""
    if path.is_dir():
        found = [path / name for name in _NAMES if (path / name).is_file()]
        if not found and (path / DIGEST).is_file():
            raise BadResults(f"{path}: this is the digest of a run, not its results; make those with: harness run")
        return found[0] if found else None
    first = _first_object(path)
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    logs = suffix in _LOGS and "request" not in first  # an exchange in another tool's log has one
    return path if logs or "kind" in first else None


def _first_object(path: Path) -> dict[str, Any]:
    """Return the object in the first line of a file; an empty one if there is none."""
    try:
        row = orjson.loads(first_line(path))
    except (OSError, orjson.JSONDecodeError):
        return {}
    return row if isinstance(row, dict) else {}
