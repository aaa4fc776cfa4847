"""Judges the published recordings of a project by their requests alone, without the expectations of a scenario."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.checks import Check
from harness.judging.deviations import KnownProblems
from harness.judging.runner import Selection, Skip, Subject, judge_beside, published_cassettes, published_homes
from harness.matrix.project import own_matrix
from harness.recording.cassette import read_cassette
from harness.results import Finding
from harness.results.basis import PUBLISHED
from harness.wire.dialect import DialectName, dialect_of_scenario


@dataclass(frozen=True, slots=True)
class PublishedCase:
    """A published recording, with its provider and model."""

    root: Path
    cassette: Path

    @property
    def provider(self) -> str:
        """The provider that answered."""
        return self.cassette.parents[2].name

    @property
    def model(self) -> str:
        """The model that answered."""
        return self.cassette.parent.name

    @property
    def scenario(self) -> str:
        """The replacement of a scenario id: its date and form."""
        return f"{PUBLISHED}.{self.cassette.stem}"

    @property
    def id(self) -> str:
        """``provider/model/scenario``."""
        return f"{self.provider}/{self.model}/{self.scenario}"

    @property
    def dialect(self) -> DialectName:
        """The dialect it is in."""
        return dialect_of_scenario(self.scenario)

    @property
    def skip(self) -> Skip | None:
        """Why there is nothing to judge: always None, since the recording exists."""
        return None


def published_cases(root: Path, selection: Selection, *, own: bool | None = None) -> list[PublishedCase]:
    """
    Return the selected published recordings; selecting scenarios selects none, unless ``published`` is named.

    If a project has no providers of its own, or names bundled ones, the bundled recordings are used.  ``own`` is
    whether it has some; None looks for its ``providers.yaml``, which may have another name.
    """
    if selection.scenarios and PUBLISHED not in selection.scenarios:
        return []
    homes = published_homes(root)
    if not selection.providers and not selection.models and (own if own is not None else own_matrix(root) is not None):
        homes = homes[:1]
    cases: dict[str, PublishedCase] = {}
    for home in reversed(homes):
        cases |= {case.id: case for case in (PublishedCase(home, path) for path in published_cassettes(home))}
    return [
        case
        for case in sorted(cases.values(), key=lambda one: one.id)
        if (not selection.dialects or case.dialect in selection.dialects)
        and (not selection.providers or case.provider in selection.providers)
        and (not selection.models or {case.model, f"{case.provider}/{case.model}"} & set(selection.models))
    ]


def run_published(case: PublishedCase, checks: tuple[Check, ...], known: KnownProblems) -> Iterator[Finding]:
    """
    Yield the findings on a published recording; deviations listed for its provider in any scenario are known.

    Raises:
        HarnessError: the cassette or the list of deviations can't be read.
    """
    path = case.cassette.relative_to(case.root).as_posix()
    subject = Subject(case.provider, case.model, case.scenario, path)
    yield from judge_beside(read_cassette(case.cassette), subject, checks, known)
