"""
Reads exchanges from the rows of a table: of Parquet files, and of any Arrow table.

A table with the column ``response_body`` has the original bytes, beside ``url``, ``request_body``, ``status`` and
``response_headers``.  A row of any other is read like a line of a gateway's log, whatever its columns are called.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson

from harness.errors import BadArchive
from harness.recording.archives.rows import exchange_of_row
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json

PARQUET = b"PAR1"
"""The first bytes of a Parquet file."""

_AT_ONCE = 64
"""Number of rows held at a time."""
_OF_FINDINGS = {"check", "outcome", "family"}
_BODY = "response_body"
_OBJECTS = {
    "ai",
    "attributes",
    "http_buffered_trace",
    "messages",
    "metadata",
    "model_parameters",
    "request",
    "response",
}
"""The columns with values a gateway parsed, if a table stores them as JSON text."""


def holds_findings(path: Path) -> bool:
    """Return whether a Parquet file is the output of an audit; False without pyarrow."""
    try:
        return set(_opened(path).schema_arrow.names) >= _OF_FINDINGS
    except BadArchive:
        return False


def rows_of_table(path: Path) -> Iterator[Json]:
    """
    Yield the rows of a Parquet file, some held at a time.

    Raises:
        BadArchive: it can't be read, or pyarrow is not installed.
    """
    from pyarrow import ArrowException

    file = _opened(path)
    try:
        for batch in file.iter_batches(_AT_ONCE):
            yield from batch.to_pylist()
    except (ArrowException, OSError) as error:
        raise _refused(path, error) from None


def exchange_of_table_row(row: Json, where: str) -> Exchange:
    """
    Return the exchange of a row.

    Raises:
        BadArchive: it has none.
    """
    if _BODY not in row:
        return exchange_of_row({key: _plain(key, value) for key, value in row.items() if value is not None}, where)
    body = row[_BODY]
    response = {
        "status": 200 if row.get("status") is None else row["status"],
        "headers": _json(row.get("response_headers")) or {},
        "body_text": body.decode("utf-8", "surrogateescape") if isinstance(body, bytes) else body,
    }
    request = {"method": "POST", "url": row.get("url") or "", "headers": {}, "body": _json(row.get("request_body"))}
    told = {"request": request, "response": response} | ({"recorded_at": str(row["at"])} if row.get("at") else {})
    exchange = exchange_of_row(told, where)
    if isinstance(body, bytes):  # the original bytes, whatever they are
        exchange = replace(exchange, response=replace(exchange.response, body=body))
    return exchange


def _opened(path: Path) -> Any:
    try:
        from pyarrow import ArrowException
        from pyarrow import parquet as pq
    except ModuleNotFoundError:
        need = "pip install 'llm-compat-harness[scale]'"
        raise BadArchive(f"{path}: Parquet needs pyarrow; install it with: {need}") from None
    try:
        return pq.ParquetFile(path)
    except (ArrowException, OSError) as error:
        raise _refused(path, error) from None


def _refused(path: Path, error: Exception) -> BadArchive:
    return BadArchive(f"{path}: no Parquet that can be read ({' '.join(str(error).split())[:160]}); write it again")


def _plain(key: str, value: Any) -> Any:
    """Return a value of a column as a line of JSON would have it; bodies that are text stay unchanged."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime | date):
        return value.isoformat()
    return _json(value) if key in _OBJECTS and isinstance(value, str) and value[:1] in {"{", "["} else value


def _json(text: Any) -> Any:
    if not isinstance(text, str | bytes):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
