"""
Synthesizes an unrecorded exchange of a provider from the cited facts in its profile.

The content comes from ``content``; its form from the profile.  Only what the profile has evidence for is made: for
another form, or a parameter or rejection that was never seen, there is no exchange.
"""

from collections.abc import Iterable
from dataclasses import replace

import orjson

from harness.matrix.providers import Target
from harness.matrix.scenarios import Scenario, next_body, request_body, with_expectations
from harness.simulate.chat.content import prompt_tokens, say
from harness.simulate.chat.parameters import parameters_of, without
from harness.simulate.chat.profile import Form, Profile, Refusal
from harness.simulate.chat.render import Answer, render, render_headers, render_refusal
from harness.wire.exchange import OK, Exchange, Headers, Request, Response, Source, include_usage
from harness.wire.shapes import Json

BEHAVIOUR = {
    "chat.unicode": "whether text comes back unharmed is seen on the wire only",
    "chat.long": "how a long answer is delivered is seen on the wire only",
    "chat.compressed": "whether a stream is compressed is seen on the wire only",
    "chat.cancel": "what follows a stream that was closed is seen on the wire only",
    "error.too-long": "its request is a third of a megabyte, which no reader needs",
    "models.list": "a profile is of answers",
    "models.one": "a profile is of answers",
}
"""Scenarios that are never synthesized, and why."""

_WRONG = {
    "error.bad-key": "The key is not valid.",
    "error.bad-key-stream": "The key is not valid.",
    "error.unknown-model": "There is no model of this name.",
    "error.missing-messages": "Missing: 'messages'.",
    "error.malformed-json": "The body is not JSON.",
    "error.wrong-type": "'temperature' is a text, not a number.",
    "error.no-tokens": "'max_tokens' is 0: too small.",
}
_PATH = "/chat/completions"


def synthesize(profile: Profile, target: Target, scenario: Scenario) -> list[Exchange] | None:
    """Return the exchanges of ``scenario`` with the provider; None if the profile does not cover it."""
    form = profile.form_of(target.model.name or target.model.id)
    if form is None or scenario.id in BEHAVIOUR or target.skip_reason(scenario):
        return None
    return _Maker(profile, target, scenario, form).exchanges()


def answer_to(body: Json, seed: str, *, thinks: bool) -> Answer:
    """Return the content of the response to a request and the requested form."""
    said = say(body, thinks=thinks)
    alternatives = (body.get("top_logprobs") or 0) if body.get("logprobs") else None
    return Answer(
        (said,) * (body.get("n") or 1), str(body["model"]), prompt_tokens(body), seed, include_usage(body), alternatives
    )


class _Maker:
    """Makes the exchanges of one scenario; ``evidence`` collects their basis."""

    def __init__(self, profile: Profile, target: Target, scenario: Scenario, form: Form) -> None:
        self.profile, self.target, self.scenario, self.form = profile, target, scenario, form
        thinking = target.model.thinking
        self.switch = (thinking.enable if scenario.thinking else thinking.disable) or {}
        self.model = target.model.name or target.model.id
        self.refusal = next((one for one in profile.refusals if self._refuses(one)), None)
        self.evidence: dict[str, None] = {}
        self.ignored: set[str] = set()

    def exchanges(self) -> list[Exchange] | None:
        """Return the exchanges; None if there is no evidence for the form of one."""
        if not self.refusal and not self._knows_its_parameters():
            return None
        body = request_body(self.scenario, self.model, self.switch)
        made: list[Exchange] = []
        for number in range(self.scenario.requests):
            if number:
                body = next_body(self.scenario, body, made[0].completion.messages[0])
            exchange = self._exchange(body, number)
            if exchange is None:
                return None
            made.append(exchange)
        return with_expectations((replace(one, source=self._source()) for one in made), self.scenario)

    def _refuses(self, refusal: Refusal) -> bool:
        asked = self.scenario.id in refusal.scenarios and refusal.is_of(self.model)
        return asked and (self.scenario.thinking or not refusal.thinking)

    def _knows_its_parameters(self) -> bool:
        """Return whether the handling of every parameter of the scenario is known."""
        if self.scenario.id.startswith("error."):
            return False
        wanted = parameters_of(self.scenario, self.model, self.switch)
        for group in self.profile.parameters:
            known = wanted & {*group.taken, *group.ignored}
            if known and group.is_of(self.model):
                self._rests_on(group.evidence)
                self.ignored |= known & {*group.ignored}
                wanted -= known
        return not wanted

    def _exchange(self, body: Json, number: int) -> Exchange | None:
        seed = f"{self.target.id} {self.scenario.id} {number}"
        refusal = self.refusal if number == self.scenario.requests - 1 else None
        response = self._refused(refusal, seed) if refusal else self._answered(body, seed)
        if response is None:
            return None
        headers = Headers((("Content-Type", "application/json"),))
        sent = (self.scenario.raw_body if not number else None) or orjson.dumps(body)
        return Exchange(Request("POST", self.target.provider.base_url + _PATH, headers, sent), response)

    def _refused(self, refusal: Refusal, seed: str) -> Response:
        self._rests_on(refusal.evidence)
        text = _WRONG.get(self.scenario.id) or f"This is not supported: {self.scenario.tested_parameter}."
        content = render_refusal(self.form, refusal, text, seed)
        return Response(refusal.status, render_headers(self.form, refusal.headers, seed), content)

    def _answered(self, body: Json, seed: str) -> Response | None:
        answer = answer_to(without(body, self.ignored), seed, thinks=self.scenario.thinking)
        rendered = render(self.form, answer, streamed=bool(body.get("stream")))
        if rendered is None:
            return None
        self._rests_on(rendered.evidence)
        return Response(OK, rendered.headers, rendered.content, "OK")

    def _rests_on(self, names: Iterable[str]) -> None:
        self.evidence.update(dict.fromkeys(names))

    def _source(self) -> Source:
        found = [self.profile.evidence[name] for name in self.evidence]
        said = "; ".join(dict.fromkeys(f"{one.kind} of {one.at}" for one in found))
        at = max(one.at for one in found)
        return Source("reconstructed", at, found[0].url, f"Made of profile.yaml, which rests on: {said}.")
