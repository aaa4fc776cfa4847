"""Renders a page per client, and the list of them."""

from collections.abc import Iterator
from typing import Any

from harness.clients.catalogue import CLIENTS
from harness.results import WORST_FATE_FIRST, ClientFinding, LoopFinding
from harness.site.pages import MAIN, SitePage, Writer
from harness.site.suffering import REFERENCE, one_a_cause, rule_of


def client_pages(writer: Writer) -> Iterator[SitePage]:
    """Yield the list of clients, then a page for each; none without a log of clients."""
    results, suffering = writer.facts.clients, writer.facts.suffering
    if results is None:
        return
    main = [name for name in MAIN if name in suffering.at] or [name for name in suffering.at if name != REFERENCE][:5]
    rows = [
        (client, about, [suffering.worst(name, client) for name in main]) for client, about in results.clients.items()
    ]
    yield writer.page(
        "clients",
        writer.said("Client code"),
        "clients.md.jinja",
        rows=rows,
        main=main,
        started=results.run.started[:10],
    )
    for client, about in results.clients.items():
        yield writer.page(f"clients/{client}", client, "client.md.jinja", **_context(writer, client, about))


def _context(writer: Writer, client: str, about: dict[str, Any]) -> dict[str, Any]:
    facts = writer.facts
    loops: list[LoopFinding] = [one for one in facts.clients.loops if one.client == client] if facts.clients else []
    code = CLIENTS.get(client)
    return {
        "client": client,
        "about": about,
        "told": code.about if code else "",
        "code": code.code if code and code.idiom else "",
        "source": code.source if code else None,
        "rows": _rows(writer, client),
        "foreseen": [one for one in facts.clients.foreseen if one.client == client] if facts.clients else [],
        "faults": _faults(writer, client),
        "loops": loops,
    }


def _rows(writer: Writer, client: str) -> list[tuple[str, ClientFinding, list[ClientFinding]]]:
    """Return each provider with the worst outcome of the client, and one finding per cause; the worst first."""
    suffering = writer.facts.suffering
    rows = []
    for provider, by_client in suffering.at.items():
        worst = suffering.worst(provider, client)
        if provider == REFERENCE or worst is None:
            continue
        rows.append((provider, worst, one_a_cause(by_client[client])))
    return sorted(
        rows, key=lambda row: (row[1].on_reference or not row[1].fate.bad, WORST_FATE_FIRST[row[1].fate], row[0])
    )


def _faults(writer: Writer, client: str) -> list[tuple[str, str | None, ClientFinding]]:
    """Return the faults and variants that break the client, with their rules; the worst first."""
    found = [
        (fault, rule_of(fault), clients[client])
        for fault, clients in writer.facts.suffering.by_fault.items()
        if client in clients
    ]
    return sorted(found, key=lambda row: (WORST_FATE_FIRST[row[2].fate], row[1] or "~", row[0]))
