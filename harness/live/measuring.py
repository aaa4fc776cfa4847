"""Measures the cost of a probe, and the speed of the responses."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from harness.results import Cost, Speed
from harness.wire.exchange import OK, Exchange
from harness.wire.timing import StreamTiming, completion_tokens, prompt_tokens, timing_of


@dataclass(slots=True)
class Meter:
    """Counts the usage of responses and times their tokens; add each exchange once."""

    _requests: int = 0
    _prompt: int = 0
    _completion: int = 0
    _silent: int = 0
    _timings: list[StreamTiming] = field(default_factory=list)

    def add(self, exchanges: Iterable[Exchange]) -> None:
        """Count exchanges; one that failed before was sent twice."""
        for exchange in exchanges:
            self._requests += 1 + (exchange.source.failed_before is not None)
            prompt, completion = prompt_tokens(exchange), completion_tokens(exchange)
            self._prompt += prompt or 0
            self._completion += completion or 0
            answered = exchange.response.status == OK and not exchange.is_models_request
            self._silent += answered and prompt is None and completion is None
            timing = timing_of(exchange)
            self._timings += [timing] if timing else []

    @property
    def cost(self) -> Cost:
        """The requests sent, and the tokens that responses count."""
        return Cost(self._requests, self._prompt, self._completion, self._silent)

    @property
    def speed(self) -> Speed | None:
        """The speed of streams; None if no stream shows it."""
        if not self._timings:
            return None
        waits = [one.first_token for one in self._timings]
        rates = [one.rate for one in self._timings if one.rate is not None]
        return Speed(
            len(waits), round(median(waits), 3), round(max(waits), 3), round(median(rates), 1) if rates else None
        )
