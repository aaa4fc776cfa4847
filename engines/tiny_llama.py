"""
A Llama of one layer whose answers are written down, not learnt: its vocabulary and its weights.

Random weights babble without end and never call a tool.  Here every weight has a meaning instead, so an engine that
computes a Llama correctly gives the same answer to the same kind of prompt, and stops by itself:

* The embedding of a token is one-hot: dimension 7 is 1 where token 7 stands.  One more dimension, ALWAYS, is 1
  everywhere.
* Each attention head looks for one marker, such as the token ``<tools>``, from any later position, and raises a flag:
  a dimension of its own.  Where the marker stands nowhere the head averages zeros, and the flag stays down.
* The MLP is zero.
* The output matrix is the script: row *then*, column *after* holds how strongly token *then* follows token *after*.
  A rule under a flag counts only where both the token and the flag are there, and is stronger than one without.
* Whatever stands before it, a few tokens that close JSON are slightly likely, in an order that always comes to an end:
  a grammar that forbids the script leaves these.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Piece = str | bytes
"""The text of a token, or the bytes of one that is less than a character."""

HIDDEN = 512
HEADS = 8
HEAD_SIZE = HIDDEN // HEADS
FEED_FORWARD = 64
CONTEXT = 4096
EPSILON = 1e-6
ROPE_BASE = 1e6

# The answers.  A token has one plain successor, so a piece stands in one of them only, unless a flag tells which is
# being said.
GREETING: list[Piece] = [
    *("Hello", "!", " I", " am", " a", " tiny", " model", ".", " Caf", b"\xc3", b"\xa9", " and", " "),
    *(b"\xf0", b"\x9f", b"\x98", b"\x80", " bytes", " say", " goodbye", " now", ".\n"),
]  # é in two tokens and 😀 in four: an engine has to hold back half a character
REPORT: list[Piece] = ["The", " weather", " there", " is", " sunny", " today", "!!"]
THOUGHT: list[Piece] = [
    *("<think>", "\nOkay", ",", " let", " me", " think", " step", " by", " one", " more", ";\n", "</think>", "\n\n"),
]
COUNTING: list[Piece] = ["1,", *(f" {number}," for number in range(2, 40)), " 40"]
CALL: list[Piece] = [
    *("<tool_call>", '\n{"name": "', "get_weather", '", "arguments": {"', "city", '": "', "Paris"),
    *('"}}\n', "</tool_call>"),
]
PROMPT_END = "\n"
"""What the chat template ends with, so that the answer begins after it."""
BETWEEN_CALLS = " \n"

TAGS = [
    *("<tools>", "</tools>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"),
    *("<think>", "</think>", "<|reasoning|>"),
]
CONTROLS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
END = "<|im_end|>"
PAD = "<|endoftext|>"

ALWAYS = HIDDEN - 1


class Flag(IntEnum):
    """What a head has seen; the value is the dimension that tells it."""

    TOOLS = 500
    TOOL_RESULT = 501
    THINKING = 502
    BOTH = 503
    COUNT = 504
    FIRST_CALL = 505
    SECOND_CALL = 506


MARKERS: dict[Flag, Piece] = {
    Flag.TOOLS: "<tools>",
    Flag.TOOL_RESULT: "<tool_response>",
    Flag.THINKING: "<|reasoning|>",
    Flag.BOTH: " both",
    Flag.COUNT: "Count",
    Flag.FIRST_CALL: "get_weather",  # this and the next are tokens that only an answer holds: see _written
    Flag.SECOND_CALL: "get_time",
}
WORDS_IN_PROMPTS: list[str] = [" both", "Count"]
LONGEST_RUN = 1024
"""An engine without a limit of its own would read for many minutes at the harness's prompt of 150,000 times "a "."""

FALLBACKS: list[Piece] = [END, '"', "]", "}", ":", ",", "{", "t", "0"]
"""Under a grammar, the first of these that it allows: every value is closed as soon as it may be."""

# One unit of strength is 16 logits, see `weights`: half a unit leaves no chance to another token at a temperature of 1.
STEP = 0.5
SECOND_CHOICE = 5.0
PLAIN = 6.0
# END is due by rule and as a fallback, which makes 10.5 after the last token: to go on takes more.
COUNTED, CALLED, REPORTED, THOUGHT_FIRST = 8.0, 14.0, 18.0, 22.0
WORD = -0.5
"""Keeps words to the script, so that a grammar's own texts are spelt byte by byte, in one way."""
FLAG_SIZE = 0.25
"""Small beside the 1 of a token, so that a raised flag hardly changes what the last norm divides by."""


class Vocabulary:
    """The tokens by number: the 256 bytes, the words, then the tags and the control tokens."""

    def __init__(self) -> None:
        self._letters = _byte_letters()
        self.tokens = list(self._letters.values())
        self.merges: list[tuple[str, str]] = []
        for word in WORDS_IN_PROMPTS:
            self._spell_out(word)
        self._fold("a ", LONGEST_RUN)
        for piece in _written():
            self._add(self.spell(piece))
        self.ordinary = len(self.tokens)
        self.tokens += TAGS + CONTROLS
        self._numbers = {token: number for number, token in enumerate(self.tokens)}

    def number(self, piece: Piece) -> int:
        """Return the number of a token."""
        return self._numbers[self.spell(piece)]

    def spell(self, piece: Piece) -> str:
        """Return a token as vocabularies spell it: a letter for each byte; tags and controls as they are."""
        if piece in TAGS or piece in CONTROLS:
            return str(piece)
        return "".join(self._letters[byte] for byte in (piece.encode() if isinstance(piece, str) else piece))

    def _add(self, token: str) -> None:
        if token not in self.tokens:
            self.tokens.append(token)

    def _spell_out(self, word: str) -> None:
        """Make a word reachable from text, letter by letter; a token without merges is never read, only written."""
        letters = self.spell(word)
        for end in range(1, len(letters)):
            self._merge(letters[:end], letters[end])

    def _fold(self, text: str, longest: int) -> None:
        """Make one token of up to ``longest`` times a text, doubling."""
        self._spell_out(text)
        run = self.spell(text)
        while len(run) < longest * len(text):
            self._merge(run, run)
            run += run

    def _merge(self, left: str, right: str) -> None:
        self.merges.append((left, right))
        self._add(left + right)


def _byte_letters() -> dict[int, str]:
    """Return GPT-2's letter for each byte: its own where Latin-1 prints it, else the next one from U+0100 on."""
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printed]
    return {byte: chr(byte) for byte in printed} | {byte: chr(256 + place) for place, byte in enumerate(others)}


def _written() -> Iterable[Piece]:
    """Yield the pieces of all answers that are tokens of their own without being tags."""
    for answer in (GREETING, REPORT, THOUGHT, COUNTING, CALL, [BETWEEN_CALLS, "get_time", "zone", "CET"]):
        yield from (piece for piece in answer if piece not in TAGS)


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One entry of the script: ``then`` follows ``after``; with ``when``, only under that flag.

    A token that is anywhere due under a flag is held down where the flag is not up, so all its rules name that flag
    (or the same ``after``).
    """

    after: Piece
    then: Piece
    strength: float = PLAIN
    when: Flag | None = None


def script() -> list[Rule]:
    """Return what follows what."""
    starts = (PROMPT_END, THOUGHT[-1])
    rules = [Rule(start, "Hello") for start in starts]
    for answer in (GREETING, REPORT, COUNTING, CALL):
        rules += [Rule(*link) for link in pairwise([*answer, END])]
    rules += [Rule(*link) for link in pairwise(THOUGHT)]
    rules.append(Rule(PROMPT_END, "<think>", THOUGHT_FIRST, Flag.THINKING))
    rules += [Rule(start, "1,", COUNTED, Flag.COUNT) for start in starts]
    rules += [Rule(start, "<tool_call>", CALLED, Flag.TOOLS) for start in (*starts, BETWEEN_CALLS)]
    rules += [Rule(start, "The", REPORTED, Flag.TOOL_RESULT) for start in starts]
    return rules + _second_call()


def _second_call() -> list[Rule]:
    return [
        Rule("</tool_call>", BETWEEN_CALLS, CALLED, Flag.BOTH),
        Rule('\n{"name": "', "get_time", CALLED, Flag.FIRST_CALL),
        Rule('\n{"name": "', "get_time", SECOND_CHOICE),  # what is left where the first call's tool is forbidden
        Rule("get_time", '", "arguments": {"'),
        Rule('", "arguments": {"', "zone", CALLED, Flag.SECOND_CALL),
        Rule("zone", '": "'),
        Rule('": "', "CET", CALLED, Flag.SECOND_CALL),
        Rule("CET", '"}}\n'),
    ]


@dataclass(frozen=True, slots=True)
class Weights:
    """The matrices, rows outward as in PyTorch's Linear, the rotary pairs as halves of a head as in Hugging Face's."""

    embedding: Matrix
    attention_norm: Matrix
    query: Matrix
    key: Matrix
    value: Matrix
    attention_output: Matrix
    feed_forward_norm: Matrix
    gate: Matrix
    up: Matrix
    down: Matrix
    output_norm: Matrix
    output: Matrix


def weights(vocabulary: Vocabulary) -> Weights:
    """Return the model."""
    query, key, value, attention_output = _attention(vocabulary)
    ones = np.ones(HIDDEN, np.float32)
    return Weights(
        embedding=_embedding(vocabulary),
        # The norm divides by the root of the mean of squares, 1/16 for a token and ALWAYS; this restores 0 and 1.
        attention_norm=ones * np.float32((2 / HIDDEN) ** 0.5),
        query=query,
        key=key,
        value=value,
        attention_output=attention_output,
        feed_forward_norm=ones.copy(),
        gate=_zeros(FEED_FORWARD, HIDDEN),
        up=_zeros(FEED_FORWARD, HIDDEN),
        down=_zeros(HIDDEN, FEED_FORWARD),
        output_norm=ones.copy(),  # leaves the 16 in: the logits are wanted far apart
        output=_output(vocabulary),
    )


def _zeros(*shape: int) -> Matrix:
    return np.zeros(shape, np.float32)


def _embedding(vocabulary: Vocabulary) -> Matrix:
    count = len(vocabulary.tokens)
    if count > min(Flag):
        raise ValueError(f"{count} tokens leave no room for the flags: raise HIDDEN")
    embedding = _zeros(count, HIDDEN)
    np.fill_diagonal(embedding, 1)
    embedding[:, ALWAYS] = 1
    return embedding


def _attention(vocabulary: Vocabulary) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    query, key, value, output = (_zeros(HIDDEN, HIDDEN) for _ in range(4))
    for head, flag in enumerate(Flag):
        marker = vocabulary.number(MARKERS[flag])
        first = head * HEAD_SIZE
        # Rotary position turns a pair of dimensions by an angle that grows with the distance; this pair turns slowest,
        # by less than a hundredth over the whole context, so the score below is the same from anywhere.
        slowest = first + HEAD_SIZE // 2 - 1
        query[slowest, ALWAYS] = key[slowest, marker] = 20  # 20 * 20 / sqrt(64) = 50: next to e**50 the rest is nothing
        value[first, marker] = 1
        output[flag, first] = FLAG_SIZE
    return query, key, value, output


def _output(vocabulary: Vocabulary) -> Matrix:
    output = _zeros(len(vocabulary.tokens), HIDDEN)
    output[256 : vocabulary.ordinary, ALWAYS] = WORD
    for place, piece in enumerate(reversed(FALLBACKS), start=1):
        output[vocabulary.number(piece), ALWAYS] += place * STEP
    gates: set[tuple[int, Flag, float]] = set()
    for rule in script():
        then = vocabulary.number(rule.then)
        output[then, vocabulary.number(rule.after)] += rule.strength
        if rule.when is not None:
            gates.add((then, rule.when, rule.strength))
    # Token and flag are worth the strength each, and ALWAYS takes it away once: both together leave it, one alone none.
    for then, flag, strength in gates:
        output[then, flag] += strength / FLAG_SIZE
        output[then, ALWAYS] -= strength
    # The second call is the last: this takes back the rule that starts one.
    output[vocabulary.number(BETWEEN_CALLS), Flag.SECOND_CALL] -= CALLED / FLAG_SIZE
    return output
