"""
Describes the shape of a JSON chunk: its keys, and the kind of each value.

Chunks of one stream come in a handful of shapes, so presence and type (``missing``, ``null``, ``""`` and text are
distinct) are checked once per shape instead of once per chunk.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar

Kind = Literal["missing", "null", '""', "text", "int", "float", "bool", "[]", "list", "{}", "object"]
MessageKey = Literal["delta", "message"]
"""The key of a choice's content: ``delta`` in a stream, ``message`` in a body."""

Json = dict[str, Any]
"""A JSON object."""

TEXT_CHANNELS = ("content", "reasoning_content", "reasoning", "reasoning_text", "thinking", "refusal")
REASONING_CHANNELS = TEXT_CHANNELS[1:5]
PADDING = ("obfuscation", "p")
"""Keys of the random text that OpenAI and Mistral add to every chunk."""

_KINDS: dict[tuple[type, bool], Kind] = {
    (type(None), False): "null",
    (str, False): '""',
    (str, True): "text",
    (int, False): "int",
    (int, True): "int",
    (float, False): "float",
    (float, True): "float",
    (bool, False): "bool",
    (bool, True): "bool",
    (list, False): "[]",
    (list, True): "list",
    (dict, False): "{}",
    (dict, True): "object",
}
_CONTAINERS = frozenset({"[]", "list", "{}", "object"})
_OBJECTS = frozenset({"{}", "object"})
_PLAIN_CONTAINERS = 3  # choices, one choice and its delta
_WALKED_LISTS = frozenset({"choices", "tool_calls"})
_MAX_DEPTH = 8
_Made = TypeVar("_Made")


def as_object(value: Any) -> Json:
    """Return ``value`` if it is a JSON object, else an empty one: providers send any type anywhere."""
    return value if isinstance(value, dict) else {}


def objects_in(value: Any) -> list[Json]:
    """Return the objects in ``value`` if it is a list, else none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def kind(value: Any) -> Kind:
    """Return the kind of a JSON value."""
    return _KINDS[type(value), bool(value)]


@dataclass(slots=True)
class Occurrences:
    """The count of something, and the first and last chunk it occurs in."""

    count: int
    first: int
    last: int
    pointer: str = ""


class ChunkForm:
    """
    The common form of chunks with the same keys and kinds of values, across exchanges.

    ``kinds`` maps each JSON pointer in such a chunk to its kind; ``channels`` names the keys of the delta
    that hold text; ``plain`` says that nothing else in it varies (no role, finish, usage, tools, error);
    ``deep`` that it holds more containers than the choice and its delta.
    """

    __slots__ = ("_containers", "_kinds_at", "_places", "_worked_out", "channels", "deep", "kinds", "plain")

    def __init__(self, kinds: dict[str, Kind], part: MessageKey) -> None:
        self.kinds = kinds
        inside = f"/choices/0/{part}/"
        self.deep = sum(what in _CONTAINERS for what in kinds.values()) > _PLAIN_CONTAINERS
        self.channels = tuple(name for name in TEXT_CHANNELS if kinds.get(inside + name) == "text")
        self.plain = not self.deep and all(kinds.get(p, "null") in allowed for p, allowed in _plain_form(part))
        self._containers: dict[str, list[str]] = {}
        self._places: dict[str, list[tuple[str, Kind]]] = {}
        self._kinds_at: dict[str, frozenset[Kind]] = {}
        self._worked_out: dict[tuple[object, ...], Any] = {}

    def containers(self, pattern: str) -> list[str]:
        """Return the pointers of the objects and lists in such a chunk that ``pattern`` points at."""
        found = self._containers.get(pattern)
        if found is None:
            found = [p for p, what in self.kinds.items() if what in _CONTAINERS and _matches(p, pattern)]
            self._containers[pattern] = found = found if pattern else [""]
        return found

    def objects(self, pattern: str) -> list[str]:
        """Return the pointers of the objects in such a chunk that ``pattern`` points at."""
        if pattern.startswith("/choices/") and self.kinds.get("/choices") != "list":
            return []  # an object in place of the list holds no choices
        return [p for p in self.containers(pattern) if not p or self.kinds[p] in _OBJECTS]

    def elements(self, container: str) -> list[str]:
        """Return the pointers of the direct children of ``container``."""
        depth = container.count("/") + 1
        return [p for p in self.kinds if p.startswith(container + "/") and p.count("/") == depth]

    def worked_out(self, work: "Callable[..., _Made]", *given: str) -> "_Made":
        """Return ``work`` applied to this form and the other arguments, cached, since a form is immutable."""
        key = (work, *given)
        if key not in self._worked_out:
            self._worked_out[key] = work(self, *given)
        made: _Made = self._worked_out[key]
        return made

    def places(self, pattern: str) -> list[tuple[str, Kind]]:
        """Return each pointer that ``pattern`` points at, with the kind of its value, ``missing`` if absent."""
        found = self._places.get(pattern)
        if found is None:
            container, _, key = pattern.rpartition("/")
            pointers = [f"{place}/{key}" for place in self.objects(container)]
            found = self._places[pattern] = [(pointer, self.kinds.get(pointer, "missing")) for pointer in pointers]
        return found

    def kinds_at(self, pattern: str) -> frozenset[Kind]:
        """Return the kinds of the values at ``pattern``, as ``places`` has them."""
        found = self._kinds_at.get(pattern)
        if found is None:
            found = self._kinds_at[pattern] = frozenset(what for _, what in self.places(pattern))
        return found


_SMALL = 200
"""Only forms of at most so many places are cached, to bound memory."""


def form_of(kinds: tuple[tuple[str, Kind], ...], part: MessageKey) -> ChunkForm:
    """Return the form with these kinds at these pointers; common forms are shared by all exchanges."""
    return _shared(kinds, part) if len(kinds) <= _SMALL else ChunkForm(dict(kinds), part)


@lru_cache(4096)
def _shared(kinds: tuple[tuple[str, Kind], ...], part: MessageKey) -> ChunkForm:
    return ChunkForm(dict(kinds), part)


class Shape:
    """Chunks of one form in one exchange: their count, and the numbers of the first and the last."""

    __slots__ = ("channels", "count", "deep", "first", "form", "kinds", "last", "plain")

    def __init__(self, form: ChunkForm, number: int) -> None:
        self.form = form
        self.kinds, self.channels, self.plain, self.deep = form.kinds, form.channels, form.plain, form.deep
        self.first = number
        self.last = number
        self.count = 0

    def containers(self, pattern: str) -> list[str]:
        """Return the pointers of the objects and lists in such a chunk that ``pattern`` points at."""
        return self.form.containers(pattern)

    def objects(self, pattern: str) -> list[str]:
        """Return the pointers of the objects in such a chunk that ``pattern`` points at."""
        return self.form.objects(pattern)

    def elements(self, container: str) -> list[str]:
        """Return the pointers of the direct children of ``container``."""
        return self.form.elements(container)

    @property
    def tells_all_keys(self) -> bool:
        """Whether all chunks of this shape have equally many keys, all of which were walked."""
        return not any(
            what in {"list", "object"}
            and (at.count("/") >= _MAX_DEPTH or (what == "list" and at.rpartition("/")[2] not in _WALKED_LISTS))
            for at, what in self.kinds.items()
        )

    def render(self) -> str:
        """Return the shape as one line of text, for reports and comparison."""
        return " ".join(f"{pointer}={what}" for pointer, what in self.kinds.items())


def _plain_form(part: MessageKey) -> Iterator[tuple[str, tuple[Kind, ...]]]:
    """Yield the values allowed in a plain shape: text only in the channels, null or nothing elsewhere."""
    yield "/choices", ("list",)
    yield "/choices/0", ("object",)
    yield "/choices/0/index", ("int",)
    yield f"/choices/0/{part}", ("object", "{}")
    for pointer in ("/usage", "/error", "/choices/0/usage", "/choices/0/error", "/choices/0/finish_reason"):
        yield pointer, ("null",)
    for name in ("role", "tool_calls"):
        yield f"/choices/0/{part}/{name}", ("null",)
    yield f"/choices/0/{part}/content", ("null", '""', "text")


def _matches(pointer: str, pattern: str) -> bool:
    tokens, wanted = pointer.split("/"), pattern.split("/")
    return len(tokens) == len(wanted) and all(want in {"*", token} for token, want in zip(tokens, wanted, strict=True))


def kinds_in(value: Any) -> list[tuple[str, Kind]]:
    """Return pointer and kind of all values that rules concern: objects, and the lists named above, not other lists."""
    found: list[tuple[str, Kind]] = []
    _add_kinds(found, value, "", 1)
    return found


def _add_kinds(found: list[tuple[str, Kind]], value: Any, pointer: str, depth: int) -> None:
    """Add the children of the object or list at ``pointer``, ``depth`` tokens down; twice as fast as yielding them."""
    for key, inner in value.items() if type(value) is dict else enumerate(value):
        at = f"{pointer}/{escaped(key) if type(key) is str and ('/' in key or '~' in key) else key}"
        what = type(inner)
        found.append((at, _KINDS[what, bool(inner)]))
        if inner and depth < _MAX_DEPTH and (what is dict or (what is list and key in _WALKED_LISTS)):
            _add_kinds(found, inner, at, depth + 1)


def escaped(key: str) -> str:
    """Return ``key`` as a reference token of RFC 6901."""
    return key.replace("~", "~0").replace("/", "~1")


def quick_key(chunk: dict[str, Any], part: MessageKey) -> tuple[Any, ...] | None:
    """Return a key that identifies the shape of a chunk with one choice, at C speed; None for other chunks."""
    choices = chunk.get("choices")
    if type(choices) is not list or len(choices) != 1 or type(choices[0]) is not dict:
        return None
    choice = choices[0]
    inner = choice.get(part)
    if type(inner) is not dict:
        return None
    values = [*chunk.values(), *choice.values(), *inner.values()]
    return (len(chunk), len(choice), *chunk, *choice, *inner, *map(type, values), *map(bool, values))


_OF_CHUNKS = {"choices", "id", "object", "model", "usage", "delta"}


def is_flat_error(value: Json) -> bool:
    """Return whether an object of a stream is an error without ``error`` around it: words, a type, no part of a chunk."""
    return type(value.get("message")) is str and type(value.get("type")) is str and not _OF_CHUNKS & value.keys()
