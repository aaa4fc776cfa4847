"""Instances of JSON Schemas fit, are deterministic, and use values of the prompt."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemas import OBJECTS

from harness.simulate.hints import Hints
from harness.simulate.instances import UnfillableSchema, _Filler, instance
from harness.simulate.plain_schemas import filler, is_plain


@settings(deadline=None, max_examples=60)
@given(schema=OBJECTS)
def test_a_value_fits_its_schema_and_is_the_same_each_time(schema: dict[str, Any]) -> None:
    value = instance(schema)
    Draft202012Validator(schema).validate(value)
    assert instance(schema) == value


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer", "multipleOf": 7, "minimum": 10, "maximum": 15}, 14),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.01}, 0.005),
        ({"type": "integer", "maximum": -3}, -3),
        ({"enum": [-(2**63) - 1]}, -(2**63) - 1),
        ({"type": "string", "format": "date-time", "minLength": 3, "maxLength": 8}, "text 2"),
        (
            {
                "type": "object",
                "properties": {
                    "at": {"anyOf": [{"type": "string", "format": "date", "maxLength": 3}, {"$ref": "#/$defs/n"}]}
                },
                "required": ["at"],
                "$defs": {"n": {"type": "null"}},
            },
            {"at": "t 2"},
        ),
        ({"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 2}, [True, False]),
        ({"type": "array", "contains": {"const": 5}, "minItems": 3, "items": {"type": "integer"}}, [5, 2, 3]),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": "x"}], "items": False, "minItems": 2}, [1, "x"]),
        ({"type": "string", "not": {"const": "text"}}, "text 2"),
        ({"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 3}]}, 1),
        ({"allOf": [{"minimum": 3}, {"type": "integer", "maximum": 5}]}, 3),
        ({"type": "object", "required": ["a"], "dependentRequired": {"a": ["b"]}}, {"a": "a", "b": "b"}),
        ({"type": ["null", "string"]}, "text"),
        ({"enum": [None, "x"]}, None),
        ({"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}}}, {"a": 1, "b": 2}),
        ({"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}}, "required": ["b"]}, {"b": 2}),
    ],
)
def test_the_smallest_is_made_that_fits(schema: dict[str, Any], expected: Any) -> None:
    assert instance(schema) == expected


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (False, "no instance"),
        ({"not": {}}, "no instance"),
        ({"enum": []}, "no instance"),
        ({"type": "strin"}, "no JSON Schema: 'strin'"),
        ({"$ref": "https://example.com/x"}, "it refers to 'https://example.com/x', which is not in it"),
        ({"$ref": "#/nope"}, "nope"),
        ({"$ref": "#"}, "in a circle"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "without end"),
        ({"type": "string", "pattern": r"\p{L}+"}, "no JSON Schema"),
        ({"type": "string", "minLength": 5, "maxLength": 4}, "no instance"),
    ],
)
def test_what_has_no_instance_is_said_to_have_none(schema: Any, said: str) -> None:
    with pytest.raises(UnfillableSchema, match=said.replace("(", r"\(")):
        instance(schema)


def test_a_schema_that_names_itself_ends() -> None:
    node: dict[str, Any] = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "kids": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["name", "kids"],
    }
    value = instance(node)
    Draft202012Validator(node).validate(value)
    depth = 0
    while value["kids"]:
        value, depth = value["kids"][0], depth + 1
    assert 0 < depth < 6


def test_values_come_out_of_the_prompt() -> None:
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer", "minimum": 1, "maximum": 9},
            "unit": {"enum": ["kelvin", "celsius"]},
        },
        "required": ["city", "days", "unit"],
    }
    asked = 'What will the weather be in "Aix-en-Provence" for 3 days of 2026, in celsius?'
    assert instance(schema, Hints(asked)) == {"city": "Aix-en-Provence", "days": 3, "unit": "celsius"}
    assert instance(schema, Hints("How is it in Paris?"))["city"] == "Paris"
    assert instance(schema, Hints(""))["city"] == "city"
    number = {"type": "object", "properties": {"input": {"type": "integer"}}, "required": ["input"]}
    assert instance(number, Hints("What is the value of magic_function(3)? Use the tool.")) == {"input": 3}


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {"type": "string"}},
        {"type": "object", "properties": {"a": {"not": {"type": ["string", "integer"]}}}, "required": ["a"]},
        {"type": ["string", "array"], "not": {"type": "string"}},
    ],
)
def test_what_is_no_text_is_found_among_the_other_types(schema: dict[str, Any]) -> None:
    assert Draft202012Validator(schema).is_valid(instance(schema, Hints("Do it for 7")))


_LEAVES = st.sampled_from(["string", "integer", "number", "boolean", "null"]).map(lambda kind: {"type": kind})
_CHOICES = st.lists(st.sampled_from(["red", "green", "blue"]), min_size=1, unique=True).map(lambda some: {"enum": some})


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    listed = inner.map(lambda part: {"type": "array", "items": part})
    return listed | st.dictionaries(st.sampled_from(["id", "name", "tags"]), inner).flatmap(_object_of)


def _object_of(parts: dict[str, Any]) -> st.SearchStrategy[Any]:
    required = st.lists(st.sampled_from(sorted(parts)), unique=True) if parts else st.just([])
    return st.builds(lambda names, closed: {"type": "object", "properties": parts, "required": names} | closed, required,
                     st.sampled_from([{}, {"additionalProperties": False}, {"additionalProperties": True}]))  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.recursive(_LEAVES | _CHOICES, _around, max_leaves=6), st.sampled_from(["", "Order 7, 'red' and 2.5 please"]))
def test_what_is_made_of_a_plain_schema_fits_without_a_judge(schema: Any, prompt: str) -> None:
    value = instance(schema, Hints(prompt))
    assert Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    ("schema", "plain"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, True),
        ({"type": "array", "items": {"enum": ["a"]}}, True),
        ({"type": "object", "required": ["a"]}, False),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}}, False),
        ({"type": "integer", "minimum": 3}, False),
        ({"type": "string", "enum": [1]}, False),
        ({"type": ["string", "null"]}, False),
        ({}, False),
    ],
)
def test_a_schema_is_plain_if_nothing_in_it_narrows_what_fits(schema: Any, *, plain: bool) -> None:
    assert is_plain(schema) is plain


NAMES = st.sampled_from(["order_id", "city", "a", "note", "fields"])
LEAVES = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["string", "integer", "number", "boolean", "null"])}),
    st.fixed_dictionaries({"type": st.just("string"), "format": st.sampled_from(["date", "email", "none of ours"])}),
    st.fixed_dictionaries({"enum": st.lists(st.sampled_from(["red", "blue", "Lyon"]), min_size=1)}),
)
PLAIN_SCHEMAS = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.fixed_dictionaries({"type": st.just("array")}, optional={"items": parts}),
        st.dictionaries(NAMES, parts, min_size=1).flatmap(
            lambda properties: st.fixed_dictionaries(
                {"type": st.just("object"), "properties": st.just(properties)},
                optional={"required": st.lists(st.sampled_from(sorted(properties)), unique=True)},
            )
        ),
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=200)
@given(schema=PLAIN_SCHEMAS)
def test_a_plain_schema_is_filled_with_what_is_made_first_of_any(schema: dict[str, Any]) -> None:
    text = 'Is order 7, or 8.5, of "blue" things in Lyon, with note: short?'
    first = next(_Filler(schema, Hints(text), careful=False).values(schema, 0))
    assert not is_plain(schema) or filler(schema)(Hints(text)) == first
