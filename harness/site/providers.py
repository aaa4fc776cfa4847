"""A page a provider, and the list of them."""

import json
from collections.abc import Iterator
from typing import Any

from harness.matrix.providers import Provider
from harness.results import WORST_FATE_FIRST, ClientFinding
from harness.results.basis import bases
from harness.site.facts import Facts
from harness.site.pages import SitePage, Writer
from harness.site.questions import answers
from harness.site.suffering import rule_of


def provider_pages(writer: Writer) -> Iterator[SitePage]:
    """Yield the list of providers, then a page for each."""
    facts = writer.facts
    yield writer.page(
        "providers",
        writer.said("Providers"),
        "providers.md.jinja",
        rows=[(one, bases(facts.every.get(one.id, ())), facts.breaches[one.id]) for one in facts.providers],
    )
    for one in facts.providers:
        yield writer.page(f"providers/{one.id}", one.name, "provider.md.jinja", **_context(writer, one))


def _context(writer: Writer, provider: Provider) -> dict[str, Any]:
    facts = writer.facts
    breaches = facts.breaches[provider.id]
    tried = facts.suffering.tried.get(provider.id, 0)
    return {
        "provider": provider,
        "kinds": bases(facts.every.get(provider.id, ())),
        "answers": answers(facts, provider.id) if facts.findings[provider.id] else [],
        "breaches": [(one, _view(facts, provider.id, one.check)) for one in breaches],
        "tried": tried,
        "legal": _legal(facts, provider.id),
        "hurt": _hurt(facts, provider.id),
        "fine": [
            client
            for client in facts.suffering.at[provider.id]
            if (worst := facts.suffering.worst(provider.id, client)) and not worst.fate.bad
        ],
        "dialects": ["chat"],
        "timeline": _timeline(facts, provider),
        "dumps": lambda value: json.dumps(value, ensure_ascii=False),
    }


def _view(facts: Facts, provider: str, check: str) -> dict[str, Any]:
    """Return what is shown of a breach beside itself: its bytes, and whom it hits."""
    breach = facts.breach(provider, check)
    worst = breach.worst if breach and breach.findings else None
    return {
        "shown": facts.shown(worst) if worst else None,
        "hit": _sorted(facts.suffering.hit(provider, check).values()),
        "anywhere": len(facts.suffering.of_rule(check)),
    }


def _sorted(found: Any) -> list[ClientFinding]:
    return sorted(found, key=lambda one: (WORST_FATE_FIRST[one.fate], one.client))


def _legal(facts: Facts, provider: str) -> list[tuple[str, list[ClientFinding]]]:
    """Return the legal forms in a provider's answers that break clients, those that break most first."""
    found = [
        (cause, _sorted(clients.values()))
        for cause, clients in facts.suffering.by_cause[provider].items()
        if cause and rule_of(cause) is None
    ]
    return sorted(found, key=lambda row: (-len(row[1]), row[0]))


def _hurt(facts: Facts, provider: str) -> list[tuple[ClientFinding, list[str]]]:
    """Return the clients that break on a provider's answers, each with the worst it does, and the causes known."""
    rows = []
    for client, found in facts.suffering.at[provider].items():
        worst = facts.suffering.worst(provider, client)
        if worst and worst.fate.bad and not worst.on_reference:
            causes = dict.fromkeys(one.cause for one in found if one.fate.bad and not one.on_reference and one.cause)
            rows.append((worst, list(causes)))
    return sorted(rows, key=lambda row: (WORST_FATE_FIRST[row[0].fate], row[0].client))


def _timeline(facts: Facts, provider: Provider) -> list[tuple[str, str, str, str]]:
    """Return what is dated of a provider, the newest first: day, what, of what, source."""
    rows = [(one.first_seen, "first seen", one.check, one.source) for one in facts.listed[provider.id]]
    rows += [(one.last_seen, "last seen", one.check, one.source) for one in facts.listed[provider.id] if one.last_seen]
    rows += [(one.until, "gone", one.check, one.source) for one in facts.listed[provider.id] if one.until]
    rows += [(str(one.at), "retired", one.name, one.source) for one in provider.retired_models]
    rows += [(str(one.retired), "retired", one.name or one.id, "") for one in provider.models if one.retired]
    return sorted(dict.fromkeys(rows), reverse=True)
