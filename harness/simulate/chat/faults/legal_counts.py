"""Legal variants of counts, of probabilities, and of JSON notation."""

from typing import Any

from harness.simulate.edits import (
    Change,
    any_chunk,
    body,
    chunks,
    compose,
    has_content,
    has_finish_reason,
    has_usage,
    rebuild_stream,
    replace_bytes,
    set_value,
)
from harness.simulate.fault import Variant
from harness.simulate.reference import with_request_params
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json

_OPENAPI = "https://github.com/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_LOGPROB = f"{_OPENAPI}#L31862"
_EMPTY_FIRST = "https://github.com/BerriAI/litellm/issues/3276"
_THOUGHT = "https://api-docs.deepseek.com/api/create-chat-completion"
_ALIGNED = "https://github.com/sgl-project/sglang/issues/26778"
_OF_CONTENT = "https://github.com/sgl-project/sglang/issues/25055"
_ROUNDED = (
    "https://github.com/pydantic/pydantic-ai/blob/4fda38988f2939fa6ea9cdefcf120693e10ef491/tests/models/cassettes"
)

_JSON = "https://www.rfc-editor.org/rfc/rfc8259"

_CONTENT = "choices/*/logprobs/content"
_TOP = f"{_CONTENT}/*/top_logprobs"
_FIRST = slice(0, 1)


def _begins(chunk: Json) -> bool:
    """The chunk that names the role."""
    return bool(chunk["choices"] and chunk["choices"][0]["delta"].get("role"))


def _token(text: str, logprob: float = -0.25) -> Json:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode()), "top_logprobs": []}


def _tokens(chunk: Json) -> Any:
    return chunk["choices"][0]["logprobs"]["content"]


def _in_halves(chunk: Json) -> None:
    """Split the first character into two tokens, as OpenAI writes them: escaped, with their bytes."""
    first, *rest = _tokens(chunk)
    whole = first["bytes"]
    halves = [("bytes:\\xe4\\xbd", whole[:2]), ("\\xa0" + first["token"][1:], whole[2:])]
    _tokens(chunk)[:] = [*(first | {"token": text, "bytes": given} for text, given in halves), *rest]


def _ended(chunk: Json) -> None:
    """Add the end-of-text token."""
    _tokens(chunk).append(_token("<|im_end|>"))


def _one_fewer(chunk: Json) -> None:
    """Omit an alternative, once."""
    _tokens(chunk)[0]["top_logprobs"].pop()


def _never_chosen(chunk: Json) -> None:
    """Remove the chosen token from the likeliest ones."""
    _tokens(chunk)[0]["top_logprobs"] = [_other("Hi", -0.5), _other("Hey", -1.5)]


def _other(text: str, logprob: float) -> Json:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}


def _asked_to_think(exchange: Exchange) -> Exchange:
    return with_request_params(exchange, reasoning_effort="medium")


def _thinking(key: str) -> Any:
    """Return the change that puts two fragments of reasoning before the text, with their tokens under ``key``."""

    def make(found: list[Json]) -> list[Json]:
        choice = found[1]["choices"][0]
        pieces = []
        for text in ("gre", "et"):
            token = _token(text) | {"top_logprobs": [_other(text, -0.25), _other("Hi", -2.5)]}
            said = {"delta": {"reasoning_content": text}, "logprobs": {key: [token]}}
            pieces.append(found[1] | {"choices": [choice | said]})
        return [found[0], *pieces, *found[1:]]

    return make


def _thought_of_body(chunk: Json) -> None:
    """Add reasoning to a body, the tokens being those of the text."""
    chunk["choices"][0]["message"]["reasoning_content"] = "greet"
    chunk["usage"]["completion_tokens_details"]["reasoning_tokens"] = 2


def _refused(chunk: Json) -> None:
    """Let the model refuse."""
    choice = chunk["choices"][0]
    choice["message"] |= {"content": None, "refusal": "I can't help."}
    choice["logprobs"] = {"content": None, "refusal": [_token("I can't"), _token(" help.")]}


def _pause(times: int) -> Change:
    """Return the change that puts empty deltas before the end."""

    def make(found: list[Json]) -> list[Json]:
        *said, last, usage = found
        empty = said[-1] | {"choices": [said[-1]["choices"][0] | {"delta": {"content": ""}}]}
        return [*said, *[empty] * times, last, usage]

    return rebuild_stream(make)


# fmt: off
VARIANTS = (
    Variant("logprobs-above-zero-by-rounding", "A logprob is above 0 by 0.00003.", "params.logprobs", f"{_ROUNDED}/test_openai", chunks(any_chunk, set_value(f"{_CONTENT}/*/logprob", 3.0517578125e-05))),
    Variant("logprobs-of-the-unlikely", "A logprob is -9999.", "chat.logprobs", _LOGPROB, chunks(has_content, set_value(f"{_TOP}/1/logprob", -9999.0))),
    Variant("logprobs-of-the-certain", "Every logprob is 0.", "params.logprobs", "https://github.com/vllm-project/vllm/issues/17286", chunks(any_chunk, set_value(f"{_CONTENT}/*/logprob", 0))),
    Variant("logprobs-empty-list-first", "The first chunk has an empty list.", "chat.logprobs", _EMPTY_FIRST,
            chunks(_begins, set_value("choices/*/logprobs", {"content": [], "refusal": None}), only=_FIRST)),
    Variant("logprobs-empty-list-last", "The last chunk has an empty list.", "chat.logprobs", _EMPTY_FIRST,
            chunks(has_finish_reason, set_value("choices/*/logprobs", {"content": [], "refusal": None}))),
    Variant("logprobs-unasked-and-empty", "Nobody asked, and logprobs is an object of nulls.", "chat.nonstream", "https://github.com/openai/openai-python/issues/1246",
            chunks(any_chunk, set_value("choices/*/logprobs", {"content": None, "refusal": None}))),
    Variant("logprobs-bytes-null", "The bytes of tokens are null.", "params.top-logprobs", _LOGPROB, chunks(any_chunk, set_value(f"{_CONTENT}/*/bytes", None), set_value(f"{_TOP}/*/bytes", None))),
    Variant("logprobs-half-a-character", "A character is sent in two tokens.", "params.logprobs", _LOGPROB, chunks(any_chunk, _in_halves)),
    Variant("logprobs-of-the-end", "The tokens go on with the one at which the model ended.", "params.logprobs", "https://github.com/vllm-project/vllm/pull/37795", chunks(any_chunk, _ended)),
    Variant("logprobs-one-alternative-fewer", "One token has fewer alternatives than were requested.", "params.top-logprobs", _LOGPROB, chunks(any_chunk, _one_fewer)),
    Variant("logprobs-chosen-not-among-them", "The token that was chosen is not among the likeliest.", "params.top-logprobs", "https://github.com/ollama/ollama/issues/18579", chunks(any_chunk, _never_chosen)),
    Variant("logprobs-of-reasoning", "Reasoning streams with probabilities in its own list.", "chat.logprobs", _THOUGHT,
            compose(_asked_to_think, rebuild_stream(_thinking("reasoning_content")))),
    Variant("logprobs-of-reasoning-under-content", "Reasoning streams with its probabilities under content.", "chat.logprobs", _ALIGNED,
            compose(_asked_to_think, rebuild_stream(_thinking("content")))),
    Variant("logprobs-of-the-text-alone", "A body has probabilities of its text and none of its reasoning.", "params.logprobs", _OF_CONTENT,
            compose(_asked_to_think, chunks(any_chunk, _thought_of_body))),
    Variant("logprobs-of-a-refusal", "A refusal has its own probabilities.", "params.logprobs", _LOGPROB, chunks(any_chunk, _refused)),
    Variant("counts-of-hidden-reasoning", "Hundreds of tokens are counted for a short text, as reasoning that is hidden.", "chat.nonstream", f"{_OPENAPI}#L32211",
            chunks(any_chunk, set_value("usage/completion_tokens", 504), set_value("usage/total_tokens", 513), set_value("usage/completion_tokens_details/reasoning_tokens", 500))),
    Variant("counts-of-predictions", "Accepted and rejected predictions are part of the output.", "chat.nonstream", "https://github.com/Helicone/helicone/pull/5817",
            chunks(any_chunk, set_value("usage/completion_tokens", 40), set_value("usage/total_tokens", 49), set_value("usage/completion_tokens_details/accepted_prediction_tokens", 6),
                   set_value("usage/completion_tokens_details/rejected_prediction_tokens", 30))),
    Variant("counts-all-cached", "All of the prompt came from the cache.", "chat.stream-usage", f"{_OPENAPI}#L32211",
            chunks(has_usage, set_value("usage/prompt_tokens_details/cached_tokens", 9))),
    Variant("counts-few-for-much-text", "A long text has few tokens: white space.", "chat.nonstream", f"{_OPENAPI}#L32211",
            chunks(any_chunk, set_value("choices/*/message/content", "Hello" + " " * 400 + "!"))),
    Variant("deltas-empty", "Thirty deltas are empty, as while the server holds text back.", "chat.stream-usage", "https://github.com/fmperf-project/fmperf/pull/14",
            _pause(30)),
    Variant("json-text-of-json", "The text speaks of JSON, of NUL and of escapes.", "chat.stream", _JSON, replace_bytes("你好".encode(), b'{\\"a\\": 1, \\"a\\": 2} \\\\u0000 \\\\ud83d')),
    Variant("json-spaces-before-colons", "A space is before each colon.", "chat.stream", _JSON, body(lambda it: it.replace(b'":', b'" :'))),
    Variant("json-same-key-in-two-objects", "Two objects have keys of one name.", "chat.nonstream", _JSON, replace_bytes(b'"service_tier":"default"', b'"service_tier":"default","a":{"id":1,"b":{"id":2}}')),
    Variant("json-pairs-in-two-chunks", "Two characters beyond the first plane are sent as escapes, a chunk each.", "chat.stream", _JSON,
            body(lambda it: it.replace("你好".encode(), b"\\ud83d\\ude00").replace(b"! How can I", b"\\uD83D\\uDE01"))),
    Variant("usage-in-each-choice", "Nobody asked for usage, and each of two choices counts its own in a body.", "params.n", "https://github.com/earendil-works/pi/issues/2017",
            chunks(any_chunk, set_value("choices/*/usage", {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}))),
)
