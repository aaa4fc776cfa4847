r"""
Finds chunks that differ from the one before only in their text, without parsing them (the fast path).

Most chunks of a stream differ only in the text of one key (``content``) and, with OpenAI and Mistral, random
padding in a second.  Why it is safe to take such a chunk unparsed:

1. The parsed chunk is cut at the values of these keys into *frames*, the bytes around them::

       {"choices":[{"index":0,"delta":{"content":"  Hel  "}}],"obfuscation":"  x7f  "}
       |------------------ frame ----------------|      |--- frame ----------|     |-|

   Each key stands once in the chunk and no frame has a backslash, so no other spelling of the key (``\u0063ontent``)
   and no second one, of which the last would win, can change what the value means.
2. A chunk that has the same frames in the same order, with JSON strings between them, parses to the same object except for
   these strings.
3. That what stands between the frames are JSON strings is seen by parsing all of them at once, as one list.  Joined, a
   stray quote or backslash in one could pair with another's, so that texts which have either are matched by
   themselves first.  A middle frame that stands in a text as well cuts it in three and ends the run.

Where any of this fails the run ends and that chunk is parsed; nothing is guessed.  The oracle:
``tests/wire/test_repeats.py`` holds that the columns are equal with and without this module.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile

import orjson

from harness.wire.shapes import PADDING, TEXT_CHANNELS

_STRING_OF = {
    name: re.compile(rb'"%s"\s*:\s*"((?:[^"\\]|\\.)*)"' % name.encode()) for name in (*TEXT_CHANNELS, *PADDING)
}
_MOST = 10_000
"""How many chunks are taken at once, so that what is only needed meanwhile stays small."""
_INSIDE_OF_STRING = re.compile(rb'(?:[^"\\]|\\.)*', re.DOTALL)


def repeated_texts(texts: Sequence[bytes], number: int, data: bytes, keys: list[str]) -> list[str]:
    """
    Return the text under the first of ``keys`` in each chunk from ``number`` on that repeats ``data``.

    ``keys`` are one or two keys of ``data`` that hold text, in their order in it; a chunk repeats it if it is equal
    except for these texts.  The list ends before the first chunk that does not, or whose text is empty; it is empty
    if ``data`` cannot be cut at ``keys``.
    """
    frames = _frames(data, keys)
    if frames is None:
        return []
    columns = _between(frames, texts, number)
    length = min((column.index(b"") for column in columns if b"" in column), default=len(columns[0]))
    strings = [_strings(column[:length]) for column in columns]
    return strings[0] or [] if all(strings) else []


def _frames(data: bytes, keys: Iterable[str]) -> list[bytes] | None:
    """Return ``data`` without the values of ``keys``, in pieces; None unless each key occurs once, in that order."""
    frames, at = [], 0
    for name in keys:
        found = _STRING_OF[name].search(data, at)
        if found is None or data.count(b'"%s"' % name.encode()) != 1:
            return None
        frames.append(data[at : found.start(1)])
        at = found.end(1)
    frames.append(data[at:])
    return None if any(b"\\" in frame for frame in frames) else frames


def _between(frames: list[bytes], texts: Sequence[bytes], number: int) -> list[list[bytes]]:
    """Return the bytes between the frames of the chunks from ``number`` on: a column of values for each key."""
    head, *middle, tail = frames
    begin, end = len(head), len(tail)
    values = []
    for at in range(number, min(len(texts), number + _MOST)):
        data = texts[at]
        if not (data.startswith(head) and data.endswith(tail)):
            break
        values.append(data[begin : len(data) - end])
    if not middle:
        return [values]
    pairs = list(takewhile(lambda parts: len(parts) == 2, (value.split(middle[0]) for value in values)))  # noqa: PLR2004
    return [[first for first, _ in pairs], [second for _, second in pairs]]


def _strings(values: list[bytes]) -> list[str] | None:
    """Parse JSON strings given without their quotes; return None if one of them is invalid."""
    if not all(_INSIDE_OF_STRING.fullmatch(value) for value in values if b'"' in value or b"\\" in value):
        return None
    try:
        strings: list[str] = orjson.loads(b'["' + b'","'.join(values) + b'"]')
    except orjson.JSONDecodeError:
        return None
    return strings if len(strings) == len(values) else None
