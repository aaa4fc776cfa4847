"""The commands that speak to the network."""

import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

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
    matrix_of,
    one_line_errors,
    progress,
    refuse,
    show,
    started,
)
from harness.cli.console import Outlet
from harness.cli.outlet import say, say_block
from harness.cli.spending import LONG, MAX_REQUESTS, MAX_SECONDS, MAX_TOKENS, TIMEOUT, end, stopping, try_all
from harness.errors import HarnessError, unknown
from harness.judging.runner import RECORDING, Selection, plan
from harness.matrix.addresses import check_address
from harness.matrix.providers import Matrix, Provider
from harness.matrix.scenarios import SCENARIOS, Scenario
from harness.recording.atomic import check_folder, check_own, write_atomically
from harness.recording.cassette import OWN, write_cassette
from harness.reports import table, terminal
from harness.reports.failures import counted
from harness.results import Level, Outcome, Results, check_writable, told_most, write_results
from harness.words import translated

if TYPE_CHECKING:
    from harness.live.probe import Course, Probed

_SHOWN = 5


@click.command()
@click.argument("base_url")
@click.option("-m", "--model", required=True, help="Model name, as sent in requests.")
@click.option(
    "--key-env", default="OPENAI_API_KEY", show_default=True, help="Environment variable that holds the API key."
)
@click.option("--scenario", "scenarios", multiple=True, help="Send only this scenario. Repeatable.")
@click.option(
    "--results", "results_file", type=click.Path(path_type=Path), help="Write all findings to this file, as JSON lines."
)
@click.option("--record", "folder", type=click.Path(path_type=Path), help="Save the recordings in this folder.")
@click.option("--markdown", "markdown", type=click.Path(path_type=Path), help="Write the tables to this Markdown file.")
@MAX_REQUESTS
@MAX_TOKENS
@MAX_SECONDS
@TIMEOUT
@LONG
@click.option(
    "--fail-on",
    type=click.Choice(["must", "should", "never"]),
    default="must",
    show_default=True,
    help="Exit with 1 if a rule of this level fails.",
)
@FORCE
@ROOT
@SDK_DEPTH
@SIZES("body", "line", "event", "events", "values")
@KNOWN
@ALL
@LANG
@FORMAT
@one_line_errors
def probe(  # noqa: PLR0913, PLR0917 - one parameter an option
    base_url: str,
    model: str,
    key_env: str,
    scenarios: tuple[str, ...],
    results_file: Path | None,
    folder: Path | None,
    markdown: Path | None,
    max_requests: int,
    max_tokens: int,
    max_seconds: float,
    timeout: float,
    long: bool,  # noqa: FBT001 - a flag of the command line
    fail_on: str,
    force: bool,  # noqa: FBT001 - a flag of the command line
    root: Path,
    known: bool,  # noqa: FBT001 - a flag of the command line
    whole: bool,  # noqa: FBT001 - a flag of the command line
    form: str,
) -> None:
    """
    Send every scenario to an endpoint and report which checks pass and fail, with the bytes as evidence.

    Exit code 0: no rule of the level --fail-on fails. 1: one fails. 2: the probe could not run, no chat request was
    answered, nothing was checked, or a file could not be written. 130 or 143: stopped by SIGINT or SIGTERM; results so
    far are printed and written.
    """
    # What speaks to the network takes a while to import.
    from harness.judging.deviations import KnownProblems
    from harness.live.budget import Budget
    from harness.live.capture import Limits
    from harness.live.probe import Course, probe_endpoint
    from harness.live.record import environment_of
    from harness.recording.redact import configured
    from harness.recording.scrub import scrub_url

    wanted = _scenarios(scenarios)
    _check_places(results_file, folder, wanted, force=force)
    if markdown:
        check_own(markdown, table.OWN, force=force)
    matrix = matrix_of(root)
    results = Results(started("live"))
    budget, environment = Budget(max_requests, max_tokens, long=long), environment_of(root)
    key = environment.get(key_env)
    names = {key_env, *(provider.key_env for provider in matrix.providers)}
    secrets = configured(environment, names)
    told = translated("{budget}, within {seconds:g} s, to {address}").format(
        budget=budget.told(wanted), seconds=max_seconds, address=scrub_url(base_url, secrets.and_of(key, base_url))
    )
    keyless = translated(", without a key: {variable} is not set").format(variable=key_env)
    say(f"harness: {told}{'' if key else keyless}", err=True)
    course, kept = Course(max_seconds), _Kept(folder)
    limits = Limits.within(timeout)
    listed = KnownProblems(root) if known else None
    probed = probe_endpoint(base_url, model, key, matrix, wanted, budget, limits, course, secrets, kept.place, listed)
    with stopping(course) as came:
        for found in progress(probed, len(wanted), "probing"):
            results.findings += found.findings
            kept.take(found, course)
        results.findings.sort(key=lambda finding: list(SCENARIOS).index(finding.scenario))
        failed = kept.failed + try_all(
            lambda: write_results(results_file, results) if results_file else None,
            lambda: write_atomically(markdown.resolve(), table.render(results).encode()) if markdown else None,
            lambda: _show(results, form, whole=whole),
        )
    if course.over:
        say(f"harness: {_left(results, course.over.reason)}", err=True)
    levels = {"must": {Level.MUST}, "should": {Level.MUST, Level.SHOULD}, "never": set[Level]()}[fail_on]
    nothing = kept.no_chat or results.nothing_judged
    end(came, failed, nothing, any(finding.level in levels for finding in results.unexpected))


def _show(results: Results, form: str, *, whole: bool) -> None:
    if form == "pretty":
        terminal.show_probe(results, Outlet(), told_of, whole=whole)
    else:
        show(results, form)


@dataclass
class _Kept:
    """The recordings of a probe, in ``folder`` if there is one; ``failed`` is why they are no longer kept."""

    folder: Path | None
    failed: list[str] = field(default_factory=list)
    chats: int = 0
    unanswered: list[str] = field(default_factory=list)

    def place(self, scenario: Scenario) -> str | None:
        """Return where the recording of ``scenario`` is to be."""
        return str(self.folder / f"{scenario.id}.yaml") if self.folder else None

    def take(self, found: "Probed", course: "Course") -> None:
        """Keep what a scenario gave; what can't be kept is not asked for."""
        self.chats += found.answered
        self.unanswered += [found.unanswered] if found.unanswered else []
        if not self.folder or not found.exchanges or self.failed:
            return
        try:
            write_cassette(self.folder / f"{found.scenario.id}.yaml", found.exchanges)
        except HarnessError as error:
            self.failed.append(str(error))
            from harness.judging.runner import Skip

            course.over = course.over or Skip(Outcome.INCONCLUSIVE, f"recordings can't be kept: {error}")

    @property
    def no_chat(self) -> str | None:
        """Why there is nothing to judge: no chat was answered; None where one was, or none was due."""
        if self.chats or not self.unanswered:
            return None
        return f"this endpoint answered no chat: {told_most(self.unanswered)}"


def _left(results: Results, reason: str) -> str:
    """Return what was not asked since a probe ended before, in a line."""
    left = [one.scenario for one in results.findings if one.check == RECORDING and reason in one.message]
    more = translated("and {count} more").format(count=len(left) - _SHOWN)
    shown = ", ".join(left[:_SHOWN]) + (f" {more}" if len(left) > _SHOWN else "")
    said = translated("{reason}: {scenarios} not asked").format(reason=reason, scenarios=counted(len(left), "live"))
    return f"{said}{f' ({shown})' if left else ''}"


@click.command()
@click.argument("names", metavar="[PROVIDER]...", nargs=-1)
@click.option("--model", "models", multiple=True, help="Record only this model. Repeatable, like the next.")
@click.option("--scenario", "scenarios", multiple=True, help="Record only this scenario.")
@click.option("--base-url", help="Base URL to use for the named provider, for example of your own server.")
@click.option("--again", is_flag=True, help="Record scenarios again that have a recording.")
@click.option("--dry-run", is_flag=True, help="Print the planned requests without sending them.")
@click.option(
    "--per-minute", default=0.0, help="Maximum number of requests per minute to one provider  [default: no limit]."
)
@TIMEOUT
@LONG
@ROOT
@one_line_errors
def record(  # noqa: PLR0913, PLR0917 - one parameter an option
    names: tuple[str, ...],
    models: tuple[str, ...],
    scenarios: tuple[str, ...],
    base_url: str | None,
    again: bool,  # noqa: FBT001 - a flag of the command line
    dry_run: bool,  # noqa: FBT001 - a flag of the command line
    per_minute: float,
    timeout: float,
    long: bool,  # noqa: FBT001 - a flag of the command line
    root: Path,
) -> None:
    """
    Send the scenarios that have no recording yet to each provider, and save the responses.

    API keys come from the environment or .env. Exit code 0: recorded. 2: nothing was recorded. 130 or 143: stopped by
    SIGINT or SIGTERM; recordings so far are kept.
    """
    from harness.live.capture import Limits
    from harness.live.record import (
        RecordingRun,
        RecordOptions,
        cases_to_record,
        environment_of,
        estimate,
        missing_credentials,
    )

    matrix = matrix_of(root)
    if base_url:
        matrix = _moved(matrix, names, base_url)
    cases = cases_to_record(plan(matrix, root, Selection(names, models, scenarios)), again=again, long=long)
    environment = environment_of(root)
    asked = [case for case in cases if missing_credentials(case, environment, names) is None]
    say(f"harness: {estimate(asked)}", err=True)
    if dry_run:
        say_block("\n".join(case.id for case in cases))
        return
    counts, reasons = Counter[str](), Counter[str]()
    missing: dict[tuple[str, str], list[str]] = {}
    manner = RecordOptions("all" if again else "missing", per_minute, names, reuse=True, limits=Limits.within(timeout))
    with RecordingRun(cases, environment, manner) as asking, stopping(asking) as came:
        for one in progress(asking, len(cases), "recording"):
            counts[one.state] += 1
            reasons.update([one.reason] if one.reason else [])
            if one.state == "missing":
                missing.setdefault((one.case.target.id, one.reason), []).append(one.case.id)
            else:
                say(f"{one.state:12} {one.case.id}{f': {one.reason}' if one.reason else ''}")
    for (target, reason), cases_left in missing.items():
        name = cases_left[0] if len(cases_left) == 1 else f"{target} ({len(cases_left)} scenarios)"
        say(f"{'missing':12} {name}: {reason}")
    summary = " · ".join(f"{count} {state}" for state, count in counts.items()) or "nothing to record"
    say(f"harness: {summary}", err=True)
    if came:
        kept = f"{counts['recorded']} recorded are kept, run it again for the rest"
        say(f"harness: stopped by {signal.Signals(came[0]).name}; {kept}", err=True)
        sys.exit(128 + came[0])
    if reasons and not counts["recorded"]:
        refuse(f"nothing was recorded: {told_most(reasons)}")


def _check_places(results_file: Path | None, folder: Path | None, asked: list[Scenario], *, force: bool) -> None:
    """Refuse what can't be written to, before anything is asked."""
    if results_file:
        check_writable(results_file)
    if folder:
        check_folder(folder)
        for scenario in asked:
            check_own(folder / f"{scenario.id}.yaml", OWN, force=force)


def _moved(matrix: Matrix, names: tuple[str, ...], base_url: str) -> Matrix:
    """Return the matrix with another address for the one provider in ``names``."""
    if len(names) != 1:
        raise HarnessError("--base-url is the address of one provider: name it, as in harness record vllm --base-url …")
    check_address(base_url)
    moved = [_at(one, base_url) if one.id in names else one for one in matrix.providers]
    return matrix.model_copy(update={"providers": tuple(moved)})


def _at(provider: Provider, base_url: str) -> Provider:
    models = tuple(model.model_copy(update={"base_url": None}) for model in provider.models)
    return provider.model_copy(update={"base_url": base_url, "fills": {}, "models": models})


def _scenarios(names: tuple[str, ...]) -> list[Scenario]:
    for name in names:
        if name not in SCENARIOS:
            raise unknown("scenario", name, list(SCENARIOS))
    return [SCENARIOS[name] for name in names] or list(SCENARIOS.values())
