"""Labels of one width, in letters of any."""

from rich.cells import cell_len


def padded(text: str, width: int) -> str:
    """Return a text with spaces after it up to ``width`` cells, of which Chinese takes two a character."""
    return text + " " * max(width - cell_len(text), 0)
