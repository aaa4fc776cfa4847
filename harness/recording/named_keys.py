"""
Finds keys without a mark (a UUID, 32 hexadecimal digits, ``id.secret``) by the words beside them.

The ids of requests, chunks and responses look the same, and they are evidence.  So one of these is redacted if a
word such as key, token or secret is its name or occurs in the same string, and in a short body that rejects a key;
never if it is called an id.

Seen in responses: ``API key … is invalid`` (https://github.com/Unstructured-IO/unstructured-api/pull/578),
``Key Hash (Token) =…`` (https://github.com/BerriAI/litellm/pull/39787), ``"token": "…"``
(https://github.com/outline/outline/issues/998).
"""

import re
from collections.abc import Iterator

Span = tuple[int, int]

_ENGLISH = (b"key", b"token", b"secret", b"password", b"credential", b"authori", b"authenti")
_CHINESE = tuple(word.encode() for word in ("密钥", "令牌", "凭证"))
_ESCAPED = (rb"\u5bc6\u94a5", rb"\u4ee4\u724c", rb"\u51ed\u8bc1")
_WORDS = (*_ENGLISH, *_CHINESE, *_ESCAPED)
_JOINED = (b"api", b"access", b"auth", b"secret", b"client", b"private", b"bearer", b"app")
_CANDIDATE = rb"(?<![A-Za-z0-9_.:/+-])([A-Za-z0-9](?:[A-Za-z0-9_-]{15,}+:[A-Za-z0-9+/=]{16,}+|[A-Za-z0-9_-]{30,}+(?:\.[A-Za-z0-9]{12,}+)?))"
_CANDIDATES = re.compile(_CANDIDATE)
_KEY = re.compile(
    rb"(?!REDACTED)(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    rb"|(?:[0-9a-f]{32,}|[0-9A-F]{32,})(?:\.[A-Za-z0-9]+)?"
    rb"|(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])(?=[^0-9]*[0-9])[A-Za-z0-9_-]{32,}"
    rb"|(?=[^0-9]*[0-9])[A-Za-z0-9_-]{16,}:[A-Za-z0-9+/=]{16,})"
)
_CALLED_ID = re.compile(rb"(?:id|uuid|ref|request|trace|cf-ray|fingerprint)[\\\"'`\s:=(\[#]*\Z", re.IGNORECASE)
_NO_SECRET_KEY = re.compile(rb"(?:cache|sort|idempotency|primary|foreign|partition|routing)[_ -]?\Z", re.IGNORECASE)
_ENDS_STRING = re.compile(rb'["\r\n]')


def _called(word: bytes) -> bytes:
    """Return a pattern of a word, in lower case, that is not part of another, such as of base64."""
    escaped = re.escape(word)
    joined = b"|".join(rb"(?<=%b%b)" % (first, escaped) for first in _JOINED)
    return escaped + rb"(?:(?<![a-z0-9+/=]%b)|%b)" % (escaped, joined)


_PAIRS = {
    word: re.compile(_called(word) + rb"[a-z_]{0,16}+\\*+[\"']\s*+[:=]\s*+\\*+[\"'](?:bearer )?" + _CANDIDATE)
    for word in _WORDS
}
# "Tokens" are counted; a secret is one.
_IN_TEXT = {word: re.compile(_called(word) + rb"(?!(?<=token)s)[a-z]{0,12}+(?![a-z+/]|\\*+\"\s*+:)") for word in _WORDS}
_REFUSED = re.compile(
    rb"(?:invalid|incorrect|wrong|unknown|expired)[_ ](?:api[_ ]?|access[_ ]?)?(?:key|token|auth)|authentication|unauthori[sz]ed",
    re.IGNORECASE,
)
_REFUSES = (b"invalid", b"incorrect", b"wrong", b"unknown", b"expired", b"authenti", b"unauthori")
"""Words without which ``_REFUSED`` matches nothing; searching for them all takes a tenth of its time."""
_BODY = re.compile(rb"\s*(?:[{\[]|data:)")

_WINDOW = 1 << 20
_OVERLAP = 1 << 10
_AFTER, _BEFORE = 160, 120
_LABEL = 24
_SHORT_BODY = 4096

BETWEEN = b'":'
"""The text after a key in JSON; it occurs in no word that is searched for."""
_REPETITIVE = 4096
"""Size from which searching for repetitions pays off, bytes."""


def told_once(window: bytes) -> bytes:
    """
    Return a text with the same words as ``window``, without its repetitions.

    The chunks of a stream differ only in their texts, and searching dozens of words in their repetitions takes most
    of the time.  A word without ``BETWEEN`` in it occurs in a part between two or in none.
    """
    return BETWEEN.join(set(window.split(BETWEEN))) if len(window) >= _REPETITIVE else window


def find_named_keys(text: bytes) -> Iterator[Span]:
    """Yield the spans of ``text`` that their surroundings call a key."""
    if len(text) <= _SHORT_BODY and _refuses(text):
        yield from _keys(text, 0, len(text))
    for start in range(0, len(text), _WINDOW):
        stop = min(start + _WINDOW + _OVERLAP, len(text))
        window = text[start:stop].lower()
        said = told_once(window)
        for word in _words_for(said):
            if word in said:
                yield from _beside(word, text, window, start)


def _refuses(text: bytes) -> bool:
    """Return whether a short body rejects a key."""
    lowered = text.lower()
    return any(word in lowered for word in _REFUSES) and bool(_BODY.match(text) and _REFUSED.search(text))


def _words_for(window: bytes) -> tuple[bytes, ...]:
    """Return the words that may occur in a text: most texts are plain ASCII."""
    chinese = () if window.isascii() else _CHINESE
    return (*_ENGLISH, *chinese, *(_ESCAPED if b"\\u" in window else ()))


def _beside(word: bytes, text: bytes, window: bytes, start: int) -> Iterator[Span]:
    """Yield the keys beside a word; ``window`` is the lower-case text from ``start`` on."""
    for pair in _PAIRS[word].finditer(window):
        begin, stop = start + pair.start(1), start + pair.end(1)
        if _KEY.fullmatch(text, begin, stop) and not _is_another(text, start + pair.start()):
            yield begin, stop
    for found in _IN_TEXT[word].finditer(window):
        if not _is_another(text, start + found.start()):
            yield from _in_string(text, start + found.start(), start + found.end())


def _is_another(text: bytes, at: int) -> bool:
    """Return whether the key mentioned at ``at`` is one of a cache or the like."""
    return _NO_SECRET_KEY.search(text, max(0, at - _LABEL), at) is not None


def _in_string(text: bytes, at: int, end: int) -> Iterator[Span]:
    """Yield the keys near a word, in the same string."""
    closing = _ENDS_STRING.search(text, end, end + _AFTER)
    yield from _keys(text, end, closing.start() if closing else min(end + _AFTER, len(text)))
    before = max(text.rfind(sign, max(0, at - _BEFORE), at) for sign in (b'"', b"\n", b"\r")) + 1
    yield from _keys(text, before or max(0, at - _BEFORE), at)


def _keys(text: bytes, start: int, stop: int) -> Iterator[Span]:
    for candidate in _CANDIDATES.finditer(text, start, stop):
        begin = candidate.start(1)
        if _KEY.fullmatch(candidate[1]) and not _CALLED_ID.search(text, max(0, begin - _LABEL), begin):
            yield candidate.span(1)
