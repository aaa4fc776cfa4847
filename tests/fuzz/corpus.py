"""Collects the input: the project's own recordings and files, and other people's if available."""

import random
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from harness.errors import HarnessError
from harness.judging.deviations import load_deviations
from harness.matrix.scenarios import SCENARIOS, with_expectations
from harness.recording.archives import SUFFIXES, read_archive
from harness.recording.cassette import read_cassette
from harness.results import Deviation
from harness.simulate.reference import REFERENCES
from harness.wire.exchange import Exchange

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
"""Recorded exchanges of other people, which stand beside this repository and not in it."""

_LARGEST = 300_000
_RECORDINGS = {"deviations.yaml", "profile.yaml"}


class Recording(NamedTuple):
    """Where exchanges come from, and the known problems of their provider."""

    name: str
    exchanges: tuple[Exchange, ...]
    deviations: tuple[Deviation, ...] = ()


class Corpus:
    """Recordings to draw from, without unreadable ones, which other tests cover."""

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self.own = [path for path in sorted((ROOT / "cassettes").rglob("*.yaml")) if _usable(path)]
        self.others = [path for folder in folders for path in sorted(folder.rglob("*")) if _archive(path)]
        self._kinds: list[Callable[[random.Random], Recording | None]] = [self._reference, self._cassette]
        self._kinds += [self._entry] * 2 if self.others else []

    def draw(self, draw: random.Random) -> Recording:
        """Return a recording."""
        found = draw.choice(self._kinds)(draw)
        return found or self._reference(draw)

    def _reference(self, draw: random.Random) -> Recording:
        name = draw.choice(sorted(REFERENCES))
        return Recording(f"reference {name}", (REFERENCES[name],))

    def _cassette(self, draw: random.Random) -> Recording:
        return _own(draw.choice(self.own))

    def _entry(self, draw: random.Random) -> Recording | None:
        path = draw.choice(self.others)
        entries = _entries(path)
        number = draw.randrange(len(entries) or 1)
        return Recording(f"{path.name}#{number}", (entries[number],)) if entries else None


def _usable(path: Path) -> bool:
    return path.name not in _RECORDINGS and path.stat().st_size < _LARGEST


def _archive(path: Path) -> bool:
    return path.is_file() and any(suffix in path.name for suffix in SUFFIXES) and path.stat().st_size < _LARGEST


@lru_cache(64)
def _own(path: Path) -> Recording:
    exchanges, scenario = read_cassette(path), SCENARIOS.get(path.stem)  # one that others published is of none
    exchanges = with_expectations(exchanges, scenario) if scenario else exchanges
    return Recording(str(path.relative_to(ROOT)), tuple(exchanges), load_deviations(path.parent.parent))


@lru_cache(64)
def _entries(path: Path) -> list[Exchange]:
    try:
        return [entry.exchange for entry in read_archive(path)]
    except HarnessError:
        return []
