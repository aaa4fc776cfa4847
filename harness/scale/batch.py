"""
Judges one table of exchanges: a pure function, without terminal, folder or other tables.

Each exchange is judged alone: checks that compare responses, such as for repeated ids, do not apply.  So a table
gives the same rows however it is split into batches.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import pyarrow as pa

from harness.checks import CHECKS
from harness.errors import HarnessError, unknown
from harness.judging.recordings import CheckSet, Subject, check_set, judge_recording
from harness.matrix.providers import Matrix
from harness.recording.archives import other_kind
from harness.recording.archives.rows import provider_of_row
from harness.recording.archives.tables import exchange_of_table_row
from harness.recording.scrub import scrub
from harness.results import Finding, Level, Outcome, RecordingResult
from harness.scale.schemas import EXCHANGES, FINDINGS
from harness.wire.exchange import Exchange

QuietRows = Literal["counts", "none", "all"]
"""How quiet outcomes, such as rules that pass, are returned: a count per family and outcome, none, or a row each."""

_READABLE = "recording.readable"
"""Replaces a check if a row is not an exchange."""
_DAY = len("2026-01-01")

_Row = dict[str, Any]


def judge_batch(
    table: pa.Table | pa.RecordBatch,
    *,
    checks: Sequence[str] = (),
    matrix: Matrix | None = None,
    quiet: QuietRows = "counts",
    columns: Mapping[str, str] | None = None,
) -> pa.Table:
    """
    Return the findings on a table of exchanges, a row of ``FINDINGS`` each, in the order of the exchanges.

    ``checks`` are ids or families, by default all; ``matrix`` names providers by host.  ``columns`` maps names of
    ``EXCHANGES`` to those of the table, if they differ; a table without ``response_body`` is read like a gateway's
    log, row by row.  A row that is not an exchange becomes a row of the result, of the check
    ``recording.readable``.

    Raises:
        TypeError: ``table`` is not a pyarrow table.
        UnknownName: a check is unknown, or ``columns`` names one that ``EXCHANGES`` or the table lacks.
    """
    if not isinstance(table, pa.Table | pa.RecordBatch):
        raise TypeError(
            f"judge_batch takes a pyarrow Table or RecordBatch, not {type(table).__name__}; "
            "of rows make one with pyarrow.Table.from_pylist(rows), of a data frame with from_pandas"
        )
    chosen = _chosen(tuple(checks))
    told: list[_Row] = []
    for number, row in enumerate(_rows(table, columns or {})):
        told += _findings(number, row, chosen, matrix, quiet)
    return pa.Table.from_pylist(told, FINDINGS)


@lru_cache(16)
def _chosen(names: tuple[str, ...]) -> CheckSet:
    families = {check.family for check in CHECKS.values()}
    for name in names:
        if name not in CHECKS and name not in families:
            raise unknown("check", name, sorted({*CHECKS, *families}))
    return check_set(one for one in CHECKS.values() if not names or one.id in names or one.family in names)


def _rows(table: pa.Table | pa.RecordBatch, columns: Mapping[str, str]) -> Iterator[_Row]:
    """Yield the rows by the names of ``EXCHANGES``; of a table without a response column, with all its columns."""
    theirs = {name: columns.get(name, name) for name in EXCHANGES.names}
    for name in columns:
        if name not in EXCHANGES.names:
            raise unknown("column of EXCHANGES", name, EXCHANGES.names)
    for name in columns.values():
        if name not in table.column_names:
            raise unknown("column", name, sorted(table.column_names))
    if table.num_columns and theirs["response_body"] not in table.column_names:
        theirs = {name: name for name in table.column_names} | {name: theirs[name] for name in columns}
    kept = {name: table.column(own) for name, own in theirs.items() if own in table.column_names}
    for number in range(table.num_rows):
        yield {name: column[number].as_py() for name, column in kept.items()}


def _findings(number: int, row: _Row, checks: CheckSet, matrix: Matrix | None, quiet: QuietRows) -> Iterator[_Row]:
    about = {"row": number, "id": _text(row.get("id")), "day": (_text(row.get("at")) or "")[:_DAY] or None}
    try:
        exchange = scrub(exchange_of_table_row(row, "row"))
        other = other_kind(exchange)
        if other:
            yield about | _told(_unjudged(row, Outcome.NA, f"not judged: {other}"))
            return
        about["day"] = about["day"] or (exchange.source.at or "")[:_DAY] or None
        result = judge_recording([exchange], _subject(exchange, row, matrix), checks)
    except Exception as error:  # noqa: BLE001 - whatever is in a row, it is a row of the answer
        bug = not isinstance(error, HarnessError)
        said = f"{type(error).__name__}: {error}" if bug else str(error)
        outcome = Outcome.BROKEN if bug else Outcome.INCONCLUSIVE
        yield about | _told(_unjudged(row, outcome, said))
        return
    yield from (about | one for one in rows_of(result, quiet, checks.levels))


def _unjudged(row: _Row, outcome: Outcome, said: str) -> Finding:
    return Finding(_text(row.get("provider")) or "unknown", "unknown", "unknown", _READABLE, Level.MUST, outcome, said)


def rows_of(result: RecordingResult, quiet: QuietRows, levels: Mapping[str, Level] | None = None) -> Iterator[_Row]:
    """Yield the findings on one recording as rows of ``FINDINGS``; with ``all``, ``levels`` are those of quiet ones."""
    for finding in result.all_findings(levels) if quiet == "all" and levels else result.findings:
        yield _told(finding)
    if quiet == "counts":
        yield from _counted(result)


def _subject(exchange: Exchange, row: _Row, matrix: Matrix | None) -> Subject:
    name, host = provider_of_row(row), exchange.request.host
    known = matrix.provider_of(host, name) if matrix else None
    form = "error" if exchange.response.is_error else "stream" if exchange.is_stream else "nonstream"
    asked = form if exchange.dialect == "chat" else f"{exchange.dialect}-{form}"
    provider = known.id if known else name or host or "unknown"
    return Subject(provider, exchange.model or "unknown", f"audit.{asked}", None)


def _told(finding: Finding) -> _Row:
    """Return a finding with its first evidence."""
    row = _about(finding.provider, finding.model, finding.scenario) | {
        "family": finding.family, "check": finding.check, "level": finding.level.value, "outcome": finding.outcome.value,
        "message": _printed(finding.message), "value": _printed(finding.value), "count": 1,
    }  # fmt: skip
    for at in finding.evidence[:1]:
        row |= {
            "event": at.event,
            "offset": at.offset,
            "pointer": _printed(at.pointer),
            "excerpt": _printed(at.excerpt),
        }
    return row


def _counted(result: RecordingResult) -> Iterator[_Row]:
    """Yield the number of quiet outcomes per family."""
    about = _about(result.provider, result.model, result.scenario)
    for group in result.groups:
        for outcome, count in group.counts.items():
            yield about | {"family": group.family, "outcome": outcome.value, "message": "", "count": count}


def _about(provider: str, model: str, scenario: str) -> _Row:
    return {"provider": _printed(provider), "model": _printed(model), "scenario": scenario}


def _printed(text: str | None) -> str | None:
    """Return a text that Arrow can hold: lone surrogates are escaped."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
