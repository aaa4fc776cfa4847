"""Renders the start page: six plain questions × providers, and the main links."""

from collections.abc import Iterator

from harness.checks import CHECKS
from harness.reports.summary import recorded
from harness.site.pages import MAIN, SitePage, Writer
from harness.site.questions import ASKED, answers

_MOST = 10


def start_page(writer: Writer) -> Iterator[SitePage]:
    """Yield the start page."""
    facts = writer.facts
    have = set(recorded(facts.results))
    shown = [one for one in facts.providers if one.id in have]
    main = [one for name in MAIN for one in shown if one.id == name] or shown[:5]
    rows = [(one, answers(facts, one.id)) for one in [*main, *(one for one in shown if one not in main)]]
    yield writer.page(
        "",
        writer.said("How OpenAI-compatible chat APIs differ"),
        "start.md.jinja",
        asked=ASKED,
        rows=rows,
        main={one.id for one in main},
        absent=[one for one in facts.providers if one.id not in have],
        worst=_worst(writer),
        started=facts.results.run.started[:10],
    )


def _worst(writer: Writer) -> list[tuple[str, str, int, int]]:
    """Return the rules that affect most clients: id, title, number of providers that break them, number of clients."""
    facts = writer.facts
    broken = {check: [one for one in facts.providers if facts.breach(one.id, check)] for check in CHECKS}
    rows = [
        (check, writer.said(CHECKS[check].title), len(by), len(facts.suffering.of_rule(check)))
        for check, by in broken.items()
        if by
    ]
    return sorted(rows, key=lambda row: (-row[3] * row[2], row[0]))[:_MOST]
