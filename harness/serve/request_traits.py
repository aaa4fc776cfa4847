"""Reduces a request to traits, by which its recording is found; the same for every dialect."""

from dataclasses import dataclass
from typing import Literal

from harness.simulate.completions import asking as completions
from harness.simulate.messages.asking import as_chat
from harness.simulate.responses import asking as responses
from harness.wire.dialect import RESPONSES, DialectName, dialect_of
from harness.wire.exchange import include_usage
from harness.wire.shapes import Json

_WEIGHTS = {"thinking": 8, "usage": 8, "tool_choice": 6, "n": 6, "logprobs": 6, "stop": 3, "capped": 3, "parameters": 1}
_THINKING = ("thinking", "enable_thinking", "reasoning", "reasoning_effort", "chat_template_kwargs", "think")
_ASKED_FOR = ("stop", "max_tokens", "max_completion_tokens", *_THINKING)


@dataclass(frozen=True, slots=True)
class RequestTraits:
    """The traits of a request: those ``required`` of the recording for it, and those ``preferred``."""

    required: tuple[tuple[str, object], ...]
    preferred: dict[str, object]


Spoken = DialectName | Literal["responses"]
"""The dialects of served requests: the judged ones, and OpenAI's Responses."""


def spoken_at(path: str) -> Spoken:
    """Return the dialect of a request path."""
    return "responses" if path.endswith(RESPONSES) else dialect_of(path, b"")


def in_chat(body: Json, dialect: Spoken) -> Json:
    """Return a request in its chat form."""
    if dialect == "responses":
        return responses.as_chat(body)
    if dialect == "completions":
        return completions.as_chat(body)
    return as_chat(body) if dialect == "messages" else body


def traits(body: Json | None, dialect: DialectName = "chat", *, counts: bool = False) -> RequestTraits:
    """
    Return the traits of a request; None stands for a body that is not JSON.

    ``counts`` is whether it only counts tokens.
    """
    asked = in_chat(body or {}, dialect)
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
        ("a count of tokens", counts),
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
    """Return how much two requests whose required traits agree differ in the rest."""
    return sum(weight for name, weight in _WEIGHTS.items() if asked.preferred[name] != held.preferred[name])


def differing(asked: RequestTraits, held: RequestTraits) -> list[str]:
    """Return a description of the required traits that differ."""
    pairs = zip(held.required, asked.required, strict=True)
    return [f"{name} {_word(there)} instead of {_word(here)}" for (name, there), (_, here) in pairs if there != here]


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
