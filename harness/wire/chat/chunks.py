"""
Gathers JSON chunks into columns, in the one pass that every check reads.

How it works: each chunk is counted to its shape, which answers every question about presence and type. What varies
from chunk to chunk - the text fragments, finish reasons, roles, usage, tool-call fragments - is gathered on the
way, and a chunk that differs from the one before only in its text is not parsed at all (``repeats``).  A non-stream
body is one chunk whose choices hold ``message`` instead of ``delta``; it is read by the same code.
"""

from array import array
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from sys import intern
from typing import Any, NamedTuple

import orjson

from harness.wire.chat.repeats import repeated_texts
from harness.wire.dumping import json_text, python_text, same
from harness.wire.repeated_keys import RepeatedKeys
from harness.wire.shapes import (
    PADDING,
    REASONING_CHANNELS,
    TEXT_CHANNELS,
    Kind,
    MessageKey,
    Occurrences,
    Shape,
    form_of,
    is_flat_error,
    kind,
    kinds_in,
    quick_key,
)
from harness.wire.surrogates import whole_characters

CONSTANT_KEYS = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
EXTRAS = ("images", "audio", "annotations")
"""The keys of a delta or message whose content is not text: images, audio, citations."""
_NO_FOREIGNERS = {
    *CONSTANT_KEYS, "choices", "usage", "delta", "message", "error", "errors", "code", "error_code", "error_msg", "err_msg", "detail",
    "base_resp", "ResponseMetadata", "result", "data", "output", "response", "chunk", "completion",
}  # fmt: skip
"""Keys of chunks, of errors, and of wrappers around chunks: an object with one of them is not foreign."""
_LINE = 80
_MANY = 1_000
_PATIENCE = 3  # runs without a repeat after which the fast path is no longer tried in a stream


class Finish(NamedTuple):
    """A ``finish_reason`` that is not null, as received."""

    chunk: int
    pointer: str
    value: Any


class Usage(NamedTuple):
    """A usage object as received; ``placement`` says what the chunk held beside it: ``[]``, ``finish``, ``choices``."""

    chunk: int
    pointer: str
    value: dict[str, Any]
    placement: str


class Error(NamedTuple):
    """An ``error`` that is not null, as received."""

    chunk: int
    pointer: str
    value: Any

    @property
    def text(self) -> str:
        """Its message, on one line, truncated to the width of a terminal."""
        message = self.value.get("message") if type(self.value) is dict else self.value
        text = " ".join(python_text(message).split())
        return text if len(text) <= _LINE else f"{text[: _LINE - 1]}…"


class ToolFragment(NamedTuple):
    """One object of a ``tool_calls`` list, as received."""

    chunk: int
    pointer: str
    value: dict[str, Any]


class Extra(NamedTuple):
    """Content of a choice that is not text, as received under ``key``; see ``EXTRAS``."""

    chunk: int
    pointer: str
    key: str
    value: Any


class Logprobs(NamedTuple):
    """The ``logprobs`` object of a choice, as received."""

    chunk: int
    pointer: str
    value: dict[str, Any]


@dataclass(slots=True)
class Fragments:
    """The text pieces of one channel of one choice, with the chunk each came in."""

    texts: list[str] = field(default_factory=list)
    chunks: "array[int]" = field(default_factory=lambda: array("q"))
    _joined: tuple[int, str] = (0, "")

    @property
    def text(self) -> str:
        """All pieces joined; joined once, since many rules read it."""
        if self._joined[0] != len(self.texts):
            self._joined = (len(self.texts), whole_characters("".join(self.texts)))
        return self._joined[1]

    @property
    def size(self) -> int:
        """The size of all fragments in UTF-8."""
        text = self.text
        return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


@dataclass(slots=True)
class Choice:
    """
    What the chunks hold for one choice index; ``first_chunk`` and ``last_chunk`` are the first and last that name
    it.

    ``finish_values`` and ``roles`` are those that are not null; ``part_types`` the types of the parts if content
    came as a list; ``extras`` the content that is neither text nor empty.
    """

    index: int
    first_chunk: int = 0
    channels: dict[str, Fragments] = field(default_factory=dict)
    finish_values: list[Finish] = field(default_factory=list)
    roles: dict[Any, Occurrences] = field(default_factory=dict)
    tools: list[ToolFragment] = field(default_factory=list)
    logprobs: list[Logprobs] = field(default_factory=list)
    part_types: dict[Any, Occurrences] = field(default_factory=dict)
    extras: list[Extra] = field(default_factory=list)
    last_chunk: int = 0

    @property
    def finish_reasons(self) -> list[Finish]:
        """The finish values that are non-empty strings."""
        return [finish for finish in self.finish_values if type(finish.value) is str and finish.value]

    def fragments(self, channel: str) -> Fragments:
        """Return the pieces of ``channel``; an empty one if it never held text."""
        return self.channels.get(channel) or Fragments()

    def add_text(self, part: dict[str, Any], channels: tuple[str, ...], number: int) -> None:
        """Append the text that ``part`` holds in each of ``channels``."""
        for name in channels:
            pieces = self.channels.get(name)
            if pieces is None:
                pieces = self.channels[name] = Fragments()
            pieces.texts.append(part[name])
            pieces.chunks.append(number)

    def keep_halves(self, part: dict[str, Any], number: int) -> None:
        """Replace the texts of the last chunk by those of ``part``, with their lone surrogates."""
        for name, pieces in self.channels.items():
            if pieces.chunks[-1] == number and type(part.get(name)) is str:
                pieces.texts[-1] = part[name]

    @property
    def reasoning(self) -> str | None:
        """The name of the first channel that carried reasoning text, if any did."""
        return next((name for name in REASONING_CHANNELS if name in self.channels), None)


class Columns:
    """
    The columns of one stream or body.

    ``values`` holds, for each constant key of a chunk (``id``, ``object``, …), its distinct values with their count
    and places; ``shapes`` the distinct shapes; ``choices`` the content by choice index; ``usages`` every usage
    object; ``errors`` every ``error`` that is not null; ``not_objects`` the chunk numbers and kinds of JSON that is
    not an object; ``foreign`` the numbers and keys of objects in a stream that are neither chunks nor errors;
    ``duplicate_index_chunks`` the chunks in which two choices have one index, ``empty_choices_chunks`` those whose
    list of choices is empty; ``repeated_keys`` the keys that occur twice in an object.  ``count`` counts all JSON
    values, ``chunk_count`` the chunks: objects that are not just an error.  A chunk's number is that of the event
    it came in.
    """

    def __init__(self, message_key: MessageKey) -> None:
        self.message_key: MessageKey = message_key
        self.count = 0
        self.chunk_count = 0
        self.first = 0
        self.last = 0
        self.values: dict[str, dict[Any, Occurrences]] = {name: {} for name in CONSTANT_KEYS}
        self.shapes: list[Shape] = []
        self.choices: dict[int, Choice] = {}
        self.usages: list[Usage] = []
        self.errors: list[Error] = []
        self.not_objects: list[tuple[int, Kind]] = []
        self.foreign: list[tuple[int, tuple[str, ...]]] = []
        self.duplicate_index_chunks: list[int] = []
        self.empty_choices_chunks: list[int] = []
        self.repeated_keys = RepeatedKeys()
        self._by_key: dict[Any, Shape] = {}
        self._constants: list[Any] = []
        self._constants_of: Shape | None = None
        self._constants_seen: list[Occurrences] = []
        self._idle_runs = 0
        self._kinds: dict[str, tuple[int, dict[Kind, Occurrences]]] = {}

    def add_stream(self, texts: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
        """Add the chunks of a stream as JSON texts; yield number and text of each that is not strict JSON."""
        number = 0
        while number < len(texts):
            data = texts[number]
            try:
                chunk = orjson.loads(data)
            except orjson.JSONDecodeError:
                yield number, data
                number += 1
                continue
            shape = self.add(chunk, number)
            self.repeated_keys.see(data, chunk, shape, number)
            number += 1
            if shape is not None and shape.plain and len(shape.channels) == 1 and self._idle_runs < _PATIENCE:
                number = self._take_repeats(texts, number, data, chunk, shape)

    def add(self, chunk: Any, number: int) -> Shape | None:
        """Add one parsed chunk; return its shape, None if it is not an object."""
        if not self.count:
            self.first = number
        self.count += 1
        self.last = number
        if type(chunk) is not dict:
            self.not_objects.append((number, kind(chunk)))
            return None
        if self.message_key == "delta" and chunk and not _NO_FOREIGNERS & chunk.keys():
            self.foreign.append((number, tuple(map(str, chunk))))
            return None
        told = "choices" not in chunk and (chunk.get("error") or chunk.get("object") == "error")
        if told or (self.message_key == "delta" and is_flat_error(chunk)):
            pointer = "/error" if chunk.get("error") else ""
            self.errors.append(Error(number, pointer, chunk.get("error") or chunk))
            return None
        self.chunk_count += 1
        shape = self._shape(chunk, number)
        shape.count += 1
        shape.last = number
        self._add_constants(chunk, shape, number)
        if not shape.plain:
            self._gather(chunk, number)
        else:
            choice = chunk["choices"][0]
            self._choice(choice["index"], number).add_text(choice[self.message_key], shape.channels, number)
        return shape

    def part_of(self, choice: dict[str, Any]) -> Any:
        """Return the delta or message of a choice, under the keys of a message."""
        return choice.get(self.message_key)

    def spelled(self, pattern: str) -> str:
        """Replace ``{part}`` in a pattern of pointers by ``delta`` for a stream and by ``message`` for a body."""
        return pattern.replace("{part}", self.message_key)

    def keep_halves(self, chunk: Any, number: int) -> None:
        """Keep the lone surrogates in the texts of a chunk that was added: the next chunk may hold the other halves."""
        for position, choice in _objects_in(chunk.get("choices") if type(chunk) is dict else None):
            index, part = choice.get("index"), self.part_of(choice)
            column = self.choices.get(index if type(index) is int else position)
            if column is not None and type(part) is dict:
                column.keep_halves(part, number)

    def holds_only(self, pattern: str, allowed: AbstractSet[Kind]) -> bool:
        """Return whether all values at ``pattern`` are of ``allowed`` kinds: forms alone decide that, without counting."""
        return all(shape.form.kinds_at(pattern) <= allowed for shape in self.shapes)

    def kinds(self, pattern: str) -> dict[Kind, Occurrences]:
        """
        Return the kinds of values that ``pattern`` points at, each with its count and first place.

        ``*`` in the pattern stands for any one token.  ``missing`` counts the objects that lack the key:
        ``/choices/*/finish_reason`` is missing once for each choice that lacks it.
        """
        known = self._kinds.get(pattern)
        if known is not None and known[0] == self.count:
            return known[1]
        found: dict[Kind, Occurrences] = {}
        for shape in self.shapes:
            for pointer, what in shape.form.places(pattern):
                _count(found, what, shape, pointer)
        self._kinds[pattern] = (self.count, found)
        return found

    def _take_repeats(
        self, texts: Sequence[bytes], number: int, data: bytes, chunk: dict[str, Any], shape: Shape
    ) -> int:
        """Add the chunks from ``number`` on that differ from ``data`` only in their text; return the first other."""
        channel = shape.channels[0]
        padding = [name for name in PADDING if shape.kinds.get(f"/{name}") == "text"][:1]
        found = repeated_texts(texts, number, data, [channel, *padding])
        self._idle_runs = 0 if found else self._idle_runs + 1
        if found:
            self._add_repeats(found, number, self.choices[chunk["choices"][0]["index"]], channel, shape)
        return number + len(found)

    def _add_repeats(self, found: list[str], number: int, choice: Choice, channel: str, shape: Shape) -> None:
        """Count the chunks from ``number`` on that differ from the one before only in the texts ``found``."""
        end = number + len(found)
        fragments = choice.channels[channel]
        fragments.texts += found if len(found) < _MANY else map(intern, found)  # tokens that come again
        fragments.chunks.extend(range(number, end))
        self.count += len(found)
        self.chunk_count += len(found)
        self.last = choice.last_chunk = end - 1
        shape.count += len(found)
        shape.last = end - 1
        for seen in self._constants_seen:
            seen.count += len(found)
            seen.last = end - 1

    def _add_constants(self, chunk: dict[str, Any], shape: Shape, number: int) -> None:
        values = [chunk.get(name) for name in CONSTANT_KEYS]
        # Equal values of one shape are of equal types; without it, 1 and true would be taken for the same.
        if shape is not self._constants_of or not same(values, self._constants):
            self._constants, self._constants_of = values, shape
            given = [(name, value) for name, value in zip(CONSTANT_KEYS, values, strict=True) if name in chunk]
            self._constants_seen = [_seen(self.values[name], value, number) for name, value in given]
        for seen in self._constants_seen:
            seen.count += 1
            seen.last = number

    def _shape(self, chunk: dict[str, Any], number: int) -> Shape:
        key = quick_key(chunk, self.message_key)
        shape = self._by_key.get(key) if key else None
        if shape is not None and not shape.deep:
            return shape
        full = tuple(kinds_in(chunk))
        shape = self._by_key.get(full)
        if shape is None:
            shape = Shape(form_of(full, self.message_key), number)
            self.shapes.append(shape)
            self._by_key[full] = shape
        if key:
            self._by_key[key] = shape
        return shape

    def _choice(self, index: int, number: int) -> Choice:
        choice = self.choices.get(index)
        if choice is None:
            choice = self.choices[index] = Choice(index, number)
        choice.last_chunk = number
        return choice

    def _gather(self, chunk: dict[str, Any], number: int) -> None:
        """Add what a chunk whose shape is not plain holds besides constants."""
        if chunk.get("error"):
            self.errors.append(Error(number, "/error", chunk["error"]))
        choices = chunk.get("choices")
        if choices == []:
            self.empty_choices_chunks.append(number)
        objects = _objects_in(choices)
        indices = [one.get("index") for _, one in objects if type(one.get("index")) is int]
        if len(set(indices)) < len(indices):
            self.duplicate_index_chunks.append(number)
        for position, choice in objects:
            self._gather_choice(choice, position, number)
        placement = _placement(choices)
        self._add_usage(chunk.get("usage"), "/usage", number, placement)
        groq = chunk.get("x_groq")
        if type(groq) is dict:
            self._add_usage(groq.get("usage"), "/x_groq/usage", number, placement)

    def _gather_choice(self, choice: dict[str, Any], position: int, number: int) -> None:
        index = choice.get("index")
        column = self._choice(index if type(index) is int else position, number)
        at = f"/choices/{position}"
        self._add_usage(choice.get("usage"), f"{at}/usage", number, "choice")
        if choice.get("error"):
            self.errors.append(Error(number, f"{at}/error", choice["error"]))
        if choice.get("finish_reason") is not None:
            column.finish_values.append(Finish(number, f"{at}/finish_reason", choice["finish_reason"]))
        if type(choice.get("logprobs")) is dict:
            column.logprobs.append(Logprobs(number, f"{at}/logprobs", choice["logprobs"]))
        part = self.part_of(choice)
        if type(part) is not dict:
            return
        texts = tuple(name for name in TEXT_CHANNELS if part.get(name) and type(part[name]) is str)
        column.add_text(part, texts, number)
        column.extras += [
            Extra(number, f"{at}/{self.message_key}/{key}", key, part[key]) for key in EXTRAS if part.get(key)
        ]
        content = part.get("content")
        for piece in content if type(content) is list else ():
            _see(column.part_types, piece.get("type") if type(piece) is dict else None, number)
        if part.get("role") is not None:
            _see(column.roles, part["role"], number)
        for place, fragment in _objects_in(part.get("tool_calls")):
            column.tools.append(ToolFragment(number, f"{at}/{self.message_key}/tool_calls/{place}", fragment))

    def _add_usage(self, value: Any, pointer: str, number: int, placement: str) -> None:
        if type(value) is dict:
            self.usages.append(Usage(number, pointer, value, placement))


def _objects_in(value: Any) -> list[tuple[int, dict[str, Any]]]:
    """Return the objects of a list, each with its index; none if it is not a list."""
    return [(n, one) for n, one in enumerate(value) if type(one) is dict] if type(value) is list else []


def _seen(table: dict[Any, Occurrences], value: Any, number: int) -> Occurrences:
    """Return the entry of ``value`` in ``table``, keyed by its JSON text unless it is a string, integer or null."""
    key = value if type(value) in {str, int, type(None)} else json_text(value)
    seen = table.get(key)
    if seen is None:
        seen = table[key] = Occurrences(0, number, number)
    return seen


def _see(table: dict[Any, Occurrences], value: Any, number: int) -> None:
    """Count ``value`` in ``table``."""
    seen = _seen(table, value, number)
    seen.count += 1
    seen.last = number


def _count(found: dict[Kind, Occurrences], what: Kind, shape: Shape, pointer: str) -> None:
    seen = found.get(what)
    if seen is None:
        found[what] = Occurrences(shape.count, shape.first, shape.last, pointer)
        return
    seen.count += shape.count
    seen.last = max(seen.last, shape.last)
    if shape.first < seen.first:
        seen.first, seen.pointer = shape.first, pointer


def _placement(choices: Any) -> str:
    if choices == []:
        return "[]"
    if type(choices) is not list:
        return "no choices"
    finished = any(type(choice) is dict and choice.get("finish_reason") for choice in choices)
    return "finish" if finished else "choices"
