"""Writes the findings of an audit as a Parquet file of ``FINDINGS``, some rows at a time, in bounded memory."""

from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import Unwritable
from harness.recording.atomic import PartFile
from harness.recording.redact import Secrets
from harness.results import RecordingResult
from harness.scale.batch import QuietRows, rows_of
from harness.scale.schemas import FINDINGS

_MAGIC = b"PAR1"
_AT_ONCE = 20_000
_TEXTS = ("id", "provider", "model", "message", "value", "pointer", "excerpt")


class TableWriter:
    """
    Writes findings as they come; the file appears once it is kept.

    The ``id`` of a row is the place of its exchange, as ``file:line``.

    Raises:
        Unwritable: ``path`` holds something other than Parquet, or can't be written to.
    """

    def __init__(self, path: Path, quiet: QuietRows = "counts") -> None:
        _check(path)
        self._part = PartFile(path)
        self._file = pq.ParquetWriter(pa.PythonFile(self._part, mode="w"), FINDINGS, compression="zstd")
        self._quiet: QuietRows = quiet
        self._rows: list[dict[str, Any]] = []
        self._recordings = 0

    @property
    def empty(self) -> bool:
        """Whether nothing was added."""
        return not self._recordings

    def add(self, judged: RecordingResult) -> None:
        """Write the result of one recording."""
        about = {"row": self._recordings, "id": judged.cassette, "day": judged.recorded_at}
        self._recordings += 1
        self._rows += [_clean(about | row) for row in rows_of(judged, self._quiet)]
        if len(self._rows) >= _AT_ONCE:
            self._write()

    def keep(self) -> None:
        """End the file and move it to its place."""
        self._write()
        self._file.close()
        self._part.keep()

    def _write(self) -> None:
        if self._rows:
            self._file.write_table(pa.Table.from_pylist(self._rows, FINDINGS))
        self._rows = []

    def __enter__(self) -> Self:
        """Open the file."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; remove it unless it was kept."""
        self._file.close()
        self._part.__exit__()


def _check(path: Path) -> None:
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise Unwritable(f"{path}: it exists and is not a Parquet file; name another file")


def _clean(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without secrets, like a line of ``results.jsonl``: for secrets from outside an exchange."""
    return row | {name: Secrets().redact_text(row[name]) for name in _TEXTS if row.get(name)}
