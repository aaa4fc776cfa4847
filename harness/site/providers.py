"""Renders a page per provider, and the list of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.matrix.providers import Provider
from harness.results import WORST_FATE_FIRST, ClientFinding
from harness.site.facts import Breach, Facts
from harness.site.pages import SitePage, Writer
from harness.site.questions import answers
from harness.site.suffering import rule_of
from harness.wire.dialect import dialect_of_scenario


def provider_pages(writer: Writer) -> Iterator[SitePage]:
    """Yield the list of providers, then a page for each."""
    facts = writer.facts
    yield writer.page(
        "providers",
        writer.said("Providers"),
        "providers.md.jinja",
        rows=[(one, facts.bases[one.id], facts.breaches[one.id]) for one in facts.providers],
    )
    for one in facts.providers:
        yield writer.page(f"providers/{one.id}", writer.said(one.name), "provider.md.jinja", **_context(writer, one))


def _context(writer: Writer, provider: Provider) -> dict[str, Any]:
    facts = writer.facts
    breaches = facts.breaches[provider.id]
    tried = facts.suffering.tried.get(provider.id, 0)
    fine = facts.suffering.fine(provider.id)
    idioms = {name: about["idiom"] for name, about in facts.clients.clients.items()} if facts.clients else {}
    return {
        "provider": provider,
        "kinds": facts.bases[provider.id],
        "answers": answers(facts, provider.id) if facts.findings[provider.id] else [],
        "breaches": [(one, _view(facts, provider.id, one.check)) for one in breaches],
        "tried": tried,
        "legal": _legal(facts, provider.id),
        "hurt": facts.suffering.broken_alike(provider.id),
        "fine": len(fine),
        "libraries": [one for one in fine if not idioms[one]],
        "snippets": [one for one in fine if idioms[one]],
        "dialects": list(dict.fromkeys(dialect_of_scenario(one.scenario) for one in facts.every.get(provider.id, ())))
        or ["chat"],
        "drift": _drift(facts, provider.id),
        "retired": _retired(provider),
        "badge": provider.id in facts.badges,
        "dumps": lambda value: json.dumps(value, ensure_ascii=False),
    }


def _view(facts: Facts, provider: str, check: str) -> dict[str, Any]:
    """Return the details of a breach: its bytes, and the clients it affects."""
    breach = facts.breach(provider, check)
    worst = breach.worst if breach and breach.findings else None
    forms = facts.forms(provider, check)
    return {
        "shown": facts.shown(worst) if worst else None,
        "hit": _sorted(facts.suffering.hit(provider, check).values()),
        "forms": forms,
        "by_forms": _sorted(facts.suffering.by_forms(forms).values()),
        "anywhere": len(facts.suffering.of_rule(check)),
    }


def _sorted(found: Any) -> list[ClientFinding]:
    return sorted(found, key=lambda one: (WORST_FATE_FIRST[one.fate], one.client))


def _legal(facts: Facts, provider: str) -> list[tuple[str, list[ClientFinding]]]:
    """Return the legal forms in a provider's responses that break clients, by the number of clients."""
    found = [
        (cause, _sorted(clients.values()))
        for cause, clients in facts.suffering.by_cause[provider].items()
        if cause and rule_of(cause) is None
    ]
    return sorted(found, key=lambda row: (-len(row[1]), row[0]))


@dataclass(frozen=True, slots=True)
class Drift:
    """When a breach was seen: by its listing and by recordings; the bars are (start, width, solid) in percent."""

    check: str
    first: str
    last: str
    gone: str
    bars: tuple[tuple[float, float, bool], ...]


def _drift(facts: Facts, provider: str) -> list[Drift]:
    """Return when each breach was first and last seen, on one axis; the newest first."""
    sightings = facts.sightings(provider)
    rows = []
    for one in facts.breaches[provider]:
        solid = sightings.spans(one.check)
        listed = [(entry.first_seen, entry.last_seen or entry.first_seen) for entry in one.listed]
        if spans := [
            *((first, last, False) for first, last in listed),
            *((first, last, True) for first, last in solid),
        ]:
            rows.append((one, spans, _gone(one)))
    ends = [_months(day) for _, spans, _ in rows for span in spans for day in span[:2]]
    begin, length = (min(ends), max(max(ends) - min(ends), 1.0)) if ends else (0.0, 1.0)

    def bar(span: tuple[str, str, bool]) -> tuple[float, float, bool]:
        start, end = _months(span[0]) - begin, _months(span[1]) - begin
        return round(start / length * 96, 1), round(max((end - start) / length * 96, 2), 1), span[2]

    drift = [
        Drift(one.check, min(span[0] for span in spans), max(span[1] for span in spans), gone, tuple(map(bar, spans)))
        for one, spans, gone in rows
    ]
    return sorted(drift, key=lambda one: (one.last, one.first), reverse=True)


def _gone(breach: Breach) -> str:
    """Return when a breach ended; empty if a part of it remains, as far as known."""
    ends = [entry.until for entry in breach.listed]
    return "" if breach.findings or not all(ends) else max(filter(None, ends), default="")


def _months(day: str) -> float:
    """Return a day, a month or a year in months: a year as its first month, a month as its first day."""
    year, month, date = [*map(int, day.split("-")), 1, 1][:3]
    return year * 12 + month - 1 + (date - 1) / 31


def _retired(provider: Provider) -> list[tuple[str, str, str, str]]:
    """Return the retired models: day, name, the provider's replacement, source."""
    rows = [(str(one.at), one.name, one.instead or "", str(one.source)) for one in provider.retired_models]
    rows += [(str(one.retired), one.name or one.id, "", "") for one in provider.models if one.retired]
    return sorted(rows, reverse=True)
