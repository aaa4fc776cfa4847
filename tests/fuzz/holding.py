"""Checks invariants of any exchange: it is read, judged, saved and shown without a crash."""

import io
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from unicodedata import category

import orjson
from rich.console import Console

from harness.checks import CHECKS, told_of
from harness.compare.shape import changes
from harness.judging.runner import Subject, judge_exchanges
from harness.recording.cassette import dump_cassette, exchange_of, interactions_of, load_yaml
from harness.recording.scrub import scrub
from harness.reports import badge, page, table, terminal
from harness.reports import diff as diffs
from harness.reports.pairing import compare
from harness.reports.tally import Tally
from harness.results import Deviation, Finding, Outcome, Results, Run, read_results, write_results
from harness.serve.framing import reframe
from harness.wire.exchange import Exchange

_HERE = Path("x.yaml")
_RUN = Run("0", "2026-01-01T00:00:00+00:00", "replay", "3.0.0")


class Broken(AssertionError):
    """An invariant is broken."""


def _holds(what: object, said: str) -> None:
    if not what:
        raise Broken(said)


def hold(exchanges: Sequence[Exchange], deviations: tuple[Deviation, ...] = ()) -> list[Finding]:
    """Read, judge, save and segment the exchanges of a recording; return the findings; raise the failure."""
    clean = [scrub(exchange) for exchange in exchanges]
    subject = Subject("acme", clean[0].model or "unknown", "audit.stream", "x.yaml#0")
    findings = list(judge_exchanges(clean, subject, CHECKS.values(), deviations))
    dialects = {exchange.dialect for exchange in clean}  # a recording may hold one question in two of them
    _holds(
        [finding.check for finding in findings]
        == [name for name, check in CHECKS.items() if not dialects.isdisjoint(check.dialects)],
        "a check gave no finding",
    )
    for finding in findings:
        _holds(finding.outcome is not Outcome.BROKEN, f"{finding.check}: {finding.message}")
        _well_told(finding, clean)
    for exchange in clean:
        _keeps(exchange)
        _cuts(exchange)
        list(changes(clean[0], exchange))
    return findings


def _well_told(finding: Finding, exchanges: Sequence[Exchange]) -> None:
    """Check that a finding is text, and its place exists."""
    f"{finding.message}{finding.value or ''}".encode()
    _holds(finding.message or finding.outcome is not Outcome.FAIL, f"{finding.check} fails without a message")
    for evidence in finding.evidence:
        exchange = exchanges[evidence.exchange]
        size, parser = len(exchange.response.content), exchange.reading.parser
        _holds(0 <= evidence.offset <= size, f"{finding.check}: byte {evidence.offset} of {size}")
        known = evidence.event is None or (parser is not None and 0 <= evidence.event < len(parser.events))
        _holds(known, f"{finding.check}: event {evidence.event} is none of the stream")
        _holds(_is_one_line(evidence.excerpt), f"{finding.check}: the excerpt is not a line: {evidence.excerpt!r}")


def _is_one_line(text: str) -> bool:
    return len(text.splitlines()) <= 1 and "Cc" not in map(category, text)


def _keeps(exchange: Exchange) -> None:
    """Check that a cassette round-trips."""
    (item,) = interactions_of(load_yaml(dump_cassette([exchange]), _HERE), _HERE)
    read = exchange_of(item, str(_HERE), ours=False)  # ours would have to have got something
    again = scrub(exchange)
    _holds(read.response.body == again.response.body, "a cassette reads back with another body")
    _holds(read.request.body == again.request.body, "a cassette reads back with another request")
    _holds(read.response.status == again.response.status, "a cassette reads back with another status")


def _cuts(exchange: Exchange) -> None:
    """Check that no segmentation of a body loses anything."""
    for how in ("recorded", "events", "merged", "random:1"):
        way = reframe(how)
        _holds(way and b"".join(way(exchange.response)) == exchange.response.body, f"cut as {how} it is another body")
    crlf = reframe("crlf")
    _holds(crlf and crlf(exchange.response) is not None, "crlf")


def hold_reports(findings: Sequence[Finding]) -> None:
    """Write findings to a log and read them back; render every report."""
    with tempfile.TemporaryDirectory(prefix="harness-fuzz-") as folder:
        path = Path(folder) / "results.jsonl"
        told = write_results(path, Results(_RUN, list(findings)))
        back = read_results(path).findings
        _holds(sorted(map(repr, back)) == sorted(map(repr, told.findings)), "a log reads back with other findings")
    console = Console(file=io.StringIO(), width=100, emoji=False, highlight=False)
    terminal.show(told, console)
    for whole in (False, True):
        terminal.show_audit(Tally.of(told, told_of), console, unjudged="3 exchanges not judged", whole=whole)
        terminal.show_probe(told, console, told_of, whole=whole)
    passed = [replace(finding, outcome=Outcome.PASS, message="", evidence=()) for finding in told.findings]
    differing = compare((Results(_RUN, passed), told))
    diffs.show(differing, console)
    orjson.dumps(list(diffs.rows(differing)))
    for text in (table.render(told), page.render(told), diffs.render(differing), *badge.render(told).values()):
        text.encode()
