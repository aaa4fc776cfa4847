"""
Responds to any request in the manner of a provider: by its profile, or as the ideal provider.

Parameters that the provider ignores are removed from the request, and what it rejects is rejected in its words; for
an unseen kind of response its nearest form is used, and OpenAI's if there is none.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import NamedTuple

from harness.matrix.providers import Target
from harness.matrix.scenarios import SCENARIOS, Scenario
from harness.simulate.chat import ideal, serde_words
from harness.simulate.chat.completing import Forms
from harness.simulate.chat.content import Said
from harness.simulate.chat.other_calls import as_functions
from harness.simulate.chat.parameters import forms_in, given_in, parameters_of, without
from harness.simulate.chat.profile import Profile, Refusal
from harness.simulate.chat.prompts import object_of
from harness.simulate.chat.refusing import Wrong, wrong_with
from harness.simulate.chat.render import Answer, render_headers, render_refusal
from harness.simulate.chat.speaking import Unanswerable, speak, tokens_of_prompt
from harness.simulate.chat.spoken import spoken
from harness.simulate.chat.strictness import refused_by_openai
from harness.simulate.frames import of_frame
from harness.simulate.known_parameters import OF_CHAT, unknown_to_openai
from harness.simulate.synthesised import Synthesised, seed_of
from harness.wire.exchange import OK, Response, include_usage
from harness.wire.shapes import Json

_TAKES = {
    "n": {"n"}, "logprobs": {"logprobs", "top_logprobs"}, "tools": {"tools"},
    "tool-choice": {"tool_choice.required", "tool_choice.named"}, "json-object": {"response_format.json_object"},
    "json-schema": {"response_format.json_schema"},
}  # fmt: skip
"""What in a request needs a capability."""


class ReferenceManner:
    """Responds as the ideal provider; ``why`` is noted in the responses if it replaces another one."""

    def __init__(self, why: str = "") -> None:
        self._rests_on = f"OpenAI's own form{why}"
        self._is_openai = not why

    def answer(self, body: Json | None, said: Said | None = None, *, right: bool = False) -> Synthesised:
        """
        Return the response to the body of a request; None stands for one that is not a JSON object.

        ``said`` is its content, if it is not to fit the request; ``right`` is whether the request is known to be
        valid for every provider.
        """
        return Synthesised(self._response(body, said, right=right), self._rests_on)

    def error(self, status: int, message: str) -> Synthesised:
        """Return an error."""
        return Synthesised(ideal.error(status, message), self._rests_on)

    def _response(self, body: Json | None, said: Said | None, *, right: bool) -> Response:
        wrong = (None if right else wrong_with(body)) or (refused_by_openai(body) if body else None)
        if self._is_openai and body and not right:
            wrong = wrong or unknown_to_openai(body, OF_CHAT)
        if wrong or body is None:
            return _ideal_refusal(wrong)
        try:
            said = said or speak(as_functions(body), thinks=_asks_to_think(body))
        except Unanswerable as error:
            code = "invalid_function_parameters" if error.parameter == "tools" else None
            return ideal.error(400, f"Invalid schema in '{error.parameter}': {error}", error.parameter, code)
        return spoken(body, said, tokens_of_prompt(body), seed_of(body))


class _Treatment(NamedTuple):
    """How a request is handled: it is rejected for what is ``tried`` or lacking, or some parameters are ignored."""

    refusal: Refusal | None
    tried: tuple[str, ...]
    ignored: frozenset[str] = frozenset()


def _unsupported(tried: Iterable[str]) -> str:
    return f"This is not supported: {', '.join(tried)}."


class ProfileManner:
    """Responds as one target of a provider with a profile."""

    def __init__(self, profile: Profile, target: Target, forms: Forms) -> None:
        self._profile, self._target, self._forms = profile, target, forms
        self._names_of: dict[str, set[str]] = {}
        self._thinks, self._treatment = of_frame(self._does_think), of_frame(self._treat)
        self._rests_on = lru_cache(256)(self._told)

    def answer(self, body: Json | None, said: Said | None = None, *, right: bool = False) -> Synthesised:
        """
        Return the response to the body of a request; None stands for one that is not a JSON object.

        ``said`` is its content, if it is not to fit the request; ``right`` is whether the request is known to be
        valid for every provider.
        """
        wrong = None if right else wrong_with(body)
        if wrong or body is None:
            return self._refused(wrong, body)
        if said:
            return self._answered(body, said)
        thinks = self._thinks(body)
        treated = self._treatment(body, frozenset(forms_in(body, thinks=thinks)), thinks)
        if treated.refusal:
            return self._said_no(treated.refusal, _unsupported(treated.tried), seed_of(body))
        if treated.tried:
            return self._refused(Wrong("", _unsupported(treated.tried), treated.tried[0].partition(".")[0]))
        try:
            taken = without(body, treated.ignored)
            return self._answered(taken, speak(taken, thinks=thinks))
        except Unanswerable as error:
            return self._refused(
                Wrong("error.wrong-type", f"Invalid schema in '{error.parameter}': {error}", error.parameter)
            )

    def error(self, status: int, message: str) -> Synthesised:
        """Return an error, in the provider's own form for that status or kind."""
        return self._refused(Wrong("", message, status=status))

    def _answered(self, body: Json, said: Said) -> Synthesised:
        alternatives = (body.get("top_logprobs") or 0) if body.get("logprobs") else None
        model, streamed = str(body["model"]), bool(body.get("stream"))
        choices = (said,) * (body.get("n") or 1)
        answer = Answer(choices, model, tokens_of_prompt(body), seed_of(body), include_usage(body), alternatives)
        fitting = self._forms.of(model, answer, streamed=streamed)
        if fitting.mute:
            silent = replace(said, thought=())
            answer = replace(answer, choices=(silent,) * len(choices))
            fitting = self._forms.of(model, answer, streamed=streamed)
        if fitting.sheet is None:
            raise LookupError(f"{self._profile.provider}: no form of {answer.kind}")
        rendered = fitting.sheet.rendered(answer)
        rests_on = self._rests_on(rendered.evidence, fitting.guessed)
        return Synthesised(Response(OK, rendered.headers, rendered.content, "OK"), rests_on)

    def _told(self, evidence: tuple[str, ...], guessed: str) -> str:
        """Return the basis of a response: the kinds of evidence, and whether there is none for its own kind."""
        found = [self._profile.evidence[name] for name in evidence if name in self._profile.evidence]
        seen = ", ".join(dict.fromkeys(f"{one.kind} of {one.at}" for one in found))
        guess = f"no recording shows {guessed}, so it is made of the nearest" if guessed else ""
        return "; ".join(filter(None, (seen, guess)))

    def _treat(self, body: Json, forms: frozenset[str], thinks: bool) -> "_Treatment":  # noqa: FBT001 - part of a key
        """Return how a request with these forms is handled, by its frame."""
        model, asked = str(body["model"]), given_in(body) | forms
        refusals = (one for one in self._profile.refusals if one.is_of(model))
        refusal = next((one for one in refusals if self._refuses(one, asked, body, thinks=thinks)), None)
        if refusal:
            return _Treatment(refusal, tuple(sorted(self._tried(refusal, asked))))
        ignored = self._ignored(asked, model)
        lacking = (asked | ({"tools"} if body.get("tools") else set())) & self._lacks - ignored
        return _Treatment(None, tuple(sorted(lacking)), frozenset(ignored))

    def _does_think(self, body: Json) -> bool:
        """Return whether the model thinks: by its own switch, always, or unless told not to."""
        switch = self._target.model.thinking
        if body.get("reasoning_effort") == "none":
            return False
        if switch.enable is None or switch.disable is None:
            return switch.enable is not None
        if not switch.enable or switch.unasked:
            return not (switch.disable and has_all(body, switch.disable))
        return has_all(body, switch.enable)

    def _refuses(self, refusal: Refusal, asked: set[str], body: Json, *, thinks: bool) -> bool:
        if refusal.thinking and not thinks:
            return False
        tried = [SCENARIOS[name] for name in refusal.scenarios if not name.startswith("error.")]
        return any(self._tries(one, asked, body, thinks=thinks) for one in tried)

    def _tries(self, scenario: Scenario, asked: set[str], body: Json, *, thinks: bool) -> bool:
        """Return whether a request tests the same as a scenario."""
        names = self._names(scenario)
        if scenario.thinking and not thinks:
            return False
        needs_tools = "tools" in scenario.needs
        return names <= asked if names else needs_tools and bool(body.get("tools"))

    def _names(self, scenario: Scenario) -> set[str]:
        """Return the parameters that a scenario tests; cached."""
        if scenario.id not in self._names_of:
            self._names_of[scenario.id] = self._tested(scenario)
        return self._names_of[scenario.id]

    def _tested(self, scenario: Scenario) -> set[str]:
        names = parameters_of(scenario, self._target.model.id)
        switch = self._target.model.thinking
        return {name for name in names if name not in {**(switch.enable or {}), **(switch.disable or {})}}

    def _tried(self, refusal: Refusal, asked: set[str]) -> set[str]:
        return {name for one in refusal.scenarios for name in self._names(SCENARIOS[one]) if name in asked} or {"tools"}

    def _ignored(self, asked: set[str], model: str) -> set[str]:
        groups = [one for one in self._profile.parameters if one.is_of(model)]
        return {name for one in groups for name in one.ignored if name in asked}

    @cached_property
    def _lacks(self) -> set[str]:
        """Return what is rejected because the provider is declared to lack it."""
        lacks = {*self._target.provider.lacks, *self._target.model.lacks}
        return {name for need in lacks for name in _TAKES.get(need, ())}

    def _refused(self, wrong: Wrong | None, body: Json | None = None) -> Synthesised:
        """Return the rejection of an invalid request: the provider's own, or OpenAI's if that is unknown."""
        like = [one for one in self._profile.refusals if wrong and wrong.scenario in one.scenarios]
        like += [one for one in self._profile.refusals if one.status == (wrong.status if wrong else 0)]
        found = like[0] if like else None
        if found is None or wrong is None:
            return Synthesised(_ideal_refusal(wrong), "OpenAI's own form, as no refusal of the provider is known")
        words = serde_words.told(wrong, body) if found.words == "serde" and body else None
        return self._said_no(found, words or wrong.message, wrong.message)

    def _said_no(self, refusal: Refusal, text: str, seed: str) -> Synthesised:
        form = self._profile.forms[0]
        content = render_refusal(form, refusal, text, seed)
        seen = ", ".join(
            f"{self._profile.evidence[name].kind} of {self._profile.evidence[name].at}" for name in refusal.evidence
        )
        return Synthesised(Response(refusal.status, render_headers(form, refusal.headers, seed), content), seen)


def has_all(body: Json, given: Json) -> bool:
    """Return whether a body has everything in ``given``; objects may have more keys."""
    return all(
        name in body and (body[name] == value or (isinstance(value, dict) and has_all(object_of(body[name]), value)))
        for name, value in given.items()
    )


def _ideal_refusal(wrong: Wrong | None) -> Response:
    wrong = wrong or Wrong("", "The request is wrong.")
    return ideal.error(wrong.status, wrong.message, wrong.param, wrong.code)


def _asks_to_think(body: Json) -> bool:
    return (
        body.get("reasoning_effort") not in (None, "none")
        if isinstance(body.get("reasoning_effort"), str | None)
        else False
    )
