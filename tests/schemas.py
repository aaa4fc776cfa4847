"""Provides JSON Schemas for tests: typical ones for tools and structured output, and any that hypothesis makes."""

from typing import Any

from hypothesis import strategies as st

_NAMES = st.sampled_from(["city", "count", "kind", "tags", "parent", "when", "a b", "名"])
_STRINGS = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(3, 9),
        "format": st.sampled_from(["date-time", "email", "uuid", "odd"]),
        "description": st.text(max_size=5),
    },
)
_WHOLE = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={"minimum": st.integers(-5, 5), "maximum": st.integers(5, 20), "multipleOf": st.sampled_from([1, 5])},
)
_EXACT = st.integers(-(2**53), 2**53)
"""A schema with more digits than a double holds breaks `tool_calls.arguments-alike`."""

_PLAIN = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=4)
"""A schema with control characters breaks a rule about texts."""

_LEAVES = st.one_of(
    _STRINGS,
    _WHOLE,
    st.just({"type": "boolean"}),
    st.just({"type": ["string", "null"]}),
    st.just({"type": "string", "pattern": "^[A-Z]{3}-[0-9]{2,4}$"}),
    st.just({"const": {"fixed": [1]}}),
    st.just({}),
    st.just({"$ref": "#/$defs/node"}),
    st.lists(st.one_of(_EXACT, _PLAIN), min_size=1, max_size=4, unique=True).map(lambda one: {"enum": one}),
)  # fmt: skip
NODE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
    "required": ["name", "next"],
    "additionalProperties": False,
}


def _object(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def made(properties: dict[str, Any], closed: bool, all_of: bool) -> dict[str, Any]:  # noqa: FBT001
        names = list(properties) if all_of else list(properties)[:1]
        return {"type": "object", "properties": properties, "required": names} | (
            {"additionalProperties": False} if closed else {}
        )

    return st.builds(made, st.dictionaries(_NAMES, inner, max_size=4), st.booleans(), st.booleans())


def _inner(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        _object(inner),
        st.fixed_dictionaries(
            {"type": st.just("array"), "items": inner},
            optional={"minItems": st.integers(0, 2), "maxItems": st.integers(2, 4)},
        ),
        st.fixed_dictionaries({"type": st.just("object"), "additionalProperties": inner}),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: {"anyOf": some}),
        inner.map(lambda one: {"allOf": [one, {"description": "the same"}]}),
    )


OBJECTS = _object(st.recursive(_LEAVES, _inner, max_leaves=8)).map(lambda one: one | {"$defs": {"node": NODE}})
"""Schemas of objects, all with an instance."""
