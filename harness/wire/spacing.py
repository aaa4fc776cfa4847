"""Detects whether the white space between fragments of a text was lost."""

from collections.abc import Sequence
from itertools import pairwise

SMALL_WORDS = frozenset(
    [
        "the",
        "and",
        "of",
        "to",
        "a",
        "in",
        "is",
        "for",
        "that",
        "it",
        "you",
        "with",
        "on",
        "are",
        "this",
        "as",
        "be",
        "or",
        "an",
        "can",
        "not",
        "by",
        "at",
        "from",
        "de",
        "la",
        "el",
        "que",
        "los",
        "las",
        "un",
        "una",
        "y",
        "en",
        "le",
        "les",
        "et",
        "des",
        "est",
        "der",
        "die",
        "das",
        "und",
        "ist",
        "nicht",
        "ein",
        "eine",
        "mit",
    ]
)
"""Words that occur in every longer text of some languages, and as a fragment are never part of another word."""

_PIECES, _KINDS = 10, 3


def run_together(texts: Sequence[str]) -> bool:
    """Return whether many fragments are whole words, small ones among them, without any white space between them."""
    if len(texts) < _PIECES:
        return False
    if any(" " in text for text in texts):
        return _trimmed(texts)
    letters = [text for text in texts if text.isalpha()]
    small = [text for text in letters if text.lower() in SMALL_WORDS]
    follows = sum(one[-1:].isalpha() and other[:1].isalpha() for one, other in pairwise(texts))
    return len({*small}) >= _KINDS and 2 * len(letters) > len(texts) and 2 * follows > len(texts)


def _trimmed(texts: Sequence[str]) -> bool:
    """Return whether no fragment of several words begins or ends with white space, and small words touch their neighbours."""
    if any(text != text.strip() for text in texts):
        return False
    joints = [(one.split()[-1], other.split()[0]) for one, other in pairwise(filter(None, texts))]
    glued = {word.lower() for pair in joints if "".join(pair).isalpha() for word in pair}
    return len(glued & SMALL_WORDS) >= _KINDS


def a_line_each(texts: Sequence[str]) -> bool:
    """Return whether each of many fragments ends its line, and most are a word or less: lines of a list are longer."""
    if len(texts) < _PIECES or not all(text.endswith("\n") and text.count("\n") == 1 for text in texts[:-1]):
        return False
    words = [text.strip() for text in texts]
    small = {word.lower() for word in words} & SMALL_WORDS
    return len(small) >= _KINDS and not any(" " in word for word in words)


def a_space_each(texts: Sequence[str]) -> bool:
    """
    Return whether each of many fragments begins with two spaces, or splits a word with one, between words with
    one.
    """
    words = [text for text in texts[1:] if text.strip()]
    if len(words) < _PIECES or not all(text.startswith(" ") for text in words):
        return False
    twice = sum(text.startswith("  ") and not text.startswith("   ") for text in words)
    return 5 * twice >= 4 * len(words)
