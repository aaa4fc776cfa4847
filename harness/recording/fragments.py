r"""
Finds fragments of known secrets: any twelve consecutive characters, in any spelling.

How it works: text and secret are reduced to what every encoding preserves, their letters and digits in lower case
with escapes undone; so blanks, dashes, quotes and zero-width characters between them do not matter, nor whether a
character is written as ``s``, ``S``, ``%73``, ``\u0073`` or ``&#115;``.  A secret has several spellings: plain,
reversed, in hexadecimal, in base64, in base64 twice, and its fingerprint.

Every five characters of each spelling are in one index.  Of the text only every fifth five are looked up, since a
run of nine holds one of those; so the time does not depend on the number of secrets.  From a hit, the run is
extended to both sides, and it counts if it spans enough of the secret.
"""

import base64
import hashlib
import re
import string
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from harness.recording.named_keys import Span

LEAST = 12
"""Length of the shortest fragment of a secret that is redacted, characters."""

_GRAM = 5
_LEAST_RUN = 2 * _GRAM - 1
_WINDOW = 1 << 18
# The longest spelling of a long key, each of its characters as an entity with another in between.
_OVERLAP = 1 << 14

# A prefix of many keys reveals none: "sk-proj-", "sk-ant-api03-", "sk-or-v1-".
_COMMON_START = re.compile(rb"bce-v3/ALTAK-|(?:[a-z]+[-_])*(?:api03-|v1[-_])?")
# Placeholder keys such as "key-for-local-development", whose parts are common words.
_WORDS = re.compile(rb"[a-z]{2,12}(?:[-_ .][a-z]{2,12})+", re.IGNORECASE)

_ALNUM = (string.ascii_letters + string.digits).encode()
_QUOTE = b'"'  # separates strings in JSON: no run crosses it
_NOT_KEPT = bytes(set(range(256)) - set(_ALNUM + _QUOTE))
_CODES = frozenset(_ALNUM)
_LOWER = bytes(range(256)).lower()
# Each way begins with a character of its own, so that the search goes from one of these to the next.
_ESCAPE = (
    rb'\\\\*+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|[bfnrt"])?|%(?:25)*+([0-9a-fA-F]{2})'
    rb"|&(?:amp;)*+(?:#0*+([0-9]{1,7});?|#[xX]0*+([0-9a-fA-F]{1,6});?|(?:amp|lt|gt|quot|apos|nbsp);)"
    rb"|0x(?<![0-9A-Za-z]..)([0-9a-fA-F]{2})(?![0-9A-Za-z])"
)
_SIGNS = (b"\\", b"%", b"&", b"0x")
_ESCAPES = re.compile(_ESCAPE)
_KEPT = re.compile(_ESCAPE + rb'|[A-Za-z0-9"]')
_DECIMAL = 4


class _Spelling(NamedTuple):
    """
    A spelling of a secret, reduced.

    ``origin`` maps each of its characters to one of the secret; it is empty for an encoding, where the run itself
    is measured.  The first ``common`` characters are shared by many keys and reveal none alone.
    """

    text: bytes
    origin: tuple[int, ...]
    common: int

    def tells(self, start: int, stop: int) -> bool:
        """Return whether a run of it is long enough to be redacted."""
        if not self.origin:
            return stop - start >= LEAST
        whole = stop - start == len(self.text)
        return stop - self.common >= _GRAM and (whole or self.origin[stop - 1] - self.origin[start] + 1 >= LEAST)


_Index = dict[bytes, list[tuple[_Spelling, int]]]


def fragments(secrets: tuple[str, ...], text: bytes) -> Iterator[Span]:
    """Yield the spans of ``text`` with twelve or more consecutive characters of one of ``secrets``, in any spelling."""
    index = _index(secrets)
    for start in range(0, len(text), _WINDOW) if index else ():
        window = text[start : start + _WINDOW + _OVERLAP]
        runs = list(_runs(index, _reduced(window)))
        places = _places(window) if runs else []
        for place in (place for first, stop in runs for place in _joined(places[first:stop])):
            yield start + place[0], start + place[1]


def _runs(index: _Index, text: bytes) -> Iterator[Span]:
    """Yield the runs of a reduced text that reveal a secret."""
    known = index.keys() & {text[at : at + _GRAM] for at in range(0, len(text), _GRAM)}
    for at in range(0, len(text), _GRAM) if known else ():
        for spelling, place in index[text[at : at + _GRAM]] if text[at : at + _GRAM] in known else ():
            before = _common_start(text[max(0, at - place) : at][::-1], spelling.text[:place][::-1])
            after = _common_start(text[at : at + len(spelling.text) - place], spelling.text[place:])
            if spelling.tells(place - before, place + after):
                yield at - before, at + after


def _common_start(one: bytes, other: bytes) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _reduced(text: bytes) -> bytes:
    if any(sign in text for sign in _SIGNS):
        text = _ESCAPES.sub(_unescaped, text)
    return text.translate(_LOWER, _NOT_KEPT)


def _unescaped(escape: re.Match[bytes]) -> bytes:
    """Return the letter or digit that an escape encodes; nothing for any other character."""
    code = int(escape[escape.lastindex], 10 if escape.lastindex == _DECIMAL else 16) if escape.lastindex else 0
    return bytes((code,)) if code in _CODES else b""


def _places(text: bytes) -> list[Span]:
    """Return the place of each character of the reduced text in the text."""
    return [found.span() for found in _KEPT.finditer(text) if found[0] in _ALNUM + _QUOTE or _unescaped(found)]


def _joined(places: list[Span]) -> Iterator[Span]:
    """Yield spans with adjacent ones merged; the text between them may be JSON punctuation."""
    start, end = places[0]
    for place in places[1:]:
        if place[0] != end:
            yield start, end
            start = place[0]
        end = place[1]
    yield start, end


@cache
def _index(secrets: tuple[str, ...]) -> _Index:
    index: _Index = defaultdict(list)
    for secret in secrets:
        for spelling in _spellings(secret.encode("utf-8", "surrogatepass")):
            for place in range(max(0, spelling.common - _GRAM + 1), len(spelling.text) - _GRAM + 1):
                index[spelling.text[place : place + _GRAM]].append((spelling, place))
    return dict(index)


def _spellings(secret: bytes) -> Iterator[_Spelling]:
    origin = tuple(at for at, byte in enumerate(secret) if byte in _ALNUM)
    if len(origin) < _LEAST_RUN or _WORDS.fullmatch(secret):
        return  # ``redact`` finds its complete forms
    common = _COMMON_START.match(secret)
    shared = bisect_right(origin, common.end() - 1) if common else 0
    text = secret.translate(_LOWER, _NOT_KEPT + _QUOTE)
    backwards = tuple(len(secret) - 1 - at for at in reversed(origin))
    yield _Spelling(text, origin, shared)
    yield _Spelling(text[::-1], backwards, 0)
    once = list(in_base64(secret))
    twice = [packed for one in once for packed in in_base64(one)]
    for packed in (secret.hex().encode(), fingerprint(secret), *once, *twice):
        yield _Spelling(packed.translate(_LOWER, _NOT_KEPT), (), 0)


def fingerprint(secret: bytes) -> bytes:
    """
    Return the SHA-256 of a secret, which LiteLLM shows for a key:
    https://github.com/BerriAI/litellm/issues/18474.
    """
    return hashlib.sha256(secret).hexdigest().encode()


def in_base64(text: bytes) -> Iterator[bytes]:
    """Yield the base64 of a text inside others, for each of three possible alignments."""
    for shift, mixed in enumerate((0, 2, 3)):
        packed = base64.b64encode(bytes(shift) + text).rstrip(b"=")
        yield packed[mixed : len(packed) - bool((shift + len(text)) % 3)]
