"""
Lists the responses that client code is tried on: the reference's, each fault and legal variant, and providers'.

Recordings of a provider that differ only in texts, ids and numbers are tried once: client code can't distinguish
them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import orjson

from harness.clients.client import Client
from harness.matrix.completions import COMPLETIONS
from harness.matrix.messages import MESSAGES
from harness.matrix.scenarios import SCENARIOS
from harness.sdk.form import canonical_form
from harness.serve.recording_index import REFERENCE, RecordedAnswer
from harness.simulate.chat import ideal as chat
from harness.simulate.completions import ideal as completions
from harness.simulate.edits import NothingChanged
from harness.simulate.faults import EVERY_FAULT, EVERY_VARIANT, FAULTS_OF, VARIANTS_OF
from harness.simulate.messages import ideal as messages
from harness.wire.completions.asked import texts_due
from harness.wire.dialect import COUNT_TOKENS, DialectName, dialect_of_scenario
from harness.wire.exchange import NO_ANSWER, Exchange

_ASKED = ("tools", "stream_options")
_MODELS: dict[DialectName, str] = {
    "chat": chat.MODEL,
    "messages": messages.MODEL,
    "completions": completions.MODEL,
}
SPOKEN = tuple(_MODELS)
"""The dialects of client code."""

_ASKS = "What is the weather in Paris?"
_CAP = 1024


@dataclass(frozen=True, eq=False)
class Trial:
    """
    A response for client code to read: its provider, its scenario, and its fault or legal variant.

    A fault is ``transplanted`` if the scenario is not its own in the catalogue.
    """

    provider: str
    model: str
    scenario: str
    exchange: Exchange
    fault: str | None = None
    transplanted: bool = False

    @property
    def request_id(self) -> str:
        """The scenario, with the number of the exchange unless it is the first: ``tools.round-trip#2``."""
        number = len(self.exchange.earlier) + 1
        return self.scenario if number == 1 else f"{self.scenario}#{number}"

    @property
    def id(self) -> str:
        """``fault``, or ``provider/model/scenario``."""
        if self.fault:
            return f"{self.fault}@{self.request_id}" if self.transplanted else self.fault
        return f"{self.provider}/{self.model}/{self.request_id}"

    @cached_property
    def form(self) -> tuple[object, ...]:
        """What distinguishes responses that client code reads differently: errors, and what was requested and sent."""
        if not self.exchange.response.is_success:
            return (self.exchange.dialect, "refusal")
        request, turn = self.exchange.request, self.exchange.turn
        asked = (bool(request.get("stream")), bool(request.get("stream_options")))
        count = len(self.exchange.message.starts or self.exchange.completion.messages)
        return (self.exchange.dialect, *asked, count, bool(turn.reasoning), bool(turn.calls), bool(turn.text))

    @property
    def question(self) -> dict[str, Any]:
        """The question for the code; the response is fixed, so only what affects the form of the request counts."""
        asked = self.exchange.request.json or {}
        question: dict[str, Any] = {"model": _MODELS[self.exchange.dialect]}
        if self.exchange.dialect == "completions":
            question["prompt"] = _ASKS
        else:
            question["messages"] = [{"role": "user", "content": _ASKS}]
        if self.exchange.dialect != "chat":
            question["max_tokens"] = _CAP
        return question | {name: asked[name] for name in _ASKED if name in asked}

    def suits(self, client: Client) -> bool:
        """Return whether ``client`` requests this dialect and form, streamed or not; errors have one form."""
        if client.dialect != self.exchange.dialect:
            return False
        if client.only and not (self.scenario.startswith(client.only) and self.is_city):
            return False
        return not self.exchange.response.is_success or client.streams == bool(self.exchange.request.get("stream"))

    @property
    def is_city(self) -> bool:
        """Whether the response's text is the requested JSON object."""
        messages = self.exchange.completion.messages
        try:
            said = orjson.loads((messages[0].content if messages else None) or "")
        except orjson.JSONDecodeError:
            return False
        return isinstance(said, dict) and {"city", "population"} <= said.keys()


def is_tried(exchange: Exchange) -> bool:
    """
    Return whether an exchange is a response that client code can be tried on.

    No client code asks for several choices, and a response that is too large is not complete enough to play.
    """
    spoken = exchange.dialect in SPOKEN
    is_answer = spoken and not exchange.is_models_request and not exchange.request.url.endswith(COUNT_TOKENS)
    one = is_answer and _texts_asked_for(exchange) == 1
    whole = not exchange.expected.cancelled_by_client and not exchange.too_large
    return one and whole and exchange.response.status != NO_ANSWER


def _texts_asked_for(exchange: Exchange) -> int:
    request = exchange.request
    return texts_due(request.json) if exchange.dialect == "completions" else request.get("n") or 1


@cache
def reference_trials() -> tuple[Trial, ...]:
    """Return the ideal provider's responses to every scenario."""
    asked = [(one.id, exchange) for one in SCENARIOS.values() for exchange in chat.recording(one)]
    asked += [(one.id, exchange) for one in MESSAGES.values() for exchange in messages.recording(one)]
    asked += [(one.id, exchange) for one in COMPLETIONS.values() for exchange in completions.recording(one)]
    return tuple(_of_reference(name, exchange) for name, exchange in asked if _is_due(name, exchange))


def _of_reference(scenario: str, exchange: Exchange, fault: str | None = None) -> Trial:
    return Trial(REFERENCE, _MODELS[exchange.dialect], scenario, exchange, fault)


def _is_due(scenario: str, exchange: Exchange) -> bool:
    """Return whether a response is tried, and is in the dialect of its scenario: some send the same in chat first."""
    return is_tried(exchange) and exchange.dialect == dialect_of_scenario(scenario)


@cache
def deviation_trials() -> tuple[Trial, ...]:
    """Return the faults and legal variants, each in its reference response."""
    faults = [fault for name in SPOKEN for fault in FAULTS_OF[name].values()]
    variants = [variant for name in SPOKEN for variant in VARIANTS_OF[name].values()]
    made = [(one.id, one.on, one.apply()) for one in (*faults, *variants)]
    return tuple(_of_reference(on, exchange, name) for name, on, exchange in made if _is_due(on, exchange))


@cache
def deviation_trial(name: str) -> Trial:
    """Return one of them, by the id of its fault or variant."""
    made = EVERY_FAULT.get(name) or EVERY_VARIANT[name]
    return _of_reference(made.on, made.apply(), name)


def transplant(trial: Trial, to: Trial) -> Trial | None:
    """Return the fault of ``trial`` in another response; None if it does not apply there."""
    fault = EVERY_FAULT.get(trial.fault or "") or EVERY_VARIANT[trial.fault or ""]
    try:
        return replace(to, exchange=fault.change(to.exchange), fault=fault.id, transplanted=True)
    except (NothingChanged, LookupError, ValueError, TypeError, StopIteration):  # made for another form of response
        return None


def provider_trials(held: Iterable[RecordedAnswer]) -> Iterator[Trial]:
    """Yield the recordings of one provider, each form once."""
    seen = set[tuple[object, ...]]()
    for one in held:
        if _is_due(one.scenario.id, one.exchange):
            response = one.exchange.response
            headers = (response.headers.get("content-type"), response.headers.get("content-encoding"))
            form = (
                bool(one.exchange.request.get("stream")),
                response.status,
                response.eof,
                *headers,
                canonical_form(one.exchange),
            )
            if form not in seen:
                seen.add(form)
                provider, _, model = one.target.partition("/")
                yield Trial(provider, model, one.scenario.id, one.exchange)
