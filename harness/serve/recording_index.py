"""
Which recording answers a request: the one that was asked most nearly the same.

How it works: of a request and of each recorded one the same traits are taken.  Some must agree, such as whether a
stream, tools or JSON are asked for; of those recordings that do, the one that differs least in the rest answers, and
among equals the first in the order of the scenarios.  Nobody's key is looked at.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
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
from harness.simulate.messages import ideal as messages
from harness.simulate.messages.refusing import WrongMessages, wrong_with_messages
from harness.simulate.recordings import recording
from harness.wire.dialect import COUNT_TOKENS, DIALECTS, DialectName, dialect_of
from harness.wire.exchange import Exchange, Headers, Request
from harness.wire.shapes import Json

REFERENCE = "reference"
"""The name under which the ideal provider is served: what OpenAI's own form is, for comparison."""

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
"""Where chat is asked, unless it is said otherwise."""


@dataclass(frozen=True)
class RecordedAnswer:
    """
    One exchange of a recording that is served, and the target and scenario it is of.

    ``names`` are what its model is asked for by, its own first; ``unasked`` is whether that thinks where a request says
    nothing of it, None where that is not known.
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
        """What an answer says of itself: its name, its provenance, and of one that was made what it rests on."""
        source = self.exchange.source
        basis = f"; {source.note}" if source.provenance == "synthesised" and source.note else ""
        return f"{self.name}; provenance={source.provenance}{basis}"

    @cached_property
    def thinks(self) -> bool:
        """Whether it has a thought."""
        return bool(self.exchange.turn.reasoning)

    def is_of_default(self, asked: Json) -> bool:
        """Tell whether it thinks as its model does unasked, or the request says whether to think."""
        return self.unasked is None or says_whether_to_think(asked) or self.thinks is self.unasked

    @cached_property
    def by_name_only(self) -> bool:
        """Whether it is an answer for those alone who name its scenario: a refusal that nobody else is after."""
        refusal = self.scenario.id.startswith(f"{PUBLISHED}.") and self.exchange.response.is_error
        return refusal or self.scenario.id in _BY_NAME_ONLY

    def wrong_as(self, wrong: Wrong | WrongMessages) -> bool:
        """Tell whether its request has the same fault as another, so that it is refused for the same reason."""
        request = self.exchange.request
        own = RequestMade(self.target, request.json, request.url).wrong
        return own is not None and own.reason == wrong.reason

    @cached_property
    def wish(self) -> Wish:
        """What is asked for in it, to hold another request against."""
        return Wish.of(in_chat(self.exchange.request.json or {}, self.exchange.dialect))

    @cached_property
    def traits(self) -> RequestTraits:
        """What is asked for in it."""
        request = self.exchange.request
        return traits(request.json, self.exchange.dialect, counts=_counts(request.url))


@dataclass(frozen=True)
class RequestMade:
    """What is asked of a provider, and the ``path`` where; a ``body`` of None is no JSON object, ``content`` its bytes."""

    provider: str
    body: dict[str, Any] | None
    path: str
    content: bytes | None = None

    @property
    def model(self) -> Any:
        """The model that is asked for."""
        return (self.body or {}).get("model")

    @cached_property
    def dialect(self) -> DialectName:
        """The dialect that is spoken."""
        return _dialect_at(self.path)

    @cached_property
    def traits(self) -> RequestTraits:
        """What is asked for."""
        return traits(self.body, self.dialect, counts=_counts(self.path))

    @cached_property
    def wrong(self) -> Wrong | WrongMessages | None:
        """What is wrong with it, at OpenAI also what others let pass."""
        if self.dialect == "messages":
            return wrong_with_messages(self.body, counts=_counts(self.path))
        if self.dialect == "completions":
            return wrong_with_prompt(self.body)
        of_openai = self.provider == REFERENCE and self.body is not None
        return wrong_with(self.body) or (refused_by_openai(self.body or {}) if of_openai else None)


@lru_cache(64)
def _dialect_at(path: str) -> DialectName:
    return dialect_of(path, b"")


def _counts(url: str) -> bool:
    return url.endswith(COUNT_TOKENS)


class RecordingIndex:
    """The recordings of some targets, read when their provider is first asked; and the ideal provider's answers."""

    def __init__(
        self, matrix: Matrix, root: Path, names: Iterable[str] = (), *, synthesiser: Synthesiser | None = None
    ) -> None:
        """
        Take the targets that ``names`` name, as PROVIDER or PROVIDER/MODEL, or all; raises UnknownName for another.

        Where no recording fits a request, ``synthesiser`` makes the answer; without it there is none.
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

    def _of_target_first(self, target: Target) -> list[Exchange]:
        held = self.answers(target.provider.id)
        return [one.exchange for one in sorted(held, key=lambda one: one.target != target.id)]

    @property
    def providers(self) -> list[str]:
        """Those that are served."""
        return [*self._targets, *([REFERENCE] if self._reference else [])]

    def provider(self, name: str) -> Provider:
        """Return one of ``providers`` that is not the reference."""
        return self._targets[name][0].provider

    def answers(self, provider: str, dialect: DialectName = "chat") -> list[RecordedAnswer]:
        """
        Return what is recorded of a provider in a dialect.

        Raises:
            BadCassette: a recording can't be read.
            NotRecorded: there is no such provider here.
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
        """Return the names under which the models of a provider that something is recorded of are asked for."""
        named = self._synthesiser.models(provider) if self._synthesiser else []
        return list(dict.fromkeys([*(one.names[0] for one in self.answers(provider, dialect)), *named]))

    def answer(
        self, provider: str, content: bytes, scenario: str | None = None, *, path: str = CHAT_PATH
    ) -> RecordedAnswer:
        """
        Return the exchange that answers the bytes of a request, as ``choose`` does; the last ones are looked up once.

        What was asked may hold secrets, so that it is not kept.
        """
        key = provider, sha256(content).digest(), scenario, path
        held = self._answers.pop(key, None)
        held = held or self._choose(
            RequestMade(provider, Request("POST", "", body=content).json, path, content), scenario
        )
        self._answers[key] = held
        if len(self._answers) > _REMEMBERED:
            del self._answers[next(iter(self._answers))]
        return held

    def choose(
        self, provider: str, body: dict[str, Any] | None, scenario: str | None = None, *, path: str = CHAT_PATH
    ) -> RecordedAnswer:
        """
        Return the exchange that answers a request: one of ``scenario``, the nearest to what is sent, or one made for it.

        ``path`` is where it is asked, which tells the dialect.

        Raises:
            BadCassette: a recording can't be read.
            NotRecorded: there is no such provider here; or nothing recorded answers it, and none is to be made; says what
                is nearest, and how it differs.
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
            return held[0]  # whoever names a scenario gets it, whatever else is asked
        if not fitting:
            raise NotRecorded(_nothing_fits(asked, held))
        return min(fitting, key=lambda one: distance(asked.traits, one.traits))

    def _fitting(self, asked: "RequestMade") -> RecordedAnswer | None:
        """Return the recorded answer that is right for a request in all that an app can tell; None where there is none."""
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
        """Return the answers of a model that are no refusals, by what they have in common with requests they are for."""
        key = asked.provider, asked.dialect, repr(asked.model)[:_LONGEST_NAME]
        held = self._wishes.get(key)
        if held is None:
            held = defaultdict(list)
            for one in self._named(asked):
                if one.exchange.response.is_success:
                    held[one.wish.key].append(one)
            if len(self._wishes) >= _REMEMBERED:  # what nobody recorded may be named in endless ways
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
        """Return what is recorded of the model that is asked for, of all where none is named."""
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
        """Yield what others published of a provider that is served with all its models, or of those of its that are."""
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
    """Return what ``name`` means: REFERENCE, a target, or a provider, whatever people call it; raises UnknownName for another."""
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
    """Tell whether others get an answer: not one that we ended, nor one in chat that was asked for comparison alone."""
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
