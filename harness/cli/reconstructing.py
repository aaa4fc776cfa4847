"""Defines the command that reconstructs cassettes from profiles, and compares them with recordings."""

import sys
from collections import Counter
from pathlib import Path

import click

from harness.cli.common import FORCE, ROOT, matrix_of, one_line_errors, progress
from harness.cli.outlet import say, say_block
from harness.evidence.reconstruct import Reconstruction
from harness.recording.atomic import check_own, write_atomically
from harness.words import translated

_OUT_OF_DATE = ("new", "changed", "unfounded")


@click.command()
@click.argument("names", metavar="[PROVIDER]...", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a cassette differs from its profile.")
@click.option(
    "--against",
    "archives",
    multiple=True,
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Write nothing; compare the profiles with these recordings and print the agreement. Repeatable.",
)
@click.option("--write", "file", type=click.Path(path_type=Path), help="Write the agreement to this Markdown file.")
@FORCE
@ROOT
@one_line_errors
def reconstruct(  # noqa: PLR0913, PLR0917 - one parameter an option
    names: tuple[str, ...],
    check: bool,  # noqa: FBT001 - a flag of the command line
    archives: tuple[Path, ...],
    file: Path | None,
    force: bool,  # noqa: FBT001 - a flag of the command line
    root: Path,
) -> None:
    """Generate reconstructed cassettes from the cited facts in cassettes/PROVIDER/profile.yaml."""
    from harness.evidence.agreement import OWN, compare_all, render_agreement
    from harness.evidence.reconstruct import profiles_of, reconstruct

    if file:
        check_own(file, OWN, force=force)
    matrix = matrix_of(root)
    profiles = profiles_of(matrix, root, names)
    if archives:
        told = render_agreement(compare_all(archives, matrix, profiles))
        say_block(told) if file is None else write_atomically(file.resolve(), told.encode())
        return
    made = list(reconstruct(matrix, root, profiles))
    stale = [one for one in made if one.state in _OUT_OF_DATE]
    for one in stale:
        say(f"{one.state}: {one.path.relative_to(root)}")
    if not check:
        _write(stale)
    counts = Counter(one.state for one in made)
    told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    say(
        f"harness: {told or 'nothing to reconstruct: no provider of this folder has a profile.yaml; name one that comes with harness'}",
        err=True,
    )
    sys.exit(1 if check and stale else 0)


def _write(stale: list[Reconstruction]) -> None:
    from harness.evidence.reconstruct import write

    for one in progress(stale, len(stale), translated("writing")):
        write(one)
