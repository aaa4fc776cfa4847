"""Defines the command that exports what is known of providers for other programs."""

from pathlib import Path

import click

from harness.cli.common import FORCE, ROOT, matrix_of, one_line_errors, progress, refuse
from harness.cli.outlet import say, say_json_text
from harness.judging.deviations import KnownProblems, folder_of, load_deviations
from harness.judging.published import run_published
from harness.judging.runner import Selection, plan, run_case
from harness.recording.atomic import check_own, write_atomically
from harness.words import translated


@click.command()
@click.argument("names", metavar="[PROVIDER]...", nargs=-1)
@click.option(
    "--into", "folder", type=click.Path(path_type=Path), help="Folder for PROVIDER.json, one file per provider."
)
@FORCE
@click.option("--schema", is_flag=True, help="Print the JSON Schema of these files.")
@ROOT
@one_line_errors
def export(names: tuple[str, ...], folder: Path | None, force: bool, schema: bool, root: Path) -> None:  # noqa: FBT001 - a flag of the command line
    """
    Export facts, feature flags and deviations of providers as JSON for other programs.

    Each flag is a list of values, each with the recordings that show it, their kind and their age. A flag that no
    recording shows is left out.
    """
    from harness.evidence.export.build import export as document_of
    from harness.evidence.export.document import OWN, dump, json_schema
    from harness.evidence.stand_ins import published_of, with_published

    if schema:
        say_json_text(dump(json_schema()), nl=False)
        return
    matrix = matrix_of(root)
    known = with_published(matrix, root)
    chosen = known.meant(names)
    asked = {provider.id for provider in matrix.providers}
    selection = Selection(providers=tuple(one.id for one in chosen if one.id in asked))
    cases = plan(matrix, root, selection) if selection.providers else []
    if not folder and len(chosen) > 1:
        refuse(f"{len(chosen)} providers; name one, or a folder to write to: harness export --into reports/export")
    for one in chosen:
        if folder:
            check_own(folder / f"{one.id}.json", OWN, force=force)
    checks = selection.chosen()
    findings = [
        finding for case in progress(cases, len(cases), translated("judging")) for finding in run_case(case, checks)
    ]
    problems = KnownProblems(root)
    others = published_of(root, *(one.id for one in chosen))
    for case in progress(others, len(others), translated("judging")):
        findings += run_published(case, checks, problems)
    texts = {one.id: document_of(one, findings, load_deviations(folder_of(one, root))).to_json() for one in chosen}
    for name, text in texts.items():
        if folder:
            write_atomically(folder.resolve() / f"{name}.json", text.encode())
            say(f"harness: {folder / name}.json", err=True)
        else:
            say_json_text(text, nl=False)
