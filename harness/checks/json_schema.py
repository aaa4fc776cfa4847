"""Validates a value by a JSON Schema within limits: the schema comes from a recording, and is not trusted."""

import json
import threading
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from harness.checks.registry import CannotJudge

_NODES = 2_000  # in the schema and the value together; no real schema has more
_REFERENCES = 2_000
_COSTLY = ("pattern", "patternProperties", "uniqueItems")  # a regular expression can't be bounded


def schema_error(value: Any, schema: Any) -> str | None:
    """
    Return where and how ``value`` does not fit ``schema``; None if it does.

    References are not fetched.

    Raises:
        Unjudged: the schema is invalid, refers elsewhere, or would take too long.
    """
    nodes = sum(1 for one in _nodes(schema, 0)) + sum(1 for one in _nodes(value, 0))
    if nodes > _NODES or any(isinstance(one, dict) and any(key in one for key in _COSTLY) for one in _nodes(schema, 0)):
        raise CannotJudge("the schema is too large or too costly to try")
    # jsonschema and referencing raise what their parts raise; a schema that crashes them can't be used.
    try:
        _followed.count = 0
        wrong = next(_validator_of(json.dumps(schema)).iter_errors(value), None)
    except Exception as error:  # noqa: BLE001 - see above
        raise CannotJudge(f"the schema can't be used: {type(error).__name__}") from None
    if wrong is None:
        return None
    where = "/".join(map(str, wrong.absolute_path)) or "the object"
    return f"{where} does not fit: {wrong.message[:80]}"


def _nodes(value: Any, depth: int) -> Iterator[Any]:
    yield value
    if depth > 64:  # noqa: PLR2004 - deeper than any schema of a function
        raise CannotJudge("the schema or the value is too deep to try")
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _nodes(one, depth + 1)


class _Followed(threading.local):
    """The number of references followed for the current value."""

    count = 0


_followed = _Followed()


@lru_cache(maxsize=256)
def _validator_of(schema: str) -> Any:
    """Return the validator of a schema, given as JSON; cached, since the requests of a recording repeat a few."""
    import referencing

    kind, read = _kind_of_validator(), json.loads(schema)
    kind.check_schema(read)
    return kind(read, registry=referencing.Registry())


@cache
def _kind_of_validator() -> Any:
    """Return a validator class that limits the number of references followed; imported late for a light plugin."""
    import jsonschema

    follow = jsonschema.Draft202012Validator.VALIDATORS["$ref"]

    def followed(validator: Any, reference: Any, instance: Any, inner: Any) -> Any:
        _followed.count += 1
        if _followed.count > _REFERENCES:
            raise CannotJudge("the schema refers too often")
        return follow(validator, reference, instance, inner)

    return jsonschema.validators.extend(  # type: ignore[no-untyped-call]
        jsonschema.Draft202012Validator, {"$ref": followed}
    )
