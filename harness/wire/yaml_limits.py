"""
Limits what YAML may hold: a value takes hundreds of bytes, and aliases expand a few lines beyond memory.

A document with aliases is small when parsed, since aliases share one object; it grows when written out.
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
"""Memory of a value while YAML is parsed, as a multiple of the same in JSON."""

_VALUE = 64
"""Size of a value beside its text, bytes."""


class TooMuchYaml(Exception):
    """A document exceeds the limits."""


def check_yaml_nodes(content: bytes) -> None:
    """Raise TooMuchYaml for a document with too many values; it is parsed only if its size allows that."""
    most = sizes().values // _TIMES
    if many_nodes(content, most):
        raise TooMuchYaml(f"more than {most:,} YAML values; leave it out, or raise --max-values")


def many_nodes(content: bytes, most: int) -> bool:
    """Return whether a document holds more than ``most`` values; raise YAMLError if an earlier part is not YAML."""
    if len(content) < most or sum(map(content.count, (b",", b"\n", b":", b"[", b"{", b"- "))) < most:
        return False
    events = enumerate(yaml.parse(content, _Loader))
    return any(number > most and isinstance(event, yaml.NodeEvent) for number, event in events)


def check_merged(pairs: int) -> None:
    """Raise TooMuchYaml for a mapping that merge keys made too large."""
    most = sizes().values // _TIMES
    if pairs > most:
        raise TooMuchYaml(
            f"its merge keys make a mapping of more than {most:,} pairs; leave it out, or raise --max-values"
        )


def check_aliases(document: Any, content: bytes) -> None:
    """Raise TooMuchYaml if the aliases of a document, written out, exceed the limit of a file."""
    if b"*" in content and b"&" in content and _size(document, {}) > sizes().file:
        raise TooMuchYaml(f"its aliases make more than {sizes().file:,} bytes of it; leave it out, or raise --max-file")


def _size(value: Any, known: dict[int, int]) -> int:
    """Return the approximate size of a value when written out, bytes; a cycle counts once."""
    if not isinstance(value, dict | list | tuple | set):
        return _VALUE + (len(value) if isinstance(value, str | bytes) else 0)
    if id(value) not in known:
        known[id(value)] = 0
        items = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = _VALUE + sum(_size(item, known) for item in items)
    return known[id(value)]


def whole_number(loader: Any, node: yaml.ScalarNode) -> int:
    """Construct an integer; reject one that Python can't convert, with its line."""
    try:
        return int(loader.construct_yaml_int(node))
    except ValueError:
        said = f"a whole number of {len(node.value):,} characters"
        raise ConstructorError(None, None, said, node.start_mark) from None
