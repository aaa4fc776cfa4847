"""GitHub's Markdown: tables, and text from outside in them, shown word for word whatever it would mean there."""

import re
from collections.abc import Iterable, Sequence

from tabulate import tabulate

from harness.printable import printable

_MEANT = re.compile(r"(\\*)\||<|&(?=#|\w+;)|\](?=\()")
"""What ends a cell, with the backslashes before it; begins a tag or an entity; makes a link."""
_ENTITIES = {"<": "&lt;", "&": "&amp;", "]": "\\]"}


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()) -> str:
    """
    Return a table whose columns are not padded; the columns whose header is among ``numbers`` stand on the right.

    Cells are Markdown: what comes from outside goes through ``cell`` first, here as in ``padded_table``.
    """
    rule = ["--:" if name in numbers else "---" for name in header]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(header)} |", f"|{'|'.join(rule)}|", *lines])


def padded_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose columns align in a terminal too, with Chinese text in them."""
    return tabulate(list(rows), list(header), tablefmt="github", disable_numparse=True)


def cell(text: str) -> str:
    """Return a text as it may stand in a cell of a table, or in a line."""
    return _MEANT.sub(lambda found: _ENTITIES.get(found[0]) or f"{found[1] * 2}\\|", printable(text))


def code(text: str) -> str:
    """Return a text as code, in a line of its own or of others."""
    shown = printable(" ".join(text.split()))
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{shown}{pad}{fence}"
