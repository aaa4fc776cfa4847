"""Checks whether the requested model is the one that responds."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import request_known, success_status, unaltered
from harness.checks.chat.model_names import another, is_path, makers, smaller
from harness.checks.registry import Reason, observation, rule
from harness.results import Level, Problem
from harness.simulate.reference import BODY, STREAM, replace_in_body, with_request_params
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange

_NAME = "gpt-4o-mini-2024-07-18"
_FALLBACKS = ("models", "fallbacks", "route", "providerOptions")


def _named(exchange: Exchange) -> Reason | None:
    """A request for a public model, without alternatives and without leaving the choice to the server."""
    asked = exchange.request.get("model")
    found = request_known(exchange) or unaltered("model")(exchange)
    if found:
        return found
    if not isinstance(asked, str) or not makers(asked):
        return "the request names no public model"
    others = next((name for name in _FALLBACKS if exchange.request.get(name)), None)
    if others:
        return f"the request lets another model answer: {others}"
    return "the URL names a deployment" if "/deployments/" in exchange.request.url else None


@rule(
    "identity.model-served", Level.SHOULD, "The model that responds is the requested one: same family, version and size.",
    sources.REFERENCE, _named,
    good=(
        STREAM,
        with_request_params(BODY, model="openai/gpt-4o-mini"),
        with_request_params(replace_in_body(BODY, _NAME, "us.anthropic.claude-3-7-sonnet-20250219-v1:0"), model="sonnet"),
        with_request_params(replace_in_body(BODY, _NAME, "glm-5-flash"), model="openrouter/auto"),
        with_request_params(replace_in_body(BODY, _NAME, "glm-5-flash"), model="claude-opus-4.7", models=["z-ai/glm-5-flash"]),
        with_request_params(replace_in_body(BODY, _NAME, "my-finetune"), model="ft:gpt-4o-mini:org::id"),
        with_request_params(replace_in_body(BODY, _NAME, "accounts/fireworks/models/llama-v3p1-8b-instruct"), model="Meta-Llama-3.1-8B-Instruct"),
    ),
    bad=(
        with_request_params(replace_in_body(BODY, _NAME, "glm-5-flash"), model="claude-opus-4.7"),
        replace_in_body(STREAM, _NAME, "qwen2.5-7b-instruct"),
        with_request_params(BODY, model="openai/gpt-4o"),
        with_request_params(BODY, model="gpt-4.1-mini"),
        with_request_params(replace_in_body(BODY, _NAME, "claude-sonnet-4-5"), model="claude-opus-4.5"),
    ),
    depends_on=("chunk.present",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def model_served(exchange: Exchange) -> Iterator[Problem]:
    """
    You pay for, evaluate and trust one model, and another one answers.

    Instead: Compare the two in each answer, dates and prefixes aside, and stop where the family differs:
    `family in answer.model.lower()`.
    """
    asked = exchange.request.get("model")
    for name, seen in exchange.columns.values["model"].items():
        served = makers(name) if isinstance(name, str) else set()
        if not served:
            continue
        other = another(asked, name) if served & makers(asked) else None
        if other or not served & makers(asked) or smaller(asked, name):
            told = f": {other}" if other else ""
            yield Problem(f"{asked} was asked for, {name} answers{told}", ((seen.first, "/model"),))
            return


_GGUF, _FOLDER = "/models/Qwen3-0.6B-Q4_0.gguf", "C:\\\\models\\\\qwen3"


@observation(
    "identity.model-path", "Whether `model` is the path of a file on the server.",
    sources.CHUNK, lambda x: success_status(x) or unaltered("model")(x),
    good=(
        STREAM,
        replace_in_body(BODY, _NAME, "accounts/fireworks/models/gpt-4o-mini"),
        with_request_params(replace_in_body(BODY, _NAME, _GGUF), model=_GGUF),
    ),
    bad=(
        replace_in_body(STREAM, _NAME, _GGUF),
        with_request_params(replace_in_body(BODY, _NAME, _FOLDER), model="qwen3"),
    ),
    depends_on=("chunk.present",),
    harmful=lambda value: value == "a path",
    dialects=WITH_CHOICES,
)  # fmt: skip
def model_path(exchange: Exchange) -> str:
    """
    Code that looks up the price or limits by the model in the response finds none; shown or logged, it reveals the
    server's disk.

    Instead: Keep the name you requested, `model = asked["model"]`, and neither store nor show the path.
    """
    given = [name for name in exchange.columns.values["model"] if isinstance(name, str) and is_path(name)]
    if not given:
        return "a name"
    return "a path, as asked for" if exchange.request.get("model") in given else "a path"
