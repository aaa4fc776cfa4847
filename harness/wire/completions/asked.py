"""What a request for legacy completions asks: its prompts, and how many texts are due."""

from collections.abc import Mapping
from typing import Any


def prompts_of(body: Mapping[str, Any] | None) -> list[str | None]:
    """Return the texts of the prompts of a request; None in the place of one that is sent as the numbers of tokens."""
    prompt = body.get("prompt") if body else None
    if not isinstance(prompt, list):
        return [prompt if isinstance(prompt, str) else None]
    if not prompt or any(type(one) is int for one in prompt):
        return [None]
    return [one if isinstance(one, str) else None for one in prompt]


def texts_due(body: Mapping[str, Any] | None) -> int:
    """Return how many texts a request asks for: ``n`` to each prompt."""
    wanted = body.get("n") if body else None
    return len(prompts_of(body)) * (wanted if type(wanted) is int and wanted > 0 else 1)
