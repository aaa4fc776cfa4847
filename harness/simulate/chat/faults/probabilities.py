"""Faults of the probabilities of tokens."""

import contextlib
import copy
from typing import Any

from harness.simulate.edits import Edit, any_chunk, chunks, compose, has_content, only_if, rebuild_stream, set_value
from harness.simulate.fault import Fault
from harness.simulate.reference import with_request_params
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, as_object, objects_in

_OPENAPI = "https://github.com/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_LOGPROB = f"{_OPENAPI}#L31862"
_TOGETHER = "https://github.com/togethercomputer/openapi/issues/5"
_LLAMA_CPP = "https://github.com/abetlen/llama-cpp-python/issues/1787"
_REASONING_BARE = "https://github.com/sgl-project/sglang/issues/26778"
_REASONING_TOO = "https://github.com/sgl-project/sglang/issues/25055"
_FIRST_OF_ALL = "https://github.com/sgl-project/sglang/issues/30188"
_LAST_ONLY = "https://github.com/Menci/Floway/issues/481"
_CUMULATIVE = "https://github.com/sgl-project/sglang/pull/21583"
_FEWER = "https://github.com/InternLM/lmdeploy/issues/1548"
_RAW = "https://github.com/InternLM/lmdeploy/issues/2802"
_NULLS = "https://github.com/sgl-project/sglang/pull/20323"
_REPLACED = "https://github.com/vllm-project/vllm/pull/7739"
_TWO_LISTS = "https://github.com/theroyallab/tabbyAPI/pull/141"
_GROUPED = "https://github.com/trymirai/lalamo/pull/360"

_CONTENT = "choices/*/logprobs/content"
_TOP = f"{_CONTENT}/*/top_logprobs"


def _tokens(chunk: Json) -> Any:
    return chunk["choices"][0]["logprobs"]["content"]


def _where_it_can(edit: Edit) -> Edit:
    """Return ``edit``, which leaves a chunk unchanged if another change has removed its target."""

    def guarded(chunk: Json) -> None:
        edited = copy.deepcopy(chunk)
        with contextlib.suppress(KeyError, TypeError, IndexError, AttributeError, ValueError):
            edit(edited)
            chunk.clear()
            chunk.update(edited)

    return guarded


@_where_it_can
def _no_alternatives(chunk: Json) -> None:
    """Remove the lists of alternatives."""
    for one in _tokens(chunk):
        del one["top_logprobs"]


@_where_it_can
def _other_name(chunk: Json) -> None:
    """Rename logprob to prob."""
    for one in _tokens(chunk):
        one["prob"] = one.pop("logprob")


@_where_it_can
def _code_points(chunk: Json) -> None:
    """Use code points for bytes."""
    for one in _tokens(chunk):
        one["bytes"] = [*map(ord, one["token"])]


@_where_it_can
def _an_alternative(chunk: Json) -> None:
    """Add an alternative to each token: itself."""
    for one in _tokens(chunk):
        one["top_logprobs"] = [{key: one[key] for key in ("token", "logprob", "bytes")}]


@_where_it_can
def _legacy(chunk: Json) -> None:
    """Write the probabilities of a chunk in the form of /v1/completions."""
    listed = _tokens(chunk)
    chunk["choices"][0]["logprobs"] = {
        "text_offset": [0] * len(listed),
        "tokens": [one["token"] for one in listed],
        "token_logprobs": [one["logprob"] for one in listed],
        "top_logprobs": None,
    }


@_where_it_can
def _together(chunk: Json) -> None:
    """Write them as both content and null, beside the lists."""
    listed = _tokens(chunk)
    chunk["choices"][0]["logprobs"] = {
        "content": None,
        "tokens": [one["token"] for one in listed],
        "token_logprobs": [one["logprob"] for one in listed],
    }


@_where_it_can
def _as_map(chunk: Json) -> None:
    """Write the list as an object of token and logprob."""
    chunk["choices"][0]["logprobs"]["content"] = {str(one["token"]): one["logprob"] for one in _tokens(chunk)}


@_where_it_can
def _raw(chunk: Json) -> None:
    """Write the tokens as in the tokenizer's table."""
    for one in _tokens(chunk):
        one["token"] = one["token"].replace(" ", "Ġ").replace("你好", "ä½łå¥½")
        one["bytes"] = list(one["token"].encode())


@_where_it_can
def _marked(chunk: Json) -> None:
    """Write spaces in tokens as the mark of a word."""
    for one in _tokens(chunk):
        one["token"] = one["token"].replace(" ", "▁")
        one["bytes"] = list(one["token"].encode())


@_where_it_can
def _replaced(chunk: Json) -> None:
    """Split the first token into two halves of a character, each with the bytes of U+FFFD."""
    first, *rest = _tokens(chunk)
    half = first | {"token": "\ufffd", "bytes": [239, 191, 189]}
    chunk["choices"][0]["logprobs"]["content"] = [half, half, *rest]


@_where_it_can
def _also_thought(chunk: Json) -> None:
    """Put the tokens of the reasoning before those of the text."""
    thought = "greet the user"
    chunk["choices"][0]["message"]["reasoning_content"] = thought
    _tokens(chunk).insert(0, {"token": thought, "logprob": -0.5, "bytes": list(thought.encode()), "top_logprobs": []})


@_where_it_can
def _unlikely_first(chunk: Json) -> None:
    """Reverse the list of alternatives."""
    for one in _tokens(chunk):
        one["top_logprobs"] = [{"token": "Hi", "logprob": -2.5, "bytes": [72, 105]}, *one["top_logprobs"][:1]]


@_where_it_can
def _chosen_first(chunk: Json) -> None:
    """Put the chosen token before a likelier one."""
    for one in _tokens(chunk):
        one["top_logprobs"] = [one["top_logprobs"][0], {"token": "Hi", "logprob": -0.125, "bytes": [72, 105]}]


@_where_it_can
def _of_the_first(chunk: Json) -> None:
    """Give all tokens the alternatives of the first."""
    first = [{"token": "Hi", "logprob": -0.125, "bytes": [72, 105]}, *_tokens(chunk)[0]["top_logprobs"][:1]]
    for one in _tokens(chunk):
        one["top_logprobs"] = first


def _growing(found: list[Json]) -> list[Json]:
    """Repeat the tokens of all earlier chunks in each chunk."""
    so_far: list[Any] = []
    for chunk in found:
        choices = objects_in(chunk.get("choices"))
        logprobs = as_object(choices[0].get("logprobs")) if choices else {}
        if logprobs.get("content"):
            so_far = [*so_far, *logprobs["content"]]
            logprobs["content"] = so_far
    return found


def _each(value: Any, key: str = "logprob") -> Any:
    return set_value(f"{_CONTENT}/*/{key}", value)


def _thinking(found: list[Json]) -> list[Json]:
    """Put two fragments of reasoning before the text."""
    choices = objects_in(found[1].get("choices")) if len(found) > 1 else []
    if not choices:
        return found
    choice = choices[0] | {"logprobs": None}
    pieces = [found[1] | {"choices": [choice | {"delta": {"reasoning_content": text}}]} for text in ("gre", "et")]
    return [found[0], *pieces, *found[1:]]


def _has_logprobs(exchange: Exchange) -> bool:
    return any(choice.logprobs for choice in exchange.columns.choices.values())


def _asked_to_think(exchange: Exchange) -> Exchange:
    return with_request_params(exchange, reasoning_effort="medium")


# fmt: off
FAULTS = (
    Fault("logprobs-legacy", "Probabilities have the form of /v1/completions.", "params.logprobs", _LLAMA_CPP, chunks(any_chunk, _legacy), "logprobs.form"),
    Fault("logprobs-legacy-streamed", "Probabilities stream in the form of /v1/completions.", "chat.logprobs", _LLAMA_CPP, chunks(has_content, _legacy), "logprobs.form"),
    Fault("logprobs-legacy-beside-null", "The lists of /v1/completions are beside a content that is null.", "params.logprobs", _TOGETHER, chunks(any_chunk, _together), "logprobs.form"),
    Fault("logprobs-map", "Tokens and logprobs are keys and values of an object.", "params.logprobs", _LOGPROB, chunks(any_chunk, _as_map), "logprobs.form"),
    Fault("logprobs-no-alternatives-key", "Tokens have no top_logprobs, not even an empty list.", "params.logprobs", _LOGPROB,
          chunks(any_chunk, _no_alternatives), "logprobs.keys"),
    Fault("logprobs-no-logprob", "Tokens have a prob and no logprob.", "chat.logprobs", _LOGPROB,
          chunks(has_content, _other_name), "logprobs.keys"),
    Fault("logprob-first-is-a-probability", "The first logprob is above 0: it is a probability.", "params.logprobs", _TOGETHER,
          chunks(any_chunk, _where_it_can(lambda chunk: _tokens(chunk)[0].update(logprob=0.69970703))), "logprobs.range"),
    Fault("logprob-probabilities", "The logprobs are probabilities between 0 and 1.", "chat.logprobs", _TOGETHER,
          chunks(has_content, _each(0.7788), set_value(f"{_TOP}/*/logprob", 0.7788)), "logprobs.range"),
    Fault("logprob-null", "A logprob is null instead of minus infinity.", "params.top-logprobs", _NULLS,
          chunks(any_chunk, set_value(f"{_TOP}/1/logprob", None)), "logprobs.range"),
    Fault("logprob-text", "A logprob is the text -inf.", "params.top-logprobs", _NULLS,
          chunks(any_chunk, set_value(f"{_TOP}/1/logprob", "-inf")), "logprobs.range"),
    Fault("token-bytes-code-points", "The bytes of a token are its code points.", "params.logprobs", _LOGPROB,
          chunks(any_chunk, _code_points), "logprobs.bytes"),
    Fault("token-bytes-text", "The bytes of a token are a text in base64.", "chat.logprobs", _LOGPROB, chunks(has_content, _each("5L2g5aW9", "bytes")), "logprobs.bytes"),
    Fault("token-bytes-replaced", "The bytes of half a character are those of U+FFFD.", "params.logprobs", _REPLACED, chunks(any_chunk, _replaced), "logprobs.bytes"),
    Fault("tokens-raw", "Tokens are written as the tokenizer's table has them.", "params.logprobs", _RAW, chunks(any_chunk, _raw), "logprobs.joins"),
    Fault("tokens-marked", "White space in tokens is written as a mark.", "params.logprobs", "https://github.com/dphnAI/sonar/issues/183", chunks(any_chunk, _marked), "logprobs.joins"),
    Fault("tokens-of-reasoning-too", "The tokens of the text contain the reasoning too.", "params.logprobs", _REASONING_TOO,
          compose(_asked_to_think, chunks(any_chunk, _also_thought, set_value("usage/completion_tokens_details/reasoning_tokens", 3))), "logprobs.joins"),
    Fault("tokens-all-so-far", "Each chunk contains all the tokens so far.", "chat.logprobs", _CUMULATIVE, rebuild_stream(_growing), "logprobs.joins"),
    Fault("tokens-of-another-text", "A token is the likeliest one instead of that which was chosen.", "params.logprobs", _TWO_LISTS,
          chunks(any_chunk, _where_it_can(lambda chunk: _tokens(chunk)[0].update({"token": "Hi", "bytes": [72, 105]}))), "logprobs.joins"),
    Fault("tokens-last-only", "Only the last delta of text has probabilities.", "chat.logprobs", _LAST_ONLY,
          chunks(has_content, set_value("choices/*/logprobs", None), only=slice(0, -1)), "logprobs.covers"),
    Fault("tokens-first-of-each", "A chunk of several tokens has the probability of the first.", "params.logprobs", _GROUPED,
          chunks(any_chunk, set_value(_CONTENT, lambda listed: listed[:1])), "logprobs.covers"),
    Fault("reasoning-without-logprobs", "Reasoning streams without probabilities, text with them.", "chat.logprobs", _REASONING_BARE,
          only_if(_has_logprobs, compose(_asked_to_think, rebuild_stream(_thinking))), "logprobs.covers-reasoning"),
    Fault("alternatives-unordered", "The unlikeliest alternative is sent first.", "params.top-logprobs", _LOGPROB, chunks(any_chunk, _unlikely_first), "logprobs.top-order"),
    Fault("alternatives-chosen-first", "The token that was chosen is before a likelier one.", "chat.logprobs", _TWO_LISTS, chunks(has_content, _chosen_first), "logprobs.top-order"),
    Fault("alternatives-of-the-first", "All tokens have the alternatives of the first.", "params.top-logprobs", _FIRST_OF_ALL, chunks(any_chunk, _of_the_first), "logprobs.top-own"),
    Fault("alternatives-two-values", "The chosen token has another logprob among its alternatives.", "params.top-logprobs", _TWO_LISTS,
          chunks(any_chunk, _each(-1.5)), "logprobs.top-own"),
    Fault("alternatives-one-fewer", "Each token has one alternative fewer than was requested.", "params.top-logprobs", _FEWER,
          chunks(any_chunk, set_value(_TOP, lambda listed: listed[:-1])), "logprobs.top-count"),
    Fault("alternatives-unasked", "Alternatives are sent that were not requested.", "params.logprobs", _LOGPROB,
          chunks(any_chunk, _an_alternative), "logprobs.top-count"),
)
