"""Reads and validates the known problems of a provider, cassettes/<provider>/deviations.yaml."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from harness.checks import CHECKS
from harness.errors import BadDeviations
from harness.matrix.addresses import Url
from harness.matrix.bundled import bundled
from harness.matrix.checked_yaml import Strict, load_checked
from harness.matrix.dialects import EVERY_SCENARIO
from harness.matrix.providers import Provider, Slug
from harness.matrix.scenarios import KINDS, SCENARIOS, named_scenarios
from harness.results import EXPECTED, Advice, Deviation, Finding, Level, Outcome, first_message

if TYPE_CHECKING:
    from harness.simulate.faults import Fault

FILE_NAME = "deviations.yaml"


def _rule(name: str) -> str:
    if name not in CHECKS:
        raise ValueError(f"unknown check {name!r}; see: harness checks")
    if CHECKS[name].level is Level.OBSERVE:
        raise ValueError(f"{name} is an observation and cannot have deviations; delete the entry")
    return name


def _scenarios(name: str) -> tuple[str, ...]:
    """Return the scenarios that an id, a kind or a family such as ``tools.*`` covers."""
    found = named_scenarios(name) or tuple(
        one for one, scenario in EVERY_SCENARIO.items() if name in {one, f"{scenario.dialect}.*"}
    )
    if not found:
        raise ValueError(
            f"unknown scenario {name!r}; use one of {', '.join([*KINDS, *SCENARIOS])}, or a family as tools.*"
        )
    return found


def _faults() -> "dict[str, Fault]":
    """Return the fault catalogue, only when needed: few lists name one, and building it takes as long as all checks."""
    from harness.simulate.faults import EVERY_FAULT

    return EVERY_FAULT


def _fault(name: str) -> str:
    if name not in _faults():
        raise ValueError(f"unknown fault {name!r}; see reports/proof.md, or add it in harness/simulate/")
    return name


When = Annotated[str, Field(pattern=r"^\d{4}(-\d{2}){0,2}$", description="A day, a month or a year.")]
Kind = Literal["recording", "issue", "document", "described"]
"""The kind of evidence: the bytes, a report that shows them, the vendor's own statement, or a description only."""


class _Seen(Strict):
    """When recordings or reports show it: ``first`` is the oldest known date, not its beginning."""

    first: When
    last: When | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "_Seen":
        if self.last and self.last < self.first[: len(self.last)]:
            raise ValueError(f"last is {self.last}, before first, {self.first}")
        return self


class _Listed(Strict):
    """The common keys of every entry, of a provider or of one's own endpoint."""

    check: Annotated[str, AfterValidator(_rule)]
    scenarios: tuple[Annotated[str, AfterValidator(_scenarios)], ...] = ()
    models: tuple[Slug, ...] = ()
    message: str = Field(min_length=1)
    sometimes: bool = False
    seen: _Seen
    until: When | None = None
    kind: Kind = "recording"
    fault: Annotated[str, AfterValidator(_fault)] | None = None
    breaks: str | None = Field(None, min_length=1)
    instead: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _shown(self) -> Self:
        if self.fault and (shows := _faults()[self.fault].rule) != self.check:
            raise ValueError(f"the fault {self.fault} shows {shows}, not {self.check}")
        if self.until and not self.fault:
            raise ValueError("a deviation that is gone has no current recording; name a fault that shows it")
        return self


class _Entry(_Listed):
    reason: str = Field(min_length=1)
    source: Url


class _OwnEntry(_Listed):
    """An entry of a baseline: one's own endpoint needs no public source."""

    reason: str = Field(min_length=1)
    source: Url | None = None


class _DraftedEntry(_OwnEntry):
    reason: str = ""


class _File(Strict):
    deviations: tuple[_Entry, ...]


class _OwnFile(Strict):
    deviations: tuple[_OwnEntry, ...]


class _DraftedFile(Strict):
    deviations: tuple[_DraftedEntry, ...]


def folder_of(provider: Provider, root: Path) -> Path:
    """Return the folder that holds or would hold the list of a provider of the project at ``root``."""
    return provider.place(root, FILE_NAME).parent


def load_deviations(folder: Path) -> tuple[Deviation, ...]:
    """
    Return the deviations listed in a provider's cassette folder; none if there is no list.

    Raises:
        BadDeviations: one line that names file, line, key and the fix.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return ()
    listed = load_checked(path, _File, BadDeviations, "")
    return tuple(_deviation(entry) for entry in listed.deviations)


def load_baseline(path: Path, *, drafted: bool = False) -> tuple[Deviation, ...]:
    """
    Return the entries of a baseline, in their order; with ``drafted`` a reason may still be empty.

    Raises:
        BadDeviations: one line that names file, line, key and the fix.
    """
    absent = f"draft one with --write-baseline {path}"
    listed: tuple[_OwnEntry, ...] = (
        load_checked(path, _DraftedFile, BadDeviations, absent).deviations
        if drafted
        else load_checked(path, _OwnFile, BadDeviations, absent).deviations
    )
    return tuple(map(_deviation, listed))


class KnownProblems:
    """
    The lists of the providers, each read on first use, for requests not known beforehand.

    An entry then applies to any request and model, since the places it was seen in do not limit it.  None counts as
    fixed, since one response without a problem proves little.  An entry marked as gone applies to recordings up to
    that day; if seen later, the problem is back and is reported.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listed: dict[str, tuple[Deviation, ...]] = {}

    def of(self, provider: str, day: str | None = None) -> tuple[Deviation, ...]:
        """
        Return the entries of a provider that may apply to a recording of ``day``, as far as that is known.

        Raises:
            BadDeviations: its list can't be read.
        """
        if provider not in self._listed:
            homes = [home for home in (self._root, bundled()) if home and provider in _listing(home)]
            listed = load_deviations(homes[0] / "cassettes" / provider) if homes else ()
            self._listed[provider] = tuple(replace(one, scenarios=(), models=(), sometimes=True) for one in listed)
        return tuple(
            one
            for one in self._listed[provider]
            if day is None or one.until is None or day[: len(one.until)] <= one.until
        )


def told_beside(finding: Finding, listed: Iterable[Deviation]) -> Finding:
    """Return a finding with its known deviation; one that differs from its entry is new, and fails."""
    if finding.outcome is Outcome.CHANGED:
        finding.outcome, finding.message = Outcome.FAIL, finding.message.partition(EXPECTED)[0]
    elif finding.outcome is Outcome.KNOWN:
        message = first_message(finding.message)
        entry = next(one for one in listed if one.check == finding.check and one.expects(message))
        finding.known, finding.source = f"{entry.seen}: {entry.reason}", entry.source
        if entry.instead or entry.breaks:
            check = CHECKS[finding.check]
            finding.advice = Advice(entry.breaks or check.impact, entry.instead or check.workaround)
    return finding


def _listing(root: Path) -> set[str]:
    """Return the names of the folders that hold a list: a provider's name from a recording may not be one."""
    return {path.parent.name for path in root.glob(f"cassettes/*/{FILE_NAME}")}


def _deviation(entry: _Entry | _OwnEntry) -> Deviation:
    meant = dict.fromkeys(scenario for scenarios in entry.scenarios for scenario in scenarios)
    told = dict(entry) | {"scenarios": tuple(meant), "first_seen": entry.seen.first, "last_seen": entry.seen.last}
    told["source"] = entry.source or CHECKS[entry.check].source
    del told["seen"]
    return Deviation(**told)
