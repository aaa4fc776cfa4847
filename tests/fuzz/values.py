"""Changes JSON by its structure: replaces values, removes, repeats and renames keys, wraps and swaps values."""

import json
import random
from collections.abc import Iterator
from typing import Any

from fuzz.odd import JSON

KEYS = (
    "id", "object", "created", "model", "choices", "index", "delta", "message", "finish_reason", "role", "content",
    "reasoning_content", "reasoning", "reasoning_details", "thinking", "refusal", "tool_calls", "function", "name",
    "arguments", "type", "usage", "prompt_tokens", "completion_tokens", "total_tokens", "completion_tokens_details",
    "reasoning_tokens", "prompt_tokens_details", "cached_tokens", "logprobs", "top_logprobs", "token", "bytes", "logprob",
    "error", "code", "param", "system_fingerprint", "service_tier", "x_groq", "annotations", "function_call", "text", "data",
)  # fmt: skip
ASKED = (
    "model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "stop", "temperature",
    "logprobs", "top_logprobs", "tools", "tool_choice", "parallel_tool_calls", "response_format", "seed", "user",
    "reasoning_effort", "thinking", "include_usage", "role", "content",
)  # fmt: skip
_MARK, _KEY = "@value@", "@key@"

Place = tuple[Any, Any]
"""A container and the key or number of a value in it."""


def changed(draw: random.Random, text: str, keys: tuple[str, ...] = KEYS) -> str | None:
    """Return JSON text with one thing in it changed; None if it is not JSON, or too deep for Python to write."""
    try:
        return _changed(draw, [json.loads(text)], keys)
    except (ValueError, RecursionError):
        return None


def _changed(draw: random.Random, root: list[Any], keys: tuple[str, ...]) -> str:
    places = list(_places(root))
    # A kind of key first, then one of its places: an answer has a thousand logprobs and one model.
    named: dict[str, list[Place]] = {}
    for container, key in places:
        named.setdefault(key if isinstance(key, str) else "", []).append((container, key))
    container, key = draw.choice(named[draw.choice(sorted(named))])
    raw = {_MARK: draw.choice(JSON), _KEY: json.dumps(draw.choice(keys))}
    draw.choice(_WAYS)(draw, container, key, raw)
    spaced = draw.choice(((",", ":"), (", ", ": ")))
    written = json.dumps(root, ensure_ascii=draw.random() < 0.5, separators=spaced)[1:-1]
    for mark, odd in raw.items():
        written = written.replace(f'"{mark}"', odd)
    return written


def _places(container: Any) -> Iterator[Place]:
    waiting = [container]
    while waiting:
        one = waiting.pop()
        for key in list(one) if isinstance(one, dict) else range(len(one)):
            yield one, key
            if isinstance(one[key], dict | list):
                waiting.append(one[key])


def _replace(_: random.Random, container: Any, key: Any, __: dict[str, str]) -> None:
    container[key] = _MARK


def _remove(_: random.Random, container: Any, key: Any, __: dict[str, str]) -> None:
    if isinstance(container, dict):
        del container[key]
    else:
        container[key] = _MARK


def _double(_: random.Random, container: Any, key: Any, raw: dict[str, str]) -> None:
    if isinstance(container, dict):
        raw[_KEY] = json.dumps(key)
        container[_KEY] = _MARK
    else:
        container.insert(key, container[key])


def _rename(_: random.Random, container: Any, key: Any, __: dict[str, str]) -> None:
    if isinstance(container, dict):
        container[_KEY] = container.pop(key)
    else:
        container[key] = {_KEY: container[key]}


def _add(_: random.Random, container: Any, key: Any, __: dict[str, str]) -> None:
    inside = container[key]
    if isinstance(inside, dict):
        inside[_KEY] = _MARK
    elif isinstance(inside, list):
        inside.append(_MARK)
    else:
        container[key] = {_KEY: inside}


def _wrap(draw: random.Random, container: Any, key: Any, _: dict[str, str]) -> None:
    container[key] = draw.choice(([container[key]], {_KEY: container[key]}, [[container[key]]]))


def _as_text(_: random.Random, container: Any, key: Any, __: dict[str, str]) -> None:
    container[key] = json.dumps(container[key])


def _empty(_: random.Random, container: Any, key: Any, __: dict[str, str]) -> None:
    container[key] = type(container[key])() if container[key] is not None else {}


def _other(draw: random.Random, container: Any, key: Any, _: dict[str, str]) -> None:
    """Return a value from elsewhere in the same container."""
    keys = list(container) if isinstance(container, dict) else range(len(container))
    container[key] = container[draw.choice(keys)]


_WAYS = (_replace, _replace, _replace, _replace, _remove, _double, _rename, _add, _wrap, _as_text, _empty, _other)
