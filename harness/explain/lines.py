"""Prints lines with a label, unwrapped whatever their length."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape

from harness.words import translated
from harness.words.padding import padded

WIDTH = 9
WIDE = 11


def show_line(label: str, text: str, console: Console, width: int = WIDTH) -> None:
    """Print a text after a label padded to ``width`` cells, or to one more than its own width."""
    console.print(f"{padded(f'{label} ', width)}{escape(text)}", soft_wrap=True, highlight=False)


def show_lines(lines: Iterable[tuple[str, str]], console: Console, width: int = WIDE) -> None:
    """Print texts, each with its label in the reader's language."""
    for label, text in lines:
        show_line(translated(label), text, console, width)
