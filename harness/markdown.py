"""Writes GitHub's Markdown: tables, and outside text escaped so that it is shown verbatim."""

import re
from collections.abc import Iterable, Sequence

from tabulate import tabulate

from harness.printable import printable

_MEANT = re.compile(r"(\\*)\||<|&(?=#|\w+;)|\](?=\()")
"""Characters that end a cell, with the backslashes before them; begin a tag or an entity; make a link."""
_ENTITIES = {"<": "&lt;", "&": "&amp;", "]": "\\]"}


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()) -> str:
    """
    Return a table without padding; the columns whose header is among ``numbers`` are right-aligned.

    Cells are Markdown: escape outside text with ``cell`` first, here as in ``padded_table``.
    """
    rule = ["--:" if name in numbers else "---" for name in header]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(header)} |", f"|{'|'.join(rule)}|", *lines])


def padded_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose columns align in a terminal too, including Chinese text."""
    return tabulate(list(rows), list(header), tablefmt="github", disable_numparse=True)


def cell(text: str) -> str:
    """Return a text escaped for a cell of a table, or for a line."""
    return _MEANT.sub(lambda found: _ENTITIES.get(found[0]) or f"{found[1] * 2}\\|", printable(text))


def code(text: str) -> str:
    """Return a text as code, inline or on a line of its own."""
    shown = printable(" ".join(text.split()))
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{shown}{pad}{fence}"
