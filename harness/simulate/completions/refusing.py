"""Finds what is wrong with a request for legacy completions for every provider."""

from dataclasses import replace
from typing import Any

from harness.simulate.chat.refusing import NO_MESSAGES, NOT_JSON, UNKNOWN_MODEL, Wrong, wrong_with
from harness.simulate.completions.asking import as_chat
from harness.wire.shapes import Json

_OWN = {
    NOT_JSON: "completions.malformed-json",
    NO_MESSAGES: "completions.no-prompt",
    UNKNOWN_MODEL: "completions.unknown-model",
}
_WRONG_TYPE = "completions.wrong-type"
_MOST_LOGPROBS = 5


def wrong_with_prompt(body: Json | None) -> Wrong | None:
    """Return what is wrong with the body of a request, None if nothing; a body of None is not a JSON object."""
    if body is not None and not _is_prompt(body.get("prompt")):
        return _of_prompt(body)
    asked = None if body is None else {key: value for key, value in as_chat(body).items() if key not in _OTHERWISE}
    found = wrong_with(asked)
    if found:
        return replace(found, scenario=_OWN.get(found.scenario, _WRONG_TYPE))
    logprobs = (body or {}).get("logprobs")
    if logprobs is not None and (type(logprobs) is not int or not 0 <= logprobs <= _MOST_LOGPROBS):
        return Wrong(_WRONG_TYPE, f"'logprobs' is not an integer from 0 to {_MOST_LOGPROBS}.", "logprobs")
    return None


_OTHERWISE = ("logprobs", "echo", "prompts")
"""Parameters with another type than in chat, or unknown there."""


def _is_prompt(prompt: Any) -> bool:
    listed = prompt if isinstance(prompt, list) else [prompt]
    return (
        bool(listed) and all(isinstance(one, str | list) or type(one) is int for one in listed) and prompt is not None
    )


def _of_prompt(body: Json) -> Wrong:
    if body.get("prompt") is None:
        scenario = "completions.no-prompt"
        return Wrong(scenario, "Missing: 'prompt'.", "prompt", "missing_required_parameter")
    return Wrong(
        _WRONG_TYPE, "'prompt' is not a string, an array of strings or an array of tokens.", "prompt", "invalid_type"
    )
