"""
Responds to any request for legacy completions, in the form of OpenAI's specification with a profile's differences.

The content is that of chat for the same prompt.
"""

from harness.simulate.chat.content import Said
from harness.simulate.chat.ideal import error
from harness.simulate.chat.profile import GapMarks, ServedBelow, TextForm
from harness.simulate.chat.speaking import speak
from harness.simulate.completions.asking import as_chat
from harness.simulate.completions.ideal import TextAnswer, TextSaid, answer, prompt_tokens
from harness.simulate.completions.refusing import wrong_with_prompt
from harness.simulate.synthesised import Synthesised, seed_of
from harness.simulate.template import fill, make_id
from harness.wire.completions.asked import prompts_of
from harness.wire.dumping import json_text
from harness.wire.exchange import Headers, Response
from harness.wire.shapes import Json

_FINISHES = ("stop", "length", "content_filter")
_NONE = frozenset[str]()
_SPECIFICATION = "the form of OpenAI's specification"


class CompletionsManner:
    """
    Responds as the ideal provider of legacy completions, or by the ``form`` of a profile.

    ``why`` is noted in the responses if the ideal provider replaces another one.
    """

    def __init__(self, why: str = "", form: TextForm | None = None) -> None:
        self._form = form
        self._rests_on = f"{_SPECIFICATION}, and {', '.join(form.evidence)}" if form else f"{_SPECIFICATION}{why}"

    def answer(self, body: Json | None, said: Said | None = None, *, path: str = "") -> Synthesised:
        """
        Return the response to the body of a request at ``path``; a body of None stands for one that is not a JSON
        object.

        ``said`` is its content, if it is not to fit the request.
        """
        below = self._form.below if self._form else None
        if below and not path.startswith(f"{below.path}/"):
            return Synthesised(_refused(below), f"{self._rests_on}, {', '.join(below.evidence)}")
        wrong = wrong_with_prompt(body)
        if wrong or body is None:
            refusal = error(wrong.status, wrong.message, wrong.param, wrong.code) if wrong else error(400, "No JSON.")
            return Synthesised(refusal, self._rests_on)
        return Synthesised(self._answered(body, said), self._rests_on)

    def error(self, status: int, message: str) -> Synthesised:
        """Return an error."""
        return Synthesised(error(status, message), self._rests_on)

    def _answered(self, body: Json, said: Said | None) -> Response:
        prompts, form, seed = [prompt or "" for prompt in prompts_of(body)], self._form, seed_of(body)
        marks = form.marks if form else None
        told = tuple(_said(body, prompt, said, marks) for prompt in prompts for _ in range(body.get("n") or 1))
        tokens, model = sum(map(prompt_tokens, prompts)), str(body["model"])
        if form is None:
            return answer(body, TextAnswer(f"cmpl-{seed}", told, tokens, model))
        ids = {"id": f"cmpl-{seed}"} | {name: make_id(pattern, seed) for name, pattern in form.ids.items()}
        values = {"fingerprint": None, "prompt": tokens, **ids}
        keys, usage = fill(form.keys, values, _NONE), fill(form.usage, values, _NONE)
        asked = body if form.logprobs else {key: value for key, value in body.items() if key != "logprobs"}
        return answer(asked, TextAnswer(ids["id"], told, tokens, model, keys, usage))


def _refused(below: ServedBelow) -> Response:
    told = fill(below.body, {"text": f"This is served below {below.path} alone."}, _NONE)
    return Response(below.status, Headers(tuple(below.headers.items())), json_text(told).encode())


def _said(body: Json, prompt: str, said: Said | None, marks: GapMarks | None) -> TextSaid:
    before, suffix = _gap(prompt, marks)
    asked = as_chat(body | {"suffix": suffix} if suffix else body, before)
    told = said or speak({key: value for key, value in asked.items() if key not in _NOT_SAID}, thinks=False)
    return TextSaid(told.text, told.finish if told.finish in _FINISHES else "stop", max(told.tokens, 1))


_NOT_SAID = {"tools", "response_format"}


def _gap(prompt: str, marks: GapMarks | None) -> tuple[str, str]:
    """Return the text before the gap in a prompt, and after it; the whole prompt if it marks none."""
    if marks is None or not prompt.startswith(marks.prefix):
        return prompt, ""
    before, _, behind = prompt.removeprefix(marks.prefix).partition(marks.suffix)
    return before, behind.partition(marks.middle)[0]
