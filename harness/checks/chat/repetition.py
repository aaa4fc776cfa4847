"""
Distinguishes text that a stream sends twice from text that a model repeats.

How it works: a model repeats words in the same small fragments and with white space between the two ("no, no",
lines of a list), and one in a loop repeats them more than once.  A server that resends a text sends it in one
fragment that was several before, or with nothing between the end of one and the beginning of the other, or each
fragment by itself.  Repetitive words (``haha``, ``1111``, ``----``) prove nothing, nor do a few bytes.

The bounds are set by legal texts: documentation, code and tables, split by tokenizers, lines and gateways, raise no
alarm (``tests/checks/test_repetition.py``), and neither does any recorded stream; with lower bounds, repeated names
would.
"""

from collections import deque
from collections.abc import Sequence
from itertools import accumulate, groupby, pairwise
from typing import Literal, NamedTuple

_BYTES = 8  # of UTF-8: the shortest text whose repetition is significant
_PAIR = 2  # fragments: the fewest that can repeat
_LONG = 16  # the shortest significant one of two fragments in all, or repeated in equally many fragments
_VERY_LONG = 120  # as _LONG, with white space or only other scripts between the two
_PIECES = 3  # fewer may repeat by chance
_HEAD = 4  # characters by which a restarted text is searched for
_RUN = 5  # consecutive doubled fragments among single ones
_REPLAYED, _REPLAYED_TEXT = 8, 40  # fragments and characters of a run repeated in the middle of a sentence
_PASSAGE, _PASSAGE_TEXT = 24, 120  # fragments and characters of a repeated one that begins a sentence
_MOST = 0.8  # of the text so far: a copy that was trimmed or corrected

Form = Literal["whole", "grows", "so far", "last again", "doubled", "twice", "restart", "interleaved", "replayed"]


class Repetition(NamedTuple):
    """
    How a text repeats, its first repeated fragment, and the number of them (``pieces``).

    ``whole``: the text is one piece, and its second half is its first; ``grows``: each piece holds all before it;
    ``so far``: one piece holds all of the text before it; ``last again``: one holds what the last few brought;
    ``doubled``: each piece says its words twice; ``twice``: each piece comes twice; ``restart``: the text begins again;
    ``interleaved``: two copies of the text come in turn; ``replayed``: a run of pieces comes twice, as where a stream is
    taken up too early after it broke off.
    """

    form: Form
    piece: int
    pieces: int


def repetition(texts: Sequence[str]) -> Repetition | None:
    """Return how the fragments ``texts`` of one text repeat it; None if they don't, or if a model may have."""
    if len(texts) < _PAIR:
        return Repetition("whole", 0, 1) if texts and _is_whole_twice(texts[0]) else None
    found = growth(texts) or _doubled(texts) or _twice(texts) or _so_far(texts)
    return found or _restart(texts) or _interleaved(texts) or _replayed(texts)


def _is_whole_twice(text: str) -> bool:
    half = text[: len(text) // 2]
    return _is_double(text) and _size(half) >= _LONG and _is_glued(half, half) and not _repeats_itself(half)


def said_once(texts: Sequence[str]) -> str:
    """Return the joined fragments without the repetition of growing or doubled ones."""
    found = repetition(texts)
    if found and (found.form == "grows" or (found.form == "so far" and found.piece == len(texts) - 1)):
        return texts[-1]
    return "".join(texts[::2] if found and found.form == "twice" else texts)


def growth(texts: Sequence[str]) -> Repetition | None:
    """Return the repetition if each fragment begins with the one before; 1, 10, 100 are too short to tell."""
    grown = sum(len(after) > len(before) for before, after in pairwise(texts[:4]))
    if grown < _PAIR or _size(texts[-1]) < _BYTES:
        return None
    return Repetition("grows", 1, len(texts) - 1) if all(b.startswith(a) for a, b in pairwise(texts)) else None


def _doubled(texts: Sequence[str]) -> Repetition | None:
    """Each fragment is the same words twice, with nothing between them."""
    if not all(map(_is_double, texts)):
        return None
    words = _words(texts)
    if (
        len(words) < _PAIR
        or sum(map(_size, words)) < 2 * _BYTES
        or all(_repeats_itself(text[: len(text) // 2]) for text in texts)
    ):
        return None
    return Repetition("doubled", 0, len(texts))


def _is_double(text: str) -> bool:
    half = len(text) // 2
    return text[:half] == text[half:]


def _twice(texts: Sequence[str]) -> Repetition | None:
    """Each fragment comes twice in a row, or three times, or a run of them long enough comes twice."""
    same = {number for number, (one, two) in enumerate(pairwise(texts)) if one == two}
    if 2 * len(same) < len(texts) and not any(all(n + 2 * k in same for k in range(_RUN)) for n in same):
        return None
    thirds = texts[::3]
    if thirds == texts[1::3] == texts[2::3] and _is_telling(thirds, whole=True):
        return Repetition("twice", 1, 2 * len(thirds))
    groups = [(text, sum(1 for _ in same)) for text, same in groupby(texts)]
    start = 0
    for even, run in groupby(groups, key=lambda group: group[1] % 2 == 0):
        members = list(run)
        count = sum(times for _, times in members)
        if even and _is_telling([text for text, _ in members], whole=len(members) == len(groups)):
            return Repetition("twice", start + 1, count // 2)
        start += count
    return None


def _is_telling(members: Sequence[str], *, whole: bool) -> bool:
    """Return whether fragments that come twice in a row can't be a model's; it may repeat lines."""
    words = _words(members)
    if sum(map(_size, members)) < _BYTES or _repeats_itself("".join(members)):
        return False
    if all(text.endswith("\n") for text in members):
        return False
    if whole and len({text for text in members if not text.isspace()}) >= _RUN:
        return True
    if not whole:
        return len(members) >= _RUN and len(words) >= _RUN - 1
    return len(words) >= _PIECES or (len(words) > 1 and _is_glued(members[0], members[0]))


def _so_far(texts: Sequence[str]) -> Repetition | None:
    """One fragment repeats all of the text so far, or the last few fragments."""
    lengths = list(map(len, texts))
    return _repeats_beginning(texts, lengths) or _repeats_end(texts, lengths)


def _repeats_beginning(texts: Sequence[str], lengths: list[int]) -> Repetition | None:
    """One fragment repeats all of the text so far; once that is longer than any fragment, none can."""
    said, longest = "", max(lengths)
    for number, piece in enumerate(texts):
        if _MOST * len(said) > longest:
            break
        if number and lengths[number] >= _MOST * len(said) and _repeats_all(texts[:number], said, piece):
            return Repetition("so far", number, number)
        said += piece
    return None


def _repeats_end(texts: Sequence[str], lengths: list[int]) -> Repetition | None:
    """One fragment repeats the last few; it is longer than each of them."""
    longest = 0
    for number, length in enumerate(lengths):
        if length > longest:
            longest = length
            spanned = _repeats_last(texts[:number], texts[number])
            if spanned:
                return Repetition("last again", number, spanned)
    return None


def _repeats_all(before: Sequence[str], said: str, piece: str) -> bool:
    old, new = said.strip(), piece.strip()
    size, pieces = _size(old), sum(not one.isspace() for one in before)
    if size < _BYTES or _repeats_itself(old):
        return False
    if not new.startswith(old):
        return pieces > _PIECES and size >= 2 * _LONG and _is_mostly(old, new)
    if _is_glued(said, piece):
        return size >= (_LONG if pieces == 1 else _BYTES)
    return pieces >= _PIECES and size >= _BYTES


def _repeats_last(before: Sequence[str], piece: str) -> int:
    """Return how many of the last fragments ``piece`` joins exactly; 0 if a model may have repeated so few."""
    if _size(piece) < _LONG or _repeats_itself(piece.strip()):
        return 0
    spanned, left = 0, piece
    for one in reversed(before):
        if not left.endswith(one):
            return 0
        spanned, left = spanned + (not one.isspace()), left[: len(left) - len(one)]
        if not left:
            break
    return spanned if not left and spanned > _PIECES else 0


def _is_mostly(old: str, new: str) -> bool:
    """Return whether ``new`` begins as most of ``old`` does, ignoring white space."""
    one, other = "".join(old.split()), "".join(new.split())
    common = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return common >= _MOST * len(one)


def _restart(texts: Sequence[str]) -> Repetition | None:
    """The text begins again at a fragment: the text before it follows once more, and not a third time."""
    text = "".join(texts)
    head = text[:_HEAD]
    if text.find(head, 1) < 0:
        return None
    numbers = {end: number for number, end in enumerate(accumulate(map(len, texts)), 1)}
    end = text.find(head, 1)
    while end > 0:
        if end in numbers and text.startswith(text[:end], end):
            if text.startswith(text[:end], 2 * end):
                return None
            if _begins_again(texts, text, end):
                return Repetition("restart", numbers[end], numbers[end])
        end = text.find(head, end + 1)
    return None


def _begins_again(texts: Sequence[str], text: str, end: int) -> bool:
    said = text[:end]
    if _repeats_itself(said.strip()) or len(texts) <= _PIECES:
        return False
    if _is_glued(said, text[end:]):
        return _size(said) >= _LONG
    return _size(said) >= _VERY_LONG and len(text) == 2 * end


def _interleaved(texts: Sequence[str]) -> Repetition | None:
    """Each fragment comes again a little later, in the same order, as if two copies of a stream were merged."""
    waiting: deque[str] = deque()
    first, repeated, lines = 0, [], True
    for number, piece in enumerate(texts):
        if waiting and waiting[0] == piece:
            repeated.append(waiting.popleft())
            first = first or number
            lines = lines and (bool(waiting) or piece.endswith("\n"))
        else:
            waiting.append(piece)
            if len(waiting) > max(_RUN, len(texts) // 4):
                return None
    words = _words(repeated)
    if waiting or lines or len(words) <= _PIECES or sum(map(_size, words)) < _LONG:
        return None
    return Repetition("interleaved", first, len(repeated))


def _replayed(texts: Sequence[str]) -> Repetition | None:
    """
    A run of fragments comes twice in a row, in the middle of a sentence.

    A model repeats from the beginning of a sentence, a line or an item, wherever the run is taken to begin: a
    resumed stream does not.
    """
    latest: dict[tuple[str, ...], int] = {}
    for number, key in enumerate(zip(*(texts[n:] for n in range(_REPLAYED)), strict=False)):
        start = latest.get(key)
        latest[key] = number
        if start is not None and _is_replay(texts, start, number - start):
            return Repetition("replayed", number, number - start)
    return None


def _is_replay(texts: Sequence[str], start: int, size: int) -> bool:
    """Return whether the ``size`` fragments from ``start`` on come exactly twice, and only a break explains it."""
    run = texts[start : start + size]
    if size < _REPLAYED or run != texts[start + size : start + 2 * size]:
        return False
    end, thrice = start + 2 * size, start + 3 * size
    while end < min(len(texts), thrice) and texts[end] == texts[end - size]:
        end += 1
    while start and end - start < 3 * size and texts[start - 1] == texts[start - 1 + size]:
        start -= 1
    said = "".join(run)
    if end - start >= 3 * size or len(said) < _REPLAYED_TEXT or len(_words(run)) < _REPLAYED or _repeats_itself(said):
        return False
    begins = range(start, end - 2 * size + 1)
    if start > 0 and all(
        _goes_on(texts[at - 1], texts[at]) and _goes_on(texts[at + size - 1], texts[at]) for at in begins
    ):
        return True
    # No model repeats so much exactly and continues, except verses and rows, of which the second begins a line.
    return (
        size >= _PASSAGE and len(said) >= _PASSAGE_TEXT and len(_words(run)) >= _PASSAGE // 2
        and start > 0 and end < len(texts) and not any(_at_line(texts, at + size) for at in begins)
    )  # fmt: skip


def _at_line(texts: Sequence[str], at: int) -> bool:
    """Return whether a line begins at a fragment."""
    return texts[at - 1].endswith("\n") or texts[at].startswith("\n")


def _goes_on(before: str, after: str) -> bool:
    """Return whether a sentence continues from one fragment to the next, without punctuation, quote or line end."""
    end, begin = before[-1:], after.lstrip(" ")[:1]
    return end.isalnum() and begin.isalnum() and not begin.isupper()


def _is_glued(before: str, after: str) -> bool:
    """Return whether there is nothing between two texts; scripts without spaces prove nothing."""
    end, start = before[-1:], after[:1]
    return not (end.isspace() or start.isspace()) and (end.isascii() or start.isascii())


def _repeats_itself(text: str) -> bool:
    """Return whether ``text`` is a repeated shorter one."""
    return (text + text).find(text, 1) < len(text)


def _words(texts: Sequence[str]) -> set[str]:
    """Return the distinct texts with a letter."""
    return {text for text in texts if any(map(str.isalpha, text))}


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
