"""Legal variants: other forms of the same responses, which no rule may report."""

import gzip
import zlib
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
    has_no_finish_reason,
    has_reasoning,
    has_tool_calls,
    has_usage,
    header,
    insert,
    pieces,
    rebuild_stream,
    remove,
    rename,
    repeat,
    replace_bytes,
    response,
    set_value,
    starts_tool_call,
)
from harness.simulate.fault import Variant
from harness.simulate.reference import with_request_params
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json

_OPENAPI = "https://github.com/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_CHUNK, _DELTA, _FRAGMENT, _MESSAGE, _USAGE = (f"{_OPENAPI}#L{line}" for line in (33665, 31819, 31040, 31629, 32211))
_SSE = "https://html.spec.whatwg.org/multipage/server-sent-events.html"
_FORMAT, _EVENTS = (f"{_SSE}#{part}" for part in ("parsing-an-event-stream", "event-stream-interpretation"))
_JSON = "https://www.rfc-editor.org/rfc/rfc8259"
_ENCODING = "https://www.rfc-editor.org/rfc/rfc9110#section-8.4"
_PYDANTIC = (
    "https://github.com/pydantic/pydantic-ai/blob/4fda38988f2939fa6ea9cdefcf120693e10ef491/tests/models/cassettes"
)
_REQ_LLM = "https://github.com/neilberkman/req_llm/blob/1c985d8a8ba0b3f291cae9ceff6d8369fd6342b7/test/support/fixtures"
_RUBY_LLM = (
    "https://github.com/crmne/ruby_llm/blob/fb5a49bf04da78d3e74496431ad1c99df5e7e5f0/spec/fixtures/vcr_cassettes"
)
_FANTASY = (
    "https://github.com/charmbracelet/fantasy/blob/f6d4d1e3022229bd6e77717416336bf50e1693ad/providertests/testdata"
)
_TRACELOOP = "https://github.com/traceloop/openllmetry/blob/93429cfb9767e6b51db6cb35f6b70f758117669a/packages"
_INFERENCE = (
    "https://github.com/Arize-ai/openinference/blob/1fe497f1d9f45a07eee55d97fe185e020560f9c7/python/instrumentation"
)
_VERCEL = "https://github.com/vercel/ai/blob/ed857f50f112e23930b0c2dd8d532cc8bebbc911/packages"
_LOBEHUB = "https://github.com/lobehub/lobehub/blob/12294ca08a4c7f117ac378380a264f20ea573df9/packages/model-runtime/src/core/streams/openai/openai.ts"
_HIGRESS = "https://github.com/higress-group/higress/blob/8e4041c9ba9a97d0494fa56b784fa30866adca35/plugins/wasm-go/extensions/ai-proxy/README.md"
_PRISM = "https://github.com/prism-php/prism/blob/5d6cc65b80b19cf3f22744703ac0c727b68cdca8/tests/Fixtures"
_MODERATED = f"{_PYDANTIC}/test_openai/test_openai_moderation_stream.yaml"
_GPT_5 = f"{_FANTASY}/TestAzureCommon/azure-gpt-5-mini/simple_streaming.yaml"
_SPLIT_NAME = "https://github.com/lobehub/lobehub/blob/8e45eb29013bf8f46bc52848b822ddd5bc9c202d/packages/model-runtime/src/core/streams/qwen.ts"
_SPLIT = "https://github.com/praxis-proxy/praxis/pull/739"

_FIRST, _LAST = slice(0, 1), slice(-1, None)
_DELTA_KEYS, _CALLS = "choices/*/delta", "choices/*/delta/tool_calls"
_SAID, _FINISH = "choices/*/message/content", "choices/*/finish_reason"
_HELLO = "你好".encode()
_EMPTY = {"id": "chatcmpl-reference", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "gpt-4o-mini-2024-07-18", "choices": []}  # fmt: skip


def _with_text(words: str) -> Change:
    """Return the change of the first piece of text, or of the text of a body."""
    return replace_bytes(_HELLO, words.encode())


def _set(key: str, value: Any) -> Change:
    """Return the change that sets a key of every chunk, or of the body."""
    return chunks(any_chunk, set_value(key, value))


def _led(key: str) -> Change:
    """Return the change that puts a key with an unusual value before all others of a chunk."""
    return rebuild_stream(lambda found: [{key: [{"a": [1, None]}], **chunk} for chunk in found])


def _in_one(found: list[Json]) -> list[Json]:
    """Return the chunks of a stream with everything before the usage in one."""
    chosen = [chunk for chunk in found if chunk["choices"]]
    said = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chosen)
    delta = {"role": "assistant", "content": said}
    choice = chosen[-1]["choices"][0] | {"delta": delta}
    return [chosen[0] | {"choices": [choice]}, *(chunk for chunk in found if not chunk["choices"])]


def _paired(found: list[Json]) -> list[Json]:
    """Return the chunks of a stream of two choices with both in each; the last one has the usage."""
    pairs = zip(found[:-1:2], found[1:-1:2], strict=True)
    return [*(one | {"choices": one["choices"] + two["choices"]} for one, two in pairs), found[-1]]


def _in_order(found: list[Json]) -> list[Json]:
    """Return the chunks with all of one choice before the next."""
    return [*sorted(found[:-1], key=lambda chunk: int(chunk["choices"][0]["index"])), found[-1]]


def _calls_in_turn(found: list[Json]) -> list[Json]:
    """Return the chunks of two calls of three fragments each, interleaved."""
    return [found[n] for n in (0, 3, 1, 4, 2, 5)] + found[6:]


def _calls_at_once(found: list[Json]) -> list[Json]:
    """Return the chunks of calls with each fragment of them in the first."""
    fragments = [piece for chunk in found[:-1] for piece in chunk["choices"][0]["delta"]["tool_calls"]]
    choice = found[0]["choices"][0]
    delta = choice["delta"] | {"tool_calls": fragments}
    return [found[0] | {"choices": [choice | {"delta": delta}]}, found[-1]]


def _thought_in_one(found: list[Json]) -> list[Json]:
    """Return the chunks of a thought and a text with the last fragment of one beside the first of the other."""
    border = next(n for n, chunk in enumerate(found) if chunk["choices"][0]["delta"].get("content"))
    delta = found[border]["choices"][0]["delta"] | {"reasoning_content": " And now the answer: "}
    return [*found[:border], found[border] | {"choices": [found[border]["choices"][0] | {"delta": delta}]}, *found[border + 1 :]]  # fmt: skip


def _parameterless(exchange: Exchange) -> Exchange:
    """Return the exchange as if the offered tool had no parameters."""
    return with_request_params(exchange, tools=[{"type": "function", "function": {"name": "get_weather"}}])


# fmt: off
_TRANSFER = (
    Variant("reads-of-one-byte", "A stream arrives byte by byte.", "chat.stream-usage", _SPLIT, pieces(1)),
    Variant("reads-inside-characters", "Unicode text arrives in reads of 7 bytes.", "chat.unicode", "https://github.com/graniet/llm/pull/90", pieces(7)),
    Variant("reads-merged", "A whole stream arrives in one read, over HTTP/1.1.", "tools.parallel", "https://github.com/ggml-org/llama.cpp/issues/14268",
            compose(pieces(1 << 20), response(http_version="HTTP/1.1"))),
    Variant("gzip-stream", "A stream is compressed.", "chat.stream", _ENCODING, compose(body(lambda it: gzip.compress(it, mtime=0)), header("content-encoding", "gzip"))),
    Variant("deflate-body", "A body is compressed.", "chat.nonstream", _ENCODING, compose(body(zlib.compress), header("content-encoding", "deflate"))),
    Variant("charset-absent", "The content-type of a stream has no charset.", "chat.stream", f"{_FANTASY}/TestOpenRouterCommon/anthropic/simple_streaming.yaml",
            header("content-type", "text/event-stream")),
    Variant("charset-in-capitals", "The content-type is written in capitals.", "chat.stream-usage",
            f"{_FANTASY}/TestOpenAICompatibleThinking/zai-glm-4-7-flash/thinking-streaming.yaml",
            header("Content-Type", "Text/Event-Stream;Charset=UTF-8")),
    Variant("charset-of-body", "The content-type of a body has a charset, in quotes.", "chat.nonstream", _JSON,
            header("content-type", 'application/json; charset="utf-8"')),
    Variant("headers-more", "There are many more headers.", "tools.auto", "https://github.com/SaladDay/cc-switch-cli/issues/170",
            compose(header("x-ds-trace-id", "7"), header("cache-control", "no-cache"), header("x-accel-buffering", "no"), header("date", "Thu, 09 Oct 2025 08:53:21 GMT"))),
)

_FRAMING = (
    Variant("line-ends-crlf", "Lines end with CR LF.", "chat.stream-usage", f"{_RUBY_LLM}/chat_streaming_responses_perplexity_sonar_supports_streaming_responses.yml",
            replace_bytes(b"\n", b"\r\n")),
    Variant("line-ends-cr", "Lines end with CR.", "chat.stream-usage", _FORMAT, replace_bytes(b"\n", b"\r")),
    Variant("line-ends-mixed", "Fields end with LF, and blank lines with CR LF.", "reasoning.stream", "https://github.com/miruamel/xuan/issues/194",
            replace_bytes(b"\n\n", b"\n\r\n")),
    Variant("comments-between-events", "Comments are before the first event and between the others.", "chat.stream-usage",
            f"{_FANTASY}/TestOpenRouterCommon/anthropic/simple_streaming.yaml",
            compose(replace_bytes(b"\n\n", b"\n\n: PROCESSING\n\n"), body(lambda it: b": open\n\n" + it))),
    Variant("comments-inside-events", "A comment is inside each event.", "tools.auto", "https://github.com/AIProxyTeam/AIProxySwift/pull/95",
            replace_bytes(b"data: {", b": keep-alive\ndata: {")),
    Variant("space-absent", "No space follows data:.", "chat.stream-usage", "https://github.com/karthink/gptel/pull/592", replace_bytes(b"data: ", b"data:")),
    Variant("byte-order-mark", "A byte order mark begins the stream.", "chat.stream", _FORMAT, body(lambda it: b"\xef\xbb\xbf" + it)),
    Variant("data-in-lines", "The JSON of a chunk is in several data fields.", "chat.stream-usage", "https://github.com/SamSaffron/term-llm/pull/454",
            replace_bytes(b',"choices":', b',\ndata: "choices":')),
    Variant("blank-lines-more", "Two blank lines are after each event.", "chat.stream", "https://github.com/Mintplex-Labs/anything-llm/issues/1475",
            replace_bytes(b"\n\n", b"\n\n\n")),
    Variant("fields-unknown", "Each event has an unknown field.", "tools.parallel", _EVENTS, replace_bytes(b"data: {", b"trace: 7\ndata: {")),
    Variant("fields-event-and-id", "Each event has an id and the name message.", "chat.stream", _EVENTS, replace_bytes(b"data: {", b"event: message\nid: 7\ndata: {")),
    Variant("fields-named", "Each event has its own name.", "reasoning.stream", _EVENTS, replace_bytes(b"data: {", b"event: result\ndata: {")),
    Variant("fields-retry", "The first event sets the time to reconnect.", "chat.stream", _EVENTS, body(lambda it: b"retry: 3000\n" + it)),
    Variant("mark-with-space", "A space follows the mark at the end.", "chat.stream", _EVENTS, replace_bytes(b"[DONE]", b"[DONE] ")),
    Variant("comment-after-mark", "A comment follows the mark at the end.", "chat.stream-usage", _EVENTS, body(lambda it: it + b": bye\n\n")),
)

_WRITING = (
    Variant("json-spaces", "White space is between the tokens of the JSON.", "chat.stream-usage", _JSON, replace_bytes(b',"', b' ,\t"')),
    Variant("json-indented-body", "The JSON of a body is indented.", "chat.nonstream", f"{_PRISM}/groq/generate-text-with-a-prompt-1.json", replace_bytes(b',"', b',\n    "')),
    Variant("json-blank-lines-before-body", "Blank lines are sent before a body.", "chat.nonstream", "https://github.com/deepseek-ai/DeepSeek-V3/issues/606",
            body(lambda it: b"\n\n\n\n" + it)),
    Variant("json-line-feed-after-body", "A line feed follows a body.", "tools.nonstream", _JSON, body(lambda it: it + b"\n")),
    Variant("json-escaped-text", "The text is written in escapes.", "chat.unicode", f"{_PYDANTIC}/test_groq/test_groq_model_thinking_part_iter.yaml",
            replace_bytes(_HELLO, b"\\u4f60\\u597d")),
    Variant("json-escaped-pair", "A character is written as an escaped surrogate pair.", "chat.stream", _JSON, replace_bytes(_HELLO, b"\\ud83d\\ude00")),
    Variant("json-escaped-slash", "A slash of the text is escaped.", "chat.nonstream", _JSON, replace_bytes(_HELLO, b"a\\/b")),
    Variant("json-keys-in-other-order", "The keys of each chunk are sent in the reverse order.", "chat.stream-usage", _JSON,
            rebuild_stream(lambda found: [dict(reversed(chunk.items())) for chunk in found])),
    Variant("text-with-line-separators", "The text contains raw U+2028, U+2029 and U+0085.", "chat.unicode", _FORMAT, _with_text("你\u2028好\u2029和\u0085。")),
    Variant("text-like-framing", "The text speaks of data:, of [DONE], of errors and of think tags.", "chat.stream", _EVENTS,
            _with_text("error: data: {} [DONE] <b>think</b> finish_reason")),
    Variant("text-about-think-tags", "The text explains think tags.", "chat.nonstream", _MESSAGE, _with_text("It writes <think> and then </think>.")),
    Variant("text-repeats", "Two deltas of the text are the same.", "chat.long", _DELTA, repeat(has_content)),
    Variant("text-in-empty-pieces", "Some deltas of the text are empty.", "chat.stream-usage",
            f"{_REQ_LLM}/openrouter/deepseek_deepseek_v3_1_terminus/reasoning_streaming.json",
            repeat(has_content, set_value(f"{_DELTA_KEYS}/content", ""))),
)

_KEYS = (
    Variant("keys-vendor", "Chunks, choices and deltas have keys of the vendor's own.", "chat.stream-usage",
            f"{_VERCEL}/openai/src/chat/__fixtures__/azure-model-router.1.chunks.txt",
            compose(_led("x_vendor"), chunks(has_choice, set_value("choices/*/flag", {"a": [1]}), set_value(f"{_DELTA_KEYS}/token_id", 7)))),
    Variant("keys-vendor-in-body", "A body, its choice and its message have keys of the vendor's own.", "chat.nonstream", _LOBEHUB,
            compose(_set("request_id", "7"), _set("choices/*/seed", 7_228_414_683_750_928_000), _set("choices/*/message/reasoning_details", [{}]))),
    Variant("keys-obfuscation", "Each chunk is padded.", "chat.stream",
            f"{_INFERENCE}/openinference-instrumentation-langchain/tests/cassettes/test_raw_dict_message/test_agent_with_raw_dict_messages.yaml",
            _set("obfuscation", "aB3dE")),
    Variant("keys-error-null", "Each chunk has error null.", "tools.auto", _CHUNK, _set("error", None)),
    Variant("keys-error-null-in-body", "A body has error null.", "chat.nonstream", _CHUNK, _set("error", None)),
    Variant("keys-logprobs-absent", "No choice has logprobs.", "chat.stream", f"{_FANTASY}/TestOpenAICompatibleCommon/xai-grok-4-fast/multi_tool_streaming.yaml",
            chunks(has_choice, drop("choices/*/logprobs"))),
    Variant("keys-refusal-absent", "A message has no refusal key.", "chat.nonstream", f"{_PRISM}/mistral/generate-text-with-a-prompt-1.json",
            chunks(any_chunk, drop("choices/*/message/refusal"))),
    Variant("keys-logprobs-between", "logprobs is missing where a chunk has no token.", "chat.logprobs", _CHUNK, chunks(has_finish_reason, drop("choices/*/logprobs"))),
    Variant("keys-logprobs-of-refusal", "The probabilities contain the part for refusals, an empty list.", "chat.logprobs", _CHUNK,
            chunks(has_content, set_value("choices/*/logprobs/refusal", []))),
    Variant("fingerprint-null", "system_fingerprint is null.", "chat.stream", _GPT_5, _set("system_fingerprint", None)),
    Variant("fingerprint-and-tier-absent", "There is neither system_fingerprint nor service_tier.", "chat.stream-usage",
            f"{_REQ_LLM}/cerebras/gpt_oss_120b/streaming.json",
            compose(chunks(any_chunk, drop("system_fingerprint")), chunks(any_chunk, drop("service_tier")))),
    Variant("tier-null", "service_tier is null.", "chat.nonstream", f"{_OPENAPI}#L63059", _set("service_tier", None)),
    Variant("model-as-asked", "The model is named as in the request.", "chat.nonstream", f"{_PRISM}/mistral/generate-text-with-a-prompt-1.json",
            _set("model", "gpt-4o-mini")),
)

_ANSWERS = (
    Variant("choices-empty-first", "A chunk without choices is sent first.", "chat.stream", "https://github.com/waylaidwanderer/node-chatgpt-api/pull/486",
            insert(any_chunk, _EMPTY | {"prompt_filter_results": []})),
    Variant("choices-empty-after-finish", "A chunk without choices follows the finish_reason, with no usage.", "chat.stream",
            "https://github.com/Mintplex-Labs/anything-llm/issues/5112", before_done(_EMPTY)),
    Variant("moderation-after-usage", "A moderation chunk follows the usage chunk.", "chat.stream-usage", _MODERATED,
            before_done(_EMPTY | {"moderation": {side: {"type": "moderation_results", "model": "omni-moderation-latest", "results": []} for side in ("input", "output")}})),
    Variant("role-repeated", "Every delta has the role.", "chat.stream-usage",
            f"{_RUBY_LLM}/chat_function_calling_ollama_qwen3_can_use_tools_with_multi-turn_streaming_conversations.yml",
            chunks(has_choice, set_value(f"{_DELTA_KEYS}/role", "assistant"))),
    Variant("role-alone-first", "The first delta has the role and no content.", "chat.stream", f"{_REQ_LLM}/cerebras/gpt_oss_120b/streaming.json",
            chunks(has_no_finish_reason, drop(f"{_DELTA_KEYS}/content"), only=_FIRST)),
    Variant("text-with-role", "The first delta has the role and text.", "chat.long", f"{_VERCEL}/perplexity/src/__fixtures__/perplexity-text.chunks.txt",
            compose(remove(has_content, only=_FIRST), chunks(has_no_finish_reason, set_value(f"{_DELTA_KEYS}/content", "你好"), only=_FIRST))),
    Variant("content-null-first", "The content of the first delta is null.", "chat.stream", "https://github.com/darshi1337/apogee/pull/139",
            chunks(has_no_finish_reason, set_value(f"{_DELTA_KEYS}/content", None), only=_FIRST)),
    Variant("text-in-one-chunk", "The whole answer and its finish_reason are sent in one chunk.", "chat.stream-usage", _LOBEHUB, rebuild_stream(_in_one)),
    Variant("text-beside-finish", "The last text is beside the finish_reason.", "chat.stream", "https://github.com/vllm-project/vllm/pull/36944",
            compose(remove(has_content, only=_LAST), chunks(has_finish_reason, set_value(f"{_DELTA_KEYS}/content", " help?")))),
    Variant("content-empty-beside-finish", "The last delta has empty content.", "chat.stream-usage", f"{_VERCEL}/deepseek/src/chat/__fixtures__/deepseek-text.chunks.txt",
            chunks(has_finish_reason, set_value(f"{_DELTA_KEYS}/content", ""))),
    Variant("finish-filtered", "A filter ends the answer.", "chat.stream",
            f"{_TRACELOOP}/opentelemetry-instrumentation-openai/tests/traces/cassettes/test_azure/test_chat_content_filtering.yaml",
            compose(remove(has_content), chunks(has_finish_reason, set_value(_FINISH, "content_filter")))),
    Variant("finish-length", "The token limit ends the answer.", "chat.long", f"{_VERCEL}/deepseek/src/chat/__fixtures__/deepseek-text.chunks.txt",
            compose(asked(max_tokens=4), chunks(has_finish_reason, set_value(_FINISH, "length")))),
    Variant("refusal-in-body", "The model refuses, and content is null.", "chat.nonstream",
            f"{_TRACELOOP}/opentelemetry-instrumentation-openai/tests/traces/cassettes/test_chat_parse/test_parsed_refused_completion.yaml",
            compose(_set("choices/*/message/refusal", "I can't help with that."), _set(_SAID, None))),
    Variant("refusal-in-stream", "The model refuses, piece by piece.", "chat.stream", _DELTA, chunks(has_content, rename(f"{_DELTA_KEYS}/content", "refusal"))),
    Variant("choices-in-order", "All of the first choice is sent before the second.", "chat.n2", _CHUNK, rebuild_stream(_in_order)),
    Variant("choices-in-one-chunk", "Each chunk contains a piece of both choices.", "chat.n2", _CHUNK, rebuild_stream(_paired)),
    Variant("thought-cut-at-limit", "The limit ends an answer in its reasoning.", "reasoning.stream", "https://api-docs.deepseek.com/guides/thinking_mode",
            compose(remove(has_content), chunks(has_finish_reason, set_value(_FINISH, "length")))),
    Variant("thought-beside-empty-content", "content is empty beside the reasoning, and the other way round.", "reasoning.stream",
            "https://github.com/lobehub/lobe-chat/issues/5681",
            compose(chunks(has_reasoning, set_value(f"{_DELTA_KEYS}/content", "")), chunks(has_content, set_value(f"{_DELTA_KEYS}/reasoning_content", "")))),
    Variant("thought-beside-text", "One delta contains the end of the reasoning and the beginning of the text.", "reasoning.stream",
            "https://github.com/lobehub/lobe-chat/issues/5956", rebuild_stream(_thought_in_one)),
    Variant("thought-key-gone-from-text", "reasoning_content is missing once the text begins.", "reasoning.stream",
            "https://github.com/LnYo-Cly/ai4j/blob/6955545496f69d14e8846bb78e27c81a51364e9a/APIResponse.md",
            compose(chunks(has_content, drop(f"{_DELTA_KEYS}/reasoning_content")), chunks(has_finish_reason, drop(f"{_DELTA_KEYS}/reasoning_content")))),
    Variant("thought-without-content-key", "content is missing beside the reasoning.", "reasoning.stream", "https://github.com/pydantic/pydantic-ai/tree/4fda38988f2939fa6ea9cdefcf120693e10ef491/tests/models/cassettes/test_zai",
            chunks(has_reasoning, drop(f"{_DELTA_KEYS}/content"))),
    Variant("thought-under-other-name", "The reasoning is sent as reasoning, and content is missing beside it.", "reasoning.stream",
            f"{_VERCEL}/groq/src/__fixtures__/groq-reasoning.chunks.txt",
            compose(chunks(has_reasoning, drop(f"{_DELTA_KEYS}/content"), rename(f"{_DELTA_KEYS}/reasoning_content", "reasoning")),
                 chunks(has_choice, drop(f"{_DELTA_KEYS}/reasoning_content")))),
    Variant("thought-under-other-name-in-body", "The reasoning of a body is sent as reasoning.", "reasoning.nonstream",
            f"{_PYDANTIC}/test_bedrock_mantle/test_safeguard_chat_routing.yaml",
            chunks(any_chunk, rename("choices/*/message/reasoning_content", "reasoning"))),
)

_TOOLS = (
    Variant("calls-empty-list", "tool_calls is an empty list in the deltas of a text.", "chat.stream", _HIGRESS, chunks(has_choice, set_value(_CALLS, []))),
    Variant("calls-in-turn", "The fragments of two tool calls are sent in turn.", "tools.parallel", "https://github.com/spring-ai-alibaba/spring-ai-extensions/pull/266",
            rebuild_stream(_calls_in_turn)),
    Variant("calls-at-once", "All fragments of two tool calls are sent in one chunk.", "tools.parallel", f"{_PRISM}/mistral/stream-with-tools-1-1.sse", rebuild_stream(_calls_at_once)),
    Variant("call-whole", "The first fragment of a tool call contains all of its arguments.", "tools.auto",
            f"{_FANTASY}/TestOpenAICompatibleCommon/xai-grok-4-fast/multi_tool_streaming.yaml",
            compose(remove(continues_tool_call), chunks(starts_tool_call, set_value(f"{_CALLS}/*/function/arguments", '{"city":"Paris"}')))),
    Variant("call-begun-with-arguments", "The first fragment of a tool call contains the beginning of its arguments.", "tools.auto",
            "https://github.com/ThinkInAIXYZ/deepchat/issues/355",
            compose(remove(continues_tool_call, only=_FIRST), chunks(starts_tool_call, set_value(f"{_CALLS}/*/function/arguments", '{"city":')))),
    Variant("call-begun-without-arguments", "The first fragment of a tool call has no arguments key.", "tools.parallel", _SPLIT_NAME,
            chunks(starts_tool_call, drop(f"{_CALLS}/*/function/arguments"))),
    Variant("call-beside-finish", "The last fragment of a tool call is beside the finish_reason, with a line feed as text.", "tools.auto",
            "https://volcengine.com/docs/82379/1449722",
            compose(remove(continues_tool_call, only=_LAST),
                 chunks(has_finish_reason, set_value(f"{_DELTA_KEYS}/content", "\n"), set_value(_CALLS, [{"index": 0, "function": {"arguments": '"Paris"}'}}])))),
    Variant("calls-of-one-function", "Both tool calls are of the same function.", "tools.parallel", _FRAGMENT,
            chunks(has_tool_calls, set_value(f"{_CALLS}/*/function/name", lambda _: "get_time"), set_value(f"{_CALLS}/*/function/arguments", lambda old: old.replace("city", "zone")))),
    Variant("call-in-old-form", "Functions were offered, and one is called in function_call.", "chat.nonstream", _MESSAGE,
            chunks(any_chunk, set_value("choices/*/message/function_call", {"name": "get_weather", "arguments": "{}"}), set_value("choices/*/finish_reason", "function_call"))),
    Variant("call-old-form-null", "function_call is null beside a tool call.", "tools.nonstream", _MESSAGE, chunks(any_chunk, set_value("choices/*/message/function_call", None))),
    Variant("call-after-text", "Text is sent before a tool call.", "tools.auto", f"{_VERCEL}/openai-compatible/src/chat/__fixtures__/anthropic-fallback-tool-call.sse",
            insert(has_tool_calls, _EMPTY | {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Let me look."}, "finish_reason": None}]})),
    Variant("call-beside-text-in-body", "A message contains text and a tool call.", "tools.nonstream", _MESSAGE, _set(_SAID, "Let me look.")),
    Variant("call-index-in-body", "A tool call in a body has an index.", "tools.nonstream", f"{_PYDANTIC}/test_deepseek/test_deepseek_deferred_capability_with_thinking.yaml",
            _set("choices/*/message/tool_calls/*/index", 0)),
    Variant("call-named-ends-with-tool-calls", "A tool call forced by name ends with tool_calls.", "tools.forced", "https://github.com/vllm-project/vllm/pull/25054",
            chunks(has_finish_reason, set_value(_FINISH, "tool_calls"))),
    Variant("arguments-empty-object", "A tool without parameters is called with {}.", "tools.auto", "https://github.com/agno-agi/agno/issues/3134",
            compose(_parameterless, remove(continues_tool_call), chunks(starts_tool_call, set_value(f"{_CALLS}/*/function/arguments", "{}")))),
    Variant("arguments-none", "A tool without parameters is called with nothing.", "tools.auto", "https://github.com/agno-agi/agno/issues/3134",
            compose(_parameterless, remove(continues_tool_call))),
    Variant("arguments-with-spaces", "The fragments of the arguments are white space in part.", "tools.auto", _FRAGMENT,
            repeat(continues_tool_call, set_value(f"{_CALLS}/*/function/arguments", " \n"))),
)

_COUNTS = (
    Variant("usage-null-unasked", "usage is null in a stream that did not ask for it.", "chat.stream", "https://github.com/brainlid/langchain/pull/288",
            _set("usage", None)),
    Variant("usage-under-vendor-key-too", "The vendor's own key contains the usage too.", "chat.stream-usage",
            f"{_FANTASY}/TestOpenAICompatibleCommon/groq-kimi-k2/simple_streaming.yaml",
            chunks(has_usage, set_value("x_groq", {"id": "req_1", "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}}))),
    Variant("usage-details-absent", "Usage has no details.", "chat.stream-usage", f"{_REQ_LLM}/azure/deepseek_v3_0324/streaming.json",
            chunks(has_usage, drop("usage/prompt_tokens_details"), drop("usage/completion_tokens_details"))),
    Variant("usage-details-empty", "The details of usage are empty objects.", "chat.nonstream", _USAGE,
            compose(_set("usage/prompt_tokens_details", {}), _set("usage/completion_tokens_details", {}))),
    Variant("usage-details-of-vendor", "The details of usage have a key of the vendor's own, null.", "chat.nonstream",
            f"{_PYDANTIC}/test_crusoe/test_crusoe_model_simple.yaml", _set("usage/prompt_tokens_details/multimodal_tokens", None)),
    Variant("usage-counts-of-vendor", "Usage has counts of the vendor's own.", "chat.stream-usage",
            f"{_VERCEL}/deepseek/src/chat/__fixtures__/deepseek-tool-call.chunks.txt",
            chunks(has_usage, set_value("usage/prompt_cache_hit_tokens", 0), set_value("usage/prompt_cache_miss_tokens", 9), set_value("usage/cost", 0.00012))),
    Variant("usage-all-cached", "The whole prompt was cached.", "chat.nonstream", _USAGE, _set("usage/prompt_tokens_details/cached_tokens", 9)),
)
# fmt: on

VARIANTS = (*_TRANSFER, *_FRAMING, *_WRITING, *_KEYS, *_ANSWERS, *_TOOLS, *_COUNTS)
