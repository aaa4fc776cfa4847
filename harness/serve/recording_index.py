"""
Which recording answers a request: the one that was asked most nearly the same.

How it works: of a request and of each recorded one the same traits are taken.  Some must agree, such as whether a
stream, tools or JSON are asked for; of those recordings that do, the one that differs least in the rest answers, and
among equals the first in the order of the scenarios.  Nobody's key is looked at.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from harness.errors import NotRecorded, unknown
from harness.judging.published import PublishedCase, published_cases
from harness.judging.runner import Case, Selection
from harness.matrix.providers import Matrix, Provider, Target
from harness.matrix.scenarios import SCENARIOS, Scenario, with_expectations
from harness.recording.cassette import read_cassette
from harness.results.basis import PUBLISHED
from harness.serve.fitting import fits
from harness.serve.synthesis import Synthesiser
from harness.simulate.chat.ideal import DATED, MODEL, recording
from harness.simulate.chat.refusing import wrong_with
from harness.wire.exchange import Exchange, Headers, Request, include_usage

REFERENCE = "reference"
"""The name under which the ideal provider is served: what OpenAI's own form is, for comparison."""

_WEIGHTS = {"thinking": 8, "usage": 8, "tool_choice": 6, "n": 6, "logprobs": 6, "stop": 3, "capped": 3, "parameters": 1}
_THINKING = ("thinking", "enable_thinking", "reasoning", "reasoning_effort", "chat_template_kwargs", "think")
_ASKED_FOR = ("stop", "max_tokens", "max_completion_tokens", *_THINKING)
_OWN_NAMES = 3
_JSON = Headers((("Content-Type", "application/json"),))
_MADE = Scenario("synthesised", "Made for a request.")
_REMEMBERED = 256
_BY_NAME_ONLY = ("error.bad-key", "error.bad-key-stream", "error.unknown-model", "error.wrong-type", "error.no-tokens")


@dataclass(frozen=True)
class RecordedAnswer:
    """
    One exchange of a recording that is served, and the target and scenario it is of.

    ``names`` are what its model is asked for by, its own first.
    """

    target: str
    names: tuple[str, ...]
    scenario: Scenario
    exchange: Exchange

    @property
    def name(self) -> str:
        """``provider/model/scenario``."""
        return f"{self.target}/{self.scenario.id}"

    @cached_property
    def by_name_only(self) -> bool:
        """Whether it is an answer for those alone who name its scenario: a refusal that nobody else is after."""
        refusal = self.scenario.id.startswith(f"{PUBLISHED}.") and self.exchange.response.is_error
        return refusal or self.scenario.id in _BY_NAME_ONLY

    @cached_property
    def traits(self) -> "RequestTraits":
        """What is asked for in it."""
        return traits(self.exchange.request.json)


@dataclass(frozen=True, slots=True)
class RequestTraits:
    """What a request asks for: what is ``required`` of the recording that answers it, and what is ``preferred``."""

    required: tuple[tuple[str, object], ...]
    preferred: dict[str, object]


def traits(body: dict[str, Any] | None) -> RequestTraits:
    """Return what a request asks for; None stands for a body that is no JSON."""
    asked = body or {}
    messages = asked.get("messages")
    said = [one.get("role") for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
    form = asked.get("response_format")
    required = (
        ("JSON", body is not None),
        ("messages", bool(messages)),
        ("stream", bool(asked.get("stream"))),
        ("tools", bool(asked.get("tools"))),
        ("response_format", form.get("type", "text") if isinstance(form, dict) else "text"),
        ("a tool's result", said[-1:] == ["tool"]),
    )
    preferred: dict[str, object] = {
        "thinking": {key: asked[key] for key in _THINKING if key in asked},
        "usage": include_usage(asked),
        "tool_choice": asked.get("tool_choice") if asked.get("tool_choice") != "auto" else None,
        "n": asked.get("n", 1),
        "logprobs": bool(asked.get("logprobs")),
        "stop": bool(asked.get("stop")),
        "capped": bool(asked.get("max_tokens") or asked.get("max_completion_tokens")),
        "parameters": frozenset(asked) - set(_ASKED_FOR),
    }
    return RequestTraits(required, preferred)


def distance(asked: RequestTraits, held: RequestTraits) -> int:
    """Return how much two requests that must agree, and do, differ in the rest."""
    return sum(weight for name, weight in _WEIGHTS.items() if asked.preferred[name] != held.preferred[name])


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
        self._targets: dict[str, list[Target]] = defaultdict(list)
        self._by_provider: dict[str, list[RecordedAnswer]] = {}
        wanted = tuple(names)
        _check(wanted, matrix)
        for target in matrix.targets():
            if not wanted or {target.id, target.provider.id} & set(wanted):
                self._targets[target.provider.id].append(target)
        self._whole = {one.id for one in matrix.providers if not wanted or one.id in wanted}
        self._reference = not wanted or REFERENCE in wanted
        self._answers: dict[tuple[str, bytes, str | None], RecordedAnswer] = {}

    @property
    def providers(self) -> list[str]:
        """Those that are served."""
        return [*self._targets, *([REFERENCE] if self._reference else [])]

    def provider(self, name: str) -> Provider:
        """Return one of ``providers`` that is not the reference."""
        return self._targets[name][0].provider

    def answers(self, provider: str) -> list[RecordedAnswer]:
        """
        Return what is recorded of a provider.

        Raises:
            BadCassette: a recording can't be read.
            NotRecorded: there is no such provider here.
        """
        if provider not in self._by_provider:
            self._require_served(provider)
            found = _of_reference() if provider == REFERENCE else self._read(self._targets[provider])
            self._by_provider[provider] = [*found, *self._published(provider)]
        return self._by_provider[provider]

    def _require_served(self, provider: str) -> None:
        if provider not in self.providers:
            near = get_close_matches(provider, self.providers, 3, 0.4) or self.providers[:8]
            raise NotRecorded(f"no provider {provider!r} is served here; try {', '.join(near)}")

    def models(self, provider: str) -> list[str]:
        """Return the names under which the models of a provider that something is recorded of are asked for."""
        named = self._synthesiser.models(provider) if self._synthesiser else []
        return list(dict.fromkeys([*(one.names[0] for one in self.answers(provider)), *named]))

    def answer(self, provider: str, content: bytes, scenario: str | None = None) -> RecordedAnswer:
        """Return the exchange that answers the bytes of a request, as ``choose`` does; the last ones are looked up once."""
        key = provider, sha256(content).digest(), scenario  # what was asked may hold secrets, so it is not kept
        held = self._answers.pop(key, None) or self.choose(provider, Request("POST", "", body=content).json, scenario)
        self._answers[key] = held
        if len(self._answers) > _REMEMBERED:
            del self._answers[next(iter(self._answers))]
        return held

    def choose(self, provider: str, body: dict[str, Any] | None, scenario: str | None = None) -> RecordedAnswer:
        """
        Return the exchange that answers a request: one of ``scenario``, the nearest to what is asked, or one made for it.

        Raises:
            BadCassette: a recording can't be read.
            NotRecorded: there is no such provider here; or nothing recorded answers it, and none is to be made; says what
                is nearest, and how it differs.
        """
        self._require_served(provider)
        if self._synthesiser is None or scenario:
            return self._recorded(provider, body, scenario)
        found = self._fitting(provider, body)
        return found or self._synthesised(self._synthesiser, provider, body)

    def _recorded(self, provider: str, body: dict[str, Any] | None, scenario: str | None) -> RecordedAnswer:
        held = self._of_scenario(provider, body, scenario) if scenario else self._of_model(provider, body)
        asked = traits(body)
        fitting = [one for one in held if one.traits.required == asked.required]
        if not fitting and scenario:
            return held[0]  # whoever names a scenario gets it, whatever else is asked
        if not fitting:
            raise NotRecorded(_nothing_fits(provider, asked, held))
        return min(fitting, key=lambda one: distance(asked, one.traits))

    def _fitting(self, provider: str, body: dict[str, Any] | None) -> RecordedAnswer | None:
        """Return the recorded answer that is right for a request in all that an app can tell; None where there is none."""
        wrong = wrong_with(body)
        if wrong or body is None:
            refusals = [one for one in self.answers(provider) if wrong and one.scenario.id == wrong.scenario]
            return next((one for one in refusals if one.traits.required == traits(body).required), None)
        try:
            held = self._of_model(provider, body)
        except NotRecorded:
            return None
        asked = traits(body)
        alike = (one for one in held if one.traits.required == asked.required and one.exchange.response.is_success)
        return min(
            (one for one in alike if fits(body, one.exchange)),
            key=lambda one: distance(asked, one.traits), default=None,
        )  # fmt: skip

    def _synthesised(self, synthesiser: Synthesiser, provider: str, body: dict[str, Any] | None) -> RecordedAnswer:
        target, made = synthesiser.answer(provider, body)
        request = Request("POST", "/chat/completions", _JSON, None if body is None else orjson.dumps(body))
        return RecordedAnswer(target, (str((body or {}).get("model")),), _MADE, made.exchange(request))

    def _of_scenario(self, provider: str, body: dict[str, Any] | None, scenario: str) -> list[RecordedAnswer]:
        held = [one for one in self.answers(provider) if one.scenario.id == scenario]
        if not held:
            raise NotRecorded(_no_scenario(provider, scenario, self.answers(provider)))
        return [one for one in held if (body or {}).get("model") in one.names] or held

    def _of_model(self, provider: str, body: dict[str, Any] | None) -> list[RecordedAnswer]:
        held = [one for one in self.answers(provider) if not one.by_name_only]
        if not held:
            raise NotRecorded(f"nothing is recorded of {provider}; record it with: harness record {provider}")
        model = (body or {}).get("model")
        if model is None:
            return held
        own = [one for one in held if model in one.names[:_OWN_NAMES]]  # another model's alias may be the name of one
        found = own or [one for one in held if model in one.names]
        if not found:
            known = self.models(provider)
            near = get_close_matches(str(model), known, 3, 0.4) or known
            raise NotRecorded(
                f"no answer of {provider} is recorded for the model {str(model)!r}; try {', '.join(near)}"
            )
        return found

    def _read(self, targets: list[Target]) -> Iterator[RecordedAnswer]:
        for target in targets:
            model = target.model
            names = (model.name or model.id, model.id, target.id, *model.aliases)
            for scenario in SCENARIOS.values():
                case = Case(self._root, target, scenario)
                if case.cassette.exists():
                    for exchange in with_expectations(read_cassette(case.cassette), scenario):
                        if not exchange.expected.cancelled_by_client:  # how that answer ended is our own doing
                            yield RecordedAnswer(target.id, names, scenario, exchange)

    def _published(self, provider: str) -> Iterator[RecordedAnswer]:
        """Yield what others published of a provider that is served with all its models, or of those of its that are."""
        models = {target.model.id for target in self._targets.get(provider, ())}
        for case in published_cases(self._root, Selection(providers=(provider,))):
            if provider in self._whole or case.model in models:
                yield from _published_answers(case)


def _published_answers(case: PublishedCase) -> Iterator[RecordedAnswer]:
    scenario = Scenario(case.scenario, "What others asked and published.")
    for exchange in (one for one in read_cassette(case.cassette) if one.dialect == "chat"):
        names = dict.fromkeys((exchange.model or case.model, case.model))
        yield RecordedAnswer(f"{case.provider}/{case.model}", tuple(names), scenario, exchange)


def _check(names: tuple[str, ...], matrix: Matrix) -> None:
    known = [*(provider.id for provider in matrix.providers), *(target.id for target in matrix.targets()), REFERENCE]
    for name in names:
        if name not in known:
            raise unknown("provider or model", name, known)


def _of_reference() -> Iterator[RecordedAnswer]:
    for scenario in SCENARIOS.values():
        for exchange in recording(scenario):
            if not exchange.expected.cancelled_by_client:
                yield RecordedAnswer(f"{REFERENCE}/{MODEL}", (MODEL, DATED), scenario, exchange)


def _no_scenario(provider: str, scenario: str, held: list[RecordedAnswer]) -> str:
    known = list(dict.fromkeys(one.scenario.id for one in held))
    near = get_close_matches(scenario, known, 3, 0.4) or known[:8]
    return f"the scenario {scenario!r} is not recorded of {provider}; try {', '.join(near)}"


def _nothing_fits(provider: str, asked: RequestTraits, held: list[RecordedAnswer]) -> str:
    def differing(one: RecordedAnswer) -> list[str]:
        pairs = zip(one.traits.required, asked.required, strict=True)
        return [
            f"{name} {_word(there)} instead of {_word(here)}" for (name, there), (_, here) in pairs if there != here
        ]

    said = f"no answer of {provider} is recorded for such a request"
    if not held:
        return said
    nearest = min(held, key=lambda one: (len(differing(one)), distance(asked, one.traits)))
    return f"{said}; the nearest is {nearest.name}, which has {', '.join(differing(nearest))}"


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
