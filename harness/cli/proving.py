"""Defines the command that compares listed deviations with recordings."""

from pathlib import Path

import click

from harness.cli.common import FORCE, ROOT, matrix_of, one_line_errors
from harness.cli.outlet import say_block
from harness.recording.atomic import check_own, write_atomically


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--write", "file", type=click.Path(path_type=Path), help="Write the figures to this Markdown file.")
@FORCE
@ROOT
@one_line_errors
def registry(paths: tuple[Path, ...], file: Path | None, force: bool, root: Path) -> None:  # noqa: FBT001 - a flag of the command line
    """Compare the listed deviations with recordings from other tools: which failures are listed, which entries are seen."""
    from harness.evidence.deviation_coverage import OWN, measure, render

    if file:
        check_own(file, OWN, force=force)
    told = render(measure(paths, matrix_of(root), root))
    say_block(told, nl=False) if file is None else write_atomically(file.resolve(), told.encode())
