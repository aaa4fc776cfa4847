"""Shares code between commands: options, one-line errors, progress, and output of results."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from harness.cli.outlet import say, say_block, say_json
from harness.errors import HarnessError
from harness.printable import printable
from harness.wire.dialect import DIALECTS
from harness.wire.limits import Sizes, set_sizes
from harness.words import LANGUAGES, set_language, translated

if TYPE_CHECKING:
    from harness.matrix.providers import Matrix
    from harness.results import Results, Run

_TRACEBACK = "HARNESS_TRACEBACK"
Format = click.Choice(["pretty", "json", "markdown"])
_QUIET_SECONDS = 10.0
_Item = TypeVar("_Item")
_Command = TypeVar("_Command", bound=Callable[..., None])


def one_line_errors(command: Callable[..., None]) -> Callable[..., None]:
    """
    Make a command exit with one line and code 2 if it could not run, including for a bug of harness.

    ``HARNESS_TRACEBACK=1`` shows the full traceback.
    """

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except HarnessError as error:
            refuse(str(error))
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:  # noqa: BLE001 - nobody foresaw it: a bug of ours, which is to be reported
            import traceback

            if os.environ.get(_TRACEBACK):
                say_block(traceback.format_exc(), err=True)
            refuse(_unforeseen(error))

    return guarded


def _unforeseen(error: Exception) -> str:
    """Return the error and its place in harness's code, in a line."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    own = next((one for one in reversed(frames) if "harness" in Path(one.filename).parts), frames[-1])
    where = f"{Path(own.filename).name}:{own.lineno} in {own.name}"
    again = "" if os.environ.get(_TRACEBACK) else f", with what {_TRACEBACK}=1 shows"
    return f"a bug in harness: {type(error).__name__}: {error} at {where}; please report it{again}"


def refuse(message: str) -> NoReturn:
    """Print in one line why there is nothing to do, and exit with 2."""
    say(f"harness: {message}", err=True)
    sys.exit(2)


def progress(items: Iterable[_Item], total: int, what: str) -> Iterator[_Item]:
    """
    Yield ``items``, showing how many of ``total`` are done: a bar on a terminal; elsewhere, as in a CI log, a line
    now and then if it takes long.
    """
    if not sys.stderr.isatty():
        yield from _told_in_lines(items, total, what)
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, what, total=total, console=Console(stderr=True), transient=True)


def _told_in_lines(items: Iterable[_Item], total: int, what: str) -> Iterator[_Item]:
    told = monotonic()
    for done, item in enumerate(items):
        if monotonic() - told >= _QUIET_SECONDS:
            told = monotonic()
            said = translated("harness: {what}: {done} of {total} done")
            say(said.format(what=what, done=done, total=total), err=True)
        yield item


def started(mode: str) -> "Run":
    """Return a run that begins now; warn once if the OpenAI SDK can't be used, so that its rules are n/a."""
    from harness import __version__
    from harness.results import Run
    from harness.sdk import unusable, version

    reason = unusable()
    if reason:
        say(f"harness: the rules of the family sdk are n/a: {reason}", err=True)
    return Run(__version__, now(), mode, version())


def now() -> str:
    """Return the time as ISO 8601 text, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


ROOT = click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Folder with your providers.yaml and cassettes/, which extend the built-in ones  [default: the current folder].",
)
DIALECT = click.option(
    "--dialect",
    "dialects",
    type=click.Choice(DIALECTS),
    multiple=True,
    help="Only this dialect  [default: all that a provider serves].",
)
FORMAT = click.option("--format", "form", type=Format, default="pretty", show_default=True, help="Output format.")

ALL = click.option(
    "--all",
    "whole",
    is_flag=True,
    help="Print every failing rule, provider and scenario; by default long lists are shortened.",
)

LEVEL = click.option(
    "--level",
    type=click.Choice(["must", "should", "observe"]),
    default="observe",
    help="Lowest level to run: must, should, or observe (all).",
)
CHECK = click.option("--check", "checks", multiple=True, help="Run only this check or family. Repeatable.")
JOBS = click.option(
    "--jobs", "-j", type=click.IntRange(min=1), default=1, show_default=True,
    help="Number of processes; each file is checked by one.",
)  # fmt: skip

KNOWN = click.option(
    "--known/--no-known",
    default=True,
    show_default=True,
    help="Report known deviations of a known provider apart from new ones; known ones do not fail.",
)
FORCE = click.option(
    "--force", is_flag=True, help="Overwrite files of these names, even if harness did not write them."
)


def _set_language(context: click.Context, _option: click.Parameter, value: str | None) -> None:
    context.call_on_close(lambda: set_language(None))
    set_language(value)


LANG = click.option(
    "--lang", type=click.Choice(LANGUAGES), expose_value=False, callback=_set_language,
    help="Language of the output, except JSON and files [default: the locale's].",
)  # fmt: skip


def _set_depth(_context: click.Context, _option: click.Parameter, value: str) -> None:
    from harness.sdk import Depth, set_depth

    set_depth(Depth(value))


SDK_DEPTH = click.option(
    "--sdk-depth", type=click.Choice(["shape", "full"]), default="shape", show_default=True,
    expose_value=False, callback=_set_depth,
    help="How much of a stream the OpenAI SDK parses: one event of each shape (fast), or all of it.",
)  # fmt: skip


_SIZES = {
    "body": "Maximum size of a response body after decompression, in bytes.",
    "line": "Maximum length of a line in a stream, in bytes.",
    "event": "Maximum size of the data of one event, or of a JSON body, in bytes.",
    "events": "Maximum number of events in a stream, and of lines that belong to no event.",
    "values": "Maximum number of JSON values in an event, a body, a row or a file.",
    "row": "Maximum length of a row in a JSON lines file, in bytes.",
    "unpacked": "Maximum size of a compressed JSON lines file after decompression, in bytes.",
    "file": "Maximum size of any other file after decompression, in bytes.",
}


def _set_size(context: click.Context, option: click.Parameter, value: int) -> None:
    name = str(option.name).removeprefix("max_")
    context.call_on_close(lambda: set_sizes(**{name: getattr(Sizes(), name)}))
    set_sizes(**{name: value})


def SIZES(*names: str) -> Callable[[_Command], _Command]:  # noqa: N802 - used as the options above are
    """Return the options that raise the size limits, by their names in ``Sizes``."""

    def add(command: _Command) -> _Command:
        for name in reversed(names):
            command = click.option(
                f"--max-{name}", type=click.IntRange(min=1), default=getattr(Sizes(), name), show_default=True,
                expose_value=False, callback=_set_size, help=_SIZES[name],
            )(command)  # fmt: skip
        return command

    return add


def show(results: "Results", form: str) -> None:
    """Print results in one of the formats."""
    from harness.cli.console import Outlet
    from harness.reports import table, terminal

    if form == "pretty":
        terminal.show(results, Outlet())
    elif form == "markdown":
        say_block(table.render(results))
    else:
        for finding in results.findings:
            say_json(finding)


def matrix_of(root: Path) -> "Matrix":
    """Return the matrix of the project at ``root``, with a note if a file that looks like one is another program's."""
    from harness.matrix.project import foreign_matrix, project_matrix
    from harness.matrix.recognising import SCHEMA_LINE

    foreign = foreign_matrix(root)
    if foreign:
        say(
            f"harness: {foreign}: ignored, because it is not a matrix of harness; if it is one, begin the file with {SCHEMA_LINE!r}",
            err=True,
        )
    return project_matrix(root)


def columns(header: Iterable[str], rows: Sequence[tuple[str, ...]], form: str) -> str:
    """Return a table for the terminal or for Markdown."""
    from tabulate import tabulate

    from harness.markdown import cell

    style, shown_cell = ("github", cell) if form == "markdown" else ("plain", printable)
    shown = [tuple(map(shown_cell, row)) for row in rows]
    return tabulate(shown, list(header), tablefmt=style, disable_numparse=True)
