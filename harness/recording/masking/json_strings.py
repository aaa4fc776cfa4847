"""
The strings and numbers of a JSON text, with where they stand in it, whatever is wrong with it.

Nothing is parsed: tokens are taken as they come, so that a text may be cut off or broken in any way.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)(?:"(\s*+:)?|\Z)|([{\[])|([}\]])|,|(-?[0-9][0-9.eE+-]*+)', re.DOTALL)

Path = tuple[str, ...]


@dataclass(slots=True, eq=False)
class Container:
    """
    An object or a list, and what is known of it when the whole text was read.

    ``path`` is the way to it, ``*`` for an element of a list; ``position`` its place in the list it stands in;
    ``values`` are the numbers under ``index`` and the texts under ``id`` and ``type``.
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
        """The way to what is read next in it."""
        if self.above is None and not self.key:
            return self.path
        return (*self.path, "*" if self.is_list else self.key)


@dataclass(slots=True, eq=False)
class JsonToken:
    """
    A string, without its quotes, or a number: ``raw`` as it stands in the text from ``start`` on.

    ``is_key`` says that it is the key of a member, ``path`` then is the way to that member.
    """

    start: int
    raw: str
    path: Path
    within: Container
    is_key: bool = False
    is_number: bool = False


def tokens_in(text: str) -> Iterator[JsonToken]:
    """Yield the strings and numbers of ``text`` in their order."""
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
