"""The command that holds what is listed against recordings."""

from pathlib import Path

import click

from harness.cli.common import ROOT, one_line_errors
from harness.cli.outlet import say_block
from harness.matrix.providers import FILE_NAME, load_matrix
from harness.recording.atomic import write_atomically


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--write", "file", type=click.Path(path_type=Path), help="Write the figures to this Markdown file.")
@ROOT
@one_line_errors
def registry(paths: tuple[Path, ...], file: Path | None, root: Path) -> None:
    """Say how much of what rules find in recordings of other tools is listed, and how much of what is listed they show."""
    from harness.evidence.standing import render, stand

    told = render(stand(paths, load_matrix(root / FILE_NAME), root))
    say_block(told, nl=False) if file is None else write_atomically(file.resolve(), told.encode())
