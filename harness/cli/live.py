"""The commands that speak to the network."""

import sys
from collections import Counter
from pathlib import Path

import click

from harness import __version__
from harness.cli.common import (
    FORMAT,
    ROOT,
    SDK_DEPTH,
    SIZES,
    console_for_data,
    matrix_if_any,
    now,
    one_line_errors,
    progress,
    show,
)
from harness.errors import HarnessError, unknown
from harness.judging.runner import Selection, plan
from harness.matrix.addresses import check_address
from harness.matrix.providers import FILE_NAME, Matrix, Provider, load_matrix
from harness.matrix.scenarios import SCENARIOS, Scenario
from harness.recording.atomic import check_folder, write_atomically
from harness.recording.cassette import write_cassette
from harness.reports import table, terminal
from harness.results import Level, Results, Run, check_writable, write_results
from harness.sdk import version


@click.command()
@click.argument("base_url")
@click.option("-m", "--model", required=True, help="The model, as it is sent.")
@click.option("--key-env", default="OPENAI_API_KEY", show_default=True, help="The variable that holds the key.")
@click.option("--scenario", "scenarios", multiple=True, help="Only this scenario; repeatable.")
@click.option("--results", "results_file", type=click.Path(path_type=Path), help="Write the findings to this file.")
@click.option("--record", "folder", type=click.Path(path_type=Path), help="Keep the cassettes in this folder.")
@click.option(
    "--markdown", "markdown", type=click.Path(path_type=Path), help="Write the tables to this file, as Markdown."
)
@click.option("--max-requests", default=70, show_default=True, help="Ask no more than this.")
@click.option("--max-tokens", default=200_000, show_default=True, help="Stop asking when answers took so many tokens.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds without a byte after which to give up.")
@click.option("--fail-on", type=click.Choice(["must", "should", "never"]), default="must", show_default=True)
@ROOT
@SDK_DEPTH
@SIZES("body", "line", "event", "events", "values")
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
    timeout: float,
    fail_on: str,
    root: Path,
    form: str,
) -> None:
    """Ask an endpoint every scenario, and print what it passes and fails, with the bytes that show it."""
    # What speaks to the network takes a while to import.
    from harness.live.capture import Limits
    from harness.live.probe import Budget, probe_endpoint
    from harness.live.record import environment_of
    from harness.recording.redact import configured
    from harness.recording.scrub import scrub_url

    _check_places(results_file, folder)
    matrix = matrix_if_any(root)
    wanted = _scenarios(scenarios)
    results = Results(Run(__version__, now(), "live", version()))
    budget, environment = Budget(max_requests, max_tokens), environment_of(root)
    key = environment.get(key_env)
    asked = min(sum(one.requests for one in wanted), max_requests)
    names = {key_env, *(provider.key_env for provider in (matrix.providers if matrix else ()))}
    secrets = configured(environment, names)
    told = f"up to {asked} requests and {max_tokens:,} tokens to {scrub_url(base_url, secrets.and_of(key, base_url))}"
    click.echo(f"harness: {told}{'' if key else f', without a key: {key_env} is not set'}", err=True)

    def kept(scenario: Scenario) -> str | None:
        return str(folder / f"{scenario.id}.yaml") if folder else None

    probed = probe_endpoint(base_url, model, key, matrix, wanted, budget, Limits(idle=timeout), secrets, kept)
    for found in progress(probed, len(wanted), "probing"):
        results.findings += found.findings
        if folder and found.exchanges:
            write_cassette(folder / f"{found.scenario.id}.yaml", found.exchanges)
    results.findings.sort(key=lambda finding: list(SCENARIOS).index(finding.scenario))
    if results_file:
        write_results(results_file, results)
    if markdown:
        write_atomically(markdown.resolve(), table.render(results).encode())
    if form == "pretty":
        terminal.show_probe(results, console_for_data())
    else:
        show(results, form)
    levels = {"must": {Level.MUST}, "should": {Level.MUST, Level.SHOULD}, "never": set[Level]()}[fail_on]
    sys.exit(1 if any(finding.level in levels for finding in results.red) else 0)


@click.command()
@click.argument("names", metavar="[PROVIDER]...", nargs=-1)
@click.option("--model", "models", multiple=True, help="Only this model; repeatable, as is the next.")
@click.option("--scenario", "scenarios", multiple=True, help="Only this scenario.")
@click.option("--base-url", help="Ask the one provider that is named at this address instead: a server of your own.")
@click.option("--again", is_flag=True, help="Record anew what is recorded already.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked, and ask nothing.")
@click.option("--per-minute", default=0.0, help="No more requests than this to one provider in a minute.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds without a byte after which to give up.")
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
    root: Path,
) -> None:
    """Ask the providers of the matrix what is not recorded yet, and keep the answers; keys from the environment or .env."""
    from harness.live.capture import Limits
    from harness.live.record import Asking, Manner, due, environment_of, estimate, no_key

    matrix = load_matrix(root / FILE_NAME)
    if base_url:
        matrix = _moved(matrix, names, base_url)
    cases = due(plan(matrix, root, Selection(names, models, scenarios)), again=again)
    environment = environment_of(root)
    asked = [case for case in cases if no_key(case, environment, names) is None]
    click.echo(f"harness: {estimate(asked)}", err=True)
    if dry_run:
        click.echo("\n".join(case.id for case in cases))
        return
    counts: Counter[str] = Counter()
    missing: dict[tuple[str, str], list[str]] = {}
    manner = Manner("all" if again else "missing", per_minute, names, Limits(idle=timeout))
    with Asking(cases, environment, manner) as asking:
        for one in progress(asking, len(cases), "recording"):
            counts[one.state] += 1
            if one.state == "missing":
                missing.setdefault((one.case.target.id, one.reason), []).append(one.case.id)
            else:
                click.echo(f"{one.state:12} {one.case.id}{f': {one.reason}' if one.reason else ''}")
    for (target, reason), cases_left in missing.items():
        name = cases_left[0] if len(cases_left) == 1 else f"{target} ({len(cases_left)} scenarios)"
        click.echo(f"{'missing':12} {name}: {reason}")
    summary = " · ".join(f"{count} {state}" for state, count in counts.items()) or "nothing to record"
    click.echo(f"harness: {summary}", err=True)


def _check_places(results_file: Path | None, folder: Path | None) -> None:
    """Refuse what can't be written to, before anything is asked."""
    if results_file:
        check_writable(results_file)
    if folder:
        check_folder(folder)


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
