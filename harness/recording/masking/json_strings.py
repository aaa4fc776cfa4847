"""
Finds the strings and numbers of a JSON text, with their places, even if it is malformed.

It tokenizes without parsing, so that a text may be truncated or broken in any way.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)(?:"(\s*+:)?|\Z)|([{\[])|([}\]])|,|(-?[0-9][0-9.eE+-]*+)', re.DOTALL)

Path = tuple[str, ...]


@dataclass(slots=True, eq=False)
class Container:
    """
    An object or a list, complete once the whole text was read.

    ``path`` is its path, with ``*`` for an element of a list; ``position`` its index in its list; ``values`` are
    the numbers under ``index`` and the strings under ``id`` and ``type``.
    """

    path: Path
    above: "Container | None"
    position: int
    is_list: bool
    values: dict[str, str] = field(default_factory=dict)
    key: str = ""
    count: int = 0

    @property
    def inner_path(self) -> Path:
        """The path of the next value in it."""
        if self.above is None and not self.key:
            return self.path
        return (*self.path, "*" if self.is_list else self.key)


@dataclass(slots=True, eq=False)
class JsonToken:
    """
    A string, without its quotes, or a number: ``raw`` is its text at ``start``.

    ``is_key`` is whether it is the key of a member; ``path`` is then the path of that member.
    """

    start: int
    raw: str
    path: Path
    within: Container
    is_key: bool = False
    is_number: bool = False


def tokens_in(text: str) -> Iterator[JsonToken]:
    """Yield the strings and numbers of ``text`` in order."""
    here = Container((), None, 0, is_list=False)
    paths: dict[Path, Path] = {}
    for found in _TOKEN.finditer(text):
        string, colon, opens, closes, number = found.groups()
        if string is not None and colon and not here.is_list:
            here.key = string
            path = (*here.path, string)
            yield JsonToken(found.start() + 1, string, paths.setdefault(path, path), here, is_key=True)
        elif string is not None or number is not None:
            raw = string if string is not None else number
            if here.key in {"index", "id", "type"}:
                here.values.setdefault(here.key, raw)
            path = here.inner_path
            start = found.start() + (number is None)
            yield JsonToken(start, raw, paths.setdefault(path, path), here, is_number=number is not None)
        elif opens:
            here = Container(here.inner_path, here, here.count, is_list=opens == "[")
        elif closes:
            here = here.above or here
        else:
            here.count += 1
