"""Lines of a terminal's width, of texts that are written without spaces too."""

import re

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

_WIDE = "\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffe6“”‘’…"
_OPENING = "（《【「『“‘"
_CLOSING = "，。、；：！？）》】」』”’…,.;:!?)"
_UNITS = re.compile(
    rf"[{_OPENING}]*(?:[{_WIDE}]|[^\s{_WIDE}]+)[{_CLOSING}]*\s*"  # what stays on one line
)
_IN_WIDE = re.compile(f"[{_WIDE}]")


def wrapped(text: str, room: int, console: Console) -> list[str]:
    """Return a text in lines of ``room`` cells; Chinese breaks between any two characters but before its punctuation."""
    if not _IN_WIDE.search(text):
        return [line.plain.rstrip() for line in Text(text).wrap(console, room)]
    lines = [""]
    for unit in _UNITS.findall(text):
        if cell_len(lines[-1] + unit.rstrip()) <= room:
            lines[-1] += unit
        elif cell_len(unit.rstrip()) <= room:
            lines.append(unit)
        else:
            lines += _chopped(unit, room)
    return [line.rstrip() for line in lines if line.strip()]


def _chopped(unit: str, room: int) -> list[str]:
    """Return what is longer than a line in parts, its punctuation with the character before it."""
    parts = chop_cells(unit, room)
    while len(parts) > 1 and parts[-1][0] in _CLOSING:
        parts[-2:] = [parts[-2][:-1], parts[-2][-1] + parts[-1]]
    return parts
