"""Faults and legal variants of reasoning, results and error reports in the text, and of repeated or missing ends."""

from collections.abc import Callable
from dataclasses import replace

from harness.simulate.chat.faults.between import asked
from harness.simulate.chat.faults.reported import saying
from harness.simulate.edits import (
    Change,
    NothingChanged,
    any_chunk,
    body,
    chunks,
    compose,
    has_choice,
    has_content,
    has_finish_reason,
    only_if,
    remove,
    repeat,
    replace_bytes,
    set_value,
)
from harness.simulate.fault import Fault, Variant
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange

_GITHUB = "https://github.com"
_OPENAPI = f"{_GITHUB}/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_CONTINUOUS = f"{_GITHUB}/smg-project/smg/issues/2555"
_JSON_THOUGHT = f"{_GITHUB}/vllm-project/vllm/issues/48863"
_GATEWAY = f"{_GITHUB}/diegosouzapw/OmniRoute/pull/3513"
_BARE = f"{_GITHUB}/gpustack/gpustack/issues/6155"
_TWICE = f"{_GITHUB}/ranxianglei/billion-context/pull/431"
_AGAIN = f"{_GITHUB}/kekzl/imp/pull/793"
_HALF = f"{_GITHUB}/smg-project/smg/pull/2203"
_MADE_UP = f"{_GITHUB}/ml-explore/mlx-lm/issues/875"
_TAIL = f"{_GITHUB}/osaurus-ai/vmlx-swift/pull/148"
_CHUNKS_ALONE = {"include_usage": True, "continuous_usage_stats": True}
_LONG = " help you with the trains of today, of tomorrow and of the week?"
_TRACKS = ("trains", "of", "today", "go", "from", "the", "first", "of", "the", "tracks", "in", "Lyon")
_DONE = b"\n\ndata: [DONE]\n\n"
_GREETING = "你好! How can I help?"
_JSON = '{"city":"Lyon"}'


def _with_earlier(change: Change) -> Change:
    """Return the change applied also to the responses before it."""

    def both(exchange: Exchange) -> Exchange:
        return replace(change(exchange), earlier=tuple(change(one) for one in exchange.earlier))

    return both


def _without_data(content: bytes) -> bytes:
    """Return a stream whose last chunk with a finish_reason is a line of JSON alone."""
    before, end = content.removesuffix(_DONE).rpartition(b"\n\n")[::2]
    if not content.endswith(_DONE) or not end.startswith(b"data: {") or b"\n" in end:
        raise NothingChanged
    return before + b"\n\n" + end.removeprefix(b"data: ") + _DONE


def _says(text: str) -> Callable[[Exchange], bool]:
    """Return whether the text of a response is exactly ``text``."""
    return lambda exchange: [one.content for one in exchange.completion.messages] == [text]


def _stops(exchange: Exchange) -> bool:
    return [(one.finish_reason, one.refusal) for one in exchange.completion.messages] == [("stop", None)]


def _counts_at_the_end(exchange: Exchange) -> bool:
    return [one.chunk for one in exchange.columns.usages] == [exchange.columns.last]


# fmt: off
FAULTS = (
    Fault("usage-not-all-along", "Usage was requested in every chunk and is sent once, at the end.", "chat.stream-usage", _CONTINUOUS,
          only_if(_counts_at_the_end, asked(stream_options=_CHUNKS_ALONE)), "usage.all-along"),
    Fault("json-as-thought", "The JSON that was requested is sent as reasoning.", "json.object-stream", _JSON_THOUGHT,
          compose(chunks(has_content, set_value("choices/*/delta", {"content": None})), chunks(has_choice, set_value("choices/*/delta", {"reasoning_content": _JSON}), only=slice(1, 2))), "content.said"),
    Fault("gateways-words-as-text", "A gateway says as the model's text that nothing came.", "chat.stream", _GATEWAY,
          saying("[Gateway] Upstream returned an empty response. Please retry."), "content.unwrapped"),
    Fault("failure-as-text", "A failure is reported as the text of the answer.", "chat.nonstream", _GATEWAY,
          only_if(_says(_GREETING), chunks(any_chunk, set_value("choices/*/message/content", "Error: 429 Too Many Requests, the provider is at its rate limit."))), "content.unwrapped"),
    Fault("last-chunk-without-data", "The last chunk is a line without data before it.", "chat.stream", _BARE, body(_without_data), "sse.data-given"),
    Fault("last-chunk-again", "The chunk with the last text and the finish_reason is sent twice.", "chat.stream", _TWICE,
          only_if(_says(_GREETING), compose(remove(has_finish_reason), chunks(has_content, set_value("choices/*/finish_reason", "stop"), only=slice(-1, None)), repeat(has_finish_reason))), "content.before-finish"),
    Fault("thought-within-a-sentence", "Reasoning is between tags within a sentence.", "chat.stream", _AGAIN,
          saying("There are four trains ", "<think>", "was it four? yes, I should say four", "</think>", " to Lyon."), "content.no-think-tags"),
    Fault("thought-to-the-end", "Reasoning starts in the text and is never closed.", "chat.stream", _AGAIN,
          saying("There are four trains to Lyon. ", "<think>", "Should I look for a fifth one, or do they want these?"), "content.no-think-tags"),
    Fault("half-a-token", "The text ends with the second half of a special token.", "chat.stream", _HALF, saying("There are four trains.", "ep|>"), "content.no-special-tokens"),
    Fault("result-nobody-gave", "The text contains the result of a tool that was not called.", "tools.none", _MADE_UP,
          saying("I look.\n", "<tool_response>\n", "21 degrees", "\n</tool_response>", "\nIt is warm."), "tool_calls.not-in-text"),
    Fault("arguments-as-thought", "The arguments of a tool call are sent as reasoning, and no tool call.", "tools.nonstream", "https://github.com/vllm-project/vllm/pull/25514",
          compose(chunks(has_choice, set_value("choices/*/finish_reason", "stop")), chunks(has_choice, set_value("choices/*/message", {"role": "assistant", "content": None, "refusal": None, "reasoning_content": '{"city":"Paris"}'}))), "content.said"),
    Fault("json-text-within-json", "JSON is sent as a text within JSON.", "json.object", f"{_OPENAPI}#L33105", chunks(any_chunk, set_value("choices/*/message/content", json_text)), "structured.object"),
    Fault("space-before-each-piece", "A space is added before each delta of text.", "chat.stream", None, saying("The", *(f"  {word}" for word in _TRACKS)), "content.spaces"),
    Fault("head-lost-in-one-mode", "The body begins within a sentence that the stream begins.", "parity.chat", None,
          only_if(_stops, compose(_with_earlier(replace_bytes(b" help?", _LONG.encode())), replace_bytes("你好! How can I".encode(), b"can I"))), "parity.ends"),
    Fault("tail-lost-in-one-mode", "The body ends within a sentence that the stream ends.", "parity.chat", _TAIL,
          only_if(_stops, compose(_with_earlier(replace_bytes(b" help?", _LONG.encode())), replace_bytes(b", of tomorrow and of the week?", b""))), "parity.ends"),
)

VARIANTS = (
    Variant("usage-all-along-but-first", "Usage is sent in every chunk but the first, as asked.", "chat.stream-usage", f"{_GITHUB}/pydantic/pydantic-ai/issues/7913",
            compose(asked(stream_options=_CHUNKS_ALONE), chunks(has_content, set_value("usage", {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10})))),
    Variant("label-and-plea", "A text starts with a label and asks to try again.", "chat.stream", f"{_OPENAPI}#L31819", saying("[Chorus]", " Please try again,", " my love.")),
    Variant("piped-code", "A text contains the operator of a pipe.", "chat.stream", f"{_OPENAPI}#L31819", saying("Write `x |> f |>`", " in OCaml:", " x |> f |> g.")),
    Variant("said-shorter-in-one-mode", "The body says less than the stream, with fewer tokens.", "parity.chat", f"{_OPENAPI}#L31819",
            compose(_with_earlier(replace_bytes(b" help?", _LONG.encode())), replace_bytes(b", of tomorrow and of the week?", b""),
                    replace_bytes(b'"completion_tokens":4,"total_tokens":13', b'"completion_tokens":3,"total_tokens":12'))),
)
# fmt: on
