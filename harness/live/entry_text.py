"""Edits the text of providers.yaml: appends an entry, or adds a dialect to one, and leaves the rest unchanged."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from harness.errors import BadProviders
from harness.judging.drafted import as_yaml
from harness.matrix.providers import Matrix, Provider, load_matrix
from harness.matrix.recognising import SCHEMA_LINE
from harness.wire.dialect import DialectName


def appended(path: Path, provider: Provider) -> str:
    """
    Return the text of providers.yaml with an entry at the end of its list of providers, otherwise unchanged.

    Raises:
        BadProviders: the file can't be read, has an entry of that id, or has a form that can't be edited.
    """
    entry = provider.model_dump(mode="json", exclude_defaults=True)
    if not path.exists():
        return f"{SCHEMA_LINE}\n{as_yaml({'providers': [entry]})}"
    before = load_matrix(path)
    if provider.id in {one.id for one in before.providers}:
        raise BadProviders(
            f"{path}: {provider.id} is there already; name another --id, or: harness record {provider.id}"
        )
    text = path.read_text(encoding="utf-8")
    item = " " * _indent(text) + "- "
    lines = as_yaml(entry).splitlines()
    added = item + f"\n{' ' * len(item)}".join(lines)
    head, rest = _around_end(text)
    appended = f"{head.rstrip()}\n\n{added}\n" + (f"\n{rest}" if rest else "")
    try:
        after = Matrix.model_validate(yaml.safe_load(appended))
    except (yaml.YAMLError, ValidationError):
        after = None
    if after is None or after.providers != (*before.providers, provider):
        raise BadProviders(
            f"{path}: an entry can't be put at its end; write providers as a list, one `- id:` a provider"
        )
    return appended


def _indent(text: str) -> int:
    """Return the indent of the items of the list of providers."""
    return next((value.start_mark.column for key, value in _pairs(text) if key.value == "providers"), 0)


def _around_end(text: str) -> tuple[str, str]:
    """Return the text before the end of the list of providers, and the keys after it with the comments on the next."""
    keys = [key for key, _ in _pairs(text)]
    behind = [after for key, after in pairwise(keys) if key.value == "providers"]
    if not behind:
        return text, ""
    at = behind[0].start_mark.index
    lines = text[:at].splitlines(keepends=True)
    while lines and lines[-1].startswith("#"):
        at -= len(lines.pop())
    return text[:at], text[at:]


def _pairs(text: str) -> list[tuple[yaml.Node, yaml.Node]]:
    root = yaml.compose(text, yaml.SafeLoader)
    return root.value if isinstance(root, yaml.MappingNode) else []


def with_dialect(path: Path, provider: Provider, dialect: DialectName) -> str:
    """
    Return the text of providers.yaml with a new dialect of ``provider`` in its entry.

    Raises:
        BadProviders: the file can't be read, or its entry has a form that can't be edited.
    """
    before, text = load_matrix(path), path.read_text(encoding="utf-8")
    said = provider.dialects.model_dump(mode="json", exclude_defaults=True)[dialect]
    changed = _inserted(text, _entry(text, provider.id), {dialect: said})
    try:
        after = Matrix.model_validate(yaml.safe_load(changed))
    except (yaml.YAMLError, ValidationError):
        after = None
    wanted = tuple(provider if one.id == provider.id else one for one in before.providers)
    if after is None or after.providers != wanted:
        told = as_yaml({"dialects": {dialect: said}}).strip().replace("\n", " ")
        raise BadProviders(f"{path}: {provider.id}: its entry is in a form that takes no dialect; write there: {told}")
    return changed


def _entry(text: str, provider: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    """Return the keys of a provider's entry with their values, as nodes with positions."""
    lists = [value for key, value in _pairs(text) if key.value == "providers"]
    entries = [one.value for value in lists for one in value.value if isinstance(one, yaml.MappingNode)]
    found = [{key.value: (key, value) for key, value in entry} for entry in entries]
    return next((one for one in found if "id" in one and one["id"][1].value == provider), {})


def _inserted(text: str, entry: dict[str, tuple[yaml.Node, yaml.Node]], said: dict[str, Any]) -> str:
    """Return the text with a dialect before those that the entry has, or before its models."""
    has = "dialects" in entry
    first = entry["dialects"][1].value[:1] if has else [entry["models"]] if "models" in entry else []
    if not first:
        return text
    mark = first[0][0].start_mark
    lines = as_yaml(said if has else {"dialects": said}).splitlines()
    added = "".join(f"{' ' * mark.column}{line}\n" for line in lines)
    begin = mark.index - mark.column
    return text[:begin] + added + text[begin:]
