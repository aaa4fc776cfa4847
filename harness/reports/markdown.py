"""Text from outside in Markdown: shown word for word, whatever it would mean there."""

import re

from harness.printable import printable

_MEANT = re.compile(r"(\\*)\||<|&(?=#|\w+;)|\](?=\()")
"""What ends a cell, with the backslashes before it; begins a tag or an entity; makes a link."""
_ENTITIES = {"<": "&lt;", "&": "&amp;", "]": "\\]"}


def cell(text: str) -> str:
    """Return a text as it may stand in a cell of a table, or in a line."""
    return _MEANT.sub(lambda found: _ENTITIES.get(found[0]) or f"{found[1] * 2}\\|", printable(text))


def code(text: str) -> str:
    """Return a text as code, in a line of its own or of others."""
    shown = printable(" ".join(text.split()))
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{shown}{pad}{fence}"
