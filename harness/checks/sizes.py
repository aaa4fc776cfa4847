"""Bounds text sizes for comparison with token counts."""

import re

from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange
from harness.wire.shapes import objects_in

BEYOND = 1_000
"""Prompt size from which its token count is compared, bytes."""

MOST_A_TOKEN = 30
"""Upper bound of the mean bytes per prompt token, in any language."""

_REPEATED = re.compile(r"(.{1,4}?)\1{7,}", re.DOTALL)
"""A few characters repeated many times, which may be few tokens: a table rule, white space, dots."""


_WORD = re.compile(r"(?<!\S)[A-Za-z]{2,}[.,;:!?]?(?!\S)")
_WORDS_A_TOKEN, _FEW = 3, 4
"""Upper bound of words per token in any tokenizer, and an allowance for short prompts."""
_SHORTEST = 3
"""Characters of the shortest word and the white space after it."""


def words_beyond(tokens: int, exchange: Exchange) -> int:
    """Return the number of English words in the prompt if ``tokens`` are too few for them; else 0."""
    messages = objects_in((exchange.request.json or {}).get("messages"))
    sent = [one.get("content") for one in messages if one.get("role") != "assistant"]
    texts, most = [text for text in sent if isinstance(text, str)], _WORDS_A_TOKEN * tokens + _FEW
    if tokens <= 0 or sum(map(len, texts)) + len(texts) <= _SHORTEST * most:
        return 0  # nearly always, without a search for words
    words = sum(len(set(_WORD.findall(text))) for text in texts)
    return words if words > most else 0


def bytes_beyond_runs(text: str) -> int:
    """Return the size of a text in UTF-8, counting long repetitions once."""
    return len(_REPEATED.sub(r"\1", text).encode("utf-8", "replace"))


def too_long_for(tokens: int, exchange: Exchange) -> int:
    """
    Return the bytes of the prompt if ``tokens`` are too few for them; 0 if not, or if there is no count.

    Templates leave out earlier reasoning; a prompt with parts other than text is not judged.
    """
    least = max(BEYOND, MOST_A_TOKEN * tokens)
    if tokens <= 0 or exchange.facts.prompt_bytes <= least:
        return 0
    asked = exchange.request.json or {}
    sent = [one.get("content") for one in objects_in(asked.get("messages")) if one.get("role") != "assistant"]
    texts = [one for one in (*sent, asked.get("system")) if one is not None]
    size = sum(bytes_beyond_runs(text if isinstance(text, str) else json_text(text)) for text in texts)
    return size if size > least else 0
