"""Masks the strings of JSON texts: of a request, of a response, or of all events of a stream."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from harness.recording.masking.escapes import Escapes
from harness.recording.masking.identifiers import masked_id
from harness.recording.masking.joined import masked_pieces
from harness.recording.masking.json_strings import Container, JsonToken, tokens_in
from harness.recording.masking.places import Place, is_written_key, is_written_number, place_of_string
from harness.recording.masking.probabilities import SaidText, TokenTexts
from harness.recording.masking.refusals import Repetitions
from harness.recording.masking.words import Vocabulary

_KEYWORDS = frozenset({"$defs", "definitions", "properties", "components", "schemas", "items"})
_LITERAL = re.compile(r"\\.|\[(?:[^\]\\]|\\.)*\]|\(\?\w*<?|\{[\d,]+\}|([A-Za-z]{2,})")
_SAID = frozenset({"content", "reasoning", "reasoning_content", "reasoning_text", "refusal", "text", "thinking"})

_Label = tuple[str, ...]


@dataclass(slots=True)
class Context:
    """
    The context of an exchange whose texts are masked.

    ``marks`` are the stop sequences, ``names`` those of tools; ``asked`` is whether a request is masked,
    ``refused`` whether the response is an error.
    """

    vocabulary: Vocabulary
    repetitions: Repetitions
    marks: Sequence[str] = ()
    names: Collection[str] = ()
    asked: bool = False
    refused: bool = False


@dataclass(slots=True)
class _String:
    """A string of block number ``block``: as written, decoded, and its replacement."""

    block: int
    token: JsonToken
    escapes: Escapes | None
    plain: str
    made: str | None = None

    @classmethod
    def of(cls, block: int, token: JsonToken) -> "_String":
        escapes = Escapes(token.raw) if "\\" in token.raw else None
        return cls(block, token, escapes, escapes.plain if escapes else token.raw)

    def written(self) -> str:
        """Return its replacement, with the same escapes."""
        made = self.plain if self.made is None else self.made
        return self.escapes.put_back(made) if self.escapes else made


@dataclass(slots=True)
class _Found:
    """The strings to replace, and the groups of related ones among them."""

    strings: list[_String] = field(default_factory=list)
    pieces: list[_String] = field(default_factory=list)
    tokens: dict[str, TokenTexts] = field(default_factory=lambda: defaultdict(TokenTexts))
    said: dict[str, list[_String]] = field(default_factory=lambda: defaultdict(list))


class JsonTexts:
    """Related JSON texts, such as the events of a stream."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._vocabulary = context.vocabulary
        self._found = _Found()
        self._calls: dict[str, int] = defaultdict(int)
        self._by_place: dict[Place, Callable[[_String], None]] = {
            Place.KEPT: self._keep,
            Place.TEXT: self._text,
            Place.PIECE: self._piece,
            Place.ID: self._id,
            Place.ERROR: self._error,
            Place.LIKELY: self._token,
            Place.PATTERN: self._pattern,
            Place.REFERENCE: self._reference,
        }

    def masked(self, blocks: Sequence[str]) -> list[str]:
        """Return the texts with other words, each of its original length."""
        for number, block in enumerate(blocks):
            for token in tokens_in(block):
                self._take(number, token)
        for strings in self._joining():
            self._mask_pieces(strings)
        self._mask_tokens()
        by_block: dict[int, list[_String]] = defaultdict(list)
        for string in self._found.strings:
            by_block[string.block].append(string)
        return [_replaced(block, by_block[number]) for number, block in enumerate(blocks)]

    def _take(self, block: int, token: JsonToken) -> None:
        asked = self._context.asked
        if token.is_number:
            if "bytes" in token.path and "logprobs" in token.path:
                string = _String.of(block, token)
                self._found.strings.append(string)
                self._tokens_of(token).add_byte(token.within.above, string)
            elif is_written_number(token.path, asked=asked):
                self._found.strings.append(_String(block, token, None, token.raw, self._vocabulary.text(token.raw)))
            return
        string = _String.of(block, token)
        if token.is_key:
            if is_written_key(token.within, asked=asked):
                self._text(string)
        elif string.plain:
            self._by_place[place_of_string(token.path, asked=asked, refused=self._context.refused)](string)

    def _keep(self, string: _String) -> None:
        if string.plain in self._context.marks:  # some send the stop sequence as the stop reason
            self._text(string)

    def _text(self, string: _String) -> None:
        string.made = masked_pieces([string.plain], self._vocabulary.text, self._context.marks)[0]
        self._found.strings.append(string)
        if string.token.path[-1] in _SAID if string.token.path else False:
            string.made = self._as_before([string.plain], [string.made])[0]
            self._found.said[_choice(string.token.within)].append(string)

    def _piece(self, string: _String) -> None:
        self._found.strings.append(string)
        self._found.pieces.append(string)
        if string.token.path[-1] in _SAID:
            self._found.said[_choice(string.token.within)].append(string)

    def _id(self, string: _String) -> None:
        string.made = masked_id(string.plain, self._vocabulary, self._context.names)
        self._found.strings.append(string)

    def _error(self, string: _String) -> None:
        string.made = self._context.repetitions.masked(string.plain)
        self._found.strings.append(string)

    def _pattern(self, string: _String) -> None:
        made = _LITERAL.sub(lambda found: self._vocabulary.word(found[1]) if found[1] else found[0], string.plain)
        string.made = made
        self._found.strings.append(string)

    def _reference(self, string: _String) -> None:
        parts = string.plain.split("/")
        string.made = "/".join(one if one in _KEYWORDS else self._vocabulary.text(one) for one in parts)
        self._found.strings.append(string)

    def _token(self, string: _String) -> None:
        self._found.strings.append(string)
        self._tokens_of(string.token).add(string)

    def _tokens_of(self, token: JsonToken) -> TokenTexts:
        return self._found.tokens[_choice(token.within)]

    def _joining(self) -> Iterator[list[_String]]:
        """Yield groups of fragments; the key that relates them may follow a fragment, so everything is read first."""
        found: dict[_Label, list[_String]] = defaultdict(list)
        for string in self._found.pieces:
            found[tuple(self._label(string.token))].append(string)
        yield from found.values()

    def _label(self, token: JsonToken) -> Iterator[str]:
        yield from token.path
        yield _choice(token.within)
        within: Container | None = token.within
        while within is not None:
            if within.path[-2:] == ("tool_calls", "*"):
                yield self._call(within)
            elif within.path[-1:] in {("*",), ()} and "index" in within.values and within.path != ("choices", "*"):
                yield within.values["index"]  # an event of Messages has that of its block
            within = within.above

    def _call(self, within: Container) -> str:
        """Return the call that a fragment belongs to: without an index, one with an id begins a call."""
        if "index" in within.values:
            return within.values["index"]
        choice = _choice(within)
        if "call" not in within.values:
            self._calls[choice] += bool(within.values.get("id"))
            within.values["call"] = f"call {self._calls[choice]}"
        return within.values["call"]

    def _mask_pieces(self, strings: list[_String]) -> None:
        pieces = [string.plain for string in strings]
        given = {piece for piece in pieces if piece}
        apart = len(given) == 1 or (strings[0].token.path[-1] == "name" and not given.isdisjoint(self._context.names))
        if apart:
            made = [masked_pieces([piece], self._vocabulary.text, self._context.marks)[0] for piece in pieces]
        else:
            made = masked_pieces(pieces, self._vocabulary.text, self._context.marks)
        if strings[0].token.path[-1] in _SAID:
            made = self._as_before(pieces, made)
        for string, other in zip(strings, made, strict=True):
            string.made = other

    def _as_before(self, pieces: Sequence[str], made: list[str]) -> list[str]:
        """Return the replacement fragments of a text, if it occurred before with other white space."""
        text = "".join(pieces)
        again = self._vocabulary.again(text)
        self._vocabulary.remember(text, "".join(made))
        if again is None:
            return made
        ends = [0, *accumulate(map(len, pieces))]
        return [again[start:end] for start, end in pairwise(ends)]

    def _mask_tokens(self) -> None:
        for choice, tokens in self._found.tokens.items():
            said: dict[str, list[_String]] = defaultdict(list)
            for string in self._found.said[choice]:
                said[string.token.path[-1]].append(string)
            joined = [("".join(s.plain for s in one), "".join(s.made or "" for s in one)) for one in said.values()]
            tokens.mask([SaidText(*pair) for pair in joined], self._vocabulary)


def _choice(within: Container | None) -> str:
    """Return the choice that a value belongs to."""
    while within is not None:
        if within.path == ("choices", "*"):
            return within.values.get("index", str(within.position))
        within = within.above
    return ""


def _replaced(block: str, strings: list[_String]) -> str:
    parts, at = [], 0
    for string in sorted(strings, key=lambda one: one.token.start):
        token = string.token
        parts += [block[at : token.start], string.written()]
        at = token.start + len(token.raw)
    return "".join([*parts, block[at:]])
