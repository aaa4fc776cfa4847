"""Pads labels to one width, in any script."""

from rich.cells import cell_len


def padded(text: str, width: int) -> str:
    """Return a text padded with spaces to ``width`` cells; Chinese takes two per character."""
    return text + " " * max(width - cell_len(text), 0)
