"""Reads YAML files that people write, and validates them by a model; errors name file, line, key and the fix."""

import errno
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import HarnessError, suggestion
from harness.wire.limits import read_regular
from harness.wire.yaml_limits import many_nodes

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]


class Strict(BaseModel):
    """A part of such a file: unknown keys are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_Checked = TypeVar("_Checked", bound=Strict)
_Place = tuple[int | str, ...]
_DEEPEST, _MOST_PLACES = 100, 200_000
_LARGEST = 8 << 20
_OF_ITS_KIND = {errno.EFBIG: "delete what is not yours", errno.EINVAL: "write it as a file"}


def load_checked(path: Path, model: type[_Checked], error: type[HarnessError], if_absent: str) -> _Checked:
    """
    Read ``path`` as a ``model``; raise ``error`` with one line if that fails.

    ``if_absent`` is the advice for a missing file.  Validators get the whole document as their context.
    """
    kinds: Any = (model, error)
    checked: _Checked = _checked(path, _text(path, error, if_absent), *kinds)
    return checked


@lru_cache(16)
def _checked(path: Path, text: str, model: Any, error: Any) -> Any:
    """
    Return the parsed model of a text; cached, since commands read the matrix repeatedly, and models are
    immutable.
    """
    lines: dict[_Place, int] = {}
    try:
        document = _document(text, lines)
    except _Refused as problem:
        raise error(f"{path}:{problem}") from None
    except Exception as problem:  # noqa: BLE001 - PyYAML's constructors raise whatever their values make them
        raise error(f"{path}{_unreadable(problem, text)}; mend that line") from None
    if not isinstance(document, dict):
        raise error(f"{path}:1: not a mapping; begin with `{next(iter(model.model_fields))}:`")
    try:
        return model.model_validate(document, context=document)
    except ValidationError as problem:
        raise error(_explain(path, lines, problem, model)) from None


def _text(path: Path, error: type[HarnessError], if_absent: str) -> str:
    try:
        content = read_regular(path, _LARGEST)
        text = content.decode()
    except OSError as problem:
        advice = _OF_ITS_KIND.get(problem.errno or 0, if_absent)
        raise error(f"{path}: {problem.strerror or problem}; {advice}") from None
    except UnicodeDecodeError as problem:
        raise error(f"{path}: not UTF-8 ({problem.reason} at byte {problem.start}); save it as UTF-8") from None
    with suppress(yaml.YAMLError):  # which is reported with its line
        if many_nodes(content, _MOST_PLACES):
            raise error(f"{path}: more than {_MOST_PLACES:,} values; delete those that do not belong to it")
    return text.replace("\r\n", "\n")


def _document(text: str, lines: dict[_Place, int]) -> Any:
    """Return the content of a document, and fill ``lines``; PyYAML parses what libyaml rejects, for its messages."""
    try:
        return _read(text, lines, _Loader)
    except yaml.YAMLError:
        lines.clear()
        return _read(text, lines, yaml.SafeLoader)


def _read(text: str, lines: dict[_Place, int], kind: Any) -> Any:
    loader = kind(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _number_lines(root, (), lines)  # first, since it rejects cycles
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _unreadable(problem: Exception, text: str) -> str:
    """Return where PyYAML stopped and why, in one line; for a character that YAML forbids, its place in the text."""
    mark, position = getattr(problem, "problem_mark", None), getattr(problem, "position", None)
    line = mark.line + 1 if mark else None if position is None else text.count("\n", 0, position) + 1
    said = getattr(problem, "problem", None) or getattr(problem, "reason", None) or problem
    return f"{'' if line is None else f':{line}'}: not YAML: {' '.join(str(said).split())}"


class _Refused(Exception):
    """An error in a line of a document that is valid YAML."""

    def __init__(self, node: yaml.Node, said: str) -> None:
        super().__init__(f"{node.start_mark.line + 1}: {said}")


def _number_lines(node: yaml.Node, at: _Place, lines: dict[_Place, int]) -> None:
    """Fill ``lines`` with the line of every key and element; raise _Refused for a repeated key or a cycle."""
    # An alias may refer to its own container, and a few aliases of aliases may expand beyond any memory.
    if len(at) > _DEEPEST or len(lines) > _MOST_PLACES:
        raise _Refused(node, "this alias refers to itself or expands too far; write out what it stands for")
    lines.setdefault(at, node.start_mark.line + 1)
    for key, value, name in _children(node):
        if (*at, name) in lines:
            raise _Refused(key, f"{name}: this key appears twice; delete one")
        lines[(*at, name)] = key.start_mark.line + 1
        _number_lines(value, (*at, name), lines)


def _children(node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node, int | str]]:
    if isinstance(node, yaml.SequenceNode):
        yield from ((item, item, number) for number, item in enumerate(node.value))
    elif isinstance(node, yaml.MappingNode):
        yield from ((key, value, key.value) for key, value in node.value)


def _explain(path: Path, lines: dict[_Place, int], error: ValidationError, model: type[Strict]) -> str:
    # A list with a bad element is called too short as well, which does not help.
    problems = [problem for problem in error.errors() if not (problem["type"] == "too_short" and problem["input"])]
    # A misspelt key gives two errors, missing and unknown; the second says what to do.
    first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
    more = len(problems) - 1
    at = tuple(name for name in first["loc"] if name != "[key]")
    place = at
    while place not in lines:
        place = place[:-1]
    key = ".".join(map(str, at)) or path.name
    also = f" (and {more} more)" if more else ""
    return f"{path}:{lines[place]}: {key}: {_fix(first, at, model)}{also}"


def _fix(problem: Any, at: _Place, model: type[Strict]) -> str:
    match problem["type"]:
        case "extra_forbidden":
            return f"unknown key; {suggestion(str(at[-1]), _known_keys(model, at[:-1]))}"
        case "missing":
            return "missing; add it"
        case "string_too_short":
            return "empty; fill it in"
        case "value_error":
            return str(problem["ctx"]["error"])
        case _:
            message = problem["msg"].replace("valid tuple", "list")
            return f"{message[0].lower()}{message[1:]}, not {problem['input']!r}"


def _known_keys(model: type[BaseModel], at: _Place) -> list[str]:
    """Return the keys allowed at a place, following the fields of the model."""
    for name in at:
        field = model.model_fields.get(name) if isinstance(name, str) else None
        if field is None:
            continue
        inner = next((kind for kind in (field.annotation, *get_args(field.annotation)) if _is_model(kind)), None)
        model = inner or model
    return list(model.model_fields)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
