"""How large texts are, as rules hold them against counts of tokens."""

import re

from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange
from harness.wire.shapes import objects_in

BEYOND = 1_000
"""Bytes of a prompt from which its count of tokens is held against them."""

MOST_A_TOKEN = 30
"""More bytes than a token of a prompt has in the mean, in any language."""

_REPEATED = re.compile(r"(.{1,4}?)\1{7,}", re.DOTALL)
"""A few characters many times over, which may be few tokens: a rule of a table, white space, dots."""


_WORD = re.compile(r"(?<!\S)[A-Za-z]{2,}[.,;:!?]?(?!\S)")
_WORDS_A_TOKEN, _FEW = 3, 4
"""More words than a token holds in any tokenizer, and those that a short prompt may have beyond."""


def words_beyond(tokens: int, exchange: Exchange) -> int:
    """Return how many English words were asked where they are more than ``tokens`` can be; 0 where they may be."""
    messages = objects_in((exchange.request.json or {}).get("messages"))
    texts = [one.get("content") for one in messages if one.get("role") != "assistant"]
    words = sum(len(set(_WORD.findall(text))) for text in texts if isinstance(text, str))
    return words if tokens > 0 and words > _WORDS_A_TOKEN * tokens + _FEW else 0


def bytes_beyond_runs(text: str) -> int:
    """Return how many bytes a text has in UTF-8, where what is repeated many times over is counted once."""
    return len(_REPEATED.sub(r"\1", text).encode("utf-8", "replace"))


def too_long_for(tokens: int, exchange: Exchange) -> int:
    """
    Return the bytes of what was asked where they are more than ``tokens`` can be; 0 where they may be, or none are counted.

    Of earlier answers templates leave the thoughts out; nothing is said where a part of the prompt is no text.
    """
    least = max(BEYOND, MOST_A_TOKEN * tokens)
    if tokens <= 0 or exchange.facts.prompt_bytes <= least:
        return 0
    asked = exchange.request.json or {}
    sent = [one.get("content") for one in objects_in(asked.get("messages")) if one.get("role") != "assistant"]
    texts = [one for one in (*sent, asked.get("system")) if one is not None]
    size = sum(bytes_beyond_runs(text if isinstance(text, str) else json_text(text)) for text in texts)
    return size if size > least else 0
