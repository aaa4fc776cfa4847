"""Faults and legal variants of texts and arguments that have another form than is due: marks of sources, markup, the prefix again."""

from typing import Any

from harness.simulate.chat.faults.between import asked
from harness.simulate.chat.faults.lost_pieces import alone
from harness.simulate.chat.faults.reported import saying
from harness.simulate.edits import (
    Change,
    any_chunk,
    body,
    chunks,
    compose,
    has_choice,
    has_content,
    has_finish_reason,
    has_usage,
    insert,
    only_if,
    remove,
    replace_bytes,
    set_value,
)
from harness.simulate.fault import Fault, Variant
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json

_GITHUB = "https://github.com"
_OPENAPI = f"{_GITHUB}/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_PREFILL = f"{_GITHUB}/openvinotoolkit/model_server/issues/3877"
_ERROR = f"{_GITHUB}/jjang-ai/vmlx/issues/67"
_MARKUP = f"{_GITHUB}/vllm-project/vllm/issues/47903"
_CHANGING = f"{_GITHUB}/router-for-me/CLIProxyAPI/pull/1643"
_FOLDED = f"{_GITHUB}/open-webui/open-webui/issues/24697"
_ALL_ALONG = {"include_usage": True, "continuous_usage_stats": True}
_SAID = "choices/*/message/content"
_BEGUN = "The museum of trains opens at"
_TURNS = [{"role": "user", "content": "When does the museum open?"}, {"role": "assistant", "content": _BEGUN}]
_CITED = "The museum of trains opens at ten【4:0†hours.pdf】."
_NULL_BETWEEN: Json = {
    "id": "chatcmpl-reference",
    "object": "chat.completion.chunk",
    "created": 1_760_000_000,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "delta": {"content": None}, "logprobs": None, "finish_reason": None}],
}
_SOURCE = {"type": "url_citation", "url_citation": {"url": "https://example.org/a", "title": "A", "start_index": 33, "end_index": 48}}  # fmt: skip


def _said(text: str) -> Change:
    return chunks(any_chunk, set_value(_SAID, text))


def _offered_in_the_old_form(exchange: Exchange) -> Exchange:
    offered = [tool["function"] for tool in exchange.request.get("tools")]
    return asked(tools=None, tool_choice=None, functions=offered)(exchange)


def _counts_once(exchange: Exchange) -> bool:
    return len(exchange.columns.usages) == 1


def _continued(**params: Any) -> Change:
    return asked(messages=_TURNS, continue_final_message=True, **params)


def _arguments(text: str) -> Change:
    return chunks(any_chunk, set_value("choices/*/message/tool_calls/*/function/arguments", text))


# fmt: off
FAULTS = (
    Fault("prefix-repeated", "The answer repeats the text that it was to continue.", "params.seed", _PREFILL, compose(_continued(), _said(f"{_BEGUN} ten.")), "content.no-echo"),
    Fault("source-marks-left", "The text holds marks of sources, and no annotations.", "params.seed", None, _said(_CITED), "content.no-special-tokens"),
    Fault("error-in-brackets", "The text is an error in brackets.", "params.seed", _ERROR, _said("[Error: the model produced only reasoning, and no text]"), "content.unwrapped"),
    Fault("error-after-text", "The text ends with the error of a gateway.", "params.seed", None, _said("The first train\n\n[Error: stream timed out after 60s]"), "content.unwrapped"),
    Fault("arguments-as-markup", "The arguments are the markup of a template.", "tools.nonstream", _MARKUP, _arguments("<parameter=city>\nParis\n</parameter>"), "tool_calls.arguments-json"),
    Fault("arguments-as-python-call", "The arguments are a function call as Python writes it.", "tools.nonstream", None, _arguments('get_weather(city="Paris")'), "tool_calls.arguments-json"),
    Fault("arguments-as-pairs", "The arguments are keys and values without braces.", "tools.nonstream", None, _arguments("city: Paris"), "tool_calls.arguments-json"),
    Fault("argument-key-in-capitals", "A key of the arguments is in capitals.", "tools.nonstream", None, _arguments('{"CITY":"Paris"}'), "tool_choice.schema"),
    Fault("prompt-counted-otherwise", "The prompt is counted otherwise in a later usage.", "chat.stream-usage", _CHANGING,
          only_if(_counts_once, compose(asked(stream_options=_ALL_ALONG), chunks(has_choice, set_value("usage", {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8})))), "usage.grows"),
    Fault("usage-in-delta", "Usage is in the delta of the last chunk.", "chat.stream-usage", None,
          compose(chunks(has_finish_reason, set_value("choices/*/delta/usage", {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13})), remove(has_usage)), "chunk.places"),
    Fault("body-in-list", "The body is a list of one completion.", "chat.nonstream", None, body(lambda content: b"[" + content + b"]"), "chunk.present"),
    Fault("label-as-data", "Plain text with a label in brackets is sent as data.", "chat.stream", None, insert(has_content, b"data: [ERROR] upstream timeout\n\n"), "sse.json"),
    Fault("thought-folded", "The thought is folded away as HTML in the text.", "params.seed", _FOLDED,
          _said("<details><summary>Thought</summary>\n> They greet.\n</details>\nHello!"), "content.no-think-tags"),
    Fault("think-tag-half", "The text begins with the rest of a think tag.", "params.seed", "https://github.com/vllm-project/vllm/issues/14170", _said("/think>\n\nHello!"), "content.no-think-tags"),
    Fault("thought-quoted", "The thought is quoted in the text, under its heading.", "params.seed", None, _said("*Thinking...*\n> They greet, so I greet back.\n\nHello!"), "content.no-think-tags"),
    Fault("undefined-glued", "The word undefined is glued to a word of the text.", "chat.stream", None, saying("Hello", "! How can I help", "undefined", " you", "?"), "content.written-once"),
    Fault("object-printed", "The text is an object as Python prints it.", "params.seed", None, _said("Message(content='Hello! How can I help?', role='assistant')"), "content.written-once"),
    Fault("template-unfilled", "The text is a place in a template.", "params.seed", None, _said("{{ response.text }}"), "content.written-once"),
    Fault("pieces-in-quotes", "Each delta of the text is JSON, in quotes.", "chat.stream", None, saying('"Hello"', '"! How can"', '" I help?"'), "content.written-once"),
    Fault("next-turn-begun", "The text ends with the header of the next turn.", "params.seed", None, _said("Hello! How can I help?\n\nHuman:"), "content.no-special-tokens"),
    Fault("line-end-in-chunk", "A line end in a text of a chunk is not escaped.", "chat.stream", None, replace_bytes(b"! How can I", b"! How\ncan I"), "sse.json"),
    Fault("answer-parsed-only", "The answer is in parsed alone, and the text is empty.", "json.object", None,
          chunks(any_chunk, set_value(_SAID, ""), set_value("choices/*/message/parsed", {"city": "Lyon"})), "content.said"),
    Fault("functions-called-as-tools", "A function that was offered in the old form is called in the new.", "tools.nonstream", None, alone(_offered_in_the_old_form), "tool_calls.legacy"),
)

VARIANTS = (
    Variant("content-null-between", "Content is null between two deltas of text.", "chat.stream", f"{_OPENAPI}#L31819", insert(has_content, _NULL_BETWEEN, after=True)),
    Variant("html-that-folds", "The text is HTML that folds.", "params.seed", f"{_OPENAPI}#L31819", _said("<details>\n<summary>When do you open?</summary>\nAt ten.\n</details>")),
    Variant("quotation", "The text is a quotation.", "params.seed", f"{_OPENAPI}#L31819", _said("> I think, therefore I am.\n\nDescartes said so.")),

    Variant("prefix-continued", "The answer goes on where its prefix ends.", "params.seed", _PREFILL, compose(_continued(), _said(" ten."))),
    Variant("prefix-echoed", "The answer repeats its prefix, as it was asked to.", "params.seed", f"{_GITHUB}/vllm-project/vllm", compose(_continued(echo=True), _said(f"{_BEGUN} ten."))),
    Variant("source-marks-named", "The text holds a mark of a source that an annotation names.", "params.seed", f"{_OPENAPI}#L31819",
            compose(_said(_CITED), chunks(any_chunk, set_value("choices/*/message/annotations", [_SOURCE])))),
)
# fmt: on
