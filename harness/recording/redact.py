"""
Redacts secrets in bytes, and nothing else.

Secrets are replaced byte for byte, so that offsets, sizes and JSON stay valid: by ``REDACTED`` repeated, and digits
by nines, since a number in JSON has to stay one.  Two things are redacted: texts that are known to be secrets, in
every form in which a server or a library may repeat them (``masks`` among them), and what is shaped like a key of a
provider or an account id (``key_shapes``).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from harness.recording.fragments import fingerprint, fragments, in_base64
from harness.recording.key_shapes import find_key_patterns
from harness.recording.masks import find_masked_keys
from harness.recording.named_keys import Span
from harness.recording.pieces import spans_in_pieces

_FILLER = b"REDACTED"
_NUMBER = re.compile(rb"(-?[0-9][0-9.]*+)((?:[eE][+-]?[0-9]{1,3})?)")

_SECRET_NAME = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)
_RANDOM_LOOK = re.compile(r"[0-9]|.{32}")  # which "finish_reason" has not, in a variable called SORT_KEY

# Values configured for servers without keys, or by mistake: replacing such a word everywhere would destroy
# evidence, and a secret that is a short word or number is guessed more easily than leaked here.
_NO_SECRET = re.compile(r"[A-Za-z]{0,11}|[0-9]{0,11}|.{0,5}", re.DOTALL)
_STAND_INS = frozenset(
    {"lm-studio", "no-key", "no-key-required", "not-a-key", "not-needed", "sk-no-key-required", "your-api-key"}
)

_TELLING = (
    16  # characters at its beginning that identify a secret: longer than the common prefixes of a provider's keys
)
_TELLING_AT_THE_END = 8
_SHORT = 64


@dataclass(frozen=True)
class Secrets:
    """Texts that must not be written to disk; ``repr`` hides them."""

    values: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, values: Iterable[str | None]) -> "Secrets":
        """Return the secrets among ``values``, without short words and the placeholders for local servers."""
        stripped = dict.fromkeys(value.strip() for value in values if value)
        return cls(tuple(value for value in stripped if _is_secret(value)))

    def and_of(self, key: str | None, address: str) -> "Secrets":
        """Return these together with a key, and with those that a URL holds."""
        return Secrets.of([*self.values, key, *_in_address(address)])

    def redact(self, text: bytes) -> bytes:
        """Return ``text``, of the same length, without secrets and what is shaped like one."""
        if not self.values and len(text) <= _SHORT:
            return _redacted(text)
        spans = [*self.spans(text), *find_key_patterns(text)]
        return _replaced(text, spans) if spans else text

    def redact_content(self, content: bytes, *, in_pieces: bool) -> bytes:
        """Redact a body, also where a text that its ``pieces`` make is a secret or shaped like one."""
        spans = [
            *self.spans(content),
            *find_key_patterns(content),
            *(spans_in_pieces(content, self.spans) if in_pieces else ()),
        ]
        return _replaced(content, spans) if spans else content

    def redact_text(self, text: str) -> str:
        """Redact text; it keeps its length in UTF-8."""
        return self.redact(_encoded(text)).decode("utf-8", "surrogatepass")

    def spans(self, text: bytes) -> Iterator[Span]:
        """Yield the spans of the secrets in ``text``, in any form."""
        for value in self.values:
            for form in _forms(value):
                yield from form.spans(text)
            yield from _cut_off(_encoded(value), text)
        yield from find_masked_keys(map(_encoded, self.values), text)
        yield from fragments(self.values, text)


def configured(environment: Mapping[str, str], named: Collection[str] = ()) -> Secrets:
    """Return the secrets of an environment: the values of the variables ``named``, and of those called a key."""
    return Secrets.of(
        value
        for name, value in environment.items()
        if name in named or (_SECRET_NAME.search(name) and _RANDOM_LOOK.search(value))
    )


def redact(text: bytes) -> bytes:
    """Return ``text``, of the same length, without what is shaped like a secret."""
    return Secrets().redact(text)


def _is_secret(value: str) -> bool:
    return not _NO_SECRET.fullmatch(value) and value.lower() not in _STAND_INS


def _in_address(address: str) -> Iterator[str | None]:
    """Yield the password in a URL, and the query parameters that are called a key."""
    try:
        parts = urlsplit(address)
    except ValueError:  # such as an unclosed bracket: no request can be sent there
        return
    yield parts.password
    yield unquote(parts.password or "")
    yield from (value for name, value in parse_qsl(parts.query) if _SECRET_NAME.search(name))


@lru_cache(maxsize=4096)
def _redacted(text: bytes) -> bytes:
    """Return a short text without what is shaped like a secret; cached, since header values repeat."""
    spans = list(find_key_patterns(text))
    return _replaced(text, spans) if spans else text


def _replaced(text: bytes, spans: Iterable[Span]) -> bytes:
    redacted = bytearray(text)
    for start, stop in _merged(spans):
        redacted[start:stop] = filler(text[start:stop])
    return bytes(redacted)


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield spans with overlapping or adjacent ones merged."""
    start = end = 0
    for begin, stop in sorted(spans):
        if begin > end:
            yield start, end
            start = begin
        end = max(end, stop)
    yield start, end


def filler(secret: bytes) -> bytes:
    """Return the replacement of a secret, of its length."""
    number = _NUMBER.fullmatch(secret)
    if number:
        return re.sub(rb"[0-9]", b"9", number[1]) + number[2]
    return (_FILLER * (len(secret) // len(_FILLER) + 1))[: len(secret)]


def _cut_off(value: bytes, text: bytes) -> Iterator[Span]:
    """Yield the beginning of a secret that the end of the text cuts off."""
    for length in range(min(_TELLING, len(value)) - 1, _TELLING_AT_THE_END - 1, -1):
        if text.endswith(value[:length]):
            yield len(text) - length, len(text)
            return


class _Form(NamedTuple):
    """
    A form of a secret: patterns of its beginning and of each following character.

    ``needle`` is a part of the beginning that has only one spelling, so that it is quick to find.
    """

    needle: bytes
    beginning: re.Pattern[bytes]
    following: tuple[re.Pattern[bytes], ...]

    def spans(self, text: bytes) -> Iterator[Span]:
        """Yield its spans, as far as they match: a truncated secret is still one."""
        for found in self.beginning.finditer(text) if self.needle in text else ():
            end = found.end()
            for character in self.following:
                more = character.match(text, end)
                if not more:
                    break
                end = more.end()
            yield found.start(), end


@cache
def _forms(value: str) -> tuple[_Form, ...]:
    """Return the forms of a secret: as it is or escaped, in base64, and its fingerprint."""
    secret = _encoded(value)
    # The characters on both sides of what base64 makes of a secret hold bits of it.
    packed = [_form(core.decode(), beside=rb"[A-Za-z0-9+/_-]?") for core in in_base64(secret)]
    return (_form(value), _form(fingerprint(secret).decode()), *packed)


def _form(text: str, beside: bytes = b"") -> _Form:
    needle = max(re.findall(r"[A-Za-z0-9]*", text[:_TELLING]), key=len)
    spelled = [*map(_spellings, text), beside]
    beginning = beside + b"".join(spelled[:_TELLING])
    return _Form(needle.encode(), re.compile(beginning), tuple(map(re.compile, spelled[_TELLING:])))


def _spellings(character: str) -> bytes:
    """Return a pattern of the spellings of a character: URLs, JSON and HTML escape all but letters and digits."""
    raw = re.escape(_encoded(character))
    if character.isascii() and character.isalnum():
        return raw
    utf16 = character.encode("utf-16-be", "surrogatepass").hex()
    units = "".join(rf"\\++u(?i:{utf16[n : n + 4]})" for n in range(0, len(utf16), 4))
    ways = {" ": [r"\+"], "\n": [r"\\++n"], "\r": [r"\\++r"], "\t": [r"\\++t"], "+": ["-"], "/": ["_"]}.get(
        character, []
    )
    ways += [
        "".join(f"%(?:25)*+(?i:{byte:02x})" for byte in _encoded(character)),
        units,
        f"&#(?:{ord(character)}|(?i:x{ord(character):x}));",
    ]
    plain = rb"\\++" if character == "\\" else rb"\\*+" + raw
    return b"(?:" + b"|".join([plain, *(way.encode() for way in ways)]) + b")"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
