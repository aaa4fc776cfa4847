"""
Defines the faults of legacy completions, and the legal variants.

Those that also break a rule of chat show that the rule reads both dialects.
"""

from typing import Any

from harness.matrix.completions import COMPLETIONS
from harness.simulate.edits import (
    Change,
    Edit,
    before_done,
    chunks,
    compose,
    drop,
    has_choice,
    has_finish_reason,
    has_no_finish_reason,
    has_usage,
    remove,
    repeat,
    replace_bytes,
    set_value,
    status,
)
from harness.simulate.fault import Fault, Variant
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, as_object

_GITHUB = "https://github.com/"
_SPECIFICATION = "https://platform.openai.com/docs/api-reference/completions/object"
_PROMPT = COMPLETIONS["completions.nonstream"].prompt
_SUFFIX = "    return fib(n - 1) + fib(n - 2)\n"


def _fault(  # noqa: PLR0913, PLR0917 - a row of the table
    name: str, rule: str, title: str, on: str, change: Change, source: str | None = None
) -> Fault:
    place = f"{_GITHUB}{source}" if source else None
    return Fault(f"completions-{name}", title, f"completions.{on}", place, change, rule)


def _own(  # noqa: PLR0913, PLR0917 - a row of the table
    name: str, rule: str, title: str, on: str, change: Change, source: str | None = None
) -> Fault:
    return _fault(name, f"completions.{rule}", title, on, change, source)


def _any(_chunk: Json) -> bool:
    return True


def _listing(chunk: Json) -> bool:
    """Chunks with probabilities."""
    return has_choice(chunk) and bool(as_object(chunk["choices"][0]).get("logprobs"))


def _text(chunk: Json) -> str:
    return str(as_object(chunk["choices"][0]).get("text")) if has_choice(chunk) else ""


def _every(path: str, value: Any, *, only: slice = slice(None)) -> Change:
    return chunks(has_choice, set_value(f"choices/*/{path}", value), only=only)


def _list(path: str, value: Any, *, only: slice = slice(None)) -> Change:
    return chunks(_listing, set_value(f"choices/*/logprobs/{path}", value), only=only)


def _in_chat(key: str) -> Edit:
    """Return the edit that gives each choice the form of chat."""

    def edit(chunk: Json) -> None:
        for choice in chunk["choices"]:
            choice[key] = {"content": choice.pop("text")}

    return edit


def _listed_as_in_chat(logprobs: Json) -> Json:
    return {
        "content": [{"token": one, "logprob": -0.25, "bytes": None, "top_logprobs": []} for one in logprobs["tokens"]]
    }


def _counting(exchange: Exchange) -> Exchange:
    """Let the index of a choice count the chunks."""
    for number in range(1, 6):
        exchange = _every("index", number, only=slice(number, number + 1))(exchange)
    return exchange


def _so_far(exchange: Exchange) -> Exchange:
    """Repeat all previous text in each chunk."""
    said = ""
    for number in range(5):
        said += ("The sky", " is", " clear", " and", " wide")[number]
        exchange = _every("text", said, only=slice(number, number + 1))(exchange)
    return exchange


_FAULTS = (
    _own("chat-chunks", "no-chat", "The chunks have the format of chat completions.", "stream", chunks(has_choice, _in_chat("delta")), "BerriAI/litellm/issues/1113"),
    _own("chat-body", "no-chat", "The body has a message instead of text.", "nonstream", chunks(has_choice, _in_chat("message"))),
    _own("dotted-object", "object", "object is text.completion.", "nonstream", replace_bytes(b"text_completion", b"text.completion"), "togethercomputer/openapi/pull/91"),
    _own("chat-object", "object", "object is that of chat.", "stream", replace_bytes(b"text_completion", b"chat.completion.chunk")),
    _own("no-object", "object", "object is absent.", "stream", chunks(_any, drop("object"))),
    _own("null-text", "text", "The last text is null.", "stream", chunks(has_finish_reason, set_value("choices/*/text", None))),
    _own("no-text", "text", "The last chunk has no text.", "stream", chunks(has_finish_reason, drop("choices/*/text"))),
    _own("text-as-parts", "text", "The text is a list of parts.", "nonstream", _every("text", [{"type": "text", "text": "Hi."}])),
    _own("finish-of-tgi", "finish-known", "finish_reason is eos_token.", "nonstream", replace_bytes(b'"finish_reason":"stop"', b'"finish_reason":"eos_token"')),
    _own("one-of-two", "choices", "One text is sent, though two were requested.", "n2", remove(lambda chunk: has_choice(chunk) and chunk["choices"][0]["index"] == 1), "BerriAI/litellm/issues/8977"),
    _own("one-prompt-answered", "choices", "Only the first of two prompts is answered.", "two-prompts", chunks(_any, set_value("choices", lambda choices: choices[:1]))),
    _own("counted-in-vain", "said", "Forty tokens are counted, and no text comes.", "nonstream", compose(_every("text", ""), chunks(has_usage, set_value("usage/completion_tokens", 40), set_value("usage/total_tokens", 58)))),
    _own("index-counts", "index-in-range", "The index of a choice is the chunk number.", "stream", _counting, "huggingface/text-generation-inference/pull/1648"),
    _own("echo-ignored", "echo", "echo is ignored.", "echo", _every("text", " a bird."), "ggml-org/llama.cpp/issues/27174"),
    _own("prompt-again", "no-echo", "The text starts with the prompt without echo.", "nonstream", _every("text", lambda text: _PROMPT + text)),
    _own("suffix-again", "suffix", "The text repeats the suffix.", "suffix", chunks(has_finish_reason, set_value("choices/*/text", _SUFFIX)), "stacklok/codegate/pull/848"),
    _own("logprobs-ignored", "logprobs-given", "logprobs are ignored.", "logprobs", _every("logprobs", None), "xorbitsai/inference/pull/5270"),
    _own("logprobs-of-chat", "logprobs-form", "logprobs have the format of chat completions.", "logprobs", chunks(_listing, set_value("choices/*/logprobs", _listed_as_in_chat)), "vllm-project/vllm/issues/3179"),
    _own("no-token-logprobs", "logprobs-form", "token_logprobs is absent.", "logprobs", chunks(_listing, drop("choices/*/logprobs/token_logprobs"))),
    _own("two-probabilities", "top-own", "A token has two probabilities.", "logprobs", _list("token_logprobs", lambda values: [-19.98 for _ in values]), "abetlen/llama-cpp-python/pull/453"),
    _own("lists-differ", "logprobs-lengths", "text_offset has one entry more than tokens.", "logprobs", _list("text_offset", lambda offsets: [*offsets, 7]), "theroyallab/tabbyAPI/pull/141"),
    _own("above-zero", "logprobs-range", "A logprob is above 0, in legacy completions.", "logprobs", _list("token_logprobs", [0.78])),
    _own("tokens-of-others", "logprobs-join", "The tokens are in the tokenizer's internal form.", "logprobs", _list("tokens", ["Ġfar"], only=slice(3, 4)), "foundation-model-stack/fms-guardrails-orchestrator/issues/477"),
    _own("offsets-without-prompt", "text-offset", "text_offset restarts after the first chunk.", "logprobs", _list("text_offset", [7], only=slice(1, 2)), "vllm-project/vllm/pull/47815"),
    _own("many-alternatives", "top-logprobs", "More alternatives are sent than were requested.", "logprobs", _list("top_logprobs", [{"a": -1.0, "b": -2.0, "c": -3.0, "d": -4.0}])),
    _fault("empty-finish", "finish_reason.null-before-end", 'finish_reason is "" until the end.', "stream", chunks(has_no_finish_reason, set_value("choices/*/finish_reason", "")), "huggingface/text-generation-inference/pull/2336"),
    _fault("no-finish", "finish_reason.given", "No finish_reason is sent.", "stream", chunks(has_finish_reason, set_value("choices/*/finish_reason", None)), "huggingface/text-generation-inference/pull/2336"),
    _fault("finish-without-choice", "finish_reason.given", "The last chunk has no choice, so there is no finish_reason.", "stream", chunks(has_finish_reason, set_value("choices", [])), "tenstorrent/tt-inference-server/issues/2592"),
    _fault("no-total", "usage.integers", "usage lacks total_tokens.", "stream-usage", chunks(has_usage, drop("usage/total_tokens")), "PaddlePaddle/FastDeploy/pull/3247"),
    _fault("no-usage", "usage.given", "Requested usage is not sent.", "stream-usage", remove(has_usage), "vllm-project/vllm/pull/5319"),
    _fault("stop-in-text", "params.stop", "A stop sequence is in the text.", "stop", chunks(has_finish_reason, set_value("choices/*/text", "7")), "SharpAI/SwiftLM/pull/135"),
    _fault("two-ids", "chunk.id-constant", "The last chunk has another id.", "stream", chunks(has_finish_reason, set_value("id", "cmpl-other"))),
    _fault("created-moves", "chunk.created-constant", "created increases in a stream.", "stream", chunks(has_finish_reason, set_value("created", 1760000009))),
    _fault("model-changes", "identity.model-constant", "The last chunk names another model.", "stream", chunks(has_finish_reason, set_value("model", "davinci-002"))),
    _fault("no-done", "sse.done", "The stream ends without [DONE].", "stream", replace_bytes(b"data: [DONE]\n\n", b"")),
    _fault("error-in-stream", "sse.no-error", "An error is sent in the text stream.", "stream", before_done({"error": {"message": "overloaded", "type": "server_error", "code": 503}})),
    _fault("text-so-far", "content.increments", "Each chunk has all of the text so far.", "stream", _so_far),
    _fault("text-after-end", "content.before-finish", "Text follows the finish_reason.", "stream-usage", repeat(has_finish_reason, set_value("choices/*/text", " Bye."), set_value("choices/*/finish_reason", None))),
    _fault("token-of-template", "content.no-special-tokens", "A chat template token is in the text.", "suffix", chunks(lambda chunk: _text(chunk).endswith("n\n"), set_value("choices/*/text", " n\n<|endoftext|>"))),
    _fault("half-character", "content.no-replacement", "A split character is replaced.", "stream", chunks(lambda chunk: "🐦" in _text(chunk), set_value("choices/*/text", " away. �"))),
    _fault("prompt-counts-otherwise", "parity.prompt-tokens", "The prompt token count differs when not streaming.", "both-forms", compose(chunks(has_usage, set_value("usage/prompt_tokens", 99)), chunks(has_usage, set_value("usage/total_tokens", 110)))),
    _fault("refusal-200", "error.refused", "A missing prompt is an error with status 200.", "no-prompt", status(200)),
)  # fmt: skip

FAULTS: dict[str, Fault] = {fault.id: fault for fault in _FAULTS}
"""Every fault of legacy completions by id."""


def _variant(name: str, title: str, on: str, change: Change, source: str | None = None) -> Variant:
    return Variant(f"completions-{name}", title, f"completions.{on}", source or _SPECIFICATION, change)


def _together(exchange: Exchange) -> Exchange:
    """Put the finish reason into the last chunk of text."""
    return chunks(lambda chunk: "🐦" in _text(chunk), set_value("choices/*/finish_reason", "stop"))(
        remove(has_finish_reason)(exchange)
    )


VARIANTS: dict[str, Variant] = {
    variant.id: variant
    for variant in (
        _variant("finish-beside-text", "The finish_reason is beside the last text.", "stream", _together, f"{_GITHUB}vllm-project/vllm/issues/35705"),
        _variant("no-logprobs-key", "Choices have no logprobs.", "stream", chunks(has_choice, drop("choices/*/logprobs"))),
        _variant("vendor-keys", "Choices have fields of vLLM.", "nonstream", chunks(has_choice, set_value("choices/*/stop_reason", None), set_value("choices/*/prompt_logprobs", None)), f"{_GITHUB}vllm-project/vllm/issues/3179"),
        _variant("fingerprint", "A chunk has a system_fingerprint.", "stream", chunks(_any, set_value("system_fingerprint", "fp_1"))),
        _variant("filtered", "A content filter ends the response.", "nonstream", replace_bytes(b'"finish_reason":"stop"', b'"finish_reason":"content_filter"')),
        _variant("empty-first", "The first chunk has no text.", "stream", repeat(has_choice, set_value("choices/*/text", ""))),
        _variant("comments", "There are comments between the chunks.", "stream", replace_bytes(b"data: {", b": keep-alive\n\ndata: {")),
        _variant("no-alternatives", "top_logprobs is null.", "logprobs", _list("top_logprobs", None)),
        _variant("tokens-by-bytes", "A token is given as bytes.", "logprobs", _list("tokens", ["bytes:\\xf0\\x9f"], only=slice(4, 5))),
        _variant("first-unknown", "The first token has no probability.", "logprobs", _list("token_logprobs", [None], only=slice(0, 1))),
        _variant("offsets-of-text", "text_offset counts from the text, not from the prompt.", "logprobs", _list("text_offset", lambda offsets: [at - len(_PROMPT) for at in offsets]), f"{_GITHUB}xorbitsai/inference/pull/5245"),
        _variant("other-name", "A custom model has its own name.", "nonstream", replace_bytes(b'"model":"gpt-3.5-turbo-instruct"', b'"model":"gpt-3.5-turbo-instruct:20230824-v2"')),
        _variant("nothing-said", "One prompt of a list gets no text.", "two-prompts", chunks(has_choice, set_value("choices/1/text", " "))),
        _variant("chat-in-text", "The text mentions a delta.", "stream", chunks(lambda chunk: _text(chunk) == ",", set_value("choices/*/text", ' {"delta": {"content": 1}}'))),
    )
}  # fmt: skip
"""Every legal variant of legacy completions by id."""

__all__ = ["FAULTS", "VARIANTS"]
