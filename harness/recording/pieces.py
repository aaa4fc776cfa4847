"""
Finds secrets in texts that a stream splits over several events, so that their bytes are not contiguous.

How it works: the strings of all events are joined by their place, whatever their keys are called: the content of a
choice, the arguments of a tool call, the tokens of ``logprobs``, the message of an error.  Since readers may join
them in different ways, each string belongs to several texts: of its path without list indices, of its path with the
``index`` of a choice or a call, and of its path with the innermost list index alone, which distinguishes the
entries of ``top_logprobs``.  Small numbers in lists are texts as well, as in the ``bytes`` of ``logprobs``; so are
comments, other fields, data that is not JSON and the lines of one event.  A body that is not a stream is handled
the same way.

It tokenizes without parsing, so that the bytes may be broken in any way.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from harness.recording.key_shapes import find_key_patterns
from harness.recording.named_keys import Span

_WINDOW = 6 << 20
_OVERLAP = 2 << 20  # maximum number of bytes that a secret is spread over

_STREAM = re.compile(rb"^(?:\xef\xbb\xbf)?data:", re.MULTILINE)
_LINE = re.compile(rb"[^\r\n]++")
_LINE_ENDS = {b"\n", b"\r\n", b"\r"}
_FIELD = re.compile(rb"(?:\xef\xbb\xbf)?([^:\r\n]*+): ?")
_TOKEN = re.compile(
    # A string, up to the end where it is not closed; and whether it is a key, with a small number for its value.
    rb'"((?:[^"\\]|\\.)*+)(?:"(\s*+:(?:\s*+([0-9]{1,4}+)(?=[\s,}]))?)?|\Z)'
    rb"|[{}\[\],]|(?<![0-9A-Za-z.+-])[0-9]{1,3}(?=\s*+[,\]])",
    re.DOTALL,
)
_VALUE = re.compile(rb'(?<=[:\[,])\s*+"((?:[^"\\]|\\.)*+)"(?!\s*+:)', re.DOTALL)
_STRINGS, _NUMBERS, _LINES = "strings", "numbers", "lines"
_ASCII = 128
_MOST_WAITING = 10_000
_MOST_FORMS = 1_000

_Label = tuple[object, ...]
_Find = Callable[[bytes], Iterable[Span]]


def spans_in_pieces(content: bytes, known: _Find) -> Iterator[Span]:
    """
    Yield the spans of ``content``, a stream or not, that hold what is found in the joined texts.

    That is what ``known`` finds, and in the model's content also what is shaped like a key; strings of other kinds,
    such as ids, form such shapes by chance when joined.
    """
    for at in range(0, len(content), _WINDOW):
        window = content[at : at + _WINDOW + _OVERLAP]
        done = set()
        for label, pieces in _JoinedTexts(window).items():
            if len(pieces.starts) > 1 and (key := pieces.starts.tobytes()) not in done:
                done.add(key)
                finds = (known, find_key_patterns) if b"delta" in label else (known,)
                for start, stop in pieces.spans(window, finds, numbers=label[0] is _NUMBERS):
                    yield at + start, at + stop


class _JoinedText:
    """Fragments of a content that make one text: the start and stop of each, in order."""

    def __init__(self) -> None:
        self.starts, self.stops = array("L"), array("L")

    def add(self, start: int, stop: int) -> None:
        self.starts.append(start)
        self.stops.append(stop)

    def spans(self, content: bytes, finds: Iterable[_Find], *, numbers: bool) -> Iterator[Span]:
        """Yield the parts of fragments that belong to a match in the text."""
        written = [content[start:stop] for start, stop in zip(self.starts, self.stops, strict=True)]
        if written.count(written[0]) == len(written):  # such as the id in each chunk: it is searched in place
            return
        texts = [_character(text) for text in written] if numbers else written
        ends, text = [0, *accumulate(map(len, texts))], b"".join(texts)
        for start, stop in (span for find in finds for span in find(text)):
            for number in range(bisect_right(ends, start) - 1, bisect_left(ends, stop)):
                begin, end = self.starts[number], self.stops[number]
                if not numbers:  # of which all digits go
                    begin, end = begin + max(0, start - ends[number]), min(end, begin + stop - ends[number])
                yield begin, end


def _character(number: bytes) -> bytes:
    code = int(number)
    return bytes((code,)) if code < _ASCII else b" "


class _Frame:
    """An open object or list: its current key or index, and the ``index`` of the object."""

    __slots__ = ("at", "index", "is_list")

    def __init__(self, *, is_list: bool) -> None:
        self.at: bytes | int = 0 if is_list else b""
        self.index: int | None = None
        self.is_list = is_list


_Path = list[tuple[_Frame, bytes | int]]
_Piece = tuple[str, Span, _Path]


class _JoinedTexts(dict[_Label, _JoinedText]):
    """The texts of a content by their place."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = content
        self._by_form: dict[bytes, list[list[_JoinedText]]] = {}
        if _STREAM.search(content):
            self._take_lines()
        else:
            self._take_json((0, len(content)))

    def __missing__(self, label: _Label) -> _JoinedText:
        return self.setdefault(label, _JoinedText())

    def _take_lines(self) -> None:
        content, event, before = self._content, 0, (0, 0)
        for line in _LINE.finditer(content):
            field = _FIELD.match(content, *line.span())
            span = (field.end() if field else line.start(), line.end())
            name = field[1] if field else b""
            if name == b"data" and content[before[1] : line.start()] in _LINE_ENDS:
                if not event:
                    event = before[0]
                    self[_LINES, event].add(*before)
                self[_LINES, event].add(*span)
            else:
                event = 0
            if name == b"data":
                self._take_chunk(span)
            if name != b"data" or content[span[0] : span[0] + 1] not in b'{["':
                self[_LINES, name].add(*span)
            before = span

    def _take_chunk(self, span: Span) -> None:
        """Add the strings of a chunk; one that differs from an earlier one only in strings is not tokenized."""
        start = span[0]
        chunk = self._content[start : span[1]]
        form = _VALUE.sub(b'""', chunk)
        if form not in self._by_form:
            if len(self._by_form) >= _MOST_FORMS:
                self._by_form.clear()
            self._by_form[form] = self._pieces_of(form)
        pieces, values = self._by_form[form], list(_VALUE.finditer(chunk))
        if len(pieces) != len(values):  # it holds numbers that are texts, or strings in places of no form
            self._take_json(span)
            return
        for value, texts in zip(values, pieces, strict=True):
            for text in texts:
                text.add(start + value.start(1), start + value.end(1))

    def _pieces_of(self, form: bytes) -> list[list[_JoinedText]]:
        """Return the texts that each string of a chunk belongs to, and each number that is a text."""
        texts = _strings(form, (0, len(form)))
        return [[self[kind, *label] for label in _labels(path)] for kind, _, path in texts]

    def _take_json(self, within: Span) -> None:
        for kind, span, path in _strings(self._content, within):
            for label in _labels(path):
                self[kind, *label].add(*span)


def _strings(content: bytes, within: Span) -> Iterator[_Piece]:
    """Yield the strings, and the small numbers in lists, of what should be JSON, each with its path."""
    stack: list[_Frame] = []
    waiting: list[_Piece] = []  # for the index of an object, which may come last in it
    for token in _TOKEN.finditer(content, *within):
        sign = content[token.start() : token.start() + 1]
        if sign in b"{[":
            stack.append(_Frame(is_list=sign == b"["))
        elif sign in b"}]":
            del stack[-1:]
        elif token[2] or sign == b",":
            _go_on(stack, token)
        elif sign == b'"':
            waiting.append((_STRINGS, token.span(1), [(frame, frame.at) for frame in stack]))
        elif stack and stack[-1].is_list:
            waiting.append((_NUMBERS, token.span(), [(frame, frame.at) for frame in stack]))
        if not stack or len(waiting) >= _MOST_WAITING:
            yield from waiting
            waiting.clear()
    yield from waiting


def _go_on(stack: list[_Frame], token: re.Match[bytes]) -> None:
    """Go to the next index of a list, or to a key of an object."""
    if not stack:
        return
    if not token[2]:
        stack[-1].at = stack[-1].at + 1 if isinstance(stack[-1].at, int) else b""
        return
    stack[-1].at = token[1]
    if token[1] == b"index" and token[3]:
        stack[-1].index = int(token[3])


def _labels(path: _Path) -> list[_Label]:
    """Return the names of the texts that a string with this path belongs to."""
    bare: list[object] = [None if frame.is_list else at for frame, at in path]
    if None not in bare:
        return [("path", *bare)]
    innermost = len(bare) - 1 - bare[::-1].index(None)
    indices = [frame.index for frame, _ in path[1:]] + [None]
    indexed = [at if index is None else index for (_, at), index in zip(path, indices, strict=True)]
    place = [*bare[:innermost], path[innermost][1], *bare[innermost + 1 :]]
    return [("path", *bare), ("index", *indexed), ("place", *place)]
