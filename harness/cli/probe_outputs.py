"""Writes the results of a probe: recordings, requested files, and terminal output."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.checks import told_of
from harness.cli.common import show
from harness.cli.console import Outlet
from harness.cli.outlet import say, say_block, say_json
from harness.cli.probe_options import ProbeOptions
from harness.cli.spending import try_all
from harness.errors import HarnessError, Unwritable
from harness.matrix.scenarios import Scenario
from harness.recording.atomic import check_folder, check_own, write_atomically
from harness.recording.cassette import OWN, write_cassette
from harness.reports import baseline, github, junit, sarif, table, terminal
from harness.results import Outcome, Results, check_writable, told_most, write_results

if TYPE_CHECKING:
    from harness.live.probe import Course, Probed


def check_places(options: ProbeOptions, asked: list[Scenario]) -> None:
    """Reject unwritable or conflicting outputs before any request is sent."""
    if options.baseline and options.write_baseline:
        raise HarnessError("--baseline and --write-baseline: one is read, the other written; use only one of them")
    if options.results_file:
        check_writable(options.results_file)
    if options.folder:
        check_recordings(options.folder, asked, force=options.force)
    for path, own in ((options.markdown, table.OWN), (options.junit, junit.OWN), (options.sarif, sarif.OWN)):
        if path:
            check_own(path, own, force=options.force)


def check_recordings(folder: Path, asked: list[Scenario], *, force: bool) -> None:
    """Reject a folder that can't hold the recordings of the ``asked`` scenarios, or whose files they would replace."""
    check_folder(folder)
    for scenario in asked:
        check_own(folder / f"{scenario.id}.yaml", OWN, force=force)


def write_outputs(options: ProbeOptions, results: Results) -> list[str]:
    """Write each requested file and print the results; return a line for each failure."""
    steps: list[Callable[[], object]] = []
    if options.results_file:
        steps.append(partial(write_results, options.results_file, results))
    if options.markdown:
        steps.append(partial(_write, options.markdown, _markdown(results)))
    if options.junit:
        steps.append(partial(_write, options.junit, junit.render(results, told_of)))
    if options.sarif:
        steps.append(partial(_write, options.sarif, sarif.render(results, told_of)))
    steps.append(partial(_show, results, options))
    if options.github:
        steps.append(partial(_tell_github, results, options))
    return try_all(*steps)


def _write(path: Path, text: str) -> None:
    write_atomically(path.resolve(), text.encode())


def _markdown(results: Results) -> str:
    return table.render(results) + (f"\n{baseline.render(results.baseline)}" if results.baseline else "")


def _show(results: Results, options: ProbeOptions) -> None:
    if options.form != "pretty":
        show(results, options.form)
        if options.form == "json":
            say_json(results.probe)
        return
    with _no_commands() if options.github else contextlib.nullcontext():
        terminal.show_probe(results, Outlet(), told_of, whole=options.whole)


@contextlib.contextmanager
def _no_commands() -> Iterator[None]:
    """Keep GitHub Actions from running commands in the output: an endpoint could inject one in a response."""
    token = secrets.token_hex(16)
    say(f"::stop-commands::{token}")
    yield
    say(f"::{token}::")


def _tell_github(results: Results, options: ProbeOptions) -> None:
    """Print annotations, on stderr if data go to stdout, and append to the step summary, if there is a file for it."""
    say_block(github.annotations(results, told_of), nl=False, err=options.form != "pretty")
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(github.summary(results, told_of, github.ROOM - file.tell()))
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror or error}; it is the file in $GITHUB_STEP_SUMMARY") from None


@dataclass
class KeptRecordings:
    """The recordings of a probe, in ``folder`` if given; ``failed`` is why they are no longer saved."""

    folder: Path | None
    failed: list[str] = field(default_factory=list)
    chats: int = 0
    unanswered: list[str] = field(default_factory=list)

    def place(self, number: int, scenario: Scenario) -> str | None:
        """Return the path of the recording of ``scenario``; for further rounds in a numbered folder."""
        path = self._path(number, scenario)
        return str(path) if path else None

    def _path(self, number: int, scenario: Scenario) -> Path | None:
        folder = self.folder and (self.folder if number == 1 else self.folder / f"repeat-{number}")
        return folder / f"{scenario.id}.yaml" if folder else None

    def take(self, number: int, found: "Probed", course: "Course") -> None:
        """Save the recording of a scenario; stop the probe if that fails."""
        self.chats += found.answered
        self.unanswered += [found.unanswered] if found.unanswered else []
        path = self._path(number, found.scenario)
        if not path or not found.exchanges or self.failed:
            return
        try:
            write_cassette(path, found.exchanges)
        except HarnessError as error:
            self.failed.append(str(error))
            from harness.judging.runner import Skip

            course.over = course.over or Skip(Outcome.INCONCLUSIVE, f"recordings can't be kept: {error}")

    @property
    def no_chat(self) -> str | None:
        """Why there is nothing to judge: no chat request succeeded; None if one did, or none had to."""
        if self.chats or not self.unanswered:
            return None
        return f"this endpoint did not answer any chat request: {told_most(self.unanswered)}"
