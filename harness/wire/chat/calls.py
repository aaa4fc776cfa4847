"""
Joins the fragments of tool calls.

How it works: the index says which call a fragment belongs to.  If it is missing, a fragment with a known id, or
with neither id nor name, continues a call.  If it is wrong, the content decides: a fragment that begins no call
continues the one whose arguments are incomplete, and two beginnings under one index are two calls, unless their
arguments join to one object.  Values of a wrong type are skipped.
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import orjson

from harness.wire.chat.chunks import Choice, ToolFragment
from harness.wire.shapes import as_object

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass
class JoinedCall:
    """
    The fragments of one call in order, and what they join to.

    ``index`` is None if no fragment has one; ``id`` and ``name`` are the first non-empty strings, or empty;
    ``pieces`` are the string fragments of the arguments; ``strays`` the fragments under another index than the
    call's; ``shares_index`` is whether another call has the same index.
    """

    index: int | None
    id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    fragments: list[ToolFragment] = field(default_factory=list)
    strays: list[ToolFragment] = field(default_factory=list)
    shares_index: bool = False

    def add(self, fragment: ToolFragment) -> None:
        """Append ``fragment``."""
        index, piece = index_in(fragment), arguments_in(fragment)
        self.fragments.append(fragment)
        self.id = self.id or id_in(fragment)
        self.name = self.name or name_in(fragment)
        if piece:
            self.pieces.append(piece)
        if index is not None and self.index is None:
            self.index = index
        elif index is not None and index != self.index:
            self.strays.append(fragment)

    @property
    def arguments(self) -> str:
        """The argument fragments, joined."""
        return "".join(self.pieces)

    @cached_property
    def value(self) -> dict[str, Any] | None:
        """
        The parsed arguments, once the call is complete: {} for empty ones, and an object sent instead of a string as it is.

        None if they can't be parsed, or if a body has no arguments.
        """
        given = [piece for one in self.fragments if (piece := function_of(one).get("arguments")) is not None]
        if len(given) == 1 and isinstance(given[0], dict):
            return given[0]
        if not all(isinstance(piece, str) for piece in given) or (not given and self.index is None):
            return None
        return read_object(self.arguments.strip() or "{}")

    @property
    def unfinished(self) -> bool:
        """Whether its arguments have begun and are not yet a JSON object."""
        text = self.arguments.strip()
        return bool(text) and not (text.endswith("}") and is_object(text))


def function_of(fragment: ToolFragment) -> dict[str, Any]:
    """Return the ``function`` of a fragment; empty if it has none."""
    return as_object(fragment.value.get("function"))


def id_in(fragment: ToolFragment) -> str:
    """Return the id of a fragment; empty if it is missing or not a string."""
    return _text(fragment.value.get("id"))


def name_in(fragment: ToolFragment) -> str:
    """Return the function name of a fragment; empty if it is missing or not a string."""
    return _text(function_of(fragment).get("name"))


def arguments_in(fragment: ToolFragment) -> str:
    """Return the argument text of a fragment; empty if it is missing or not a string."""
    return _text(function_of(fragment).get("arguments"))


def index_in(fragment: ToolFragment) -> int | None:
    """Return the index of a fragment; None if it is missing or not an integer."""
    index = fragment.value.get("index")
    return index if type(index) is int else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def read_object(text: str) -> dict[str, Any] | None:
    """Parse ``text`` leniently as a JSON object; return None if it is not one."""
    value: Any = None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        with suppress(ValueError, RecursionError):
            value = json.loads(text, parse_constant=refuse)
    return value if isinstance(value, dict) else None


def is_object(text: str) -> bool:
    """Return whether ``text`` parses leniently as one JSON object."""
    return read_object(text) is not None


def refuse(constant: str) -> None:
    """Reject NaN and Infinity, which Python's own parser accepts."""
    raise ValueError(f"{constant} is no JSON")


def values_in_row(text: str) -> list[str]:
    """Return the JSON values that ``text`` holds one after the other; empty if it holds anything else."""
    found, start = [], _value_from(text, 0)
    while start < len(text):
        try:
            _, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            return []
        found.append(text[start:end])
        start = _value_from(text, end)
    return found


def _value_from(text: str, start: int) -> int:
    """Return the offset of the first character from ``start`` on that is not white space."""
    met = _SPACE.match(text, start)
    return met.end() if met else start


def calls_of(choice: Choice) -> list[JoinedCall]:
    """Return the calls of a choice in the order of their beginnings; in a body each element is a call without index."""
    if choice.tools and "/message/" in choice.tools[0].pointer:
        return [replace(_joined(None, [fragment]), index=None) for fragment in choice.tools]
    assembly = _Assembly()
    for fragment in choice.tools:
        assembly.take(fragment)
    return [part for call in assembly.calls for part in _parted(call)]


class _Assembly:
    """The calls of a stream so far; ``_at`` is the latest call by index, ``_named`` the call by id."""

    def __init__(self) -> None:
        self.calls: list[JoinedCall] = []
        self._at: dict[int, JoinedCall] = {}
        self._named: dict[str, JoinedCall] = {}

    def take(self, fragment: ToolFragment) -> None:
        index, name = index_in(fragment), id_in(fragment)
        call = self._without_index(fragment) if index is None else self._under(index, fragment)
        if call is None:
            call = JoinedCall(index)
            self.calls.append(call)
        call.add(fragment)
        if index is not None:
            self._at[index] = call
        if name:
            self._named.setdefault(name, call)

    def _without_index(self, fragment: ToolFragment) -> JoinedCall | None:
        """Return the call that a fragment without an index continues; None if it begins one."""
        known, last = self._named.get(id_in(fragment)), self.calls[-1] if self.calls else None
        name = name_in(fragment)
        if known is not None:
            return known if not name or not known.arguments or known.unfinished else None
        if last is None:
            return None
        if id_in(fragment) and last.id:
            return None if name or fragment.value.get("type") else last
        again = name and last.name and not last.id and (name != last.name or not last.unfinished)
        return None if again else last

    def _under(self, index: int, fragment: ToolFragment) -> JoinedCall | None:
        """Return the call that a fragment continues, by its index or despite it; None if it begins one."""
        found, name = self._at.get(index), name_in(fragment)
        if found is not None:
            return found if found.index in {None, index} or not name else None
        known = self._named.get(id_in(fragment))
        if known is not None:
            return known if known.unfinished or not (known.arguments or name) else None
        piece = arguments_in(fragment)
        begins = name or fragment.value.get("id") or fragment.value.get("type") or not piece
        begins = begins or (piece.lstrip()[:1] == "{" and bool(self.calls and read_object(self.calls[-1].arguments)))
        if not self.calls or (begins and (name or not _goes_on(self.calls[-1], piece))):
            return None
        return self.calls[-1]


def _goes_on(call: JoinedCall, piece: str) -> bool:
    """Return whether ``piece``, which names no function, continues the arguments of ``call`` despite its own id."""
    if not call.name or not piece.strip() or is_object(piece):
        return False
    return call.unfinished or not call.arguments.strip()


def _parted(call: JoinedCall) -> list[JoinedCall]:
    """Return the calls under the index of one: several if each begins with its own name."""
    begins = [0, *_beginnings(call.fragments)]
    names = {name_in(call.fragments[n]) for n in begins}
    same = len(names - {""}) == 1 or not call.id
    if len(begins) == 1 or (same and _is_one(call.arguments)):
        return [call]
    ends = [*begins[1:], len(call.fragments)]
    parts = [_joined(call.index, call.fragments[start:end]) for start, end in zip(begins, ends, strict=True)]
    for part in parts:
        part.shares_index = True
    return parts


def _joined(index: int | None, fragments: list[ToolFragment]) -> JoinedCall:
    call = JoinedCall(index)
    for fragment in fragments:
        call.add(fragment)
    return call


def _is_one(arguments: str) -> bool:
    """Return whether arguments belong to one call: one JSON value, or an incomplete one."""
    text = arguments.strip()
    try:
        return bool(text) and _DECODER.raw_decode(text)[1] == len(text)
    except (ValueError, RecursionError):
        return True


def _beginnings(fragments: list[ToolFragment]) -> list[int]:
    """Return the numbers of the later fragments that may begin a call: with a new id or, without any id, a new name."""
    ids: set[str] = set()
    names: set[str] = set()
    found = []
    no_ids = not any(map(id_in, fragments))
    for number, fragment in enumerate(fragments):
        one, name = id_in(fragment), name_in(fragment)
        is_new = (one and ids and one not in ids) or (no_ids and name not in names)
        if name and names and is_new:
            found.append(number)
        ids |= {one} if one else set()
        names |= {name} if name else set()
    return found


def is_open(text: str) -> bool:
    """Return whether ``text`` is an incomplete object or list: a string in it, or a bracket, is still open."""
    depth, in_text, escaped = 0, False, False
    for character in text.lstrip():
        if in_text:
            in_text, escaped = escaped or character != '"', character == "\\" and not escaped
        elif character == '"':
            in_text = True
        else:
            depth += (character in "{[") - (character in "}]")
        if depth < 1:
            return False
    return True
