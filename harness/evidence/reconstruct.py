"""Reconstructs cassettes from the providers' profiles, reproducibly byte for byte."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.errors import UnknownName
from harness.judging.runner import Case
from harness.matrix.providers import Matrix
from harness.matrix.scenarios import SCENARIOS
from harness.recording.atomic import remove, write_atomically
from harness.recording.cassette import dump_cassette, read_cassette
from harness.simulate.chat.profile import FILE_NAME, Profile, load_profile
from harness.simulate.chat.synthesize import synthesize

State = Literal["same", "new", "changed", "unfounded", "kept"]


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """
    A cassette that a profile makes, or once made; ``content`` is None if it no longer does.

    ``state`` compares it with the file: ``unfounded`` is one that no profile makes any more, ``kept`` one that is
    recorded or published, which no reconstruction replaces.
    """

    path: Path
    state: State
    content: bytes | None


def profiles_of(matrix: Matrix, root: Path, providers: tuple[str, ...] = ()) -> dict[str, Profile]:
    """
    Return the profiles of ``providers``, by default of all that have one.

    Raises:
        UnknownName: a provider is not in the matrix or has no profile.
        BadProfile: one can't be read.
    """
    found: dict[str, Profile] = {}
    for provider in matrix.meant(providers):
        profile = load_profile(provider.place(root, FILE_NAME).parent)
        if profile:
            found[provider.id] = profile
        elif providers:
            raise UnknownName(
                f"{provider.id} has no cassettes/{provider.id}/{FILE_NAME}; write one: see CONTRIBUTING.md"
            )
    return found


def reconstruct(matrix: Matrix, root: Path, profiles: dict[str, Profile]) -> Iterator[Reconstruction]:
    """
    Yield the reconstruction of every target × scenario, compared with the file.

    Raises:
        BadCassette: a cassette on disk can't be read.
    """
    for target in matrix.targets():
        profile = profiles.get(target.provider.id)
        for scenario in SCENARIOS.values() if profile else ():
            case = Case(root, target, scenario)
            exchanges = synthesize(profile, target, scenario) if profile else None
            content = dump_cassette(exchanges) if exchanges else None
            if content or case.written.exists():
                yield Reconstruction(case.written, _state(case.cassette, content), content)


def _state(path: Path, content: bytes | None) -> State:
    if not path.exists():
        return "new"
    if content and path.read_bytes() == content:
        return "same"
    if read_cassette(path)[0].source.provenance != "reconstructed":
        return "kept"
    return "changed" if content else "unfounded"


def write(made: Reconstruction) -> None:
    """Write a cassette that is new or changed; delete one that is unfounded."""
    if made.state == "unfounded":
        remove(made.path)
    elif made.content and made.state in {"new", "changed"}:
        write_atomically(made.path, made.content)
