"""Defines the command that imports published recordings into a project."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from harness.cli.common import ROOT, SIZES, matrix_of, one_line_errors, progress, refuse
from harness.cli.outlet import say
from harness.errors import HarnessError
from harness.evidence.published import (
    UNADDRESSED,
    Published,
    address_below,
    files_of,
    is_public,
    kept_in,
    new_forms,
    published,
    with_address,
)
from harness.printable import count_of
from harness.recording.archives import Entry, archives_in, read_archive
from harness.recording.atomic import write_atomically
from harness.wire.dialect import DIALECTS
from harness.words import translated

_LIMIT = 48 << 10


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@ROOT
@click.option(
    "--source",
    metavar="URL",
    help="Public URL of PATH, a file or a folder, if the files do not name it.",
)
@click.option("--seed", default="published", show_default=True, help="Seed of the made-up texts.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=_LIMIT, show_default=True,
    help="Maximum size of a cassette, in bytes; larger ones are skipped.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print what would be written, without writing it.")
@SIZES("body", "line", "event", "events", "values", "row", "unpacked", "file")
@one_line_errors
def import_(  # noqa: PLR0913, PLR0917 - one parameter an option
    paths: tuple[Path, ...],
    root: Path,
    source: str | None,
    seed: str,
    limit: int,
    dry_run: bool,  # noqa: FBT001 - a flag of the command line
) -> None:
    """
    Save recordings that others published in cassettes/PROVIDER/published/, with all texts replaced.

    The files are named MODEL/DATE-FORM.yaml. Of recordings that no check tells apart, only the newest is saved. Recordings
    without a public URL are skipped, because they are not evidence. The provider is read from the host or the recording.
    """
    archives = _addresses(paths, source)
    unread: list[HarnessError] = []
    read = list(published(_entries(archives, unread), matrix_of(root)))
    doubts = [one.doubt for one in progress(read, len(read), translated("reading"))]
    found = [one for one, doubt in zip(read, doubts, strict=True) if doubt is None]
    new = new_forms(progress(found, len(found), translated("judging")), kept_in(root))
    written: list[Published] = []
    size = too_large = 0
    for path, content, one in progress(files_of(new, root, seed), len(new), translated("masking")):
        if len(content) > limit:
            too_large += 1
            continue
        if not dry_run:
            write_atomically(path, content)
        written.append(one)
        size += len(content)
    for error in unread:
        say(f"harness: {error}", err=True)
    if not read:
        refuse(
            f"{', '.join(map(str, paths))}: no answer of a provider that is named in {count_of(len(archives), 'file')}"
        )
    _tell(written, size, dry_run=dry_run)
    left = {"of a form that is kept already": len(found) - len(new), f"larger than {limit:,} bytes": too_large}
    left |= sorted(Counter(filter(None, doubts)).items())
    say(f"left out: {', '.join(f'{count:,} {what}' for what, count in left.items())}")
    if UNADDRESSED in doubts and not source:
        say("harness: --source URL names the public address of a file or a folder that does not tell it", err=True)
    sys.exit(2 if unread else 0)


def _addresses(paths: tuple[Path, ...], source: str | None) -> dict[Path, str | None]:
    """Return the files, each with its public URL if one was given."""
    if source and len(paths) > 1:
        refuse("--source is the URL of one PATH; import the others separately")
    if source and not is_public(source):
        refuse(
            f"--source {source}: no address that stays; give https://github.com/OWNER/REPO/blob/COMMIT/FILE, or another"
        )
    return {archive: address_below(source, path, archive) for path in paths for archive in archives_in(path)}


def _entries(archives: dict[Path, str | None], unread: list[HarnessError]) -> Iterator[Entry]:
    for archive, address in progress(archives.items(), len(archives), translated("reading")):
        try:
            for entry in read_archive(archive, unread.append, dialects=DIALECTS):
                yield entry._replace(exchange=with_address(entry.exchange, address))
        except HarnessError as error:
            unread.append(error)


def _tell(written: list[Published], size: int, *, dry_run: bool) -> None:
    for provider, count in sorted(Counter(one.provider for one in written).items()):
        newest = max(
            (one.day for one in written if one.provider == provider and one.dated), default="a day nobody told"
        )
        say(f"{provider}: {count:,}, the newest of {newest}")
    providers = len({one.provider for one in written})
    what = "would be written" if dry_run else "written"
    say(
        f"{what}: {len(written):,} recording{_s(len(written))} of {providers:,} provider{_s(providers)}, {size:,} bytes"
    )


def _s(count: int) -> str:
    return "" if count == 1 else "s"
