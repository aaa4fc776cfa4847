"""Reads the token probabilities of a response for the checks of the family logprobs."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from harness.checks.applies import success_status
from harness.checks.registry import NotApplicable, Reason
from harness.wire.chat.chunks import Choice, Logprobs
from harness.wire.exchange import Exchange
from harness.wire.shapes import REASONING_CHANNELS, objects_in

LISTS = ("content", "refusal", "reasoning_content")
"""The keys of logprobs with token lists; the last is DeepSeek's."""

LEGACY = ("tokens", "token_logprobs", "text_offset")
"""The keys of logprobs in /v1/completions, instead of the list."""

_MOST_BYTE = 255


class Token(NamedTuple):
    """A token with its probability, as received: chunk, pointer and the object."""

    chunk: int
    pointer: str
    value: dict[str, Any]

    @property
    def has_text(self) -> bool:
        """Whether its text is a string."""
        return isinstance(self.value.get("token"), str)

    @property
    def text(self) -> str:
        """Its text; empty if it is not a string."""
        given = self.value.get("token")
        return given if isinstance(given, str) else ""

    @property
    def bytes(self) -> bytes | None:
        """Its bytes; None if they are missing or invalid."""
        given = self.value.get("bytes")
        return bytes(given) if isinstance(given, list) and all(map(is_byte, given)) else None

    @property
    def alternatives(self) -> list[dict[str, Any]]:
        """The likeliest tokens instead of it."""
        return objects_in(self.value.get("top_logprobs"))

    @property
    def others(self) -> "list[Token]":
        """Its alternatives, each with its place."""
        listed = self.value.get("top_logprobs")
        numbered = enumerate(listed if isinstance(listed, list) else ())
        return [
            Token(self.chunk, f"{self.pointer}/top_logprobs/{n}", one) for n, one in numbered if isinstance(one, dict)
        ]


def is_byte(value: Any) -> bool:
    """Return whether ``value`` is an integer in the range of a byte."""
    return type(value) is int and 0 <= value <= _MOST_BYTE


@dataclass(frozen=True)
class TokenList:
    """
    The tokens of one choice, in order, and their ``text``, which came in ``channel``.

    ``parts`` are the numbers of tokens per chunk.
    """

    choice: Choice
    channel: str
    text: str
    tokens: tuple[Token, ...]
    parts: tuple[int, ...]

    @cached_property
    def by_token(self) -> str:
        """The joined texts of the tokens."""
        return "".join(token.text for token in self.tokens)

    @cached_property
    def by_bytes(self) -> str:
        """The joined bytes of the tokens, or texts if no bytes are given."""
        pieces = (
            token.text.encode("utf-8", "replace") if token.bytes is None else token.bytes for token in self.tokens
        )
        return b"".join(pieces).decode("utf-8", "ignore")

    @property
    def grows(self) -> bool:
        """Whether each list begins with all of the one before, as if a server sends all tokens so far."""
        ends = [sum(self.parts[: n + 1]) for n in range(len(self.parts))]
        lists = [[t.text for t in self.tokens[end - size : end]] for end, size in zip(ends, self.parts, strict=True)]
        return len(lists) > 2 and all(len(b) > len(a) and b[: len(a)] == a for a, b in pairwise(lists))  # noqa: PLR2004


def token_lists(exchange: Exchange) -> list[TokenList]:
    """Return the token lists of a response, without empty ones."""
    found = [one for choice in exchange.columns.choices.values() for key in LISTS for one in _lists_of(choice, key)]
    return [one for one in found if one.tokens]


def _lists_of(choice: Choice, key: str) -> Iterator[TokenList]:
    """
    Yield the lists under ``key``, with their text.

    Engines put reasoning tokens under content too, in the chunks with reasoning and no text.
    """
    thinking = choice.reasoning or REASONING_CHANNELS[0]
    if key == LISTS[-1]:
        yield _list_of(choice, key, thinking, choice.logprobs)
        return
    spoken = choice.fragments(key).chunks
    thought = set(choice.fragments(thinking).chunks).difference(spoken) if key == LISTS[0] else set()
    yield _list_of(choice, key, key, [given for given in choice.logprobs if given.chunk not in thought])
    if thought:
        yield _list_of(choice, key, thinking, [given for given in choice.logprobs if given.chunk in thought])


def _list_of(choice: Choice, key: str, channel: str, came: list[Logprobs]) -> TokenList:
    tokens: list[Token] = []
    parts = []
    for given in came:
        listed = given.value.get(key)
        found = [
            Token(given.chunk, f"{given.pointer}/{key}/{n}", one)
            for n, one in enumerate(listed if isinstance(listed, list) else ())
            if isinstance(one, dict)
        ]
        tokens += found
        parts += [len(found)] if found else []
    return TokenList(choice, channel, choice.fragments(channel).text, tuple(tokens), tuple(parts))


def is_legacy(given: dict[str, Any]) -> bool:
    """Return whether logprobs have the form of /v1/completions, not that of chat completions."""
    lists = any(isinstance(given.get(key), list) for key in LISTS)
    return not lists and any(given.get(key) is not None for key in LEGACY)


def has_logprobs(exchange: Exchange) -> Reason | None:
    """A response with logprobs that are not null."""
    given = any(choice.logprobs for choice in exchange.columns.choices.values())
    return success_status(exchange) or (None if given else "no logprobs came")


def has_tokens(exchange: Exchange) -> Reason | None:
    """A response with token probabilities, in the form of chat completions."""
    reason = has_logprobs(exchange)
    return reason or (
        None if all_tokens(exchange) else NotApplicable("no tokens with probabilities came", "not-present")
    )


def all_tokens(exchange: Exchange) -> Iterator[Token] | None:
    """Return all tokens of a response; None if there are none."""
    lists = token_lists(exchange)
    return (token for one in lists for token in one.tokens) if lists else None
