"""
Translates a check's messages.

How it works: a check fills numbers, names and excerpts of the response into a sentence, which is stored in English.
When it is shown, its template is found by the text around the gaps: ``zh.problems.po`` has templates with ``{0}``,
``{1}`` … in the gaps.  The fillings are shown unchanged, unless they are among the phrases of ``zh.phrases.po``,
such as "3 of 5 chunks".  The template with most fixed text is tried first; a sentence without a template stays in
English.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache, reduce
from typing import NamedTuple

from harness.words import LANGUAGES, entries, file_of, language, read, translated

_GAP = re.compile(r"(\{\d\})")
_MORE = re.compile(r" \(and (\d+) more\)$")
SEPARATORS = ("not sent: ", "; expected: ", "no longer seen, delete its line from deviations.yaml: ")
"""Separators of the sentences of a finding that is not as listed, and of the reason why a scenario was not sent."""

_FIRST_HAN, _LAST_HAN = "\u4e00", "\u9fff"
_PUNCTUATION = frozenset("，。：；（）、“”…")


class Template(NamedTuple):
    """
    A sentence in English, and the parts of its translation, gaps among them.

    ``own`` is the fixed text: a text without it does not match, which is checked before a pattern is compiled.
    """

    own: Sequence[str]
    english: str
    other: Sequence[str]

    def found_in(self, text: str) -> re.Match[str] | None:
        """Return the fillings of the gaps in ``text``; None if it does not match."""
        return _pattern(self.english).fullmatch(text) if all(piece in text for piece in self.own) else None


def translated_problem(message: str, into: str | None = None) -> str:
    """Return a check's message in a language, by default that of :func:`language`; in English without a translation."""
    return _problem(message, into or language())


@lru_cache(maxsize=10_000)
def _problem(message: str, chosen: str) -> str:
    if chosen == LANGUAGES[0] or not message:
        return message
    for separator in SEPARATORS:
        head, found, tail = message.partition(separator)
        if found:
            parts = (translated_problem(head, chosen), translated(found, chosen), translated_problem(tail, chosen))
            return "".join(parts)
    more = _MORE.search(message)
    if more:
        said = translated("{message} (and {count} more)", chosen)
        return said.format(message=translated_problem(message[: more.start()], chosen), count=more[1])
    return filled_in(message, "problems", chosen, "phrases") or message


def filled_in(text: str, kind: str, chosen: str, inner: str = "") -> str | None:
    """
    Return a text translated by the first template of a file that matches; None if none does.

    The fillings of its gaps are looked up in the file ``inner``, by default the same file.
    """
    for template in templates(chosen, kind):
        found = template.found_in(text)
        if found:
            gaps = {gap: _phrase(value, inner or kind, chosen) for gap, value in _gaps(found).items()}
            return reduce(_joined, (gaps.get(piece, piece) for piece in template.other))
    return None


def _gaps(found: re.Match[str]) -> dict[str, str]:
    return {f"{{{name[1:]}}}": value for name, value in found.groupdict().items()}


def _phrase(value: str, kind: str, chosen: str) -> str:
    return filled_in(value, kind, chosen, kind) or value


def _joined(before: str, after: str) -> str:
    """Return two parts joined, with a space between Chinese and other text, and nowhere else."""
    one, other = before.rstrip(" "), after.lstrip(" ")
    if not one or not other:
        return before + after
    chinese = _is_han(one[-1]), _is_han(other[0])
    if all(chinese):
        return one + other
    if any(chinese) and _PUNCTUATION.isdisjoint((one[-1], other[0])):
        return f"{one} {other}"
    return before + after


def _is_han(character: str) -> bool:
    return _FIRST_HAN <= character <= _LAST_HAN


@cache
def templates(of: str, kind: str) -> Sequence[Template]:
    """Return the templates of a language's file, those with most fixed text first."""
    told = read(file_of(of, kind))
    ordered = sorted(entries(told), key=lambda pair: -len(_GAP.sub("", pair[0])))
    return [
        Template([piece for piece in _GAP.split(english) if piece and not _GAP.fullmatch(piece)], english,
                 [piece for piece in _GAP.split(other) if piece])
        for english, other in ordered
    ]  # fmt: skip


@cache
def _pattern(english: str) -> re.Pattern[str]:
    pieces = (f"(?P<g{piece[1]}>.*?)" if _GAP.fullmatch(piece) else re.escape(piece) for piece in _GAP.split(english))
    return re.compile("".join(pieces), re.DOTALL)
