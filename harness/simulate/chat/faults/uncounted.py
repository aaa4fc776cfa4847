"""Faults and legal variants of counts that are too small, of alternatives to a token, and of fingerprints."""

from typing import Any

from harness.simulate.edits import (
    Change,
    Edit,
    any_chunk,
    chunks,
    compose,
    drop,
    has_content,
    has_usage,
    only_if,
    set_value,
)
from harness.simulate.fault import Fault, Variant
from harness.simulate.reference import with_request_params
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, as_object, objects_in

_GITHUB = "https://github.com"
_OPENAPI = f"{_GITHUB}/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_LAST_CHUNK = f"{_GITHUB}/vllm-project/vllm/issues/8625"
_THOUGHT = f"{_GITHUB}/BerriAI/litellm/issues/10691"
_ESTIMATED = f"{_GITHUB}/tashfeenahmed/freellmapi/pull/845"
_COLLAPSED = f"{_GITHUB}/sgl-project/sglang/issues/32290"
_PLACEHOLDERS = f"{_GITHUB}/vllm-project/vllm/pull/42887"
_LOGPROB, _FINGERPRINT = f"{_OPENAPI}#L31862", f"{_OPENAPI}#L33105"

_TOP = "choices/*/logprobs/content/*/top_logprobs"
_SENTENCE = " The sky is blue, since its light comes from all sides."
_RULE = f"| a | b |\n|{400 * '-'}|\n| 1 | 2 |"
_HALVES = [{"token": "\ufffd", "logprob": -2.5 - n, "bytes": None} for n in range(2)]


def _saying(text: str) -> Change:
    """Return the change of a body to one with ``text``."""
    return chunks(any_chunk, set_value("choices/*/message/content", text))


def _asked(text: str) -> Change:
    """Return the change of the request."""

    def ask(exchange: Exchange) -> Exchange:
        return with_request_params(exchange, messages=[{"role": "user", "content": text}])

    return ask


def _estimated(text: str) -> Change:
    """Return the change that sends ``text`` and counts its prompt as 10 tokens, whatever its length."""
    counts = chunks(has_usage, set_value("usage/prompt_tokens", 10), set_value("usage/total_tokens", 14))
    return compose(_asked(text), counts)


def _second(changes: Json) -> Edit:
    """Return the edit of the second alternative to each token; a key whose value is Ellipsis is removed."""

    def edited(listed: Any) -> Any:
        if not isinstance(listed, list) or len(listed) < 2:  # noqa: PLR2004 - a first and a second
            return listed
        merged = listed[1] | changes if isinstance(listed[1], dict) else {}
        return [listed[0], {key: value for key, value in merged.items() if value is not ...}, *listed[2:]]

    return set_value(_TOP, edited)


def _like_the_first(listed: Any) -> Any:
    """Give all alternatives the text of the first, in a list of objects."""
    found = objects_in(listed)
    first = {key: found[0].get(key) for key in ("token", "bytes")} if found else {}
    return [one | first for one in found] if isinstance(listed, list) else listed


def _collapse(chunk: Json) -> None:
    """Leave one alternative to all tokens but the first."""
    for choice in objects_in(chunk.get("choices")):
        for token in objects_in(as_object(choice.get("logprobs")).get("content"))[1:]:
            listed = token.get("top_logprobs")
            token["top_logprobs"] = listed[:1] if isinstance(listed, list) else listed


def _has_alternatives(exchange: Exchange) -> bool:
    return any(choice.logprobs for choice in exchange.columns.choices.values())


def _alternatives(edit: Edit) -> Change:
    return only_if(_has_alternatives, chunks(any_chunk, edit))


# fmt: off
FAULTS = (
    Fault("output-of-last-chunk", "The output counts the tokens of the last chunk.", "chat.nonstream", _LAST_CHUNK,
          _saying(4 * _SENTENCE), "usage.enough"),
    Fault("output-of-last-chunk-streamed", "The output counts the tokens of the last chunk of a stream.", "chat.stream-usage", _LAST_CHUNK,
          chunks(has_content, set_value("choices/*/delta/content", 4 * _SENTENCE), only=slice(-1, None)), "usage.enough"),
    Fault("thought-beyond-the-count", "The output counts the text and not the reasoning.", "reasoning.nonstream", _THOUGHT,
          chunks(any_chunk, set_value("choices/*/message/reasoning_content", 6 * _SENTENCE), drop("usage/completion_tokens_details")), "usage.enough"),
    Fault("prompt-estimated", "A prompt of thousands of words counts 10 tokens.", "chat.nonstream", _ESTIMATED,
          _estimated(80 * _SENTENCE), "usage.prompt-moves"),
    Fault("prompt-estimated-streamed", "A prompt of thousands of words counts 10 tokens in a stream.", "chat.stream-usage", _ESTIMATED,
          _estimated(80 * _SENTENCE), "usage.prompt-moves"),
    Fault("alternatives-of-one-text", "All alternatives have the text of the token.", "params.top-logprobs", _PLACEHOLDERS,
          _alternatives(set_value(_TOP, _like_the_first)), "logprobs.top-distinct"),
    Fault("alternatives-collapsed", "Alternatives that look alike were made one: two tokens of three have one fewer.", "params.top-logprobs", _COLLAPSED,
          _alternatives(_collapse), "logprobs.top-count"),
    Fault("alternatives-without-bytes", "The alternatives have no bytes, not even null.", "params.top-logprobs", _LOGPROB, _alternatives(_second({"bytes": ...})), "logprobs.keys"),
    Fault("alternatives-null", "The text of an alternative is null.", "chat.logprobs", _LOGPROB, chunks(has_content, _second({"token": None})), "logprobs.keys"),
    Fault("alternatives-code-points", "The bytes of an alternative are its code points.", "params.top-logprobs", _LOGPROB,
          _alternatives(_second({"token": "你好", "bytes": [20320, 22909]})), "logprobs.bytes"),
    Fault("token-number", "A token is the number it has in the vocabulary.", "params.logprobs", _PLACEHOLDERS,
          _alternatives(set_value("choices/*/logprobs/content/*/token", 262)), "logprobs.keys"),
    Fault("fingerprint-changes", "The last chunks have another system_fingerprint.", "chat.stream-usage", _FINGERPRINT,
          chunks(any_chunk, set_value("system_fingerprint", "fp_another"), only=slice(-2, None)), "identity.fingerprint-constant"),
)

VARIANTS = (
    Variant("one-token-for-a-rule", "The rule of a table is one token of hundreds of bytes.", "chat.nonstream", f"{_OPENAPI}#L32211", _saying(_RULE)),
    Variant("alternatives-that-are-halves", "Two alternatives are parts of characters, and have no bytes.", "params.top-logprobs", _LOGPROB,
            _alternatives(set_value(_TOP, lambda listed: [*listed[:1], *_HALVES][: len(listed)] if isinstance(listed, list) else listed))),
    Variant("fingerprint-at-the-end", "Only the last chunks have a system_fingerprint.", "chat.stream", _FINGERPRINT,
            chunks(any_chunk, set_value("system_fingerprint", None), only=slice(0, -2))),
    Variant("usage-chunk-without-fingerprint", "The chunk with the usage has an empty system_fingerprint.", "chat.stream-usage", _FINGERPRINT,
            compose(chunks(has_usage, set_value("system_fingerprint", "")))),
)
# fmt: on
