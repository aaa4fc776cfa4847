"""Builds the exported document from a provider's findings and deviations."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from harness.checks import CHECKS
from harness.evidence.export.document import VERSION, Document, Flags, Known, Provenance, Said, Shown, Statement
from harness.evidence.export.flags import FLAGS_OF, Judged, Value, parameters
from harness.evidence.stand_ins import model_of
from harness.matrix.dialects import EVERY_SCENARIO
from harness.matrix.providers import Provider
from harness.results import Deviation, Finding, Outcome, first_message
from harness.wire.dialect import DIALECTS, dialect_of_scenario

_PROVENANCES: tuple[Provenance, ...] = ("recorded", "published", "reconstructed")
"""The best evidence first."""


def export(provider: Provider, findings: Iterable[Finding], deviations: Iterable[Deviation]) -> Document:
    """Return the document of ``provider``, given the findings on its recordings and its listed deviations."""
    own = [finding for finding in findings if finding.provider == provider.id]
    judged: dict[str, list[Judged]] = {name: [] for name in DIALECTS}
    for one in _judged(provider, own):
        judged[dialect_of_scenario(one.scenario)].append(one)
    tried = ((recording, what, became) for recording in judged["chat"] for what, became in parameters(recording))
    outcomes: dict[str, list[tuple[Judged, Value]]] = defaultdict(list)
    for recording, what, became in tried:
        outcomes[what].append((recording, became))
    return Document(
        version=VERSION,
        provider=_as_first_said(provider),
        lacks_dialects=tuple(one for one in DIALECTS if one in provider.lacks),
        flags=Flags(
            **{
                name: _statements(provider, ((one, value) for one in judged[dialect] for value in derive(one)))
                for dialect, table in FLAGS_OF.items()
                for name, derive in table.items()
            }
        ),
        parameters={what: _statements(provider, seen) for what, seen in sorted(outcomes.items())},
        deviations=tuple(_known(provider, deviation, own) for deviation in deviations),
    )


def _as_first_said(provider: Provider) -> Provider:
    """Return a provider with the lacks of the first schema: validators of it reject the name of a dialect there."""
    models = tuple(one.model_copy(update={"lacks": _but_dialects(one.lacks)}) for one in provider.models)
    return provider.model_copy(update={"lacks": _but_dialects(provider.lacks), "models": models})


def _but_dialects(lacks: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for one in lacks if one not in DIALECTS)


def _judged(provider: Provider, findings: list[Finding]) -> Iterator[Judged]:
    models = {model.id: model for model in provider.models}
    recordings: dict[tuple[str, str], dict[str, Finding]] = defaultdict(dict)
    for finding in findings:
        if finding.provenance:
            recordings[finding.model, finding.scenario][finding.check] = finding
    for (model, scenario), found in recordings.items():
        yield Judged(models.get(model) or model_of(model), scenario, found)


def _statements(provider: Provider, seen: Iterable[tuple[Judged, Value]]) -> Said:
    """Return what recordings show, one statement per value, the best evidence first."""
    by_value: dict[Value, list[Finding]] = defaultdict(list)
    for recording, value in seen:
        by_value[value].append(next(iter(recording.findings.values())))
    said = [Statement(value=value, shown=_shown(provider, findings)) for value, findings in by_value.items()]
    return tuple(sorted(said, key=_best_first))


def _best_first(said: Statement) -> tuple[int, int, str]:
    best = said.shown[0]
    return _PROVENANCES.index(best.provenance), -sum(map(len, best.models.values())), str(said.value)


def _shown(provider: Provider, findings: Iterable[Finding]) -> tuple[Shown, ...]:
    """Return the recordings of findings, by provenance, in the order of the matrix."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        found[finding.provenance or ""].append(finding)
    return tuple(_of_one_provenance(provider, name, found[name]) for name in _PROVENANCES if name in found)


def _of_one_provenance(provider: Provider, provenance: Provenance, findings: list[Finding]) -> Shown:
    seen: dict[str, set[str]] = defaultdict(set)
    for finding in findings:
        seen[finding.model].add(finding.scenario)
    ours = [model.id for model in provider.models if model.id in seen]
    others = sorted(seen.keys() - set(ours))  # of published recordings
    models = {model: tuple(sorted(seen[model], key=_in_order)) for model in (*ours, *others)}
    newest = max((finding.recorded_at or "" for finding in findings), default="")
    return Shown(provenance=provenance, date=newest or None, models=models)


def _in_order(scenario: str) -> tuple[int, str]:
    """Return the sort key of a scenario: the matrix's order; published ones follow, by day."""
    return (_ORDER[scenario], "") if scenario in _ORDER else (len(_ORDER), scenario)


_ORDER = {name: number for number, name in enumerate(EVERY_SCENARIO)}


def _known(provider: Provider, deviation: Deviation, findings: Iterable[Finding]) -> Known:
    check = CHECKS[deviation.check]
    shows = [] if deviation.fault else [finding for finding in findings if _shows(deviation, finding)]
    return Known.model_validate({
        **{name: getattr(deviation, name) for name in _AS_LISTED},
        "since": deviation.first_seen,
        "last_seen": deviation.last_seen,
        "level": check.level.value,
        "breaks": deviation.breaks or check.impact,
        "instead": deviation.instead or check.workaround,
        "shown": _shown(provider, shows),
    })  # fmt: skip


_AS_LISTED = (
    "check", "scenarios", "models", "message", "reason", "source", "kind", "until", "sometimes", "fault",
)  # fmt: skip


def _shows(deviation: Deviation, finding: Finding) -> bool:
    """Return whether a finding shows a listed deviation by its first problem."""
    asked = finding.scenario in _ORDER  # an entry applies to published recordings of any scenario
    covered = (
        deviation.covers(finding.check, finding.scenario, finding.model) if asked else deviation.check == finding.check
    )
    if finding.outcome is not Outcome.KNOWN or not covered:
        return False
    return deviation.expects(first_message(finding.message))
