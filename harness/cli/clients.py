"""Defines the commands that run client code against recorded responses."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from harness.cli.common import FORCE, FORMAT, ROOT, columns, matrix_of, one_line_errors, refuse, started
from harness.cli.console import Outlet
from harness.cli.outlet import say, say_block, say_json
from harness.clients.catalogue import CLIENTS, ENVIRONMENTS, tier_of
from harness.clients.choosing import TIERS, choose, environments
from harness.clients.client import Client
from harness.clients.driver import TIMEOUT
from harness.errors import HarnessError
from harness.matrix.providers import Matrix
from harness.recording.atomic import check_own, write_atomically
from harness.reports import clients as report
from harness.reports import clients_page
from harness.results import ClientFinding, ClientOutcome, ClientResults, check_writable, written_client_results

_TIER = click.option(
    "--tier", "tiers", type=click.Choice([str(tier) for tier in TIERS]), multiple=True,
    help="0: no installation needed; 1: Python libraries; 2: Node.js and browser libraries. Repeatable.",
)  # fmt: skip
_FAILING = {
    "never": frozenset[ClientOutcome](),
    "silent": frozenset({ClientOutcome.SILENT}),
    "bad": frozenset(f for f in ClientOutcome if f.bad),
}


@click.group()
def clients() -> None:
    """Run client code against recorded responses, to see which code works with which provider."""


@clients.command("list")
@FORMAT
@one_line_errors
def list_(form: str) -> None:
    """List the clients (snippets and libraries), and whether their environments are installed."""
    if form == "json":
        for one in CLIENTS.values():
            environment = ENVIRONMENTS[one.env]
            row = {"id": one.id, "title": one.title, "tier": environment.tier, "environment": environment.name}
            row |= {"installed": environment.installed, "versions": environment.versions}
            say_json(row | {"reads": sorted(one.reads), "idiom": one.idiom, "source": one.source})
        return
    rows = [
        (
            one.id, str(tier_of(one)), one.env, "yes" if ENVIRONMENTS[one.env].installed else "no",
            ", ".join(f"{name} {version}" for name, version in ENVIRONMENTS[one.env].versions.items()) if not one.idiom else "",
            one.title,
        )
        for one in CLIENTS.values()
    ]  # fmt: skip
    say_block(columns(("client", "tier", "environment", "installed", "versions", "title"), rows, form))


@clients.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_TIER
@one_line_errors
def install(names: tuple[str, ...], tiers: tuple[str, ...]) -> None:
    """Install the environments of clients, in pinned versions, into the user's cache folder."""
    wanted = environments(names, map(int, tiers))
    if not wanted:
        refuse("no client named; name one, as in harness clients install langchain, or use --tier 1")
    failed = 0
    console = Console(stderr=True)
    for environment in wanted:
        there = environment.installed
        try:
            with console.status(f"installing {environment.name}"):
                environment.install()
        except HarnessError as error:
            say(f"harness: {error}", err=True)
            failed += 1
            continue
        told = ", ".join(f"{name} {version}" for name, version in environment.versions.items())
        say(f"{environment.name}: {told}{' (was there)' if there else ''}")
    sys.exit(2 if failed else 0)


@clients.command()
@click.option(
    "--client",
    "names",
    multiple=True,
    metavar="ID|FILE",
    help="Run only this client, or the code in this file. Repeatable.",
)
@_TIER
@click.option(
    "--provider",
    "providers",
    multiple=True,
    help="Run only on the recordings of this provider, without injected faults. Repeatable.",
)
@click.option(
    "--report",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder for clients.jsonl, clients.md and clients.html  [default: ROOT/reports if no option narrows the run].",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=TIMEOUT,
    show_default=True,
    help="Time limit of a client for one response, in seconds.",
)
@click.option(
    "--fail-on",
    type=click.Choice(list(_FAILING)),
    default="never",
    show_default=True,
    help="Exit with 1 if a client does this: your own code on any response, other clients where they do worse than on the reference.",
)
@FORCE
@ROOT
@FORMAT
@one_line_errors
def run(  # noqa: PLR0913, PLR0917 - one parameter an option
    names: tuple[str, ...],
    tiers: tuple[str, ...],
    providers: tuple[str, ...],
    folder: Path | None,
    timeout: float,
    fail_on: str,
    force: bool,  # noqa: FBT001 - a flag of the command line
    root: Path,
    form: str,
) -> None:
    """
    Replay recordings, faults and legal variants to client code, and print which code works with which provider.

    A client is an id from `harness clients list`, a library (openai, requests), or a file of your own that defines
    read(question, out); see harness/clients/idioms/.
    """
    matrix = matrix_of(root)
    chosen = choose(names, map(int, tiers))
    whole = not (names or tiers or providers)
    target = folder or (root / "reports" if whole else None)
    if target:
        check_writable(target / "clients.jsonl")
        check_own(target / "clients.md", report.OWN, force=force)
        check_own(target / "clients.html", clients_page.OWN, force=force)
    results = _run(matrix, root, chosen, providers, timeout)
    _refuse_what_never_ran([one for one in chosen if one.id not in CLIENTS], results)
    if target:
        results = written_client_results(target / "clients.jsonl", results)
        write_atomically((target / "clients.md").resolve(), report.render(results).encode())
        write_atomically((target / "clients.html").resolve(), clients_page.render(results).encode())
    _show(results, form)
    sys.exit(1 if any(one.fate in _FAILING[fail_on] and _blamed(one) for one in results.findings) else 0)


def _blamed(finding: ClientFinding) -> bool:
    """Return whether a finding counts: failures of idioms that the provider adds, of the user's own code all."""
    return finding.client not in CLIENTS or not finding.on_reference


def _run(matrix: Matrix, root: Path, chosen: list[Client], providers: Iterable[str], timeout: float) -> ClientResults:
    from harness.clients.matrix import foresee, run_matrix, trials_of
    from harness.clients.process import why_not_apart
    from harness.serve.recording_index import REFERENCE, RecordingIndex

    named = tuple(providers)
    meant = tuple(one.id for one in matrix.meant(named))
    index = RecordingIndex(matrix, root, (*meant, REFERENCE))
    trials = trials_of(index, meant, deviations=not named)
    if named and not trials.recorded:
        refuse(f"there is no recording of {', '.join(named)}; make one with: harness record {named[0]}")
    shared = why_not_apart()
    if shared:
        say(
            f"harness: client code is kept off the network by hooks only, not by the system: {shared}; run none that you do not trust",
            err=True,
        )
    mode = "clients" if shared is None else "clients, in the machine's network"
    quiet = not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), disable=quiet, transient=True) as progress:
        task = progress.add_task("trying", total=None)
        results = run_matrix(
            chosen, trials, started(mode),
            lambda done, total: progress.update(task, completed=done, total=total), timeout,
        )  # fmt: skip
    return results if named else foresee(results, chosen, index, root)


def _refuse_what_never_ran(own: list[Client], results: ClientResults) -> None:
    """Exit if a file of the user's own could not be run at all."""
    for client in own:
        told = [one for one in results.findings if one.client == client.id]
        if told and all(one.fate is ClientOutcome.ENV for one in told):
            refuse(f"{client.path}: {told[0].message}")


def _show(results: ClientResults, form: str) -> None:
    if form == "json":
        for one in results.findings:
            say_json(one)
        return
    text = report.render(results) if form == "markdown" else report.summary(results)
    Outlet().print(text, soft_wrap=True, markup=False)
    for why in dict.fromkeys(one.message for one in results.findings if one.fate is ClientOutcome.ENV):
        say(f"harness: {why}", err=True)
