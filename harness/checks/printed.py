"""Recognizes texts that are values printed by a program, instead of their content."""

import json
import re
from collections.abc import Sequence
from itertools import islice, pairwise

_OBJECT = re.compile(
    r"\s*\[?\s*(?:(?:[A-Z]\w*)?(?:Message|Completion|Choice|Delta|Block|Response|Part|Content|Chunk|Output|Result)\w*)\(\w+=.*\)\s*\]?\s*",
    re.DOTALL,
)
_UNPRINTED = re.compile(
    r"\s*<(?:[\w.]+ object at 0x[0-9a-fA-F]+|(?:async_)?generator object [^<>]+|coroutine object [^<>]+)>\s*"
)
_BYTES = re.compile(r"\s*b(['\"]).+\1\s*", re.DOTALL)
_MESSAGE = re.compile(r"\s*\{'(?:role|content|type)': .*'(?:role|content|text)': .*\}\s*", re.DOTALL)
_PLACEHOLDER = re.compile(r"\s*(?:\{\{[^{}]{1,60}\}\}|\$\{[^{}]{1,60}\}|<no value>|%!\w\([^()]{1,60}\))\s*")
_FEW = 3  # pieces
_ESCAPES = re.compile(r"\\[n\"\\]")


def printed_object(text: str) -> str | None:
    """Return the beginning of ``text`` if it is an object as Python's repr."""
    forms = (_OBJECT, _UNPRINTED, _BYTES, _MESSAGE)
    return text.strip().partition("(")[0].partition(",")[0][:40] if any(one.fullmatch(text) for one in forms) else None


def placeholder(text: str) -> str | None:
    """Return ``text`` if it is an unfilled template placeholder."""
    return text.strip() if _PLACEHOLDER.fullmatch(text) else None


def is_quoted(texts: Sequence[str]) -> bool:
    """Return whether each fragment of a text is a quoted JSON string, or the whole is, with escapes in it."""
    said = [text for text in texts if text]
    if len(said) == 1:
        return _is_string(said[0]) and bool(_ESCAPES.search(said[0]))
    return len(said) >= _FEW and all(map(_is_string, islice(said, 100)))


def _is_string(text: str) -> bool:
    try:
        return text[:1] == '"' and isinstance(json.loads(text), str)
    except ValueError:
        return False


_PARTS = re.compile(r"\A\s*\[\s*\{\s*[\"']type[\"']\s*:\s*[\"'](?:text|output_text)[\"']\s*,\s*[\"']text[\"']\s*:")
_NOTHING = {"None", "null", "undefined", "NaN", "<nil>", "nil"}
_NO_ANSWER = {"null", "undefined", "NaN", "<nil>"}
"""Words that can't be all of a requested text; `None` may answer a question."""
_ENDED = ".!?。！？"


def nothing_as_text(texts: Sequence[str], *, alone: bool) -> str | None:
    """
    Return the word for nothing that is all of a text, if that can't be an answer, or its first fragment or its
    last.
    """
    whole = "".join(texts).strip()
    if "[object Object]" in whole:
        return "[object Object]"
    if whole in (_NOTHING if alone else _NO_ANSWER):
        return whole
    said = [text for text in texts if text]
    # Code may say `x.null`, so that after a dot only what no program has for a name is told.
    ends = _ENDED if said[-1:] in (["undefined"], ["<nil>"]) else _ENDED[1:]
    if len(said) > 1 and said[-1] in _NO_ANSWER and said[-2][-1] in ends:
        return said[-1]
    if any(text == "undefined" and before[-1].isalnum() for before, text in pairwise(said)):
        return "undefined"
    first = texts[0] if texts else ""
    glued = len(texts) > 1 and texts[1][:1].isalnum()
    return first if first in _NOTHING and glued else None


def parts_as_text(text: str) -> str | None:
    """Return the beginning of ``text`` if it is a serialized list of parts."""
    found = _PARTS.match(text)
    return found[0] if found and text.rstrip().endswith("]") else None
