"""Faults visible only in comparison of a response with its request, or with other responses."""

from typing import Any

from harness.simulate.edits import (
    Change,
    any_chunk,
    chunks,
    compose,
    drop,
    has_choice,
    has_content,
    has_finish_reason,
    header,
    remove,
    set_value,
)
from harness.simulate.fault import Fault
from harness.simulate.reference import in_archive, with_request_params
from harness.wire.exchange import Exchange

_GITHUB = "https://github.com"
_EIGHT, _NINE = "Thu, 09 Oct 2025 08:53:20 GMT", "Thu, 09 Oct 2025 09:53:20 GMT"
_SAID, _ID = "choices/*/message/content", "choices/*/message/tool_calls/*/id"
_FINISH = "choices/*/finish_reason"
_LONG = "Bread is baked in an oven that is hot, and left to cool before it is cut. " * 12
_LAST = slice(-1, None)
_AT_CAP = {"usage/completion_tokens": 7, "usage/total_tokens": 16}


def asked(**params: Any) -> Change:
    """Return the change of the request that sets these parameters, or removes those that are None."""
    return lambda exchange: with_request_params(exchange, **params)


def after(*changes: Change) -> Change:
    """
    Return the change that precedes the response in an archive by a changed one, to another request an hour
    earlier.
    """

    def change(exchange: Exchange) -> Exchange:
        before = compose(asked(seed=7), *changes, header("date", _EIGHT))(exchange)
        return in_archive(header("date", _NINE)(exchange), before)

    return change


def _said(text: str) -> Change:
    return chunks(any_chunk, set_value(_SAID, text))


def _created(seconds: int) -> Change:
    return chunks(any_chunk, set_value("created", seconds))


def _named(name: str) -> Change:
    return chunks(any_chunk, set_value("id", name))


def _finish(reason: str) -> Change:
    return chunks(has_choice, set_value(_FINISH, reason))


def _with_history(exchange: Exchange) -> Exchange:
    call = {
        "id": "get_weather:0",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'},
    }
    turn = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "get_weather:0", "content": "Rain."},
    ]
    return with_request_params(exchange, messages=[*(exchange.request.get("messages") or ()), *turn])


def _counts(values: dict[str, int]) -> Change:
    return chunks(any_chunk, *(set_value(path, value) for path, value in values.items()))


# fmt: off
FAULTS = (
    # Answers to other requests.
    Fault("id-of-session", "The id is that of the session, the same in each answer.", "chat.nonstream", f"{_GITHUB}/InternLM/lmdeploy/pull/4707",
          compose(_named("chatcmpl-7"), after(_said("Good evening!"), _created(1_759_996_400))), "identity.id-unique"),
    Fault("call-id-starts-again", "The ids of tool calls count from 0 again in each turn of a conversation.", "tools.nonstream", f"{_GITHUB}/fw-ai/fireconnect/issues/16",
          compose(_with_history, chunks(any_chunk, set_value(_ID, "get_weather:0"))), "identity.call-id-unique"),
    Fault("call-id-of-other-answer", "A tool call has the id of one in another answer.", "tools.nonstream", f"{_GITHUB}/NVIDIA-NeMo/Switchyard/issues/502",
          compose(chunks(any_chunk, set_value(_ID, "call_0")),
                  after(_named("chatcmpl-before"), _created(1_759_996_400), chunks(any_chunk, set_value("choices/*/message/tool_calls/*/function/arguments", '{"city":"Oslo"}')))),
          "identity.call-id-unique"),
    Fault("created-stands-still", "created is the time at which the server began.", "chat.nonstream", None,
          compose(_created(1_759_996_400), after(_said("Good evening!"), _named("chatcmpl-before"))), "identity.created-moves"),
    Fault("created-goes-back", "created is less than in an answer of an hour before.", "chat.nonstream", None,
          compose(_created(1_759_999_000), after(_said("Good evening!"), _named("chatcmpl-before"), _created(1_759_999_500))), "identity.created-moves"),
    Fault("prompt-tokens-stand-still", "The prompt counts as many tokens, however long it is.", "chat.nonstream", f"{_GITHUB}/anomalyco/opencode/issues/28758",
          compose(_counts({"usage/prompt_tokens": 12, "usage/total_tokens": 16}), after(_named("chatcmpl-before"), _created(1_759_996_400), asked(messages=[{"role": "user", "content": _LONG * 3}]))), "usage.prompt-moves"),
    # The model.
    Fault("model-substituted", "A model of another family answers.", "chat.nonstream", f"{_GITHUB}/icebear0828/codex-proxy/issues/660", chunks(any_chunk, set_value("model", "glm-5-flash")), "identity.model-served"),
    Fault("model-substituted-streamed", "A stream is sent from a model of another family.", "chat.stream", f"{_GITHUB}/QuantumNous/new-api/issues/7418", chunks(any_chunk, set_value("model", "qwen2.5-7b-instruct")), "identity.model-served"),
    # The cap.
    Fault("cap-not-enforced", "The answer goes on far beyond its token limit, and nothing is counted.", "chat.stream", f"{_GITHUB}/mrwogu/factory-droid-openai/issues/130",
          compose(asked(max_tokens=12), chunks(has_content, set_value("choices/*/delta/content", _LONG), only=_LAST)), "params.cap"),
    Fault("cap-not-enforced-in-body", "A body contains far more than its token limit, and no usage.", "params.max-tokens", f"{_GITHUB}/mrwogu/factory-droid-openai/issues/130",
          compose(chunks(any_chunk, drop("usage")), _said(_LONG)), "params.cap"),
    Fault("stop-at-cap-in-body", "A body that the token limit cut in the middle of a word ends with stop.", "chat.nonstream", f"{_GITHUB}/BerriAI/litellm/issues/25825",
          compose(asked(max_tokens=7), _counts(_AT_CAP), chunks(any_chunk, set_value(_SAID, "A neural network learns by adju"), set_value(_FINISH, "stop"))), "finish_reason.length"),
    Fault("stop-at-cap-in-thought", "The token limit ends reasoning, and the reason is stop.", "reasoning.stream", f"{_GITHUB}/UKGovernmentBEIS/inspect_ai/issues/5143",
          compose(asked(max_tokens=12, stream_options={"include_usage": True}), remove(has_content), chunks(has_finish_reason, set_value("usage", {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}))), "finish_reason.length"),
    Fault("length-far-from-cap", "A stop sequence ends the answer, far from the token limit, and the reason is length.", "chat.nonstream", f"{_GITHUB}/ggml-org/llama.cpp/pull/28711",
          compose(asked(stop=["#"], max_tokens=500), _finish("length"), _said("It is 7"), _counts({"usage/completion_tokens": 5, "usage/total_tokens": 14})), "finish_reason.stop"),
    Fault("stop-kept-at-end", "The text of a body ends with the stop sequence.", "params.stop", f"{_GITHUB}/vllm-project/vllm/pull/1976", chunks(any_chunk, set_value(_SAID, lambda said: f"{said}7")), "params.stop"),
)
# fmt: on
