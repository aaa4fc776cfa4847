"""
Masks error messages: the server's own words stay, what it repeats of others is replaced.

That is quoted text, unless it belongs to the request's form; text that the request contains; ids, URLs and long
numbers.
"""

import re
from collections.abc import Collection, Iterable

from harness.recording.masking.words import Vocabulary, words_of

_QUOTED = re.compile(r"'([^'\n]+)'|\"([^\"\n]+)\"|`([^`\n]+)`|“([^”\n]+)”|「([^」\n]+)」|‘([^’\n]+)’")
_OWN_WORDS = re.compile(r"[\"'](?:message|msg|detail|error_msg|error_message|status_msg|description)[\"']\s*:\s*\Z")
_AS_IT_IS = re.compile(
    r"(?P<url>https?://[^\s\"'<>)\]]+)|(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)|(?P<account>\b[A-Za-z]{1,5}[-_#]\d{4,}\b)|(?P<digits>(?<![\w.])\d{7,}(?!\w|\.\d))"
)
_WORD = re.compile(r"[^\W\d_]+")
_REPEATED = 12  # characters: a text this long that the request contains is not a coincidence
_TOKEN = 8
_KEY = 32  # characters: no key that is looked for is longer
_PROTOCOL = words_of(
    "assistant system user tool developer function functions messages message content model models role type name id "
    "stream options text image url object string number integer boolean array null true false none auto required max "
    "tokens completion prompt json schema format response tools choice temperature top bearer authorization api key "
    "application error errors code param status detail invalid request chat completions value"
)


class Repetitions:
    """Parts of a request that a response may repeat: ``texts`` that somebody wrote; ``names`` of its form stay."""

    def __init__(self, vocabulary: Vocabulary, texts: Iterable[str], names: Collection[str]) -> None:
        self._vocabulary = vocabulary
        self._texts = list(texts)
        self._names = {word.lower() for name in names for word in _WORD.findall(name)} | _PROTOCOL
        self._kept = sorted((name for name in names if len(name) >= _TOKEN), key=len, reverse=True)
        self._runs: set[str] | None = None

    def masked(self, text: str) -> str:
        """Return a server's message without what it repeats."""
        spans = [*self._in_quotes(text), *self._asked(text), *(found.span() for found in _AS_IT_IS.finditer(text))]
        made = list(self._vocabulary.tokens(text, _TOKEN))
        for start, end in spans:
            made[start:end] = self._vocabulary.text(text[start:end])
        for name in self._kept:  # such as the name of a model, with digits in it
            at = text.find(name)
            while at >= 0:
                made[at : at + len(name)] = name
                at = text.find(name, at + len(name))
        return "".join(made)

    def _in_quotes(self, text: str) -> Iterable[tuple[int, int]]:
        for found in _QUOTED.finditer(text):
            start, end = found.span(found.lastindex or 0)
            if _OWN_WORDS.search(
                text, max(0, found.start() - _KEY), found.start()
            ):  # an error within an error, in JSON
                yield from ((start + at, start + to) for at, to in self._in_quotes(text[start:end]))
                continue
            for word in _WORD.finditer(text, start, end):
                if word[0].lower() not in self._names:
                    yield word.span()

    def _asked(self, text: str) -> Iterable[tuple[int, int]]:
        if self._runs is None:
            self._runs = {one[n : n + _REPEATED] for one in self._texts for n in range(len(one) - _REPEATED + 1)}
        start = end = -1
        for at in range(len(text) - _REPEATED + 1):
            if text[at : at + _REPEATED] in self._runs:
                start, end = (at if at > end else start), at + _REPEATED
            elif start >= 0 and at > end:
                yield start, end
                start = -1
        if start >= 0:
            yield start, end
