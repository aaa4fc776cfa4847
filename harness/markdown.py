"""Tables of GitHub's Markdown."""

from collections.abc import Iterable, Sequence

from tabulate import tabulate


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()) -> str:
    """Return a table whose columns are not padded; the columns whose header is among ``numbers`` stand on the right."""
    rule = ["--:" if name in numbers else "---" for name in header]
    lines = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return "\n".join([f"| {' | '.join(header)} |", f"|{'|'.join(rule)}|", *lines])


def padded_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose columns align in a terminal too, with Chinese text in them."""
    cells = [[_cell(cell) for cell in row] for row in rows]
    return tabulate(cells, list(header), tablefmt="github", disable_numparse=True)


def _cell(text: str) -> str:
    """Return ``text`` so that nothing in it ends the cell or the row."""
    return text.replace("|", "\\|").replace("\n", " ")
