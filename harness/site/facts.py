"""Loads the data of all pages once: results, outcomes of clients, providers, and listed deviations."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

from harness.checks import CHECKS, advice_on, told_of
from harness.errors import BadCassette
from harness.evidence.stand_ins import with_published
from harness.judging.deviations import folder_of, load_deviations
from harness.matrix.project import project_matrix
from harness.matrix.providers import Provider
from harness.recording.cassette import read_cassette
from harness.reports import badge
from harness.reports.history import History, Sightings, add_results, read_history
from harness.reports.summary import PROVENANCES, by_provider
from harness.results import (
    WORST_FIRST,
    Advice,
    ClientResults,
    Deviation,
    Evidence,
    Finding,
    Outcome,
    Results,
    read_client_results,
    read_results,
)
from harness.results.basis import Basis, bases
from harness.site.markup import BytesShown, bytes_around
from harness.site.suffering import Suffering

_BEST_FIRST = {kind: rank for rank, kind in enumerate(PROVENANCES)}


@dataclass(slots=True)
class Breach:
    """A provider's behaviour that breaks client code, or a rule: all findings of one check, the most telling first."""

    check: str
    findings: list[Finding]
    listed: list[Deviation]

    @property
    def worst(self) -> Finding:
        """The finding that is shown: the worst, of the best evidence, preferably with a place in the bytes."""
        return min(
            self.findings,
            key=lambda one: (WORST_FIRST[one.outcome], not one.evidence, _BEST_FIRST.get(one.provenance or "", 9)),
        )

    @property
    def kinds(self) -> str:
        """The letters of the evidence."""
        return letters(self.findings)

    @property
    def deviation(self) -> Deviation | None:
        """The listed deviation that expects the finding shown; without a finding, the first one listed."""
        if not self.findings:
            return next(iter(self.listed), None)
        return next((one for one in self.listed if one.expects(self.worst.message)), None)

    @property
    def seen(self) -> tuple[str, str]:
        """When it was first and last seen; both empty if no date is known."""
        days = [one.recorded_at[:10] for one in self.findings if one.recorded_at]
        days += [day for one in self.listed for day in (one.first_seen, one.last_seen or one.first_seen)]
        return (min(days), max(days)) if days else ("", "")

    @property
    def advice(self) -> Advice:
        """The impact, and the workaround."""
        check, listed = CHECKS[self.check], self.deviation
        told = told_of(self.worst) if self.findings else None
        own = (
            told.advice if told else advice_on(self.worst) if self.findings else Advice(check.impact, check.workaround)
        )
        return Advice((listed and listed.breaks) or own.breaks, (listed and listed.instead) or own.instead)

    @property
    def source(self) -> str:
        """The source that confirms it."""
        found = next((one.source for one in self.findings[:1] if one.source), None)
        return (self.deviation.source if self.deviation else None) or found or CHECKS[self.check].source


def letters(findings: Iterable[Finding]) -> str:
    """Return the letters of the kinds of evidence behind some findings."""
    kinds = {one.provenance for one in findings}
    return "".join(letter for kind, letter in PROVENANCES.items() if kind in kinds)


def newest(findings: Iterable[Finding]) -> str:
    """Return the month of the newest recording behind some findings; empty if none is dated."""
    return max((one.recorded_at[:7] for one in findings if one.recorded_at), default="")


@dataclass(eq=False)  # compared and hashed by identity
class Facts:
    """
    A project's results as the pages need them, without checks that do not apply.

    ``findings`` exclude reconstructions superseded by evidence.  ``every`` has them all.
    """

    root: Path
    results: Results
    clients: ClientResults | None
    providers: tuple[Provider, ...]
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    every: dict[str, list[Finding]] = field(default_factory=dict)
    listed: dict[str, tuple[Deviation, ...]] = field(default_factory=dict)
    suffering: Suffering = field(default_factory=Suffering)
    history: History = field(default_factory=dict)
    _bodies: dict[tuple[str, int], bytes | None] = field(default_factory=dict)

    @cached_property
    def breaches(self) -> dict[str, list[Breach]]:
        """The breaches of each provider, ordered by the number of clients that the rule affects."""
        return {one.id: self._breaches(one.id) for one in self.providers}

    def _breaches(self, provider: str) -> list[Breach]:
        found: dict[str, list[Finding]] = defaultdict(list)
        for one in self.findings[provider]:
            if one.check in CHECKS and told_of(one) is not None:
                found[one.check].append(one)
        listed: dict[str, list[Deviation]] = defaultdict(list)
        for entry in self.listed[provider]:
            listed[entry.check].append(entry)
        breaches = [Breach(check, found[check], listed[check]) for check in {**found, **listed}]
        return sorted(breaches, key=lambda one: (*self._rank(provider, one.check), one.check))

    @cached_property
    def _by_check(self) -> dict[tuple[str, str], list[Finding]]:
        found: dict[tuple[str, str], list[Finding]] = defaultdict(list)
        for one in chain.from_iterable(self.findings.values()):
            found[one.provider, one.check].append(one)
        return found

    def by_check(self, provider: str, check: str) -> list[Finding]:
        """Return the findings of one check about one provider, without superseded ones."""
        return self._by_check.get((provider, check), [])

    def _rank(self, provider: str, check: str) -> tuple[int, int]:
        """
        Return the sort key by the number of clients that a breach affects: measured at the provider, then by
        form.
        """
        measured, forms = self.suffering.hit(provider, check), self.forms(provider, check)
        shown = self.suffering.by_forms(forms) if forms else self.suffering.of_rule(check)
        return -len(measured), -len(shown)

    @cached_property
    def badges(self) -> dict[str, str]:
        """The badge of each provider with recorded or published responses, as SVG."""
        return badge.render(self.results)

    @cached_property
    def _breach(self) -> dict[tuple[str, str], Breach]:
        return {(provider, one.check): one for provider, found in self.breaches.items() for one in found}

    def breach(self, provider: str, check: str) -> Breach | None:
        """Return a provider's breach of one check."""
        return self._breach.get((provider, check))

    @cached_property
    def bases(self) -> dict[str, tuple[Basis, ...]]:
        """What the findings of each provider rest on."""
        return {one.id: bases(self.every.get(one.id, ())) for one in self.providers}

    def sightings(self, provider: str) -> Sightings:
        """Return the days on which recordings of a provider show each finding."""
        return self.history.get(provider, Sightings())

    def forms(self, provider: str, check: str) -> tuple[str, ...]:
        """Return the faults that reproduce a provider's listed deviations from a rule."""
        return tuple(dict.fromkeys(one.fault for one in self.listed[provider] if one.check == check and one.fault))

    def shown(self, finding: Finding) -> BytesShown | None:
        """Return the bytes of a finding, with its place marked; None if its recording or place is missing."""
        if not finding.evidence:
            return None
        place = finding.evidence[0]
        body = self.body(finding, place.exchange)
        return bytes_around(body, place.offset, _length(body, place)) if body else None

    def body(self, finding: Finding, exchange: int = 0) -> bytes | None:
        """Return the response body in the recording of a finding; None if it can't be read."""
        key = (finding.cassette or "", exchange)
        if key not in self._bodies:
            self._bodies[key] = self._read(*key)
        return self._bodies[key]

    def _read(self, cassette: str, exchange: int) -> bytes | None:
        if not cassette:
            return None
        try:
            exchanges = read_cassette(self.root / cassette)
        except BadCassette:
            return None
        return exchanges[exchange].response.content if exchange < len(exchanges) else None


def _length(body: bytes, place: Evidence) -> int:
    """Return the number of bytes that an excerpt covers in a body; a few if it is written differently there."""
    excerpt = place.excerpt.removesuffix("…").encode()
    return len(excerpt) if excerpt and body.startswith(excerpt, place.offset) else len(excerpt) and 1


def _judged(path: Path) -> Results:
    """Read results, once and for all: most findings say that a check does not apply, and no page shows those."""
    results = read_results(path)
    return Results(results.run, [one for one in results.findings if one.outcome is not Outcome.NA])


def load_facts(root: Path, results: Path, clients: Path) -> Facts:
    """
    Load the pages' data of the project at ``root``; without a log of clients, there is none about them.

    Providers known only by published recordings are included.

    Raises:
        BadResults: a log is missing, or invalid.
        BadProviders, BadDeviations, BadCassette: a file of the project is malformed.
    """
    matrix = with_published(project_matrix(root), root)
    facts = Facts(root, _judged(results), read_client_results(clients) if clients.exists() else None, matrix.providers)
    for one in matrix.providers:
        facts.findings[one.id] = []
        facts.listed[one.id] = load_deviations(folder_of(one, root))
    facts.findings |= by_provider(facts.results)
    for finding in facts.results.findings:
        facts.every.setdefault(finding.provider, []).append(finding)
    facts.history = read_history(results.parent / "history.json")
    add_results(facts.history, facts.results)
    facts.suffering = Suffering.of(facts.clients)
    return facts
