"""Faults of renamed fields, of marks in arguments and of limits that were not set; and related legal variants."""

from harness.simulate.chat.faults.between import asked
from harness.simulate.chat.faults.reported import saying
from harness.simulate.edits import (
    any_chunk,
    body,
    chunks,
    compose,
    has_content,
    has_finish_reason,
    has_reasoning,
    has_usage,
    rename,
    replace_bytes,
    set_value,
    starts_tool_call,
)
from harness.simulate.fault import Fault, Variant

_GITHUB = "https://github.com"
_OPENAPI = f"{_GITHUB}/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_CAMEL = f"{_GITHUB}/jakobdylanc/llmcord/issues/84"
_LENGTH = f"{_GITHUB}/Factory-AI/factory/issues/37"
_TOKEN_IN_CALL = f"{_GITHUB}/livekit/agents/pull/5840"
_IMAGES_IN_CHOICE = f"{_GITHUB}/reVrost/go-openrouter/pull/29"
_IMAGE = f"{_GITHUB}/BerriAI/litellm/pull/16378"
_TAG = f"{_GITHUB}/vllm-project/vllm/issues/46042"
_HEADING = f"{_GITHUB}/kekzl/imp/pull/509"
_STRIPPED = f"{_GITHUB}/ltmoerdani/opencode-copilot-chat/issues/192"
_OLD_FORM = f"{_GITHUB}/raullenchai/Rapid-MLX/pull/465"
_OF_IMAGES = f"{_GITHUB}/chenyme/grok2api/pull/200"
_CALL_TWICE = f"{_GITHUB}/QuantumNous/new-api/issues/6278"

_CALL = "choices/*/message/tool_calls"
_PIXEL = "data:image/png;base64,iVBORw0KGgo="
_FUNCTIONS = [{"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}]
_ARGUMENTS = b'"{\\"city\\":\\"Paris\\"}"'
_VERSES = (
    "The", " river", " begins", " in", " the", " hills", " where", " snow", " stays", " long", ",", " and", " it", " runs",
    " south", ".", "\n\n", "It", " turns", " to", " the", " sea", " near", " a", " small", " town", " that", " few", " know", ".",
)  # fmt: skip

# fmt: off
FAULTS = (
    Fault("finish-in-camel-case", "The reason is in finishReason.", "chat.stream", _CAMEL,
          chunks(has_finish_reason, set_value("choices/*/finishReason", "stop"), set_value("choices/*/finish_reason", None)), "chunk.names"),
    Fault("finish-as-stop-reason", "The reason has the name it has in Messages, and its words.", "chat.stream", None,
          chunks(has_finish_reason, set_value("choices/*/stop_reason", "end_turn"), set_value("choices/*/finish_reason", None)), "chunk.names"),
    Fault("text-under-text", "The text of each delta is in text.", "chat.stream", None, chunks(has_content, rename("choices/*/delta/content", "text")), "chunk.names"),
    Fault("thought-in-camel-case", "The reasoning is in reasoningContent.", "reasoning.stream", None,
          chunks(has_reasoning, rename("choices/*/delta/reasoning_content", "reasoningContent")), "chunk.names"),
    Fault("calls-in-camel-case", "The tool calls are in toolCalls.", "tools.nonstream", None, chunks(any_chunk, rename("choices/*/message/tool_calls", "toolCalls")), "chunk.names"),
    Fault("fingerprint-in-camel-case", "The fingerprint is in systemFingerprint.", "chat.nonstream", None,
          chunks(any_chunk, rename("system_fingerprint", "systemFingerprint")), "chunk.names"),
    Fault("usage-details-in-camel-case", "The details of the prompt are in promptTokensDetails.", "chat.stream-usage", None,
          chunks(has_usage, rename("usage/prompt_tokens_details", "promptTokensDetails")), "chunk.names"),
    Fault("length-without-a-limit", "The reason is length, and no limit was set or reached.", "chat.nonstream", _LENGTH,
          chunks(any_chunk, set_value("choices/*/finish_reason", "length")), "finish_reason.length-due"),
    Fault("length-far-from-the-limit", "The reason of a stream is length after a few tokens, and no limit was set.", "chat.stream-usage", _LENGTH,
          chunks(has_finish_reason, set_value("choices/*/finish_reason", "length")), "finish_reason.length-due"),
    Fault("token-in-arguments", "A value of the arguments ends with a special token.", "tools.nonstream", _TOKEN_IN_CALL,
          replace_bytes(_ARGUMENTS, _ARGUMENTS.replace(b"Paris", b"Paris<|im_end|>")), "tool_calls.arguments-clean"),
    Fault("tag-in-arguments", "A value of the arguments ends with the closing tag of its parameter.", "tools.auto", None,
          replace_bytes(b"Paris", b"Paris</parameter>"), "tool_calls.arguments-clean"),
    Fault("replacement-in-arguments", "A value of the arguments has lost a character.", "tools.nonstream", None,
          replace_bytes(b"Paris", "Pari\ufffd".encode()), "tool_calls.arguments-clean"),
    Fault("garbled-arguments", "A value of the arguments is UTF-8 read as Latin-1.", "tools.nonstream", None,
          replace_bytes(b"Paris", "München".encode().decode("latin-1").encode()), "tool_calls.arguments-clean"),
    Fault("one-call-twice", "The same tool call is sent twice, with one id.", "tools.nonstream", _CALL_TWICE,
          chunks(any_chunk, set_value(_CALL, 2 * [{"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}])), "tool_calls.ids-differ"),
    Fault("image-not-in-a-list", "The image is in image, not in images.", "chat.nonstream", _IMAGE,
          chunks(any_chunk, set_value("choices/*/message/image", {"url": _PIXEL, "detail": "auto"})), "chunk.names"),
    Fault("images-in-choice", "The images are in the choice.", "chat.nonstream", _IMAGES_IN_CHOICE,
          chunks(any_chunk, set_value("choices/*/images", [{"type": "image_url", "image_url": {"url": _PIXEL}}])), "chunk.places"),
    Fault("reason-in-delta", "The reason is in the delta of a stream.", "chat.stream", None,
          chunks(has_finish_reason, set_value("choices/*/delta/finish_reason", "stop"), set_value("choices/*/finish_reason", None)), "chunk.places"),
    Fault("text-at-the-top", "The text of a body is at its top.", "chat.nonstream", None,
          chunks(any_chunk, set_value("content", "你好!"), set_value("choices/*/message/content", "")), "chunk.places"),
    Fault("think-tag-of-minimax", "The reasoning is in the text between the tags of MiniMax.", "chat.stream", _TAG, saying("<mm:think>", "They greet.", "</mm:think>", "Hello."), "content.no-think-tags"),
    Fault("thought-under-heading", "The reasoning is in the text, under its heading and without a tag.", "chat.nonstream", _HEADING,
          chunks(any_chunk, set_value("choices/*/message/content", "Thinking Process:\n\n1. They greet.\n\nHello.")), "content.no-think-tags"),
    Fault("text-without-spaces", "Each delta of the text is stripped.", "chat.stream", _STRIPPED,
          saying("The", "river", "runs", "to", "the", "sea", "and", "it", "is", "long", "."), "content.spaces"),
    Fault("body-of-images", "The body is that of an image API.", "chat.nonstream", _OF_IMAGES,
          body(lambda _: b'{"created":1760000000,"data":[{"url":"https://example.org/a.png"}]}'), "chunk.present"),
    Fault("stream-of-ollama", "The chunks are those of Ollama's own API.", "chat.stream", None,
          body(lambda _: b'data: {"model":"m","message":{"role":"assistant","content":"Hello"},"done":false}\n\ndata: [DONE]\n\n'), "chunk.present"),
    Fault("spaces-lost-in-one-mode", "The stream loses the spaces that the body has.", "parity.chat", _STRIPPED, replace_bytes(b" help?", b"help?"), "parity.spaces"),
    Fault("forced-function-not-called", "The function that function_call forces is not called.", "chat.nonstream", _OLD_FORM,
          compose(asked(functions=_FUNCTIONS, function_call={"name": "get_weather"}), chunks(any_chunk, set_value("choices/*/message/content", "It rains in Paris."))), "tool_calls.legacy"),
    Fault("function-call-cut", "The arguments of a function_call are not JSON.", "chat.nonstream", None,
          compose(asked(functions=_FUNCTIONS), chunks(any_chunk, set_value("choices/*/message/function_call", {"name": "get_weather", "arguments": '{"city":"Par'}), set_value("choices/*/finish_reason", "function_call"))), "tool_calls.legacy"),
    Fault("raw-pieces-in-text", "The text has the signs of its tokenizer.", "chat.nonstream", None, chunks(any_chunk, set_value("choices/*/message/content", "HelloĠthere,ĠhowĠareĠyou?")), "content.no-special-tokens"),
    Fault("token-of-gemma", "A channel token of Gemma 4 is left in the text.", "chat.nonstream", None, chunks(any_chunk, set_value("choices/*/message/content", "<|channel>Hello.<channel|>")), "content.no-special-tokens"),
    Fault("byte-token-in-text", "A byte of a character is left in the text as its token.", "chat.nonstream", None, chunks(any_chunk, set_value("choices/*/message/content", "Hello <0xF0><0x9F>.")), "content.no-special-tokens"),
    Fault("calls-of-kimi-k3", "A tool call is in the text, in the markup of Kimi K3.", "chat.nonstream", f"{_GITHUB}/getsigit/sigit/pull/92",
          chunks(any_chunk, set_value("choices/*/message/content", "<|open|>tools<|sep|> one <|close|>tools<|sep|>")), "tool_calls.not-in-text"),
    Fault("call-tags-at-the-end", "The closing tags of a tool call are left at the end of the text.", "tools.none", f"{_GITHUB}/QwenLM/qwen-code/issues/10692",
          saying("node server.js\n", "</parameter>\n", "</function>\n", "</tool_call>"), "tool_calls.not-in-text"),
    Fault("thought-lost-in-body", "The body has no reasoning, though thinking was turned on and the stream has it.", "parity.reasoning", f"{_GITHUB}/labring/FastGPT/issues/5925",
          chunks(any_chunk, set_value("choices/*/message/reasoning_content", None)), "parity.channels"),
    Fault("own-tag-in-arguments", "A value of the arguments ends with the closing tag of its key.", "tools.nonstream", f"{_GITHUB}/vllm-project/vllm/issues/56077", replace_bytes(b"Paris", b"Paris</city>"), "tool_calls.arguments-clean"),
    Fault("text-paragraphs-replayed", "Two paragraphs are sent twice, the second time in the middle of a line.", "chat.stream", None,
          saying("Hello", ".", *_VERSES, *_VERSES, " That", " is", " all", "."), "content.once"),
)

VARIANTS = (
    Variant("finish-under-both-names", "The reason is under its name and under two others.", "chat.stream", f"{_OPENAPI}#L33665",
            chunks(has_finish_reason, set_value("choices/*/finishReason", "stop"), set_value("choices/*/stop_reason", "eos"))),
    Variant("stop-reason-null", "The key stop_reason is null in each choice, as vLLM has it.", "chat.stream", f"{_GITHUB}/vllm-project/vllm/issues/27572", chunks(any_chunk, set_value("choices/*/stop_reason", None))),
    Variant("markup-in-arguments", "A value of the arguments is markup.", "tools.nonstream", f"{_OPENAPI}#L31629",
            replace_bytes(b"Paris", b"<b>Paris</b>")),
    Variant("words-of-a-path", "Pieces of a path are small words without spaces.", "chat.stream", f"{_OPENAPI}#L31819", saying("src", "/", "in", "/", "the", "/", "of", "/", "a", "/", "to", "/", "x", ".py")),
    Variant("functions-called", "A function offered in the old form is called in it.", "chat.nonstream", f"{_OPENAPI}#L31629",
            compose(asked(functions=_FUNCTIONS), chunks(any_chunk, set_value("choices/*/message/function_call", {"name": "get_weather", "arguments": '{"city":"Paris"}'}), set_value("choices/*/message/content", None), set_value("choices/*/finish_reason", "function_call")))),
    Variant("newlines-before-the-text", "The stream starts with blank lines that the body does not have.", "parity.chat", f"{_GITHUB}/jundot/omlx/pull/2492", replace_bytes("你好".encode(), "\\n\\n你好".encode())),
    Variant("signature-beside-a-call", "A tool call has a key of its maker's.", "tools.auto", f"{_GITHUB}/noho/dayu-agent/pull/57",
            chunks(starts_tool_call, set_value("choices/*/delta/tool_calls/*/extra_content", {"google": {"thought_signature": "EjQKMg"}}))),
    Variant("thought-in-details", "The reasoning is in reasoning_details, as with OpenRouter and MiniMax.", "chat.stream", f"{_GITHUB}/open-webui/open-webui/issues/24697",
            chunks(has_content, set_value("choices/*/delta/reasoning_details", [{"type": "reasoning.text", "text": "They greet.", "index": 0}]), only=slice(0, 1))),
    Variant("verses-twice", "A refrain of two lines is sent twice, each time from the beginning of a line.", "chat.stream", f"{_OPENAPI}#L31819",
            saying("Sing", ":", "\n", *_VERSES, "\n", *_VERSES, "\n", "The", " end", ".")),
)
# fmt: on
