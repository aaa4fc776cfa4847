"""Faults and legal variants from reports of 2026, each of its own form: left-overs, envelopes, halves of a thought."""

from typing import Any

from harness.simulate.edits import (
    Change,
    NothingChanged,
    any_chunk,
    before_done,
    body,
    chunks,
    has_choice,
    has_content,
    has_finish_reason,
    has_reasoning,
    insert,
    only_if,
    rebuild_stream,
    replace_bytes,
    set_value,
    status,
)
from harness.simulate.fault import Fault, Variant
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json

_GITHUB = "https://github.com"
_OPENAPI = f"{_GITHUB}/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_SDK = f"{_GITHUB}/openai/openai-python/blob/e43b422412a9e96c9cc5192c61fffbe2d7e04836/src/openai"
_TAG_LEFT = f"{_GITHUB}/raullenchai/Rapid-MLX/issues/448"
_PIECES_LEFT = f"{_GITHUB}/OpenMinis/OpenMinis/issues/113"
_SIZE = f"{_GITHUB}/ggml-org/llama.cpp/issues/19774"
_MESSAGE_LAST = f"{_GITHUB}/abundantbeing/hermes-browser-extension/issues/11"
_ENVELOPE = f"{_GITHUB}/zeroclaw-labs/zeroclaw/issues/9335"
_COST = f"{_GITHUB}/anomalyco/opencode/issues/39061"
_EMPTIED = f"{_GITHUB}/langchain-ai/langchain/issues/39335"
_KEEP_ALIVE = f"{_GITHUB}/diegosouzapw/OmniRoute/pull/7136"
_PING = f"{_GITHUB}/theopenco/llmgateway/pull/2334"
_BYTES = f"{_GITHUB}/maximhq/bifrost/pull/4345"
_REPLAYED = f"{_GITHUB}/BerriAI/litellm/pull/36267"

_LONG = (
    "When", " the", " sun", " is", " low", " its", " light", " takes", " a", " long", " way", " through", " the", " air", ",", " and",
    " blue", " is", " scattered", " out", " of", " it", " on", " that", " way", ".", " What", " is", " left", " looks", " red", ".",
)  # fmt: skip
_MODERATED: Json = {
    "input": {"type": "moderation_results", "model": "omni-moderation-latest", "results": []},
    "output": {"type": "error", "code": "unavailable", "message": "No verdict."},
}


def saying(*texts: str) -> Change:
    """Return the change of a stream to one with ``texts`` as its text fragments."""

    def make(found: list[Json]) -> list[Json]:
        said = [number for number, chunk in enumerate(found) if has_content(chunk)]
        if not said:
            raise NothingChanged
        model = found[said[0]]
        new = [model | {"choices": [model["choices"][0] | {"delta": {"content": text}}]} for text in texts]
        return [*found[: said[0]], *new, *found[said[-1] + 1 :]]

    return rebuild_stream(make)


def _text_before_calls(*texts: str) -> Change:
    def make(found: list[Json]) -> list[Json]:
        if not found or not has_choice(found[0]):
            raise NothingChanged
        first = found[0]
        new = [first | {"choices": [first["choices"][0] | {"delta": {"content": text}}]} for text in texts]
        return [first, *new, *found[1:]]

    return rebuild_stream(make)


def _offers_weather(exchange: Exchange) -> bool:
    return "get_weather" in json_text(exchange.request.get("tools"))


def _in_two_fields(found: list[Json]) -> list[Json]:
    """Rename every second fragment of the thought."""
    thoughts = [chunk for chunk in found if has_reasoning(chunk)]
    if not thoughts:
        raise NothingChanged
    first = thoughts[0]
    choice = first["choices"][0]
    other = first | {"choices": [choice | {"delta": {"reasoning": " They want a word."}}]}
    at = found.index(thoughts[-1]) + 1
    return [*found[:at], other, *found[at:]]


def _cited(content: str, mark: str) -> Change:
    """Return the change of a body to one that cites under ``mark``, with places that count bytes."""
    start = len(content[: content.index(mark)].encode())
    places: Json = {"start_index": start, "end_index": start + len(mark.encode())}
    cited: Any = [{"type": "url_citation", "url_citation": {"url": "https://example.org/a", "title": "A", **places}}]
    return chunks(any_chunk, set_value("choices/*/message/content", content), set_value("choices/*/message/annotations", cited))  # fmt: skip


# fmt: off
FAULTS = (
    Fault("call-tag-left-over", "The tag of a tool call that was read is left in the text.", "tools.nonstream", _TAG_LEFT,
          chunks(any_chunk, set_value("choices/*/message/content", "<tool_call>")), "tool_calls.not-in-text"),
    Fault("call-pieces-left-over", "Parts of a tool call's JSON are left in the text.", "tools.auto", _PIECES_LEFT,
          _text_before_calls("I will look. ", '"get_weather", "arguments": {"city": "Pa', 'ris"}}'), "tool_calls.not-in-text"),
    Fault("call-as-json-after-text", "A tool call is in the text as JSON, after a sentence.", "tools.nonstream", _PIECES_LEFT,
          only_if(_offers_weather, chunks(any_chunk, set_value("choices/*/message/content", 'I look. {"name": "get_weather", "parameters": {"city": "Paris"}}'))), "tool_calls.not-in-text"),
    Fault("context-size-500", "A prompt that exceeds the size of the context is a failure of the server.", "chat.nonstream", _SIZE,
          status(500, b'{"error":{"message":"Context size has been exceeded.","type":"server_error","param":null,"code":null}}'), "error.status"),
    Fault("message-at-the-end", "The last chunk has a message with all of the text beside its delta.", "chat.stream", _MESSAGE_LAST,
          chunks(has_finish_reason, set_value("choices/*/message", {"role": "assistant", "content": "你好! How can I help?"})), "chunk.no-message"),
    Fault("completion-in-envelope", "The completion is under data.", "chat.nonstream", _ENVELOPE,
          body(lambda content: b'{"success":true,"data":' + content + b"}"), "chunk.present"),
    Fault("cost-chunk", "A chunk of cost follows the usage, with nothing of a chunk but choices.", "chat.stream-usage", _COST,
          before_done({"choices": [], "cost": "0"}), "chunk.id"),
    Fault("thought-in-two-fields-in-turn", "The reasoning goes on in another field.", "reasoning.stream", None, rebuild_stream(_in_two_fields), "reasoning.one-field"),
    Fault("call-id-and-name-emptied", "Later fragments have an empty id and an empty name.", "tools.auto", _EMPTIED,
          replace_bytes(b'"tool_calls":[{"index":0,"function":{"arguments"', b'"tool_calls":[{"index":0,"id":"","function":{"name":"","arguments"'), "tool_calls.id-once"),
    Fault("citation-in-bytes-within", "The places of a citation count bytes and stay inside the text.", "chat.nonstream", _BYTES,
          _cited("你好! [A](https://example.org/a) says so, and more of it is told there.", "[A](https://example.org/a)"), "content.annotations"),
    Fault("text-passage-replayed", "Two sentences are sent twice, though they begin where a sentence does.", "chat.stream", _REPLAYED,
          saying("Hello", ".", *_LONG, *_LONG, " That", " is", " all", "."), "content.once"),
)

VARIANTS = (
    Variant("chunks-of-fast-tier", "The tier is fast.", "chat.stream-usage", f"{_SDK}/types/chat/chat_completion_chunk.py", chunks(any_chunk, set_value("service_tier", "fast"))),
    Variant("moderation-at-the-end", "A chunk of moderation follows the usage.", "chat.stream-usage", f"{_SDK}/types/chat/chat_completion_chunk.py",
            before_done({"id": "chatcmpl-reference", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "gpt-4o-mini-2024-07-18", "choices": [], "moderation": _MODERATED})),
    Variant("moderation-in-body", "A body has the verdict of moderation.", "chat.nonstream", f"{_SDK}/types/chat/chat_completion.py", chunks(any_chunk, set_value("moderation", _MODERATED), set_value("metadata", {"team": "a"}))),
    Variant("details-of-2026", "The details count text, images and what was written to the cache.", "chat.nonstream", f"{_SDK}/types/completion_usage.py",
            chunks(any_chunk, set_value("usage/prompt_tokens_details", {"cached_tokens": 0, "cache_write_tokens": 9, "audio_tokens": 0, "image_tokens": 0, "text_tokens": 9}),
                   set_value("usage/completion_tokens_details", {"reasoning_tokens": 0, "audio_tokens": 0, "text_tokens": 4}))),
    Variant("chunks-that-keep-alive", "Chunks without text keep the connection open.", "chat.stream", _KEEP_ALIVE,
            insert(has_content, *(3 * [{"id": "chatcmpl-reference", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "gpt-4o-mini-2024-07-18", "choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": None}]}]))),
    Variant("comment-that-keeps-alive", "A comment with a blank line of its own keeps the connection open.", "chat.stream", _PING, insert(has_content, b": ping\n\n")),
    Variant("text-of-call-markup", "The text explains how calls are marked, in code.", "tools.none", f"{_OPENAPI}#L31819", saying("Calls stand between `<tool_call>` and `</tool_call>`, ", 'as `{"name": "get_weather", "arguments": {}}`.')),
    Variant("citation-of-characters", "The places of a citation count characters, in a text of others than ASCII.", "chat.nonstream", f"{_OPENAPI}#L31629",
            chunks(any_chunk, set_value("choices/*/message/content", "你好! [A](https://example.org/a)"), set_value("choices/*/message/annotations", [{"type": "url_citation", "url_citation": {"url": "https://example.org/a", "title": "A", "start_index": 4, "end_index": 30}}]))),
    Variant("paragraph-said-twice", "A refrain is sent twice, as lines of their own.", "chat.stream", f"{_OPENAPI}#L31819", saying("Sing", ":", "\n", *_LONG, "\n", *_LONG, "\n", "The", " end", ".")),
)
# fmt: on
