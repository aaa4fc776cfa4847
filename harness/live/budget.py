"""
Limits what a probe spends: reserves before a request is sent, and settles by the usage in its response.

How it works: until it is answered, a request reserves the tokens of its prompt, and its cap or ``ANSWER_TOKENS``
for the response.  Then the usage in the response replaces the reservation.  If responses take more than estimated,
the largest so far becomes the estimate.
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
"""Estimate for a response without a cap, including reasoning: the longest requested has about 300 words."""

_CHARACTERS_A_TOKEN = 2
_ASCII = bytes(range(128))
_PIECE = 1 << 20
_CAPS = ("max_tokens", "max_completion_tokens")


def tokens_of(text: bytes) -> int:
    """
    Return the estimated tokens of a UTF-8 text: one per two ASCII characters, and one per other byte.

    Vendors give three to four characters per token in English, and 0.6 tokens per Chinese character
    (https://github.com/openai/tiktoken, https://api-docs.deepseek.com/quick_start/token_usage); "a a a" takes two
    characters per token, and no byte-level vocabulary takes more tokens than those.
    """
    pieces = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))  # copies of endless responses are too large
    others = sum(len(piece.translate(None, _ASCII)) for piece in pieces)
    return others + math.ceil((len(text) - others) / _CHARACTERS_A_TOKEN)


def prompt_tokens(scenario: Scenario) -> int:
    """Return the estimated tokens of the first prompt of a scenario."""
    body = first_body(scenario, "")
    return tokens_of(scenario.raw_body or orjson.dumps(body))


@dataclass(slots=True)
class Budget:
    """
    The spending limits of a probe; ``spent`` and ``tokens_spent`` are used so far.

    ``long`` is whether ``costly`` scenarios may be sent.
    """

    requests: int = 70
    tokens: int = 200_000
    long: bool = False
    spent: int = 0
    tokens_spent: int = 0
    _answer: int = ANSWER_TOKENS
    _held: dict[str, int] = field(default_factory=dict)

    def begin(self, scenarios: Iterable[Scenario]) -> None:
        """Reserve the GETs among ``scenarios``, which are free and always sent."""
        self.spent += sum(scenario.requests for scenario in filter(_free, scenarios))

    def told(self, scenarios: Iterable[Scenario]) -> str:
        """Return the expected cost of ``scenarios``, in a line."""
        asked = [scenario for scenario in scenarios if self.long or not scenario.costly]
        requests, gets = (sum(one.requests for one in some) for some in (asked, filter(_free, asked)))
        prompts = sum(one.requests * prompt_tokens(one) for one in asked if not one.path)
        requests = max(min(requests, self.requests), gets)
        told = translated("up to {requests} requests and {tokens:,} tokens (prompts: about {prompts:,})")
        if requests == 1:
            told = translated("up to 1 request and {tokens:,} tokens (prompts: about {prompts:,})")
        return told.format(requests=requests, tokens=self.tokens, prompts=min(prompts, self.tokens))

    def try_reserve(self, scenario: Scenario) -> Skip | None:
        """Reserve the cost of ``scenario``; if it does not fit, return why it is not sent."""
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
        """Replace the reservation of ``scenario`` by the usage in its responses."""
        self._held.pop(scenario.id, None)
        for exchange in exchanges:
            taken = 0 if scenario.path else self._taken(exchange)
            self.tokens_spent += taken
            self._answer = max(self._answer, taken - tokens_of(exchange.request.body or b""))

    def _need(self, scenario: Scenario) -> int:
        if scenario.path:
            return 0
        # A second prompt contains the first response.
        answers = sum(range(1, scenario.requests + 1)) * _cap(
            scenario.params | (scenario.repeat_with or {}), self._answer
        )
        return scenario.requests * prompt_tokens(scenario) + answers

    def _taken(self, exchange: Exchange) -> int:
        """Return the tokens of a response by its usage; the estimate, if it has none."""
        counts = exchange.turn.counts if exchange.dialect == "messages" else Counts()
        if counts.input or counts.output:
            return (counts.input or 0) + (counts.output or 0)
        for usage in exchange.columns.usages[-1:]:
            total = usage.value.get("total_tokens")
            if isinstance(total, int) and total > 0:
                return total
        response, prompt = exchange.response, tokens_of(exchange.request.body or b"")
        if response.status == NO_ANSWER or (response.status == OK and not response.eof):
            return prompt + self._answer  # an aborted request may continue on the server, and be billed
        return prompt + min(tokens_of(response.content), self._answer) if response.status == OK else 0


def _free(scenario: Scenario) -> bool:
    return scenario.path is not None


def _cap(params: dict[str, Any], otherwise: int) -> int:
    """Return the maximum tokens of a response: its cap, or the estimate; times the number of choices."""
    caps = [int(params[name]) for name in _CAPS if type(params.get(name)) is int and params[name] > 0]
    return min(caps, default=otherwise) * int(params.get("n", 1))
