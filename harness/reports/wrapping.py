"""Wraps texts to a terminal's width, including those written without spaces."""

import re
from functools import cache

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

_WIDE = (("\u2e80", "\u9fff"), ("\uac00", "\ud7a3"), ("\uf900", "\ufaff"), ("\uff00", "\uffe6"))
_AS_WIDE = "“”‘’…"
_OPENING = "（《【「『“‘"
_CLOSING = "，。、；：！？）》】」』”’…,.;:!?)"


def wrapped(text: str, room: int, console: Console) -> list[str]:
    """Return a text in lines of ``room`` cells; Chinese breaks between any two characters except before punctuation."""
    if not any(map(_is_wide, text)):
        return [line.plain.rstrip() for line in Text(text).wrap(console, room)]
    lines = [""]
    for unit in _units().findall(text):
        if cell_len(lines[-1] + unit.rstrip()) <= room:
            lines[-1] += unit
        elif cell_len(unit.rstrip()) <= room:
            lines.append(unit)
        else:
            lines += _chopped(unit, room)
    return [line.rstrip() for line in lines if line.strip()]


def _is_wide(character: str) -> bool:
    return character in _AS_WIDE or any(first <= character <= last for first, last in _WIDE)


@cache
def _units() -> re.Pattern[str]:
    """Return the pattern of unbreakable units; compiled on use, since English does not need it."""
    wide = "".join(f"{first}-{last}" for first, last in _WIDE) + _AS_WIDE
    return re.compile(rf"[{_OPENING}]*(?:[{wide}]|[^\s{wide}]+)[{_CLOSING}]*\s*")


def _chopped(unit: str, room: int) -> list[str]:
    """Return a word longer than a line in parts, punctuation with the character before it."""
    parts = chop_cells(unit, room)
    while len(parts) > 1 and parts[-1][0] in _CLOSING:
        parts[-2:] = [parts[-2][:-1], parts[-2][-1] + parts[-1]]
    return parts
