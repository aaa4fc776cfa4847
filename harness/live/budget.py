"""
What a probe may spend: counted before a request is sent, and again by what its answer says it took.

How it works: a request holds the tokens of its prompt, and its cap or ``ANSWER_TOKENS`` for the answer, from before it
is sent until it is answered.  Then what the answer says it took stands in their place.  Where answers take more than
was reckoned, the largest so far is reckoned with from then on.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from harness.judging.runner import Skip
from harness.matrix.dialects import first_body
from harness.matrix.scenarios import Scenario
from harness.results import Outcome
from harness.wire.exchange import NO_ANSWER, OK, Exchange
from harness.wire.turn import Counts
from harness.words import translated

ANSWER_TOKENS = 2_000
"""What an answer without a cap is reckoned at, thoughts included: the longest asked for is of about 300 words."""

_CHARACTERS_A_TOKEN = 2
_ASCII = bytes(range(128))
_PIECE = 1 << 20
_CAPS = ("max_tokens", "max_completion_tokens")


def tokens_of(text: bytes) -> int:
    """
    Return what a text in UTF-8 is reckoned at: a token for each two characters of ASCII, and for each other byte.

    Vendors tell of three to four characters a token in English, and of 0.6 tokens a Chinese character
    (https://github.com/openai/tiktoken, https://api-docs.deepseek.com/quick_start/token_usage); "a a a" takes two
    characters a token, and no vocabulary that is made of bytes takes more tokens than those.
    """
    pieces = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))  # a copy of an endless answer is too much
    others = sum(len(piece.translate(None, _ASCII)) for piece in pieces)
    return others + math.ceil((len(text) - others) / _CHARACTERS_A_TOKEN)


def prompt_tokens(scenario: Scenario) -> int:
    """Return what the first prompt of a scenario is reckoned at."""
    body = first_body(scenario, "")
    return tokens_of(scenario.raw_body or orjson.dumps(body))


@dataclass(slots=True)
class Budget:
    """
    What a probe may spend; ``spent`` and ``tokens_spent`` are what it has.

    ``long`` is whether what is ``costly`` may be asked.
    """

    requests: int = 70
    tokens: int = 200_000
    long: bool = False
    spent: int = 0
    tokens_spent: int = 0
    _answer: int = ANSWER_TOKENS
    _held: dict[str, int] = field(default_factory=dict)

    def begin(self, scenarios: Iterable[Scenario]) -> None:
        """Count the GETs among ``scenarios``, which cost nothing and are asked whatever else is."""
        self.spent += sum(scenario.requests for scenario in filter(_free, scenarios))

    def told(self, scenarios: Iterable[Scenario]) -> str:
        """Return what asking ``scenarios`` may take, in a line."""
        asked = [scenario for scenario in scenarios if self.long or not scenario.costly]
        requests, gets = (sum(one.requests for one in some) for some in (asked, filter(_free, asked)))
        prompts = sum(one.requests * prompt_tokens(one) for one in asked if not one.path)
        requests = max(min(requests, self.requests), gets)
        told = translated("up to {requests} requests and {tokens:,} tokens (prompts: about {prompts:,})")
        if requests == 1:
            told = translated("up to 1 request and {tokens:,} tokens (prompts: about {prompts:,})")
        return told.format(requests=requests, tokens=self.tokens, prompts=min(prompts, self.tokens))

    def try_reserve(self, scenario: Scenario) -> Skip | None:
        """Count what ``scenario`` takes as spent; return why it is not asked where that does not fit."""
        if scenario.path:
            return None
        need = self._need(scenario)
        if scenario.costly and not self.long:
            return Skip(Outcome.MISSING, f"sent only with --long: it takes about {need:,} tokens")
        if self.spent + scenario.requests > self.requests:
            return Skip(Outcome.MISSING, f"the limit of {self.requests} requests is reached")
        left = self.tokens - self.tokens_spent - sum(self._held.values())
        if need > left:
            said = f"{max(left, 0):,} of {self.tokens:,} tokens are left, and it may take {need:,}"
            return Skip(Outcome.MISSING, said)
        self.spent += scenario.requests
        self._held[scenario.id] = need
        return None

    def settle(self, scenario: Scenario, exchanges: Iterable[Exchange]) -> None:
        """Count what the answers to ``scenario`` took, in the place of what was held for them."""
        self._held.pop(scenario.id, None)
        for exchange in exchanges:
            taken = 0 if scenario.path else self._taken(exchange)
            self.tokens_spent += taken
            self._answer = max(self._answer, taken - tokens_of(exchange.request.body or b""))

    def _need(self, scenario: Scenario) -> int:
        if scenario.path:
            return 0
        # A second prompt holds the first answer.
        answers = sum(range(1, scenario.requests + 1)) * _cap(
            scenario.params | (scenario.repeat_with or {}), self._answer
        )
        return scenario.requests * prompt_tokens(scenario) + answers

    def _taken(self, exchange: Exchange) -> int:
        """Return the tokens that an answer says it took; as reckoned, where it does not say so."""
        counts = exchange.turn.counts if exchange.dialect == "messages" else Counts()
        if counts.input or counts.output:
            return (counts.input or 0) + (counts.output or 0)
        for usage in exchange.columns.usages[-1:]:
            total = usage.value.get("total_tokens")
            if isinstance(total, int) and total > 0:
                return total
        response, prompt = exchange.response, tokens_of(exchange.request.body or b"")
        if response.status == NO_ANSWER or (response.status == OK and not response.eof):
            return prompt + self._answer  # what is given up on may go on there, and be billed
        return prompt + min(tokens_of(response.content), self._answer) if response.status == OK else 0


def _free(scenario: Scenario) -> bool:
    return scenario.path is not None


def _cap(params: dict[str, Any], otherwise: int) -> int:
    """Return the most tokens of an answer: its cap, or what it is reckoned at; times how many were asked for."""
    caps = [int(params[name]) for name in _CAPS if type(params.get(name)) is int and params[name] > 0]
    return min(caps, default=otherwise) * int(params.get("n", 1))
