"""Reads a request for legacy completions: its prompts, and the number of texts it asks for."""

from collections.abc import Mapping
from typing import Any


def prompts_of(body: Mapping[str, Any] | None) -> list[str | None]:
    """Return the prompts of a request; None for each that is sent as token ids."""
    prompt = body.get("prompt") if body else None
    if not isinstance(prompt, list):
        return [prompt if isinstance(prompt, str) else None]
    if not prompt or any(type(one) is int for one in prompt):
        return [None]
    return [one if isinstance(one, str) else None for one in prompt]


def texts_due(body: Mapping[str, Any] | None) -> int:
    """Return how many texts a request asks for: ``n`` per prompt."""
    wanted = body.get("n") if body else None
    return len(prompts_of(body)) * (wanted if type(wanted) is int and wanted > 0 else 1)
