"""Defines the command that shows everything about one thing."""

from pathlib import Path

import click

from harness.cli.common import LANG, ROOT, one_line_errors
from harness.cli.console import Outlet
from harness.explain import explain as explain_id


@click.command()
@click.argument("name", metavar="ID")
@click.option(
    "--results", "results_file", type=click.Path(path_type=Path),
    help="Read the cell from this results file, for example of a probe or an audit.",
)  # fmt: skip
@LANG
@ROOT
@one_line_errors
def explain(name: str, root: Path, results_file: Path | None) -> None:
    """
    Explain a check, a family of checks, a scenario, a fault, a client, a provider, or a cell of a table.

    A cell is PROVIDER/MODEL/SCENARIO/CHECK, CLIENT/FAULT or CLIENT/PROVIDER/MODEL/SCENARIO.
    """
    explain_id(name, root, Outlet(), results_file)
