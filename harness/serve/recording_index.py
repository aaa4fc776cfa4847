"""
Finds the recording for a request: the one whose request is most similar.

How it works: a request and each recorded one are reduced to traits.  Some must agree, such as stream, tools or JSON
mode; of those recordings that do, the one that differs least in the rest is chosen, and among equals the first in
the order of the scenarios.  API keys are ignored.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from harness.errors import NotRecorded, near_hint, unknown
from harness.judging.published import PublishedCase, published_cases
from harness.judging.runner import Case, Selection
from harness.matrix.dialects import EVERY_SCENARIO, SCENARIOS_OF
from harness.matrix.naming import called, hint_at
from harness.matrix.providers import Matrix, Provider, Target
from harness.matrix.scenarios import Scenario, with_expectations
from harness.recording.cassette import read_cassette
from harness.results.basis import PUBLISHED
from harness.serve.fitting import Wish, fits, says_whether_to_think
from harness.serve.request_traits import RequestTraits, differing, distance, in_chat, traits
from harness.serve.synthesis import Synthesiser
from harness.simulate.chat import ideal as chat
from harness.simulate.chat.refusing import Wrong, wrong_with
from harness.simulate.chat.strictness import refused_by_openai
from harness.simulate.completions import ideal as completions
from harness.simulate.completions.refusing import wrong_with_prompt
from harness.simulate.known_parameters import OF_CHAT, unknown_to_openai
from harness.simulate.messages import ideal as messages
from harness.simulate.messages.refusing import WrongMessages, wrong_for_anthropic, wrong_with_messages
from harness.simulate.recordings import recording
from harness.wire.dialect import COUNT_TOKENS, DIALECTS, DialectName, dialect_of
from harness.wire.exchange import Exchange, Headers, Request, object_in
from harness.wire.shapes import Json

REFERENCE = "reference"
"""The name under which the ideal provider is served: OpenAI's own form, for comparison."""

_OWN_NAMES = 3
_JSON = Headers((("Content-Type", "application/json"),))
_MADE = Scenario("synthesised", "Made for a request.")
_REMEMBERED = 256
_LONGEST_NAME = 500
_BY_NAME_ONLY = (
    "error.bad-key", "error.bad-key-stream", "error.unknown-model", "error.wrong-type", "error.no-tokens",
    "messages.bad-key", "messages.unknown-model", "messages.wrong-type", "messages.no-cap",
    "completions.bad-key", "completions.unknown-model", "completions.wrong-type",
)  # fmt: skip
CHAT_PATH = "/chat/completions"
"""The default path of chat."""


@dataclass(frozen=True)
class RecordedAnswer:
    """
    One exchange of a served recording, with its target and scenario.

    ``names`` are the names of its model, its own first; ``unasked`` is whether the model thinks by default, None if
    unknown.
    """

    target: str
    names: tuple[str, ...]
    scenario: Scenario
    exchange: Exchange
    unasked: bool | None = None

    @property
    def name(self) -> str:
        """``provider/model/scenario``."""
        return f"{self.target}/{self.scenario.id}"

    @cached_property
    def note(self) -> str:
        """The note of a response: its name, its provenance, and the basis of one that was synthesized."""
        source = self.exchange.source
        basis = f"; {source.note}" if source.provenance == "synthesised" and source.note else ""
        return f"{self.name}; provenance={source.provenance}{basis}"

    @cached_property
    def thinks(self) -> bool:
        """Whether it has reasoning."""
        return bool(self.exchange.turn.reasoning)

    def is_of_default(self, asked: Json) -> bool:
        """Return whether it has reasoning as its model has by default, or the request says whether to think."""
        return self.unasked is None or says_whether_to_think(asked) or self.thinks is self.unasked

    @cached_property
    def by_name_only(self) -> bool:
        """Whether it only serves requests that name its scenario: an error that no other request expects."""
        refusal = self.scenario.id.startswith(f"{PUBLISHED}.") and self.exchange.response.is_error
        return refusal or self.scenario.id in _BY_NAME_ONLY

    def wrong_as(self, wrong: Wrong | WrongMessages) -> bool:
        """Return whether its request has the same fault as another, so that it is rejected for the same reason."""
        request = self.exchange.request
        own = RequestMade(self.target, request.json, request.url).wrong
        return own is not None and own.reason == wrong.reason

    @cached_property
    def wish(self) -> Wish:
        """The wish of its request, for comparison."""
        return Wish.of(in_chat(self.exchange.request.json or {}, self.exchange.dialect))

    @cached_property
    def traits(self) -> RequestTraits:
        """The traits of its request."""
        request = self.exchange.request
        return traits(request.json, self.exchange.dialect, counts=_counts(request.url))


@dataclass(frozen=True)
class RequestMade:
    """A request to a provider, and its ``path``; a ``body`` of None is not a JSON object, ``content`` its bytes."""

    provider: str
    body: dict[str, Any] | None
    path: str
    content: bytes | None = None

    @property
    def model(self) -> Any:
        """The requested model."""
        return (self.body or {}).get("model")

    @property
    def dialect(self) -> DialectName:
        """The dialect of the request."""
        return dialect_of(self.path, b"")

    @cached_property
    def traits(self) -> RequestTraits:
        """The traits of the request."""
        return traits(self.body, self.dialect, counts=_counts(self.path))

    @cached_property
    def wrong(self) -> Wrong | WrongMessages | None:
        """What is wrong with it, including what only OpenAI rejects."""
        if self.dialect == "messages":
            find = wrong_for_anthropic if self.provider == REFERENCE else wrong_with_messages
            return find(self.body, counts=_counts(self.path))
        if self.dialect == "completions":
            return wrong_with_prompt(self.body)
        wrong = wrong_with(self.body)
        if wrong or self.provider != REFERENCE or self.body is None:
            return wrong
        return refused_by_openai(self.body) or unknown_to_openai(self.body, OF_CHAT)


def _counts(url: str) -> bool:
    return url.endswith(COUNT_TOKENS)


class RecordingIndex:
    """The recordings of some targets, read at the first request to a provider; and the ideal provider's responses."""

    def __init__(
        self, matrix: Matrix, root: Path, names: Iterable[str] = (), *, synthesiser: Synthesiser | None = None
    ) -> None:
        """
        Take the targets that ``names`` name, as PROVIDER or PROVIDER/MODEL, or all; raise UnknownName for another.

        If no recording fits a request, ``synthesiser`` makes the response; without it there is none.
        """
        self._root = root
        self._synthesiser = synthesiser
        if synthesiser:
            synthesiser.recorded = self._of_target_first
        self._targets: dict[str, list[Target]] = defaultdict(list)
        self._by_provider: dict[str, dict[DialectName, list[RecordedAnswer]]] = {}
        wanted = tuple(_known(name, matrix) for name in names)
        self._matrix = matrix
        for target in matrix.targets():
            if not wanted or {target.id, target.provider.id} & set(wanted):
                self._targets[target.provider.id].append(target)
        self._whole = {one.id for one in matrix.providers if not wanted or one.id in wanted}
        self._reference = not wanted or REFERENCE in wanted
        self._answers: dict[tuple[str, bytes, str | None, str], RecordedAnswer] = {}
        self._wishes: dict[tuple[str, DialectName, str], dict[bytes, list[RecordedAnswer]]] = {}

    def _of_target_first(self, target: Target, dialect: DialectName) -> list[Exchange]:
        held = self.answers(target.provider.id, dialect)
        return [one.exchange for one in sorted(held, key=lambda one: one.target != target.id)]

    @property
    def providers(self) -> list[str]:
        """The providers that are served."""
        return [*self._targets, *([REFERENCE] if self._reference else [])]

    def provider(self, name: str) -> Provider:
        """Return one of ``providers`` that is not the reference."""
        return self._targets[name][0].provider

    def answers(self, provider: str, dialect: DialectName = "chat") -> list[RecordedAnswer]:
        """
        Return the recordings of a provider in a dialect.

        Raises:
            BadCassette: a recording can't be read.
            NotRecorded: the provider is not served.
        """
        if provider not in self._by_provider:
            self._require_served(provider)
            found = _of_reference() if provider == REFERENCE else self._read(self._targets[provider])
            every = [*found, *self._published(provider)]
            self._by_provider[provider] = {
                name: [one for one in every if one.exchange.dialect == name] for name in DIALECTS
            }
        return self._by_provider[provider][dialect]

    def _require_served(self, provider: str) -> None:
        if provider not in self.providers:
            hint = hint_at(provider, self._matrix.providers) or near_hint("provider", provider, self.providers)
            raise NotRecorded(f"no provider {provider!r} is served here{hint}")

    def models(self, provider: str, dialect: DialectName = "chat") -> list[str]:
        """Return the names of the recorded models of a provider."""
        named = self._synthesiser.models(provider) if self._synthesiser else []
        return list(dict.fromkeys([*(one.names[0] for one in self.answers(provider, dialect)), *named]))

    def answer(
        self, provider: str, content: bytes, scenario: str | None = None, *, path: str = CHAT_PATH
    ) -> RecordedAnswer:
        """
        Return the exchange for the bytes of a request, as ``choose`` does; recent lookups are cached.

        The request may hold secrets, so it is not stored.
        """
        key = provider, sha256(content).digest(), scenario, path
        held = self._answers.pop(key, None)
        held = held or self._choose(RequestMade(provider, object_in(content), path, content), scenario)
        self._answers[key] = held
        if len(self._answers) > _REMEMBERED:
            del self._answers[next(iter(self._answers))]
        return held

    def choose(
        self, provider: str, body: dict[str, Any] | None, scenario: str | None = None, *, path: str = CHAT_PATH
    ) -> RecordedAnswer:
        """
        Return the exchange for a request: one of ``scenario``, the most similar, or a synthesized one.

        ``path`` is its path, which determines the dialect.

        Raises:
            BadCassette: a recording can't be read.
            NotRecorded: the provider is not served; or no recording fits, and none is synthesized; says which
                is the most similar, and how it differs.
        """
        return self._choose(RequestMade(provider, body, path), scenario)

    def _choose(self, asked: "RequestMade", scenario: str | None) -> RecordedAnswer:
        self._require_served(asked.provider)
        if self._synthesiser is None or scenario:
            return self._recorded(asked, scenario)
        found = self._fitting(asked)
        return found or _synthesised(self._synthesiser, asked)

    def _recorded(self, asked: "RequestMade", scenario: str | None) -> RecordedAnswer:
        held = self._of_scenario(asked, scenario) if scenario else self._of_model(asked)
        fitting = [one for one in held if one.traits.required == asked.traits.required]
        if not fitting and scenario:
            return held[0]  # a named scenario is served, whatever else the request says
        if not fitting:
            raise NotRecorded(_nothing_fits(asked, held))
        return min(fitting, key=lambda one: distance(asked.traits, one.traits))

    def _fitting(self, asked: "RequestMade") -> RecordedAnswer | None:
        """Return the recorded response that fits a request in everything an app can notice; None if there is none."""
        wrong = asked.wrong
        if wrong or asked.body is None:
            held = self.answers(asked.provider, asked.dialect)
            refusals = [one for one in held if wrong and one.scenario.id == wrong.scenario and one.wrong_as(wrong)]
            return next((one for one in refusals if one.traits.required == asked.traits.required), None)
        wish = Wish.of(in_chat(asked.body, asked.dialect))
        alike = [
            one
            for one in self._by_wish(asked).get(wish.key, ())
            if one.traits.required == asked.traits.required
            and fits(wish, one.wish, one.exchange)
            and one.is_of_default(wish.body)
        ]
        return min(alike, key=lambda one: distance(asked.traits, one.traits), default=None)

    def _by_wish(self, asked: "RequestMade") -> dict[bytes, list[RecordedAnswer]]:
        """Return the successful responses of a model, by what they share with requests they fit."""
        key = asked.provider, asked.dialect, repr(asked.model)[:_LONGEST_NAME]
        held = self._wishes.get(key)
        if held is None:
            held = defaultdict(list)
            for one in self._named(asked):
                if one.exchange.response.is_success:
                    held[one.wish.key].append(one)
            if len(self._wishes) >= _REMEMBERED:  # unrecorded models have endless names
                self._wishes.clear()
            self._wishes[key] = held
        return held

    def _of_scenario(self, asked: "RequestMade", scenario: str) -> list[RecordedAnswer]:
        recorded = self.answers(asked.provider, asked.dialect)
        held = [one for one in recorded if one.scenario.id == scenario]
        if not held:
            raise NotRecorded(_no_scenario(asked.provider, scenario, recorded))
        return [one for one in held if asked.model in one.names] or held

    def _of_model(self, asked: "RequestMade") -> list[RecordedAnswer]:
        provider, model = asked.provider, asked.model
        held = [one for one in self.answers(provider, asked.dialect) if not one.by_name_only]
        if not held:
            raise NotRecorded(f"there is no recording of {provider}; make one with: harness record {provider}")
        found = self._named(asked)
        if not found:
            known = list(dict.fromkeys(one.names[0] for one in held))
            hint = near_hint("model", str(model), known)
            raise NotRecorded(f"there is no recorded response of {provider} for the model {str(model)!r}{hint}")
        return found

    def _named(self, asked: "RequestMade") -> list[RecordedAnswer]:
        """Return the recordings of the requested model, or of all if none is named."""
        held = [one for one in self.answers(asked.provider, asked.dialect) if not one.by_name_only]
        if asked.model is None:
            return held
        own = [one for one in held if asked.model in one.names[:_OWN_NAMES]]  # an alias may be the name of another
        return own or [one for one in held if asked.model in one.names]

    def _read(self, targets: list[Target]) -> Iterator[RecordedAnswer]:
        for target in targets:
            model = target.model
            names = (model.name or model.id, model.id, target.id, *model.aliases)
            for scenario in EVERY_SCENARIO.values():
                case = Case(self._root, target, scenario)
                if case.cassette.exists():
                    for exchange in with_expectations(read_cassette(case.cassette), scenario):
                        if _is_served(scenario, exchange):
                            unasked = model.thinking.unasked if exchange.dialect == "chat" else None
                            yield RecordedAnswer(target.id, names, scenario, exchange, unasked)

    def _published(self, provider: str) -> Iterator[RecordedAnswer]:
        """Yield the published recordings of a provider served with all its models, or of the served ones."""
        models = {target.model.id for target in self._targets.get(provider, ())}
        for case in published_cases(self._root, Selection(providers=(provider,))):
            if provider in self._whole or case.model in models:
                yield from _published_answers(case)


def _published_answers(case: PublishedCase) -> Iterator[RecordedAnswer]:
    scenario = Scenario(case.scenario, "What others asked and published.")
    for exchange in read_cassette(case.cassette):
        names = dict.fromkeys((exchange.model or case.model, case.model))
        yield RecordedAnswer(f"{case.provider}/{case.model}", tuple(names), scenario, exchange)


def _known(name: str, matrix: Matrix) -> str:
    """Return the meaning of ``name``: REFERENCE, a target, or a provider by any name; raise UnknownName for another."""
    known = [*(provider.id for provider in matrix.providers), *(target.id for target in matrix.targets()), REFERENCE]
    if name in known:
        return name
    provider = called(name, matrix.providers)
    if provider is None:
        raise unknown("provider or model", name, known)
    return provider.id


def _of_reference() -> Iterator[RecordedAnswer]:
    every: tuple[tuple[DialectName, tuple[str, ...]], ...] = (
        ("chat", (chat.MODEL, chat.DATED)),
        ("messages", (messages.MODEL, messages.DATED)),
        ("completions", (completions.MODEL,)),
    )
    for dialect, names in every:
        for scenario in SCENARIOS_OF[dialect].values():
            for exchange in recording(scenario):
                if _is_served(scenario, exchange):
                    yield RecordedAnswer(f"{REFERENCE}/{names[0]}", names, scenario, exchange)


def _is_served(scenario: Scenario, exchange: Exchange) -> bool:
    """Return whether a response is served: not one that harness aborted, nor a chat sent only for comparison."""
    compared = scenario.in_chat_first and exchange.dialect == "chat"
    return not (compared or exchange.expected.cancelled_by_client)


def _synthesised(synthesiser: Synthesiser, asked: RequestMade) -> RecordedAnswer:
    target, made = synthesiser.answer(asked.provider, asked.body, path=asked.path, right=asked.wrong is None)
    content = orjson.dumps(asked.body) if asked.content is None and asked.body is not None else asked.content
    request = Request("POST", asked.path, _JSON, content)
    return RecordedAnswer(target, (str(asked.model),), _MADE, made.exchange(request))


def _no_scenario(provider: str, scenario: str, held: list[RecordedAnswer]) -> str:
    known = list(dict.fromkeys(one.scenario.id for one in held))
    return f"the scenario {scenario!r} is not recorded of {provider}{near_hint('scenario', scenario, known)}"


def _nothing_fits(asked: RequestMade, held: list[RecordedAnswer]) -> str:
    said = f"there is no recorded response of {asked.provider} for such a request"
    if not held:
        return said
    nearest = min(held, key=lambda one: (len(differing(asked.traits, one.traits)), distance(asked.traits, one.traits)))
    return f"{said}; the nearest is {nearest.name}, which has {', '.join(differing(asked.traits, nearest.traits))}"
