"""Faults against the request: identity, tool choice, structured output, parameters, parity."""

from typing import Any

from harness.simulate.edits import (
    any_chunk,
    chunks,
    compose,
    drop,
    has_choice,
    has_content,
    has_no_finish_reason,
    has_tool_calls,
    header,
    remove,
    rename,
    replace_bytes,
    set_value,
    starts_tool_call,
)
from harness.simulate.fault import Fault

_GITHUB = "https://github.com"
_OPENAPI = f"{_GITHUB}/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_REQUEST = f"{_OPENAPI}#L33105"
_HIGRESS = f"{_GITHUB}/higress-group/higress/blob/8e4041c9ba9a97d0494fa56b784fa30866adca35/plugins/wasm-go/extensions/ai-proxy/README.md"
_REASONING = "https://api-docs.deepseek.com/guides/thinking_mode"
_CONTENT = "choices/*/message/content"
_CALL = "choices/*/delta/tool_calls/*"
_FIRST, _LAST = slice(0, 1), slice(-1, None)
_NO_CALL = compose(
    chunks(has_tool_calls, drop("choices/*/message/tool_calls"), set_value(_CONTENT, "It rains.")),
    chunks(has_choice, set_value("choices/*/finish_reason", "stop")),
)
_WORDS = ({"role": "assistant", "content": "It"}, {"content": " is"}, {"content": " sunny."}, {"content": " Good day."})


def _spoken(*words: dict[str, Any]) -> Any:
    """Return the change that sends ``words`` instead of a call."""

    def change(exchange: Any) -> Any:
        for word in words:
            try:
                exchange = chunks(has_tool_calls, set_value("choices/*/delta", word), only=_FIRST)(exchange)
            except ValueError:
                break
        return chunks(lambda chunk: not has_no_finish_reason(chunk), set_value("choices/*/finish_reason", "stop"))(
            exchange
        )

    return change


def _at_stop(old: str) -> str:
    return f"{old}, 7, 8"


def _three_times(listed: Any) -> Any:
    """Add to alternatives twice as many others, each less likely than the one before."""
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        return listed
    more = [
        {"token": f" other {n}", "logprob": -9.0 - n, "bytes": list(f" other {n}".encode())}
        for n in range(2 * len(listed))
    ]
    return [*listed, *more]


FAULTS = (
    # Identity.
    Fault("id-of-another-answer", "Two answers have one id.", "parity.chat", None, chunks(any_chunk, set_value("id", "chatcmpl-reference")), "identity.id-unique"),
    Fault("created-of-no-clock", "created is decades from the date of the answer.", "chat.nonstream", _HIGRESS, compose(header("date", "Thu, 09 Oct 2025 08:53:20 GMT"), chunks(any_chunk, set_value("created", 1_060_000_000))), "identity.created-near"),
    Fault("created-ahead", "created is a month ahead of the answer.", "chat.stream", None, header("date", "Tue, 09 Sep 2025 08:53:20 GMT"), "identity.created-near"),
    Fault("model-empty-at-first", "The first chunk names no model.", "chat.stream", f"{_GITHUB}/vercel/ai/blob/ed857f50f112e23930b0c2dd8d532cc8bebbc911/packages/openai/src/chat/__fixtures__/azure-model-router.1.chunks.txt", chunks(has_choice, set_value("model", ""), only=_FIRST), "identity.model-constant"),
    Fault("model-changes", "The last chunk names another model.", "chat.stream-usage", None, chunks(any_chunk, set_value("model", "gpt-4o-mini"), only=_LAST), "identity.model-constant"),
    Fault("model-empty", "No chunk names a model.", "chat.stream", None, chunks(any_chunk, set_value("model", "")), "identity.model-named"),
    Fault("model-empty-in-body", "A body names no model.", "chat.nonstream", None, chunks(any_chunk, set_value("model", "")), "identity.model-named"),
    # Tool choice.
    Fault("forced-tool-ignored", "Another tool is called than the one forced.", "tools.forced", _REQUEST, compose(chunks(starts_tool_call, set_value(f"{_CALL}/function/name", "get_weather")), replace_bytes(b'{\\"zone\\":\\"CET\\"}', b'{\\"city\\":\\"Oslo\\"}')), "tool_choice.named"),
    Fault("required-tool-not-called", "No tool is called though one is required.", "tools.required", None, _spoken(*_WORDS), "tool_choice.required"),
    Fault("forbidden-tool-called", "A tool is called though tools are forbidden.", "tools.none", _REQUEST, compose(chunks(has_content, drop("choices/*/delta/content"), set_value("choices/*/delta/tool_calls", [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}]), only=_FIRST), chunks(lambda chunk: not has_no_finish_reason(chunk), set_value("choices/*/finish_reason", "tool_calls"))), "tool_choice.none"),
    Fault("tool-name-prefixed", "The name of the tool has a prefix.", "tools.auto", f"{_GITHUB}/vllm-project/vllm/pull/31207", chunks(starts_tool_call, set_value(f"{_CALL}/function/name", "functions.get_weather:0")), "tool_choice.offered"),
    Fault("tool-unknown", "A tool is called that was not offered.", "tools.nonstream", _REQUEST, chunks(any_chunk, set_value("choices/*/message/tool_calls/*/function/name", "search")), "tool_choice.offered"),
    Fault("argument-of-wrong-type", "An argument is a number where a text is due.", "tools.nonstream", None, chunks(any_chunk, set_value("choices/*/message/tool_calls/*/function/arguments", '{"city":75001}')), "tool_choice.schema"),
    Fault("argument-renamed", "A required argument has another name.", "tools.auto", None, replace_bytes(b'{\\"city\\":', b'{\\"town\\":'), "tool_choice.schema"),
    Fault("arguments-left-out", "A required argument is left out.", "tools.nonstream", None, chunks(any_chunk, set_value("choices/*/message/tool_calls/*/function/arguments", "{}")), "tool_choice.schema"),
    Fault("parallel-though-off", "Two tools are called at once though that is turned off.", "params.parallel-tool-calls", _REQUEST, chunks(any_chunk, set_value("choices/0/message/tool_calls", lambda calls: [*calls, {"id": "call_2", "type": "function", "function": {"name": "get_time", "arguments": '{"zone":"CET"}'}}])), "tool_choice.one-at-a-time"),
    # Structured output.
    Fault("json-in-fence", "The JSON is in a code fence.", "json.object", None, chunks(any_chunk, set_value(_CONTENT, lambda said: f"```json\n{said}\n```")), "structured.no-fence"),
    Fault("json-in-fence-streamed", "The JSON of a stream is in a code fence.", "json.object-stream", None, compose(chunks(has_content, set_value("choices/*/delta/content", lambda said: f"```json\n{said}"), only=_FIRST), chunks(has_content, set_value("choices/*/delta/content", lambda said: f"{said}\n```"), only=_LAST)), "structured.no-fence"),
    Fault("json-after-words", "Words are before the JSON.", "json.object", None, chunks(any_chunk, set_value(_CONTENT, lambda said: f"Here you are: {said}")), "structured.json"),
    Fault("json-lost-its-end", "The last brace of the JSON is missing.", "json.object-stream", None, chunks(has_content, set_value("choices/*/delta/content", "522000"), only=_LAST), "structured.json"),
    Fault("json-twice", "The JSON is sent twice.", "json.schema", None, chunks(any_chunk, set_value(_CONTENT, lambda said: said + said)), "structured.json"),
    Fault("json-list", "JSON mode gives a list.", "json.object", None, chunks(any_chunk, set_value(_CONTENT, lambda said: f"[{said}]")), "structured.object"),
    Fault("json-text", "JSON mode gives a JSON text.", "json.object", None, chunks(any_chunk, set_value(_CONTENT, '"Lyon"')), "structured.object"),
    Fault("schema-ignored", "The schema is taken and not enforced.", "json.schema", None, chunks(any_chunk, set_value(_CONTENT, '{"name":"Lyon","inhabitants":"half a million"}')), "structured.schema"),
    Fault("schema-wrong-type", "A number of the schema is sent as a text.", "json.schema", None, chunks(any_chunk, set_value(_CONTENT, '{"city":"Lyon","population":"522000"}')), "structured.schema"),
    Fault("schema-extra-key", "A key is sent that the schema forbids.", "json.schema", None, chunks(any_chunk, set_value(_CONTENT, '{"city":"Lyon","population":522000,"country":"FR"}')), "structured.schema"),
    # Parameters.
    Fault("n-ignored", "One choice is sent where two were requested.", "params.n", _REQUEST, chunks(any_chunk, set_value("choices", lambda choices: choices[:1])), "params.n"),
    Fault("n-ignored-streamed", "One choice streams where two were requested.", "chat.n2", _REQUEST, remove(lambda chunk: has_choice(chunk) and chunk["choices"][0]["index"] == 1), "params.n"),
    Fault("stop-ignored", "The text goes on after the stop sequence.", "params.stop", _REQUEST, chunks(any_chunk, set_value(_CONTENT, _at_stop)), "params.stop"),
    Fault("stop-kept", "The stop sequence is part of the text.", "chat.stop", _REQUEST, chunks(has_content, set_value("choices/*/delta/content", ", 7"), only=_LAST), "params.stop"),
    Fault("logprobs-ignored", "No logprobs are sent though they were requested.", "params.logprobs", _REQUEST, chunks(any_chunk, set_value("choices/*/logprobs", None)), "params.logprobs"),
    Fault("logprobs-ignored-streamed", "No logprobs stream though they were requested.", "chat.logprobs", _REQUEST, chunks(has_content, set_value("choices/*/logprobs", None)), "params.logprobs"),
    Fault("top-logprobs-too-many", "More alternatives are sent than were requested.", "params.top-logprobs", _REQUEST, chunks(any_chunk, set_value("choices/*/logprobs/content/*/top_logprobs", _three_times)), "params.top-logprobs"),
    # Further turns.
    Fault("prompt-of-one-token", "The prompt counts the same few tokens, however long it is.", "multi_turn.history", None, chunks(any_chunk, set_value("usage/prompt_tokens", 4), set_value("usage/total_tokens", lambda total: total - 17)), "multi_turn.prompt-tokens"),
    # Parity.
    Fault("reasoning-renamed-in-body", "Reasoning has another name in a body.", "parity.reasoning", None, chunks(any_chunk, rename("choices/0/message/reasoning_content", "reasoning")), "parity.channels"),
    Fault("reasoning-lost-in-body", "A body has no reasoning, the stream has.", "parity.reasoning", _REASONING, chunks(any_chunk, set_value("choices/*/message/reasoning_content", None)), "parity.channels"),
    Fault("finish-differs-in-body", "A body ends with another reason than the stream.", "parity.chat", f"{_GITHUB}/vllm-project/vllm/pull/25054", chunks(any_chunk, set_value("choices/*/finish_reason", "content_filter")), "parity.finish"),
    Fault("prompt-tokens-differ", "The prompt counts more tokens in a body.", "parity.chat", f"{_OPENAPI}#L32211", chunks(any_chunk, set_value("usage/prompt_tokens", 30), set_value("usage/total_tokens", 34)), "parity.prompt-tokens"),
    Fault("tools-lost-in-body", "A body calls no tool, the stream does.", "parity.tools", f"{_OPENAPI}#L31629", _NO_CALL, "parity.tool-calls"),
)  # fmt: skip
