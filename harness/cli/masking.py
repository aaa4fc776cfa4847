"""Defines the command that masks recordings, so that they can be shown to others."""

import secrets
import sys
from collections import Counter
from pathlib import Path

import click

from harness.cli.common import FORCE, SIZES, one_line_errors, progress, refuse
from harness.cli.outlet import say
from harness.errors import HarnessError
from harness.judging.alike import differences
from harness.printable import count_of
from harness.recording.archives import archives_in, read_archive
from harness.recording.atomic import check_own
from harness.recording.cassette import OWN, write_cassette
from harness.recording.masking import mask_exchanges
from harness.recording.scrub import scrub
from harness.wire.dialect import DIALECTS
from harness.wire.exchange import Exchange
from harness.words import translated

_CASSETTES = (".yaml", ".yml")
_SHOWN = 5


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--into", required=True, type=click.Path(path_type=Path),
    help="Output: a *.yaml file for everything, or a folder that gets one file per input.",
)  # fmt: skip
@click.option("--seed", help="Seed of the made-up texts; someone who knows it can test guesses [default: random].")
@FORCE
@SIZES("body", "line", "event", "events", "values", "row", "unpacked", "file")
@one_line_errors
def mask(paths: tuple[Path, ...], into: Path, seed: str | None, force: bool) -> None:  # noqa: FBT001 - a flag
    """
    Write recordings that can be shared: cassettes with all texts replaced by made-up ones.

    Text by people and models, and every id, is replaced by text of the same form. Keys, order, white space, framing,
    usage, models and finish reasons stay. Findings that change are reported.
    """
    wanted = _places(paths, into)
    for place in dict.fromkeys(wanted.values()):
        check_own(place, OWN, force=force)
    left_out: Counter[str] = Counter()
    unread: list[HarnessError] = []
    places = list(dict.fromkeys(wanted.values()))
    written = 0
    for place in progress(places, len(places), translated("masking")):
        archives = (archive for archive, there in wanted.items() if there == place)
        exchanges = [one for archive in archives for one in _read(archive, left_out, unread)]
        if exchanges:
            written += _write(place, exchanges, seed or secrets.token_hex(16))
    for dialect, count in left_out.items():
        say(
            f"harness: {count} {dialect} left out: only chat completions, Messages and legacy completions are masked",
            err=True,
        )
    for error in unread:
        say(f"harness: {error}", err=True)
    if not written:
        refuse(f"{', '.join(map(str, paths))}: no chat completion in {count_of(len(wanted), 'file')}")
    sys.exit(2 if unread else 0)


def _places(paths: tuple[Path, ...], into: Path) -> dict[Path, Path]:
    """Return the output file for each input file."""
    found = [(archive, archive.relative_to(path) if path.is_dir() else Path(archive.name))
             for path in paths for archive in archives_in(path)]  # fmt: skip
    if into.suffix in _CASSETTES and not into.is_dir():
        places = {archive: into for archive, _ in found}
    else:
        places = _named(found, into)
    for archive in places:
        for place in places.values():
            if place.exists() and place.samefile(archive):
                raise HarnessError(f"{place}: it is one of the recordings to mask; name another place")
    return places


def _named(found: list[tuple[Path, Path]], folder: Path) -> dict[Path, Path]:
    """Return a unique file in ``folder`` for each archive; two that differ only in their suffix keep it."""
    bare = {archive: _without_endings(name) for archive, name in found}
    often = Counter(bare.values())
    names = {archive: bare[archive] if often[bare[archive]] == 1 else name for archive, name in found}
    if len(set(names.values())) < len(names):
        twice = next(name for name, count in Counter(names.values()).items() if count > 1)
        raise HarnessError(f"{twice}: two recordings have this name; mask them into two folders")
    return {archive: folder / f"{name}.yaml" for archive, name in names.items()}


def _without_endings(name: Path) -> Path:
    bare = name.with_suffix("") if name.suffix == ".gz" else name
    return bare.with_suffix("") if bare.suffix else bare


def _read(archive: Path, left_out: Counter[str], unread: list[HarnessError]) -> list[Exchange]:
    def passed_over(dialect: str) -> None:
        left_out[dialect] += 1

    try:
        return [scrub(entry.exchange) for entry in read_archive(archive, unread.append, passed_over, DIALECTS)]
    except HarnessError as error:
        unread.append(error)
        return []


def _write(place: Path, exchanges: list[Exchange], seed: str) -> int:
    made = [scrub(one) for one in mask_exchanges(exchanges, seed)]  # as it is written
    write_cassette(place, made)
    found = list(differences(exchanges, made))
    others = Counter(one.check for one in found if not one.only_quoted)
    quoting = sum(one.only_quoted for one in found)
    told = f", {quoting} of which quote a made-up text" if quoting else ""
    count = f"{len(exchanges)} exchange{'' if len(exchanges) == 1 else 's'}"
    say(
        f"{place}: {count}, texts replaced; "
        + (f"other findings: {_listed(others)}" if others else f"the findings stay{told}")
    )
    return len(exchanges)


def _listed(checks: Counter[str]) -> str:
    shown = [f"{check} ({count})" for check, count in checks.most_common(_SHOWN)]
    return ", ".join([*shown, "…"] if len(checks) > _SHOWN else shown)
