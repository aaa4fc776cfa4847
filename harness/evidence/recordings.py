"""Reads recordings of other projects as evidence about a provider: its name, the day, the models."""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from harness.judging.runner import published_cassettes
from harness.matrix.providers import Matrix, Provider
from harness.recording.archives import Entry, archives_in, read_archive
from harness.results.basis import PUBLISHED
from harness.wire.dialect import DIALECTS, DialectName
from harness.wire.exchange import Exchange

_TIMES = range(1_577_836_800, 4_102_444_800)  # the years 2020 to 2099 in seconds: some count in milliseconds
_SHOWN = 3
_DEPTH = 3  # PROVIDER/published/MODEL


class Dated(Protocol):
    """A result about one recording."""

    @property
    def model(self) -> str:
        """The model that answered."""

    @property
    def day(self) -> str | None:
        """The day of the recording, if known."""


def recordings_in(
    paths: Iterable[Path], matrix: Matrix, dialects: Collection[DialectName] = (DIALECTS[0],)
) -> Iterator[tuple[Provider, Entry]]:
    """
    Yield the evidence about a provider of the matrix in ``paths``, a project's published recordings among them.

    Reconstructions are not evidence, and a transcript may have been shortened: both are left out.

    Raises:
        BadArchive: a file can't be read.
    """
    for path in (file for one in paths for file in archives_in(one)):
        for entry in read_archive(path, dialects=dialects):
            provider = matrix.provider_of(entry.exchange.request.host, entry.provider or _kept_of(path))
            source = entry.exchange.source
            if provider and source.provenance != "reconstructed" and source.fidelity != "transcript":
                yield provider, entry


def _kept_of(path: Path) -> str | None:
    """Return the provider's folder of a published recording: its URL was replaced if it identified somebody."""
    return path.parents[2].name if len(path.parents) > _DEPTH and path.parents[1].name == PUBLISHED else None


def published_folders(root: Path) -> list[Path]:
    """Return the folders of the published recordings of a project, one per provider."""
    return sorted({path.parents[1] for path in published_cassettes(root)})


def day_of(exchange: Exchange) -> str | None:
    """Return the day of a recording: its own, or that of its response; None if neither is known."""
    times = (value for value in exchange.columns.values["created"] if isinstance(value, int) and value in _TIMES)
    created = next(times, None)
    return exchange.source.at or (datetime.fromtimestamp(created, UTC).date().isoformat() if created else None)


def models_and_months(recordings: Iterable[Dated]) -> str:
    """Return the models, and the months of the first and the last recording."""
    found = list(recordings)
    models = sorted({one.model for one in found})
    shown = ", ".join(models[:_SHOWN]) + (", …" if len(models) > _SHOWN else "")
    days = sorted(one.day[:7] for one in found if one.day)
    return f"{shown}; {' to '.join(dict.fromkeys((days[0], days[-1])))}" if days else shown
