"""Combines the parts of a JSON Schema: references, ``allOf``, and each choice of ``anyOf`` and ``oneOf``."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from harness.wire.shapes import Json

_HIGHEST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_LOWEST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_OF_TYPE = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "minProperties", "propertyNames"),
    "array": ("items", "prefixItems", "minItems", "contains", "uniqueItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
ALL_TYPES = ("object", "string", "integer", "number", "boolean", "array", "null")
_DEEPEST_REFERENCE = 20
_PUT_TOGETHER = frozenset({"$ref", "allOf", "anyOf", "oneOf", "if"})


def alternatives(schema: Json, root: Any, *, null_first: bool = False) -> Iterator[Json]:
    """Yield ``schema`` without references, ``allOf`` and choices, once for each choice; null is the last, or the first."""
    if _PUT_TOGETHER.isdisjoint(schema):
        yield schema
        return
    schema = resolved(schema, root)
    together = schema.pop("allOf", ())
    if together:
        yield from alternatives(
            merged([schema, *(resolved(one, root) for one in together)]), root, null_first=null_first
        )
        return
    for key in ("anyOf", "oneOf"):
        if key in schema:
            choices = sorted(schema.pop(key), key=_is_null, reverse=null_first)
            for choice in choices:
                yield from alternatives(merged([schema, resolved(choice, root)]), root, null_first=null_first)
            return
    if "if" in schema:
        yield from _conditional(schema, root)
        return
    yield schema


def _conditional(schema: Json, root: Any) -> Iterator[Json]:
    condition, then, other = (schema.pop(key, {}) for key in ("if", "then", "else"))
    yield from alternatives(merged([schema, resolved(other, root)]), root)
    yield from alternatives(merged([schema, resolved(condition, root), resolved(then, root)]), root)


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and (schema.get("type") == "null" or schema.get("const", 0) is None)


def resolved(schema: Any, root: Any) -> Json:
    """Return a schema with its reference resolved; raise LookupError if that leads nowhere."""
    if not isinstance(schema, Mapping):
        return {} if schema is not False else {"enum": [], "not": {}}
    found = dict(schema)
    for _ in range(_DEEPEST_REFERENCE):
        reference = found.pop("$ref", None)
        if reference is None:
            return found
        found = merged([_at(root, str(reference)), found])
    raise LookupError("its references go in a circle")


def _at(root: Any, reference: str) -> Any:
    if not reference.startswith("#"):
        raise LookupError(f"it refers to {reference!r}, which is not in it")
    part = root
    for name in reference.removeprefix("#").split("/")[1:]:
        key = unquote(name).replace("~1", "/").replace("~0", "~")
        part = part[int(key)] if isinstance(part, list) else part[key]
    return part


def merged(schemas: Iterable[Any]) -> Json:
    """Return one schema with the constraints of all ``schemas``, as far as two of one kind can be merged."""
    whole: Json = {}
    for schema in schemas:
        for key, value in schema.items() if isinstance(schema, Mapping) else ():
            whole[key] = _both(key, whole[key], value) if key in whole else value
    return whole


def _both(key: str, one: Any, other: Any) -> Any:
    if key in {"properties", "patternProperties", "$defs", "definitions"}:
        return {name: merged([part[name] for part in (one, other) if name in part]) for name in {**one, **other}}
    if key == "required":
        return list(dict.fromkeys([*one, *other]))
    if key in {"enum", "type"}:
        mine, theirs = (value if isinstance(value, list) else [value] for value in (one, other))
        return [value for value in mine if value in theirs]
    if key == "allOf":
        return [*one, *other]
    if key in _HIGHEST:
        return max(one, other)
    return min(one, other) if key in _LOWEST else other


def types_of(schema: Json, *, null_first: bool = False) -> list[str]:
    """Return the types that a value may have, the one to try first ahead; null is the last, or the first."""
    said = schema.get("type")
    if said is None:
        return [kind for kind, keys in _OF_TYPE.items() if any(key in schema for key in keys)] or list(ALL_TYPES[1:])
    listed = said if isinstance(said, list) else [said]
    return sorted(listed, key=lambda kind: kind == "null", reverse=null_first)
