"""Whether a value fits a JSON Schema."""

from typing import Any


def misfit(value: Any, schema: Any) -> str | None:
    """
    Return where and how ``value`` does not fit ``schema``; None if it does, or if the schema itself is no good.

    References are not fetched: a schema that points elsewhere is not judged.
    """
    # Loaded where they are needed: the plugin, which every pytest run loads, must stay light.
    import jsonschema
    import referencing

    validator = jsonschema.Draft202012Validator(schema, registry=referencing.Registry())
    try:
        validator.check_schema(schema)
        wrong = next(validator.iter_errors(value), None)
    except (jsonschema.SchemaError, referencing.exceptions.Unresolvable, RecursionError):
        return None
    if wrong is None:
        return None
    where = "/".join(map(str, wrong.absolute_path)) or "the object"
    return f"{where} does not fit: {wrong.message[:80]}"
