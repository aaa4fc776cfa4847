"""
Finds masked keys: the parts of a hidden key that a server shows.

Seen are ``sk-abcde***wxyz`` (https://github.com/BerriAI/litellm/pull/1356), ``xa***yz``
(https://github.com/openai/codex/issues/1352), ``sk-...wxyz`` (https://github.com/BerriAI/litellm/issues/18474) and
``****wxyz``.  They are useless as keys, but show whose key it was; so they are redacted if they match a known key.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from harness.recording.named_keys import Span

_MARKS = (b"**", b"...", b"\xe2\x80\xa6", b"\xe2\x80\xa2", b"\\u2026", b"\\u2022")
_MASK = rb"(?:\*{2,}+|\.{3,}+|(?:\xe2\x80[\xa6\xa2]|\\u202[62])++)"
_MASK_AND_TAIL = re.compile(_MASK + rb"([^\s\"'`\\*<>(),;:\[\]{}]{0,64})")
_HEAD = re.compile(rb"[^\s\"'`\\*]{1,64}\Z")
_HEAD_AND_MASK = re.compile(rb"([^\s\"'`\\*]{1,64}?)" + _MASK)

_LONG_ENOUGH = 16  # shorter keys are not shown in parts
_HEAD_ALONE = 8  # shorter beginnings are prefixes such as "sk-proj", which many keys share
_TAIL_ALONE = 4
_LEAST = 2


def find_masked_keys(keys: Iterable[bytes], text: bytes) -> Iterator[Span]:
    """Yield the spans of ``text`` that show an end of one of ``keys`` beside a mask."""
    maskable = [key for key in keys if len(key) >= _LONG_ENOUGH]
    if not maskable or not any(mark in text for mark in _MARKS):
        return
    by_end: dict[bytes, list[bytes]] = defaultdict(list)
    for key in maskable:
        by_end[key[-_LEAST:]].append(key)
        yield from _heads(key, text)
    for mark in _MARKS:
        at = text.find(mark)
        while found := _MASK_AND_TAIL.match(text, at) if at >= 0 else None:
            tail = found[1].rstrip(b".!?")
            for key in by_end.get(tail[-_LEAST:], ()):
                yield from _ends(key, text, at, found.start(1), tail)
            at = text.find(mark, found.start(1))


def _heads(key: bytes, text: bytes) -> Iterator[Span]:
    """Yield the beginnings of a key before a mask that are long enough to identify it alone."""
    at = text.find(key[:_HEAD_ALONE])
    while at >= 0:
        found = _HEAD_AND_MASK.match(text, at)
        if found and key.startswith(found[1]):
            yield found.span(1)
        at = text.find(key[:_HEAD_ALONE], at + 1)


def _ends(key: bytes, text: bytes, mask_at: int, tail_at: int, tail: bytes) -> Iterator[Span]:
    """Yield the end of a key after a mask, and its beginning before it, if they are not a coincidence."""
    before = _HEAD.search(text, max(0, mask_at - 64), mask_at)
    word = before[0] if before else b""
    head = next((len(word) - n for n in range(len(word)) if key.startswith(word[n:])), 0)
    # A word after "**" or "..." is in bold type, or a continuation.
    word_like = tail.isalpha() and not text.startswith(b"****", mask_at)
    if key.endswith(tail) and (head >= _LEAST or (len(tail) >= _TAIL_ALONE and not word_like)):
        yield from ((mask_at - head, mask_at), (tail_at, tail_at + len(tail)))
