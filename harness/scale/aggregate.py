"""Counts findings by provider, model, check, outcome and day, with some examples of each; counts can be merged."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from harness.scale.schemas import AGGREGATES

_KEYS = ("provider", "model", "family", "check", "outcome", "day")


def aggregate(findings: pa.Table, examples: int = 3) -> pa.Table:
    """Return the counts of findings, with the ids of up to so many ``examples`` of each; rows of ``AGGREGATES`` in order."""
    listed = findings.group_by(list(_KEYS), use_threads=False).aggregate([("count", "sum"), ("id", "list")])
    return _table(({**row, "ids": row["id_list"]} for row in listed.to_pylist()), examples)


def merge(counts: Iterable[pa.Table], examples: int = 3) -> pa.Table:
    """Return several counts as one: equal to counting all together, except for which examples are kept."""
    together: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in (row for table in counts for row in table.to_pylist()):
        key = tuple(row[name] for name in _KEYS)
        one = together.setdefault(key, {**row, "count_sum": 0, "ids": []})
        one["count_sum"] += row["count"]
        one["ids"] += row["examples"][: examples - len(one["ids"])]
    return _table(together.values(), examples)


def _table(rows: Iterable[dict[str, Any]], examples: int) -> pa.Table:
    kept = [
        {
            **{key: row[key] for key in _KEYS},
            "count": row["count_sum"],
            "examples": [one for one in row["ids"] if one is not None][:examples],
        }
        for row in rows
    ]
    kept.sort(key=lambda row: tuple(row[key] or "" for key in _KEYS))
    return pa.Table.from_pylist(kept, AGGREGATES)
