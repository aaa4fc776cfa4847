"""Faults of values in the wrong place, under the wrong name or of the wrong type; and legal places like these."""

from typing import Any

from harness.simulate.chat.faults.between import asked
from harness.simulate.edits import (
    Change,
    any_chunk,
    before_done,
    body,
    chunks,
    compose,
    continues_tool_call,
    drop,
    has_choice,
    has_content,
    has_finish_reason,
    has_usage,
    insert,
    only_if,
    rebuild_stream,
    remove,
    set_value,
    starts_tool_call,
)
from harness.simulate.fault import Fault, Variant
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json

_OPENAPI = "https://github.com/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_DELTA, _CALL, _CHUNK = f"{_OPENAPI}#L31819", f"{_OPENAPI}#L31629", f"{_OPENAPI}#L33665"
_GITHUB = "https://github.com"
_PREVIEW = f"{_GITHUB}/vllm-project/semantic-router/issues/2215"
_CITATION = f"{_GITHUB}/BerriAI/litellm/issues/29120"
_BYTES = f"{_GITHUB}/maximhq/bifrost/pull/4345"
_HARMONY = f"{_GITHUB}/vllm-project/vllm/issues/32587"
_COERCED = f"{_GITHUB}/vllm-project/vllm/issues/49724"
_LAST_INDEX = f"{_GITHUB}/ggml-org/llama.cpp/issues/20226"
_REPLAYED = f"{_GITHUB}/kirodotdev/KiroCrew/pull/9551"
_BARE = f"{_GITHUB}/lemonade-sdk/lemonade/issues/2826"
_EMPTY_LIST = f"{_GITHUB}/vllm-project/vllm/issues/44104"
_NO_ARGUMENTS = f"{_GITHUB}/simonw/llm/issues/1521"
_PATH = f"{_GITHUB}/lemonade-sdk/lemonade/issues/2730"
_CUSTOM_CALLS = f"{_GITHUB}/openai/openai-node/pull/2023"

_FIRST, _LAST = slice(0, 1), slice(-1, None)
_MANY = 2
_CALLS = "choices/*/message/tool_calls"
_ERROR = b'{"error":{"message":"The context is full.","type":"invalid_request_error","param":null,"code":null}}\n\n'
_USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
_CHUNK_OF_USAGE = {
    "id": "chatcmpl-reference",
    "object": "chat.completion.chunk",
    "created": 1_760_000_000,
    "model": "gpt-4o-mini-2024-07-18",
    "service_tier": "default",
    "system_fingerprint": "fp_reference",
    "choices": [],
    "usage": _USAGE,
}
_RUN = [" and", " then", " the", " tide", " comes", " back", " over", " all", " the", " wide", " sand"]
_CUSTOM = [{"type": "custom", "custom": {"name": "get_weather"}}]
_CUSTOM_CALL = {"id": "call_1", "type": "custom", "custom": {"name": "get_weather", "input": "Paris"}}
_SOUND = {"id": "audio_1", "data": "UklGRgAAAAA="}


def _cited(start: int, end: int) -> Change:
    """Return the change that adds a citation at a valid place of the text."""
    return only_if(_says_hello, _citing(start, end))


def _citing(start: int, end: int) -> Change:
    source = {"start_index": start, "end_index": end, "title": "A", "url": "https://example.org/a"}
    cited = [{"type": "url_citation", "url_citation": source}]
    return chunks(any_chunk, set_value("choices/*/message/annotations", cited))


def _says_hello(exchange: Exchange) -> bool:
    """Return whether the text is the one that the places refer to."""
    return [message.content for message in exchange.completion.messages][:1] == ["你好! How can I help?"]


def _is_asked(exchange: Exchange) -> bool:
    """Return whether the call is the requested one."""
    calls = [call for message in exchange.completion.messages for call in message.tool_calls]
    return [call.arguments for call in calls] == ['{"city":"Paris"}']


def _all_end(exchange: Exchange) -> bool:
    return all(choice.finish_reasons for choice in exchange.columns.choices.values())


def _lists_all(exchange: Exchange) -> bool:
    """Return whether logprobs list the tokens of the text."""
    lists = (found.value.get("content") for choice in exchange.columns.choices.values() for found in choice.logprobs)
    tokens = [token for one in lists if isinstance(one, list) for token in one]
    return len(tokens) > _MANY and all(isinstance(one, dict) for one in tokens)


def _called(name: str) -> Change:
    return chunks(any_chunk, set_value(f"{_CALLS}/*/function/name", name))


def _counts_chunks(found: list[Json]) -> list[Json]:
    """Return chunks with a different index each."""
    return [
        chunk | {"choices": [one | {"index": number} for one in chunk["choices"]]} for number, chunk in enumerate(found)
    ]


def _saying(words: list[str]) -> Change:
    """Return the change that puts ``words``, one per chunk, into a text, replacing its last fragment but one."""

    def made(found: list[Json]) -> list[Json]:
        said = [chunk for chunk in found if has_content(chunk)]
        if not said:
            return found
        at = found.index(said[-1])
        choice = said[-1]["choices"][0]
        more = [said[-1] | {"choices": [choice | {"delta": {"content": word}}]} for word in words]
        return [*found[:at], *more, *found[at + 1 :]]

    tokens = len(words) + 9
    counted = {"completion_tokens": tokens, "total_tokens": 9 + tokens}
    edits = (set_value(f"usage/{name}", count) for name, count in counted.items())
    return compose(rebuild_stream(made), only_if(lambda it: bool(it.columns.usages), chunks(has_usage, *edits)))


def _second_ends(chunk: Json) -> bool:
    return has_finish_reason(chunk) and chunk["choices"][0].get("index") == 1


def _whole_call(value: Any) -> Change:
    return chunks(any_chunk, set_value(_CALLS, [value]))


# fmt: off
FAULTS = (
    Fault("usage-in-mid-stream", "The usage so far is sent in its own chunk, and text follows.", "chat.stream-usage", _PREVIEW,
          compose(remove(has_usage), insert(has_content, _CHUNK_OF_USAGE, only=_LAST)), "usage.at-end"),
    Fault("usage-at-the-beginning", "The first chunk has the only usage.", "chat.long", f"{_GITHUB}/continuedev/continue/pull/9134",
          compose(remove(has_usage), chunks(has_choice, set_value("usage", _USAGE), only=_FIRST)), "usage.at-end"),
    Fault("usage-of-one-token", "completion_tokens is 1, and logprobs lists all tokens.", "params.logprobs", f"{_GITHUB}/vllm-project/vllm/issues/8625",
          only_if(_lists_all, chunks(any_chunk, set_value("usage/completion_tokens", 1), set_value("usage/total_tokens", 10))), "usage.of-listed"),
    Fault("citation-beyond-text", "A citation is beyond the end of the text.", "chat.nonstream", _CITATION, _cited(148, 241), "content.annotations"),
    Fault("citation-in-bytes", "The places of a citation count bytes.", "chat.nonstream", _BYTES, _cited(0, 23), "content.annotations"),
    Fault("citation-ends-first", "A citation ends before it starts.", "chat.nonstream", None, _cited(8, 2), "content.annotations"),
    Fault("call-name-with-token", "A token of the model's channels is part of the name.", "tools.auto", _HARMONY,
          chunks(starts_tool_call, set_value("choices/*/delta/tool_calls/*/function/name", "get_weather<|channel|>commentary")), "tool_calls.name-form"),
    Fault("call-name-with-token-in-body", "The name in a body starts with the model's markup.", "tools.nonstream", f"{_GITHUB}/earendil-works/pi/issues/4439",
          _called("<tool_call>get_weather"), "tool_calls.name-form"),
    Fault("call-name-with-arguments", "The name contains the arguments too.", "tools.nonstream", None, _called('get_weather(city="Paris")'), "tool_calls.name-form"),
    Fault("custom-tool-as-function", "A custom tool is called as a function.", "tools.nonstream", _COERCED,
          only_if(_is_asked, compose(asked(tools=[{"type": "custom", "custom": {"name": "run_sql"}}]), _called("run_sql"))), "tool_choice.kind"),
    Fault("function-as-custom-tool", "A function is called as a custom tool.", "tools.nonstream", None, _whole_call(_CUSTOM_CALL), "tool_choice.kind"),
    Fault("finish-under-wrong-index", "The chunk that ends the second choice names the first.", "chat.n2", _LAST_INDEX,
          only_if(_all_end, chunks(_second_ends, set_value("choices/*/index", 0))), "finish_reason.once"),
    Fault("index-counts-chunks", "The index of the choice counts the chunks.", "chat.long", _CHUNK, only_if(_says_hello, rebuild_stream(_counts_chunks)), "chunk.index-in-range"),
    Fault("text-taken-up-too-early", "After a break a run of pieces is sent again.", "chat.long", _REPLAYED, _saying([" Now", " we", " wait", *_RUN, *_RUN, " again", "."]), "content.once"),
    Fault("error-in-no-event", "An error is all that a stream has, without data: before it.", "chat.stream", _BARE,
          body(lambda _: _ERROR + b"data: [DONE]\n\n"), "http.stream-asked"),
    Fault("error-in-no-event-indented", "An error over several lines, without data: before it, ends a stream.", "chat.stream", f"{_GITHUB}/nashsu/llm_wiki/pull/628",
          before_done(b'{\n  "error": {\n    "message": "The engine died."\n  }\n}\n\n'), "sse.no-error"),
    Fault("error-in-no-event-after-text", "An error without data: before it ends a stream.", "chat.stream-usage", _BARE, before_done(_ERROR), "sse.no-error"),
)

VARIANTS = (
    Variant("citation-to-the-end", "A citation covers all of the text.", "chat.nonstream", _CALL, _cited(0, 18)),
    Variant("citation-in-utf16", "The places of a citation count as JavaScript does.", "chat.nonstream", _CALL,
            compose(chunks(any_chunk, set_value("choices/*/message/content", "👋 你好!")), _citing(0, 6))),
    Variant("call-without-arguments", "A tool call has an empty text for arguments.", "tools.nonstream", _NO_ARGUMENTS,
            compose(asked(tools=[{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}]),
                    chunks(any_chunk, set_value(f"{_CALLS}/*/function/arguments", "")))),
    Variant("no-calls-in-a-list", "A message of text has an empty list of tool calls.", "chat.nonstream", _EMPTY_LIST,
            chunks(any_chunk, set_value("choices/*/message/tool_calls", []))),
    Variant("no-calls-in-a-list-streamed", "Each delta of text has an empty list of tool calls.", "chat.stream", _EMPTY_LIST,
            chunks(has_content, set_value("choices/*/delta/tool_calls", []))),
    Variant("old-call-null", "A message of text has function_call and audio null.", "chat.nonstream", _CALL,
            chunks(any_chunk, set_value("choices/*/message/function_call", None), set_value("choices/*/message/audio", None))),
    Variant("model-is-a-path", "The model is the path of a file.", "chat.nonstream", _PATH,
            chunks(any_chunk, set_value("model", "C:\\models\\llama\\gpt-4o-mini-q4.gguf"))),
    Variant("custom-tool-called", "A custom tool is called as one.", "tools.nonstream", _CUSTOM_CALLS, compose(asked(tools=_CUSTOM), _whole_call(_CUSTOM_CALL))),
    Variant("custom-tool-called-in-stream", "A custom tool is called as one, its input in pieces.", "tools.auto", _CUSTOM_CALLS,
            compose(asked(tools=_CUSTOM),
                    chunks(starts_tool_call, set_value("choices/*/delta/tool_calls", [{"index": 0, **_CUSTOM_CALL}])),
                    chunks(continues_tool_call, set_value("choices/*/delta/tool_calls", [{"index": 0, "custom": {"input": ", Texas"}}])))),
    Variant("sound-ends-without-reason", "Streamed audio ends with its expiry time.", "chat.stream", _DELTA,
            compose(chunks(has_content, set_value("choices/*/delta/audio", _SOUND)),
                    chunks(has_finish_reason, set_value("choices/*/delta", {"audio": {"id": "audio_1", "expires_at": 1_760_003_600}}), drop("choices/*/finish_reason")))),
    Variant("verse-said-twice", "A line of verse is said twice.", "chat.long", _CHUNK, _saying(["\n", *_RUN, "\n", *_RUN, "\n", "So", "."])),
    Variant("clause-said-twice", "A clause is said twice, with a comma between.", "chat.long", _CHUNK, _saying([" Now", ",", *_RUN, ",", *_RUN, " again", "."])),
)
# fmt: on
