"""
Generates instances of plain schemas, whose first candidate always fits: types, properties, items and enumerated
strings.

Most declared tools have such a schema.  It is compiled once, and then filled with values of each prompt; the values
are those that ``instances`` makes first.
"""

from collections.abc import Callable, Mapping
from typing import Any

from harness.simulate.hints import Hints, spoken
from harness.simulate.schema_parts import ALL_TYPES

Fill = Callable[[Hints], Any]
FORMATS = {
    "date-time": "2026-01-15T09:30:00Z",
    "date": "2026-01-15",
    "time": "09:30:00Z",
    "duration": "P1D",
    "email": "ada@example.com",
    "idn-email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uri-reference": "/path",
    "iri": "https://example.com/",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
    "json-pointer": "/a",
    "regex": ".*",
    "binary": "",
    "decimal": "1.5",
}

_TOLD = frozenset({"title", "description", "default", "examples", "$schema", "format", "strict"})
_PLAIN = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items"}),
    "string": frozenset({"enum"}),
}
_PLAIN_DEPTH = 3
_ANY_TEXT = {"type": "string"}


def is_plain(schema: Any, depth: int = 0) -> bool:
    """Return whether a schema has only types, properties, items and enumerated strings, so that any candidate fits."""
    if not isinstance(schema, Mapping) or depth > _PLAIN_DEPTH:
        return False
    kind = schema.get("type", "string" if "enum" in schema else None)
    if (
        not isinstance(kind, str)
        or kind not in ALL_TYPES
        or not schema.keys() - {"type"} <= _TOLD | _PLAIN.get(kind, _TOLD)
    ):
        return False
    parts: list[Any] = [*schema["properties"].values()] if "properties" in schema else []
    parts += [schema["items"]] if "items" in schema else []
    return _is_plain_here(schema) and all(is_plain(part, depth + 1) for part in parts)


def _is_plain_here(schema: Mapping[str, Any]) -> bool:
    """Return whether the required properties of an object are described, and an enumeration has only strings."""
    listed = schema.get("enum", [""])
    described = set(schema.get("required", ())) <= set(schema.get("properties", ()))
    closed = isinstance(schema.get("additionalProperties", True), bool)
    return described and closed and bool(listed) and all(isinstance(one, str) for one in listed)


def filler(schema: Mapping[str, Any], name: str = "", depth: int = 0) -> Fill:
    """Return a function that makes a value of a plain schema, of the property ``name``; it consumes hints."""
    listed = schema.get("enum")
    if listed is not None:
        return lambda hints: hints.first(listed)[0]
    kind = schema["type"]
    if kind == "object":
        return _object(schema, depth)
    if kind == "array":
        part = filler(schema.get("items", _ANY_TEXT), name, depth + 1)
        return lambda hints: [part(hints)]
    if kind in ("boolean", "null"):
        return lambda _hints: True if kind == "boolean" else None
    if kind == "string":
        return _text(name, FORMATS.get(str(schema.get("format"))))
    return lambda hints: hints.number(whole=kind == "integer")


def _object(schema: Mapping[str, Any], depth: int) -> Fill:
    properties = schema.get("properties") or {}
    names = dict.fromkeys(schema.get("required") or (properties if depth == 0 else ()))
    parts = [(key, filler(properties[key], key, depth + 1)) for key in names]
    return lambda hints: {key: part(hints) for key, part in parts}


def _text(name: str, formatted: str | None) -> Fill:
    plain = spoken(name)

    def fill(hints: Hints) -> str:
        said = hints.text(name)
        return plain if said is None else said

    return fill if formatted is None else lambda _hints: formatted
