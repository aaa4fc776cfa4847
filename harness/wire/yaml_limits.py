"""
What YAML may hold: a value takes hundreds of bytes, and aliases make of few lines more than fits into memory.

A document with aliases is small as it is read, since what they name is held once; it grows where it is written out.
"""

from typing import Any

import yaml
from yaml.constructor import ConstructorError

from harness.wire.limits import sizes

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

_TIMES = 4
"""How many times the memory of a value in JSON one in YAML takes while it is read."""

_VALUE = 64
"""What a value counts as beside its text, bytes."""


class TooMuchYaml(Exception):
    """A document holds more than is read."""


def check_yaml_nodes(content: bytes) -> None:
    """Raise TooMuchYaml for a document of more values than are read; it is parsed for it only where that may be."""
    most = sizes().values // _TIMES
    if many_nodes(content, most):
        raise TooMuchYaml(f"more than {most:,} YAML values; leave it out, or raise --max-values")


def many_nodes(content: bytes, most: int) -> bool:
    """Tell whether a document holds more values than ``most``; raises YAMLError for what is no YAML before them."""
    if len(content) < most or sum(map(content.count, (b",", b"\n", b":", b"[", b"{", b"- "))) < most:
        return False
    events = enumerate(yaml.parse(content, _Loader))
    return any(number > most and isinstance(event, yaml.NodeEvent) for number, event in events)


def check_merged(pairs: int) -> None:
    """Raise TooMuchYaml for a mapping that merge keys made so large."""
    most = sizes().values // _TIMES
    if pairs > most:
        raise TooMuchYaml(
            f"its merge keys make a mapping of more than {most:,} pairs; leave it out, or raise --max-values"
        )


def check_aliases(document: Any, content: bytes) -> None:
    """Raise TooMuchYaml where the aliases of a document, each written out, make more of it than a file may hold."""
    if b"*" in content and b"&" in content and _size(document, {}) > sizes().file:
        raise TooMuchYaml(f"its aliases make more than {sizes().file:,} bytes of it; leave it out, or raise --max-file")


def _size(value: Any, known: dict[int, int]) -> int:
    """Return about how many bytes a value is when written out; what contains itself counts once."""
    if not isinstance(value, dict | list | tuple | set):
        return _VALUE + (len(value) if isinstance(value, str | bytes) else 0)
    if id(value) not in known:
        known[id(value)] = 0
        items = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = _VALUE + sum(_size(item, known) for item in items)
    return known[id(value)]


def whole_number(loader: Any, node: yaml.ScalarNode) -> int:
    """Construct a whole number; one that Python does not read is refused with its line."""
    try:
        return int(loader.construct_yaml_int(node))
    except ValueError:
        said = f"a whole number of {len(node.value):,} characters"
        raise ConstructorError(None, None, said, node.start_mark) from None
