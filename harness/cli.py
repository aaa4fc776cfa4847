"""The command line.  Data goes to stdout, progress to stderr; exit 0 as expected, 1 unexpected failure, 2 could not run."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
from rich.console import Console
from rich.progress import track

from harness import __version__
from harness.audit import audit as audit_archives
from harness.checks import CHECKS
from harness.errors import HarnessError, UnknownName, unknown
from harness.explain import explain as explain_id
from harness.matrix.providers import FILE_NAME, Matrix, json_schema, load_matrix
from harness.matrix.scenarios import SCENARIOS, Scenario
from harness.recording.archives import archives_in
from harness.recording.atomic import write_atomically
from harness.recording.cassette import write_cassette
from harness.reports import table, terminal
from harness.reports.files import write_report
from harness.results import Finding, Level, Outcome, Results, Run, check_writable, read_results, write_results
from harness.runner import Case, Selection, plan, run_case
from harness.sdk import Depth, set_depth, version

Format = click.Choice(["pretty", "json", "markdown"])
_Item = TypeVar("_Item")


def _one_line_errors(command: Callable[..., None]) -> Callable[..., None]:
    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except HarnessError as error:
            _refuse(str(error))

    return guarded


def _refuse(message: str) -> None:
    click.echo(f"harness: {message}", err=True)
    sys.exit(2)


def _progress(items: list[_Item], what: str) -> Iterator[_Item]:
    quiet = not sys.stderr.isatty()
    yield from track(items, what, console=Console(stderr=True), disable=quiet, transient=True)


def _console() -> Console:
    """Return the console for data: no emoji are made of what providers sent, and no encoding stops the output."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    return Console(emoji=False, highlight=False)


def _started() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="harness")
def main() -> None:
    """Test how compatible OpenAI-compatible chat APIs are."""


_ROOT = click.option(
    "--root", type=click.Path(path_type=Path), default=Path(), help="Folder with providers.yaml and cassettes/."
)
_FORMAT = click.option("--format", "form", type=Format, default="pretty", show_default=True)


def _set_depth(_context: click.Context, _option: click.Parameter, value: str) -> None:
    set_depth(Depth(value))


_SDK_DEPTH = click.option(
    "--sdk-depth", type=click.Choice([str(depth) for depth in Depth]), default="shape", show_default=True,
    expose_value=False, callback=_set_depth,
    help="What the OpenAI SDK is given of a stream: one event of each shape, or every byte.",
)  # fmt: skip


@main.command()
@_ROOT
@click.option("--provider", "providers", multiple=True, help="Only this provider; repeatable, as are the next three.")
@click.option("--model", "models", multiple=True, help="Only this model.")
@click.option("--scenario", "scenarios", multiple=True, help="Only this scenario.")
@click.option("--check", "checks", multiple=True, help="Only this check or family.")
@click.option(
    "--level",
    type=click.Choice(["must", "should", "observe"]),
    default="observe",
    help="The least binding level to run.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="Folder to write to [default: ROOT/reports if nothing is left out].",
)
@_SDK_DEPTH
@_FORMAT
@_one_line_errors
def run(  # noqa: PLR0913, PLR0917 - one parameter an option
    root: Path,
    providers: tuple[str, ...],
    models: tuple[str, ...],
    scenarios: tuple[str, ...],
    checks: tuple[str, ...],
    level: str,
    report: Path | None,
    form: str,
) -> None:
    """Replay the recorded matrix, write reports/ and print the table."""
    selection = Selection(providers, models, scenarios, checks, Level(level.upper()))
    cases = plan(load_matrix(root / FILE_NAME), root, selection)
    results = Results(Run(__version__, _started(), "replay", version()), list(_findings(cases, selection)))
    if not any(finding.cassette for finding in results.findings):
        _refuse(f"{root / 'cassettes'}: no recording of what was asked for; {_paths(cases)}")
    folder = report or (root / "reports" if selection == Selection() else None)
    if folder:
        write_report(folder, results)
    _print(results, form)
    sys.exit(1 if results.red else 0)


def _findings(cases: list[Case], selection: Selection) -> Iterator[Finding]:
    checks = selection.chosen()
    for case in _progress(cases, "replaying"):
        yield from run_case(case, checks)


def _paths(cases: list[Case]) -> str:
    return f"the first would be at {cases[0].cassette}" if cases else "nothing was selected"


def _print(results: Results, form: str) -> None:
    if form == "pretty":
        terminal.show(results, _console())
    elif form == "markdown":
        click.echo(table.render(results))
    else:
        for finding in results.findings:
            click.echo(orjson.dumps(finding))


@main.command()
@click.argument("base_url")
@click.option("-m", "--model", required=True, help="The model, as it is sent.")
@click.option("--key-env", default="OPENAI_API_KEY", show_default=True, help="The variable that holds the key.")
@click.option("--scenario", "scenarios", multiple=True, help="Only this scenario; repeatable.")
@click.option("--results", "results_file", type=click.Path(path_type=Path), help="Write the findings to this file.")
@click.option("--record", "folder", type=click.Path(path_type=Path), help="Keep the cassettes in this folder.")
@click.option("--max-requests", default=70, show_default=True, help="Ask no more than this.")
@click.option("--max-tokens", default=200_000, show_default=True, help="Stop asking when answers took so many tokens.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds without a byte after which to give up.")
@click.option("--fail-on", type=click.Choice(["must", "should", "never"]), default="must", show_default=True)
@_ROOT
@_SDK_DEPTH
@_FORMAT
@_one_line_errors
def probe(  # noqa: PLR0913, PLR0917 - one parameter an option
    base_url: str,
    model: str,
    key_env: str,
    scenarios: tuple[str, ...],
    results_file: Path | None,
    folder: Path | None,
    max_requests: int,
    max_tokens: int,
    timeout: float,
    fail_on: str,
    root: Path,
    form: str,
) -> None:
    """Ask an endpoint every scenario, and print what it passes and fails, with the bytes that show it."""
    # What speaks to the network takes a while to import.
    from harness.probe import Budget, probe_endpoint
    from harness.recording.capture import Limits

    if results_file:
        check_writable(results_file)
    matrix = _matrix_if_any(root)
    wanted = _scenarios(scenarios)
    results = Results(Run(__version__, _started(), "live", version()))
    budget = Budget(max_requests, max_tokens)
    asked = min(sum(one.requests for one in wanted), max_requests)
    click.echo(f"harness: up to {asked} requests and {max_tokens:,} tokens to {base_url}", err=True)
    probed = probe_endpoint(base_url, model, os.environ.get(key_env), matrix, wanted, budget, Limits(idle=timeout))
    for found in _progress_of(probed, len(wanted), "probing"):
        results.findings += found.findings
        if folder and found.exchanges:
            write_cassette(folder / f"{found.scenario.id}.yaml", found.exchanges)
    results.findings.sort(key=lambda finding: list(SCENARIOS).index(finding.scenario))
    if results_file:
        write_results(results_file, results)
    if form == "pretty":
        terminal.show_probe(results, _console())
    else:
        _print(results, form)
    levels = {"must": {Level.MUST}, "should": {Level.MUST, Level.SHOULD}, "never": set[Level]()}[fail_on]
    sys.exit(1 if any(finding.level in levels for finding in results.red) else 0)


@main.command()
@click.argument("names", metavar="[PROVIDER]...", nargs=-1)
@click.option("--model", "models", multiple=True, help="Only this model; repeatable, as is the next.")
@click.option("--scenario", "scenarios", multiple=True, help="Only this scenario.")
@click.option("--again", is_flag=True, help="Record anew what is recorded already.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked, and ask nothing.")
@click.option("--pause", default=0.0, show_default=True, help="Seconds between two requests to one provider.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds without a byte after which to give up.")
@_ROOT
@_one_line_errors
def record(  # noqa: PLR0913, PLR0917 - one parameter an option
    names: tuple[str, ...],
    models: tuple[str, ...],
    scenarios: tuple[str, ...],
    again: bool,  # noqa: FBT001 - a flag of the command line
    dry_run: bool,  # noqa: FBT001 - a flag of the command line
    pause: float,
    timeout: float,
    root: Path,
) -> None:
    """Ask the providers of the matrix what is not recorded yet, and keep the answers; keys from the environment or .env."""
    from dotenv import dotenv_values

    from harness.record import due, estimate
    from harness.record import record as record_cases
    from harness.recording.capture import Limits

    cases = due(plan(load_matrix(root / FILE_NAME), root, Selection(names, models, scenarios)), again=again)
    click.echo(f"harness: {estimate(cases)}", err=True)
    if dry_run:
        click.echo("\n".join(case.id for case in cases))
        return
    told = dotenv_values(root / ".env")
    environment = {**{key: value for key, value in told.items() if value}, **os.environ}
    counts: Counter[str] = Counter()
    for one in _progress_of(
        record_cases(cases, environment, pause=pause, limits=Limits(idle=timeout)), len(cases), "recording"
    ):
        counts[one.state] += 1
        click.echo(f"{one.state:10} {one.case.id}{f': {one.reason}' if one.reason else ''}")
    click.echo(
        f"harness: {' · '.join(f'{count} {state}' for state, count in counts.items()) or 'nothing to record'}", err=True
    )


def _scenarios(names: tuple[str, ...]) -> list[Scenario]:
    for name in names:
        if name not in SCENARIOS:
            raise unknown("scenario", name, list(SCENARIOS))
    return [SCENARIOS[name] for name in names] or list(SCENARIOS.values())


def _progress_of(items: Iterable[_Item], total: int, what: str) -> Iterator[_Item]:
    quiet = not sys.stderr.isatty()
    yield from track(items, what, total=total, console=Console(stderr=True), disable=quiet, transient=True)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@_ROOT
@click.option("--results", "results_file", type=click.Path(path_type=Path), help="Write the findings to this file.")
@click.option(
    "--provider-from", type=click.Choice(["auto", "host", "field", "folder"]), default="auto", show_default=True,
    help="What names the provider: its host, the field provider, or the folder of the file.",
)  # fmt: skip
@_SDK_DEPTH
@_FORMAT
@_one_line_errors
def audit(paths: tuple[Path, ...], root: Path, results_file: Path | None, provider_from: Any, form: str) -> None:
    """Judge recordings you already have: vcrpy cassettes, HAR files, JSON lines; files or folders."""
    if results_file:
        check_writable(results_file)
    archives = [archive for path in paths for archive in archives_in(path)]
    matrix = _matrix_if_any(root)
    results, bad = Results(Run(__version__, _started(), "audit", version())), 0
    for archive in _progress(archives, "auditing"):
        try:
            for findings in audit_archives([archive], matrix, provider_from):
                results.findings += findings
        except HarnessError as error:
            click.echo(f"harness: {error}", err=True)
            bad += 1
    if not results.findings and not bad:
        _refuse(f"{', '.join(map(str, paths))}: no chat completion in {len(archives)} files")
    if results_file:
        _write_or_say(results_file, results, bad)
    if form == "pretty":
        terminal.show_audit(results, _console())
    else:
        _print(results, form)
    sys.exit(2 if bad else 1 if results.red else 0)


def _write_or_say(path: Path, results: Results, bad: int) -> None:
    if bad:
        click.echo(f"harness: {path}: not written, since {bad} files could not be read", err=True)
    else:
        write_results(path, results)


def _matrix_if_any(root: Path) -> Matrix | None:
    return load_matrix(root / FILE_NAME) if (root / FILE_NAME).exists() else None


@main.command()
@click.argument("results_file", metavar="RESULTS", type=click.Path(path_type=Path))
@click.option(
    "--into",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Put the tables between the markers of this file; repeatable.",
)
@_FORMAT
@_one_line_errors
def report(results_file: Path, into: tuple[Path, ...], form: str) -> None:
    """Print the tables of a results file, or put them into documents."""
    results = read_results(results_file)
    changes = {path: _with_tables(path, results) for path in into}
    for path, text in changes.items():
        write_atomically(path.resolve(), text.encode())
    if not into:
        _print(results, form)


def _with_tables(path: Path, results: Results) -> str:
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(f"{path}: {getattr(error, 'strerror', None) or error}; name a text file in UTF-8") from None
    changed = table.replace_between_markers(text, table.tables(results))
    if changed is None:
        raise HarnessError(f"{path}: it lacks the lines {table.BEGIN} and {table.END}; add them where the tables go")
    return changed


@main.command()
@click.argument("name", required=False)
@_FORMAT
@_one_line_errors
def checks(name: str | None, form: str) -> None:
    """List the checks, all or those of a family."""
    listed = [check for check in CHECKS.values() if name in {None, check.family, check.id}]
    if not listed:
        raise UnknownName(f"no check or family is called {name!r}; see: harness checks")
    if form == "json":
        for check in listed:
            row = {
                "id": check.id,
                "level": check.level,
                "title": check.title,
                "source": check.source,
                "breaks": check.breaks,
                "instead": check.workaround,
                "needs": check.needs,
            }
            click.echo(orjson.dumps(row))
    else:
        rows = [(check.id, check.level.value, check.title) for check in listed]
        click.echo(_columns(("id", "level", "title"), rows, form))


def _columns(header: Iterable[str], rows: Sequence[tuple[str, ...]], form: str) -> str:
    from tabulate import tabulate

    style = "github" if form == "markdown" else "plain"
    return tabulate(rows, list(header), tablefmt=style, disable_numparse=True)


@main.command()
@_FORMAT
def scenarios(form: str) -> None:
    """List the scenarios: what is asked, in how many requests, and what a provider may lack."""
    if form == "json":
        for scenario in SCENARIOS.values():
            row = {"id": scenario.id, "title": scenario.title, "requests": scenario.requests}
            row |= {"statuses": scenario.statuses, "needs": scenario.needs, "tries": scenario.tries}
            click.echo(orjson.dumps(row))
        return
    rows = [
        (one.id, one.title, str(one.requests), " ".join(map(str, one.statuses)), ", ".join(one.needs))
        for one in SCENARIOS.values()
    ]
    click.echo(_columns(("id", "what is asked", "requests", "expected", "needs"), rows, form))


@main.command()
@click.option("--write", "file", type=click.Path(path_type=Path), help="Write the whole proof to this Markdown file.")
@click.option("--pairs/--no-pairs", default=True, show_default=True, help="Try every two faults at once as well.")
@_one_line_errors
def proof(file: Path | None, pairs: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """Try every fault of the catalogue against every rule, and print what is caught, missed and hidden."""
    from harness.proof import prove, render, summary

    console = Console(stderr=True)
    with console.status("trying faults"):
        found = prove(pairs=pairs)
    click.echo(summary(found))
    for what, names in found.shortfalls.items():
        for name in names:
            click.echo(f"{what}: {name}")
    if file:
        write_atomically(file.resolve(), render(found).encode())
    sys.exit(1 if any(found.shortfalls.values()) else 0)


@main.command()
@click.argument("name", metavar="ID")
@_ROOT
@_one_line_errors
def explain(name: str, root: Path) -> None:
    """Show all of a check, a scenario, a fault, or a cell (PROVIDER/MODEL/SCENARIO/CHECK)."""
    explain_id(name, root, _console())


@main.command()
@_ROOT
@click.option("--schema", is_flag=True, help="Print the JSON Schema of providers.yaml instead.")
@_FORMAT
@_one_line_errors
def providers(root: Path, schema: bool, form: str) -> None:  # noqa: FBT001 - a flag of the command line
    """List the providers, their models and what is recorded of them."""
    if schema:
        click.echo(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2))
        return
    matrix = load_matrix(root / FILE_NAME)
    rows = []
    for target in matrix.targets():
        cases = [Case(root, target, scenario) for scenario in SCENARIOS.values()]
        asked = [case for case in cases if not (case.absent and case.absent[0] is Outcome.NA)]
        recorded = sum(case.absent is None for case in asked)
        retired = f"retired {target.model.retired}" if target.model.retired else ""
        rows.append((target.id, f"{recorded}/{len(asked)}", target.provider.key_env, target.provider.base_url, retired))
    click.echo(_columns(("target", "recorded", "key", "base_url", ""), rows, form))
