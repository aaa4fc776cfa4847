"""Words the problem of text that a stream repeats, with advice, by the form of repetition."""

from collections.abc import Iterator
from itertools import pairwise

from harness.checks.chat.repetition import Form, Repetition, growth, repetition
from harness.checks.kinds import place_of
from harness.printable import count_of
from harness.results import Advice, Problem
from harness.wire.chat.chunks import Choice, Fragments
from harness.wire.exchange import Exchange

GROWS = Advice(
    "Clients that append the pieces show the same text again and again.",
    "Replace instead of appending, for this provider only: `text = piece or text`.",
)
SO_FAR = Advice(
    "Clients that append each piece show the text twice.",
    "Drop the part of a piece that repeats: `if len(text) > 7 and piece.strip().startswith(text.strip()): piece = "
    "piece.strip()[len(text.strip()):]`.",
)
LAST_AGAIN = Advice(
    "Clients that append each piece show the end of the text twice.",
    "Skip a long piece that the text already ends with: `if len(piece) > 15 and text.endswith(piece): continue`.",
)
DOUBLED = Advice(
    "Every word is shown twice.",
    "Take the first half of each piece, for this provider only: `text += piece[: len(piece) // 2]`.",
)
TWICE = Advice(
    "Every word is shown twice, and stays so when sent back as history.",
    'Keep the pieces and join every second one (every third, if each comes three times): `text = "".join(pieces[::2])`.',
)
RESTART = Advice(
    "The beginning of the text is shown twice: the part sent before an error inside the provider is not taken back.",
    "After the loop, look for the beginning of the text again: `again = next((n for n in range(15, len(text)) if "
    "text.startswith(text[:n], n)), 0)`, and keep `text[again:]`.",
)
INTERLEAVED = Advice(
    "The words of two copies of the text alternate.",
    "For this provider only, keep shown pieces in a queue, and skip a piece that equals the oldest: `if shown and "
    "shown[0] == piece: shown.popleft()`.",
)
REPLAYED = Advice(
    "A part of the text is shown twice: after a break, the stream was resumed too early.",
    "Keep the pieces, and remove a run of them that is repeated at once: `if pieces[at : at + n] == pieces[at + n : "
    "at + 2 * n]: del pieces[at : at + n]`, with n from 8 up.",
)
WHOLE = Advice(
    "The answer is shown twice, with nothing in between.",
    "If the second half equals the first, keep the first: `if text == text[: len(text) // 2] * 2: text = text[: "
    "len(text) // 2]`.",
)
_ADVICE: dict[Form, Advice] = {
    "whole": WHOLE,
    "grows": GROWS,
    "so far": SO_FAR,
    "last again": LAST_AGAIN,
    "doubled": DOUBLED,
    "twice": TWICE,
    "restart": RESTART,
    "interleaved": INTERLEAVED,
    "replayed": REPLAYED,
}


Worded = tuple[Form, int, str, Advice]
"""A form, the first repeated fragment, the message, the advice."""


def told(texts: list[str], noun: str) -> Worded | None:
    """Return how the fragments of ``noun`` repeat it; None if they don't."""
    return _worded(repetition(texts), texts, noun)


def _worded(found: Repetition | None, texts: list[str], noun: str) -> Worded | None:
    if found is None:
        return None
    size = len(texts[found.piece])
    words: dict[Form, str] = {
        "whole": f"the {noun} says the same twice: its second half repeats the first",
        "grows": "each piece repeats the text before it",
        "so far": f"a piece of {size} characters repeats all of the {noun} so far, which {count_of(found.pieces, 'piece')} brought",
        "last again": f"a piece of {size} characters repeats what the {found.pieces} pieces before it brought",
        "doubled": f"each of {found.pieces} pieces holds its words twice",
        "twice": f"{found.pieces} pieces of the {noun} repeat the piece before them",
        "restart": f"the {noun} begins again after {count_of(found.pieces, 'piece')}",
        "replayed": f"{found.pieces} pieces of the {noun} come twice, in the middle of a sentence",
        "interleaved": f"two copies of the {noun} are interleaved: {found.pieces} pieces are repeated a little later",
    }
    return found.form, found.piece, words[found.form], _ADVICE[found.form]


def repeated(
    exchange: Exchange, choice: Choice, channel: str, noun: str, *, grows: bool | None = None
) -> Iterator[Problem]:
    """Yield the problem of repeated text in ``channel``; only if fragments grow, or only if not, by ``grows``."""
    pieces = choice.channels.get(channel) or Fragments()
    found = _worded((growth if grows else repetition)(pieces.texts), pieces.texts, noun)
    if found is None:
        return
    form, piece, message, advice = found
    if grows is None or grows == (form == "grows"):
        place = place_of(exchange, choice, pieces.chunks[piece], f"/{{part}}/{channel}")
        yield Problem(message, (place,), advice=advice)


def are_copies(one: Fragments, other: Fragments) -> bool:
    """Return whether two channels have the same text in the same chunks."""
    return one.texts == other.texts and one.chunks == other.chunks and any(a != b for a, b in pairwise(one.texts))
