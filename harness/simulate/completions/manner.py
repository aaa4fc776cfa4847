"""
The answer of legacy completions to any request, in the form of OpenAI's specification.

What it says is what chat would say to the same prompt; no provider's own form is described yet, so that this stands for each.
"""

from harness.simulate.chat.content import Said
from harness.simulate.chat.ideal import error
from harness.simulate.chat.speaking import speak
from harness.simulate.completions.asking import as_chat
from harness.simulate.completions.ideal import TextAnswer, TextSaid, answer, prompt_tokens
from harness.simulate.completions.refusing import wrong_with_prompt
from harness.simulate.synthesised import Synthesised, seed_of
from harness.wire.completions.asked import prompts_of
from harness.wire.shapes import Json

_FINISHES = ("stop", "length", "content_filter")


class CompletionsManner:
    """Answers as the ideal provider of legacy completions; ``why`` is said of the answers where it stands for another one."""

    def __init__(self, why: str = "") -> None:
        self._rests_on = f"the form of OpenAI's specification{why}"

    def answer(self, body: Json | None, said: Said | None = None) -> Synthesised:
        """
        Return the answer to the body of a request; None stands for one that is no JSON object.

        ``said`` is what it says, where that is not what fits the request.
        """
        wrong = wrong_with_prompt(body)
        if wrong or body is None:
            refusal = error(wrong.status, wrong.message, wrong.param, wrong.code) if wrong else error(400, "No JSON.")
            return Synthesised(refusal, self._rests_on)
        prompts = [prompt or "" for prompt in prompts_of(body)]
        each = body.get("n") or 1
        told = tuple(_said(body, prompt, said) for prompt in prompts for _ in range(each))
        tokens = sum(map(prompt_tokens, prompts))
        return Synthesised(
            answer(body, TextAnswer(f"cmpl-{seed_of(body)}", told, tokens, str(body["model"]))), self._rests_on
        )

    def error(self, status: int, message: str) -> Synthesised:
        """Return an error."""
        return Synthesised(error(status, message), self._rests_on)


def _said(body: Json, prompt: str, said: Said | None) -> TextSaid:
    asked = {key: value for key, value in as_chat(body, prompt).items() if key not in {"tools", "response_format"}}
    told = said or speak(asked, thinks=False)
    return TextSaid(told.text, told.finish if told.finish in _FINISHES else "stop", max(told.tokens, 1))
