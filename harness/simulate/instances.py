"""
Generates an instance of a JSON Schema, as a model might for arguments or structured output.

No existing library fits: jsf uses the global random generator, hypothesis-jsonschema rejects recursive schemas.
The instance is minimal, uses values of the prompt if they fit, and is deterministic; jsonschema validates it,
except for schemas so plain that nothing can go wrong.
"""

import json
import random
import re
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache, partial
from itertools import chain, count, islice
from typing import Any

import rstr
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for

from harness.simulate.hints import Hints, spoken
from harness.simulate.plain_schemas import FORMATS, Fill, filler, is_plain
from harness.simulate.schema_parts import alternatives, merged, types_of
from harness.wire.dumping import json_text
from harness.wire.shapes import Json

_DEEP, _DEEPEST = 3, 20
"""From the first depth on instances are minimal; at the second, generation stops."""
_TRIES = 24
_REFERENCE = re.compile(r'"\$ref":"([^"]*)"')


class UnfillableSchema(ValueError):
    """No instance of a schema was found: it is invalid, allows nothing, or uses unsupported keywords."""


def instance(schema: Any, hints: Hints | None = None) -> Any:
    """
    Return a value that fits ``schema``; raise UnfillableSchema if none is found.

    ``hints`` are values from the prompt, such as its numbers and quoted texts.
    """
    return maker_of(schema)(hints or Hints())


def maker_of(schema: Any) -> Fill:
    """Return a function from hints to a value that fits ``schema``; raise UnfillableSchema as ``instance``."""
    try:
        return _maker_of(json_text(schema))
    except SchemaError as error:
        raise UnfillableSchema(f"it is no JSON Schema: {error.message}") from None
    except (RecursionError, LookupError, TypeError, ValueError) as error:
        raise UnfillableSchema(f"no instance of it is found: {error}") from None


@lru_cache(256)
def _maker_of(content: str) -> Fill:
    validator = _validator(content)
    if isinstance(validator.schema, Mapping) and is_plain(validator.schema):
        fill = filler(validator.schema)
        return lambda hints: fill(hints.copy())
    return partial(_found, validator)


def _found(validator: Validator, hints: Hints) -> Any:
    """Return the first value that fits, of candidates made with increasing care."""
    schema: Any = validator.schema
    try:
        for careful in (False, True):
            maker = _Filler(schema, hints.copy(), careful=careful)
            for value in islice(maker.values(schema, 0), _TRIES if careful else 1):
                if validator.is_valid(value):
                    return value
    except (RecursionError, LookupError, TypeError, ValueError, re.error, OverflowError) as error:
        raise UnfillableSchema(f"no instance of it is found: {error}") from None
    except Exception as error:  # noqa: BLE001 - a reference that leads nowhere is of a class that referencing keeps to itself
        raise UnfillableSchema(f"no instance of it is found: {type(error).__name__}") from None
    raise UnfillableSchema("no instance of it is found")


@lru_cache(256)
def _validator(content: str, *, checked: bool = True) -> Validator:
    schema = json.loads(content)
    kind = validator_for(schema, default=Draft202012Validator)
    if checked:
        kind.check_schema(schema)
    return kind(schema)


class _Filler:
    """
    Generates values of a schema and its parts; ``unlike`` numbers values that must differ.

    If ``careful``, each part is validated, so that the alternative that fits is found.
    """

    def __init__(self, root: Any, hints: Hints, *, careful: bool) -> None:
        self._root = root
        self._hints = hints
        self._careful = careful

    @cached_property
    def _xeger(self) -> rstr.Rstr:
        return rstr.Rstr(random.Random(7))  # noqa: S311 - the same schema is to give the same value

    def values(self, schema: Any, depth: int, name: str = "", unlike: int = 0) -> Iterator[Any]:
        """Yield values that may fit, the likeliest first; ``name`` is that of the property."""
        if depth > _DEEPEST:
            raise UnfillableSchema("it asks for itself without end")
        if not isinstance(schema, Mapping):
            if schema is not False:
                yield self._text({}, name, unlike)
            return
        for plain in alternatives(dict(schema), self._root, null_first=depth > _DEEP):
            yield from self._plain(plain, depth, name, unlike)

    def _plain(self, schema: Json, depth: int, name: str, unlike: int) -> Iterator[Any]:
        if "const" in schema:
            yield schema["const"]
        elif "enum" in schema:
            listed = self._hints.first(schema["enum"])
            yield from listed[unlike % len(listed) :] + listed[: unlike % len(listed)]
        else:
            kinds = [self._of(kind, schema, depth, name, unlike) for kind in types_of(schema, null_first=depth > _DEEP)]
            for values in kinds:  # one of each, before many texts are tried
                yield from islice(values, 1)
            yield from chain.from_iterable(kinds)

    def _of(self, kind: str, schema: Json, depth: int, name: str, unlike: int) -> Iterator[Any]:
        if kind == "object":
            yield from self._objects(schema, depth)
        elif kind == "array":
            yield from self._arrays(schema, depth, name)
        elif kind == "boolean":
            yield from (unlike % 2 == 0, unlike % 2 == 1)
        elif kind == "null":
            yield None
        elif kind == "string":
            yield from islice((self._text(schema, name, unlike + n) for n in count()), _TRIES)
        else:
            yield from self._numbers(schema, unlike, whole=kind == "integer")

    def _objects(self, schema: Json, depth: int) -> Iterator[Any]:
        properties = schema.get("properties") or {}
        required = list(schema.get("required") or ())
        wanted = dict.fromkeys(required or (properties if depth == 0 else ()))
        for more in (schema.get("dependentRequired") or {}).items():
            wanted |= dict.fromkeys(more[1]) if more[0] in wanted else {}
        names = [*wanted, *(one for one in properties if one not in wanted)]
        made: Json = {}
        for key in names[: max(len(wanted), schema.get("minProperties", 0))]:
            value = self._one(self._schema_of(key, schema), depth + 1, key, optional=key not in required)
            if value is not _NOTHING:
                made[key] = value
        self._fill_up(made, schema, depth)
        yield made
        yield {key: value for key, value in made.items() if key in required}

    def _schema_of(self, key: str, schema: Json) -> Any:
        """Return the schema of the value of a property."""
        properties = schema.get("properties") or {}
        fitting = [one for pattern, one in (schema.get("patternProperties") or {}).items() if re.search(pattern, key)]
        if key in properties:
            fitting.insert(0, properties[key])
        return merged(fitting) if fitting else schema.get("additionalProperties", {})

    def _fill_up(self, made: Json, schema: Json, depth: int) -> None:
        """Add unnamed properties, if a map is required or more are needed."""
        bare = not schema.get("properties") and isinstance(schema.get("additionalProperties"), Mapping)
        names = (self._name(schema, number) for number in range(_TRIES))
        for key in names:
            if len(made) >= max(schema.get("minProperties", 0), int(bare and schema.get("maxProperties", 1) > 0)):
                return
            value = self._one(self._schema_of(key, schema), depth + 1, key, optional=True)
            if key not in made and value is not _NOTHING:
                made[key] = value

    def _name(self, schema: Json, number: int) -> str:
        patterns = list(schema.get("patternProperties") or ())
        if patterns and schema.get("additionalProperties") is False:
            return self._xeger.xeger(patterns[0])
        names = schema.get("propertyNames")
        return (
            str(self._one(merged([names, {"type": "string"}]), 1, "key", unlike=number))
            if names
            else f"key{number + 1}"
        )

    def _one(self, schema: Any, depth: int, name: str, unlike: int = 0, *, optional: bool = False) -> Any:
        """Return the first value that fits a part; ``_NOTHING`` if there is none and it is optional."""
        try:
            for value in islice(self.values(schema, depth, name, unlike), _TRIES):
                if self._fits(value, schema):
                    return value
        except (UnfillableSchema, RecursionError):
            if not optional:
                raise
        if optional:
            return _NOTHING
        raise UnfillableSchema(f"nothing fits {name or 'a part of it'}")

    def _fits(self, value: Any, schema: Any) -> bool:
        if not self._careful or schema is True or not schema:
            return schema is not False
        defs = {
            key: self._root[key]
            for key in ("$defs", "definitions", "$schema")
            if isinstance(self._root, Mapping) and key in self._root
        }
        if any(not place.startswith(("#/$defs/", "#/definitions/")) for place in _REFERENCE.findall(json_text(schema))):
            return True  # a part with references is validated as part of the whole
        return _validator(json_text({**defs, **schema}), checked=False).is_valid(value)

    def _arrays(self, schema: Json, depth: int, name: str) -> Iterator[Any]:
        items = schema.get("items", {})
        first = list(schema.get("prefixItems") or (items if isinstance(items, list) else ()))
        rest = schema.get("additionalItems", {}) if isinstance(items, list) else items
        least, most = (
            schema.get("minItems", 0),
            schema.get("maxItems", 64) if depth <= _DEEP else schema.get("minItems", 0),
        )
        contained = [schema["contains"]] * schema.get("minContains", 1) if "contains" in schema else []
        wanted = [*first, *contained]
        filler = [] if rest is False else [rest] * (max(least, int(not wanted)) - len(wanted))
        parts = (wanted + filler)[: max(most, 0)]
        made: list[Any] = []
        for number, part in enumerate(parts):
            value = self._one(part, depth + 1, name, number, optional=number >= least and not wanted)
            if value is not _NOTHING and not (schema.get("uniqueItems") and value in made):
                made.append(value)
        yield made
        yield made[:least]

    def _numbers(self, schema: Json, unlike: int, *, whole: bool) -> Iterator[Any]:
        step = schema.get("multipleOf") or 1
        for hint in self._hints.numbers(whole=whole) if unlike == 0 else ():
            if _in_range(hint, schema):
                self._hints.used(hint)
                yield hint
        low, high = schema.get("minimum"), schema.get("maximum")
        above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        start = low if low is not None else above if above is not None else None
        if start is not None:
            number = -(-start // step) * step
            yield from (_plain_number(number + step * (n + unlike), whole=whole) for n in range(4))
            if not whole:
                end = high if high is not None else below if below is not None else start + 1
                yield (start + end) / 2
            return
        end = high if high is not None else below if below is not None else None
        number = step if end is None or end > step else end // step * step
        yield from (
            _plain_number(
                number - step * (n + unlike) if end is not None else number + step * (n + unlike), whole=whole
            )
            for n in range(4)
        )

    def _text(self, schema: Json, name: str, unlike: int) -> str:
        if "pattern" in schema:
            return str(self._xeger.xeger(schema["pattern"]))
        if schema.get("format") in FORMATS and not unlike:
            return FORMATS[schema["format"]]
        hint = self._hints.text(name) if not unlike else None
        text = hint if hint is not None else f"{spoken(name)} {unlike + 1}" if unlike else spoken(name)
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        text = text if len(text) >= least else text + "x" * (least - len(text))
        return text if most is None else (text[-most:] if unlike else text[:most]) if most else ""


class _Nothing:
    """No value, where None is a value."""


_NOTHING = _Nothing()


def _in_range(number: float, schema: Json) -> bool:
    low, high = schema.get("minimum", number), schema.get("maximum", number)
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    return bool(low <= number <= high and (above is None or number > above) and (below is None or number < below))


def _plain_number(number: float, *, whole: bool) -> Any:
    return int(number) if whole or number == int(number) else number
