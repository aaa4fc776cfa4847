"""
Edits the text of a baseline: removes, narrows and adds entries, and preserves everything else as written.

How it works: the parser gives the position of each entry, and only those lines are edited; comments, order, quotes
and blank lines of the others stay.  A comment directly above an entry belongs to it and is removed with it; one
separated by a blank line stays.  The caller learns if the result is not as intended, as with entries in braces.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from harness.judging.drafted import as_yaml

_KEY = "deviations"


@dataclass(slots=True)
class _ListedEntry:
    """An entry: its node, and its lines, from ``first`` with the dash to ``last``, counted from 0."""

    node: yaml.MappingNode
    first: int
    last: int


def edited(text: str, changed: Mapping[int, dict[str, Any] | None], added: list[dict[str, Any]]) -> str | None:
    """
    Return the ``text`` of a baseline with some entries changed and others ``added`` at its end.

    ``changed`` maps the number of an entry, from 0, to its new value: None removes it; otherwise only ``scenarios``
    may differ.  Return None if the text can't be edited this way.
    """
    before = yaml.safe_load(text)[_KEY]
    wanted = [changed.get(number, entry) for number, entry in enumerate(before)]
    wanted = [*filter(None, wanted), *added]
    if wanted == before:
        return text
    try:
        told = _rewritten(text, changed, added)
        return told if yaml.safe_load(told)[_KEY] == wanted else None
    except (yaml.YAMLError, TypeError, ValueError):
        return None


def _rewritten(text: str, changed: Mapping[int, dict[str, Any] | None], added: list[dict[str, Any]]) -> str:
    lines = text.splitlines(keepends=True)
    lines[-1:] = [lines[-1].rstrip("\n") + "\n"]
    key, listed = _list_of(text)
    if listed.flow_style and (listed.value or listed.start_mark.line != listed.end_mark.line):
        raise ValueError("entries in brackets")
    entries = [_entry(node, lines) for node in listed.value]
    indent = len(lines[entries[0].first].partition("-")[0]) if entries else 2
    new = _block(added, indent)
    if all(changed.get(number, ...) is None for number in range(len(entries))):
        _set_whole(lines, key.start_mark.line, empty=not added)
    at = entries[-1].last if entries else listed.end_mark.line
    lines[at] += new
    for number, now in sorted(changed.items(), reverse=True):
        if now is None:
            _take_out(lines, entries[number], keep=new if number == len(entries) - 1 else "")
        else:
            _narrow(lines, entries[number], now["scenarios"])
    return "".join(lines)


def _list_of(text: str) -> tuple[yaml.ScalarNode, yaml.SequenceNode]:
    root = yaml.compose(text, yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    ((key, listed),) = [pair for pair in pairs if pair[0].value == _KEY]
    if not isinstance(listed, yaml.SequenceNode):
        raise TypeError("no list")
    return key, listed


def _entry(node: yaml.MappingNode, lines: list[str]) -> _ListedEntry:
    first = node.start_mark.line
    while not lines[first].lstrip().startswith("-"):
        first -= 1
    return _ListedEntry(node, first, _last_line(node))


def _last_line(node: yaml.Node) -> int:
    """Return the last line of a node itself: its end mark comes after the comments that follow it."""
    if isinstance(node, yaml.ScalarNode) or getattr(node, "flow_style", False) or not node.value:
        end: yaml.Mark = node.end_mark
        return end.line - (end.column == 0)
    last = node.value[-1]
    return _last_line(last[1] if isinstance(last, tuple) else last)


def _block(added: list[dict[str, Any]], indent: int) -> str:
    """Return entries as lines of a list, their dashes indented by a number of blanks."""
    told = [line.removeprefix("  ") for line in as_yaml({_KEY: added}).splitlines(keepends=True)[1:]] if added else []
    return "".join(" " * indent + line if line.strip() else line for line in told)


def _set_whole(lines: list[str], at: int, *, empty: bool) -> None:
    """Write the line of the key of a list that becomes empty, or was."""
    key, _, rest = lines[at].partition(":")
    rest = rest.strip().removeprefix("[]").strip()
    lines[at] = f"{key}:{' []' if empty else ''}{'  ' + rest if rest else ''}\n"


def _take_out(lines: list[str], entry: _ListedEntry, *, keep: str) -> None:
    """Remove an entry with the comment above it; ``keep`` is the text after its last line."""
    first = entry.first
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    lines[first : entry.last + 1] = [keep, *[""] * (entry.last - first)]


def _narrow(lines: list[str], entry: _ListedEntry, scenarios: list[str]) -> None:
    """Write the remaining scenarios of an entry."""
    found = [(key, value) for key, value in entry.node.value if key.value == "scenarios"]
    told = as_yaml(scenarios).replace("\n", " ").strip()
    if not found:
        column = entry.node.value[0][0].start_mark.column
        lines[entry.first] = lines[entry.first].rstrip("\n") + f"\n{' ' * column}scenarios: {told}\n"
        return
    ((_, value),) = found
    if not value.flow_style:
        gone = [one for one in value.value if one.value not in scenarios]
        for one in gone:
            lines[one.start_mark.line] = ""
        return
    start, end = value.start_mark, value.end_mark
    rest = lines[end.line][end.column :]
    lines[start.line : end.line + 1] = [
        lines[start.line][: start.column] + told + rest, *[""] * (end.line - start.line),
    ]  # fmt: skip
