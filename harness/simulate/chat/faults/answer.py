"""Faults of content: the role, the text, the reasoning text, and the end of a response."""

from typing import Any

from harness.simulate.edits import (
    Change,
    Edit,
    any_chunk,
    chunks,
    compose,
    drop,
    has_choice,
    has_content,
    has_finish_reason,
    has_no_finish_reason,
    has_reasoning,
    has_tool_calls,
    insert,
    remove,
    repeat,
    replace_bytes,
    set_value,
)
from harness.simulate.fault import Fault
from harness.wire.exchange import Exchange

_OPENAPI = "https://github.com/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_CHUNK, _DELTA, _BODY, _MESSAGE, _REQUEST = (f"{_OPENAPI}#L{line}" for line in (33665, 31819, 33507, 31629, 33105))
_PYDANTIC = (
    "https://github.com/pydantic/pydantic-ai/blob/4fda38988f2939fa6ea9cdefcf120693e10ef491/tests/models/cassettes"
)
_REQ_LLM = "https://github.com/neilberkman/req_llm/blob/1c985d8a8ba0b3f291cae9ceff6d8369fd6342b7/test/support/fixtures"
_RUBY_LLM = (
    "https://github.com/crmne/ruby_llm/blob/fb5a49bf04da78d3e74496431ad1c99df5e7e5f0/spec/fixtures/vcr_cassettes"
)
_CHATLAS = "https://github.com/posit-dev/chatlas/blob/ea4531130e56d3c5bb003d87a1792dd942554b8d/tests/_vcr"
_LOONGSUITE = "https://github.com/alibaba/loongsuite-python-agent/blob/0ae17251071d6875a81179558be1509780217ed5/instrumentation-loongsuite"
_VERCEL = "https://github.com/vercel/ai/blob/ed857f50f112e23930b0c2dd8d532cc8bebbc911/packages"
_HIGRESS = "https://github.com/higress-group/higress/blob/8e4041c9ba9a97d0494fa56b784fa30866adca35/plugins/wasm-go/extensions/ai-proxy"
_DIFY = "https://github.com/langgenius/dify-official-plugins/blob/7af22831a58ded846388b8de0c232b2b377a1055/models"
_QIANFAN = "https://github.com/baidubce/bce-qianfan-sdk/blob/6cacf6002140a3249c1c8d557def462c29c129c5"
_LOBEHUB = "https://github.com/lobehub/lobehub/blob/8e45eb29013bf8f46bc52848b822ddd5bc9c202d/packages/model-runtime/src/core/streams/qwen.ts"
_TRACELOOP = "https://github.com/traceloop/openllmetry/blob/93429cfb9767e6b51db6cb35f6b70f758117669a/packages/opentelemetry-instrumentation-langchain/tests/cassettes/test_llms"
_UNICODE = "https://www.unicode.org/versions/latest/core-spec/chapter-23/#G24272"
_THINKING = "https://api-docs.deepseek.com/guides/thinking_mode"
_SNOWFLAKE = f"{_PYDANTIC}/test_snowflake/test_snowflake_model_streaming.yaml"
_SGLANG_NULLS = "https://github.com/sgl-project/sglang/pull/9657"
_VLLM_CHOICE = "https://github.com/vllm-project/vllm/pull/25054"
_AFTER_FINISH = "https://github.com/karthink/gptel/issues/1027"

_FIRST, _SECOND, _LAST = slice(0, 1), slice(1, 2), slice(-1, None)
_ROLE, _CONTENT, _THOUGHT = "choices/*/delta/role", "choices/*/delta/content", "choices/*/delta/reasoning_content"
_SAID, _REASONED, _FINISH = (
    "choices/*/message/content",
    "choices/*/message/reasoning_content",
    "choices/*/finish_reason",
)
_NO_CALL = "choices/*/delta/tool_calls"


def _finish(reason: Any) -> Edit:
    return set_value(_FINISH, reason)


def _led(words: str) -> Edit:
    """Return the edit that puts ``words`` before the text."""
    return set_value(_CONTENT, lambda old: words + old)


def _growing(exchange: Exchange) -> Exchange:
    """Return the exchange with all previous text in each delta."""
    said: list[str] = []

    def grown(piece: str) -> str:
        said.append(piece)
        return "".join(said)

    return chunks(has_content, set_value(_CONTENT, grown))(exchange)


def _second_choice(*edits: Edit) -> Change:
    """Return the change of the chunks of the second choice."""
    return chunks(lambda chunk: has_choice(chunk) and chunk["choices"][0].get("index") == 1, *edits)


# fmt: off
_ROLES = (
    Fault("role-null", "The role is null in later deltas.", "chat.stream",
          f"{_LOONGSUITE}/loongsuite-instrumentation-litellm/tests/cassettes/TestRetry.test_retry_with_streaming.yaml",
          chunks(has_content, set_value(_ROLE, None)), "role.value"),
    Fault("role-null-throughout-thinking", "The role is null in every delta of reasoning.", "reasoning.stream", _SGLANG_NULLS,
          chunks(has_reasoning, set_value(_ROLE, None)), "role.value"),
    Fault("role-empty", "The role is empty in later deltas.", "chat.stream-usage", "https://github.com/MiniMax-AI/MiniMax-M2.5/issues/2",
          chunks(has_content, set_value(_ROLE, "")), "role.value"),
    Fault("role-unknown", "A later delta has the role ai.", "tools.auto", _DELTA, chunks(has_finish_reason, set_value(_ROLE, "ai")), "role.value"),
    Fault("role-number", "The role of a delta is a number.", "chat.stream", _DELTA, chunks(has_finish_reason, set_value(_ROLE, 1)), "role.value"),
    Fault("role-never", "No delta has a role.", "chat.stream", f"{_CHATLAS}/test_provider_cloudflare/test_cloudflare_respects_turns_interface.yaml",
          chunks(has_choice, drop(_ROLE)), "role.first"),
    Fault("role-never-in-call", "No delta of a tool call has a role.", "tools.auto", f"{_VERCEL}/mistral/src/__fixtures__/mistral-incremental-tool-call.chunks.txt",
          chunks(has_choice, drop(_ROLE)), "role.first"),
    Fault("role-late", "The role is sent with the first text, in the second delta.", "chat.long", None,
          compose(chunks(has_no_finish_reason, drop(_ROLE), only=_FIRST), chunks(has_content, set_value(_ROLE, "assistant"), only=_FIRST)), "role.first"),
    Fault("role-at-end", "The role is beside the finish_reason.", "chat.stream", "https://github.com/BerriAI/litellm/issues/8799",
          compose(chunks(has_no_finish_reason, drop(_ROLE)), chunks(has_finish_reason, set_value(_ROLE, "assistant"))), "role.first"),
    Fault("role-of-user", "The first delta has the role user.", "reasoning.stream", _DELTA, chunks(has_choice, set_value(_ROLE, "user"), only=_FIRST), "role.first"),
    Fault("role-of-one-choice", "The second of two choices never has a role.", "chat.n2", _DELTA, _second_choice(drop(_ROLE)), "role.first"),
    Fault("role-missing-in-body", "The message of a body has no role.", "chat.nonstream", _MESSAGE, chunks(any_chunk, drop("choices/*/message/role")), "role.message"),
    Fault("role-of-user-in-body", "The message of a body has the role user.", "tools.nonstream", _MESSAGE,
          chunks(any_chunk, set_value("choices/*/message/role", "user")), "role.message"),
    Fault("role-null-in-body", "The role of a message is null.", "chat.nonstream", None, chunks(any_chunk, set_value("choices/*/message/role", None)), "role.message"),
)

_TEXT = (
    Fault("content-parts", "The text is sent as a list of parts.", "chat.stream", _LOBEHUB,
          chunks(has_content, set_value(_CONTENT, lambda old: [{"type": "text", "text": old}])), "content.type"),
    Fault("content-thinking-parts", "The reasoning is sent as a list in content.", "reasoning.stream",
          f"{_RUBY_LLM}/chat_mistral_hybrid_reasoning_streams_thinking_separately_from_content.yml",
          chunks(has_reasoning, set_value(_CONTENT, [{"type": "thinking", "thinking": [{"type": "text", "text": "The user"}]}]), drop(_THOUGHT)), "content.type"),
    Fault("content-parts-in-body", "The content of a message is a list of parts.", "chat.nonstream", f"{_HIGRESS}/README.md",
          chunks(any_chunk, set_value(_SAID, lambda old: [{"text": old}])), "content.type"),
    Fault("content-object", "The content of a message is an object.", "chat.nonstream", _MESSAGE, chunks(any_chunk, set_value(_SAID, lambda old: {"text": old})), "content.type"),
    Fault("content-object-of-json-mode", "JSON mode gives an object instead of its text.", "json.object-stream", _DELTA,
          insert(has_finish_reason, {"id": "chatcmpl-reference", "object": "chat.completion.chunk",
          "created": 1_760_000_000, "model": "gpt-4o-mini-2024-07-18", "choices": [{"index": 0, "delta": {"content": {}}, "finish_reason": None}]}), "content.type"),
    Fault("content-number", "A delta of text is a number.", "chat.capped", _DELTA, chunks(has_content, set_value(_CONTENT, 1), only=_FIRST), "content.type"),
    Fault("content-false", "content is false beside the finish_reason.", "tools.auto", _DELTA, chunks(has_finish_reason, set_value(_CONTENT, value=False)), "content.type"),
    Fault("content-missing-in-call", "A message that calls a tool has no content key.", "tools.nonstream",
          f"{_PYDANTIC}/test_openai/test_openai_model_cerebras_provider_qwen_3_coder.yaml",
          chunks(any_chunk, drop(_SAID)), "content.key-present"),
    Fault("content-missing-in-body", "A message has no content key.", "chat.nonstream", _MESSAGE, chunks(any_chunk, drop(_SAID)), "content.key-present"),
    Fault("answer-empty", "A stream ends with stop and has no text.", "tools.round-trip", "https://github.com/deepseek-ai/DeepSeek-V3/issues/1453",
          remove(has_content), "content.said"),
    Fault("answer-empty-in-body", "A body ends with stop and has an empty text.", "json.object", "https://github.com/langgenius/dify/issues/13068",
          chunks(any_chunk, set_value(_SAID, "")), "content.said"),
    Fault("answer-null-in-body", "A body ends with stop and has neither text nor tool call.", "chat.nonstream", "https://github.com/kainotomo/ph-agent-hub/issues/317",
          chunks(any_chunk, set_value(_SAID, None)), "content.said"),
    Fault("answer-only-thought", "A stream ends with stop after the reasoning.", "reasoning.stream", "https://github.com/openclaw/openclaw/issues/91604",
          remove(has_content), "content.said"),
    Fault("answer-as-thought", "The answer is in the reasoning field.", "parity.reasoning", "https://github.com/lobehub/lobehub/pull/7663",
          chunks(any_chunk, set_value(_REASONED, "你好!"), set_value(_SAID, None)), "content.said"),
    Fault("answer-of-one-choice-empty", "The second of two choices says nothing.", "chat.n2", _REQUEST, _second_choice(drop(_CONTENT)), "content.said"),
    Fault("text-after-finish", "Text follows the finish_reason.", "chat.stream", None,
          compose(repeat(has_content, set_value(_CONTENT, " Bye."), only=_LAST), chunks(has_content, _finish("stop"), only=_SECOND), chunks(has_finish_reason, _finish(None), only=_LAST)), "content.before-finish"),
    Fault("text-after-early-finish", "The finish_reason is sent with the first text and again at the end.", "chat.long", "https://github.com/sgl-project/sglang/pull/8417",
          chunks(has_content, _finish("stop"), only=_FIRST), "content.before-finish"),
    Fault("call-after-finish", "A fragment of a tool call follows the finish_reason.", "tools.auto", None,
          repeat(has_finish_reason, _finish(None), set_value(_NO_CALL, [{"index": 0, "function": {"arguments": " "}}])), "content.before-finish"),
    Fault("replacement", "A character was cut in two and both halves replaced.", "chat.unicode", None,
          replace_bytes("你好".encode(), "你\ufffd\ufffd".encode()), "content.no-replacement"),
    Fault("replacement-in-body", "U+FFFD is in a body.", "chat.nonstream", None,
          chunks(any_chunk, set_value(_SAID, lambda old: old + " \ufffd")), "content.no-replacement"),
    Fault("replacement-surrogate", "Half of a surrogate pair is in the text.", "chat.stream", _UNICODE, replace_bytes("你好".encode(), b"\\ud83d"), "chunk.whole-characters"),
    Fault("think-tags", "The text starts with reasoning in tags.", "chat.stream", "https://github.com/MiniMax-AI/MiniMax-M2/issues/105",
          chunks(has_content, _led("<think>\nA greeting.\n</think>\n\n"), only=_FIRST), "content.no-think-tags"),
    Fault("think-tags-split", "The tag around the reasoning is cut between two deltas.", "chat.long", "https://github.com/open-webui/open-webui/issues/9282",
          compose(chunks(has_content, set_value(_CONTENT, "<thi"), only=_FIRST), chunks(has_content, _led("nk>A greeting.</think>"), only=_SECOND)), "content.no-think-tags"),
    Fault("think-tag-closing", "A closing tag is in the text, no opening one.", "reasoning.stream",
          f"{_PYDANTIC}/test_huggingface/test_hf_model_thinking_part_iter.yaml", chunks(has_content, _led("I greet.</think>"), only=_FIRST), "content.no-think-tags"),
    Fault("think-tags-in-body", "The text of a body starts with reasoning in tags.", "chat.nonstream", "https://github.com/decolua/9router/pull/2231",
          chunks(any_chunk, set_value(_SAID, lambda old: "<think>Hm.</think>" + old)), "content.no-think-tags"),
    Fault("text-grows", "Each delta contains all of the text so far.", "chat.stream", "https://github.com/CherryHQ/cherry-studio/issues/4465",
          _growing, "content.increments"),
    Fault("text-grows-in-count", "Each delta of a long answer contains all of the text so far.", "chat.capped", "https://github.com/CherryHQ/cherry-studio/issues/4465",
          _growing, "content.increments"),
    Fault("special-token-at-end", "The model's end token is in the text.", "chat.stream", f"{_TRACELOOP}/test_trace_propagation_stream[ChatOpenAI].yaml",
          chunks(has_content, set_value(_CONTENT, lambda old: f"{old}<|im_end|>"), only=_LAST), "content.no-special-tokens"),
    Fault("special-token-box", "Box tokens are around the answer, cut between two deltas.", "chat.long", f"{_DIFY}/zhipuai/models/llm/llm.py",
          compose(chunks(has_content, set_value(_CONTENT, "<|begin_of_"), only=_FIRST), chunks(has_content, _led("box|>42"), only=_SECOND)), "content.no-special-tokens"),
    Fault("special-token-in-body", "The model's end token is in the text of a body.", "chat.nonstream", f"{_TRACELOOP}/test_trace_propagation[ChatOpenAI].yaml",
          chunks(any_chunk, set_value(_SAID, lambda old: f"{old}</s>")), "content.no-special-tokens"),
    Fault("refusal-false", "The refusal of a message is false.", "chat.nonstream", _MESSAGE,
          chunks(any_chunk, set_value("choices/*/message/refusal", value=False)), "content.refusal"),
    Fault("refusal-object", "The refusal of a delta is an object.", "tools.auto", _DELTA,
          chunks(has_choice, set_value("choices/*/delta/refusal", {}), only=_FIRST), "content.refusal"),
)

_THOUGHTS = (
    Fault("thought-list", "Reasoning text is sent in lists.", "reasoning.stream", _THINKING, chunks(has_reasoning, set_value(_THOUGHT, lambda old: [old])), "reasoning.type"),
    Fault("thought-object-in-body", "The reasoning of a body is an object.", "reasoning.nonstream", _THINKING,
          chunks(any_chunk, set_value(_REASONED, lambda old: {"text": old})), "reasoning.type"),
    Fault("thought-false", "The reasoning field is false in the text's deltas.", "reasoning.stream", _THINKING,
          chunks(has_content, set_value(_THOUGHT, value=False)), "reasoning.type"),
    Fault("thought-in-text", "The text of a body starts with the reasoning.", "reasoning.nonstream", None,
          chunks(any_chunk, set_value(_SAID, lambda old: f"The user greets me.\n\n{old}")), "reasoning.not-in-content"),
    Fault("thought-in-streamed-text", "The streamed text starts with the reasoning.", "reasoning.stream", None,
          chunks(has_content, _led("The user greets me. I greet back.\n\n"), only=_FIRST), "reasoning.not-in-content"),
    Fault("thought-not-counted", "Reasoning is sent, and counted as 0 tokens.", "reasoning.nonstream", None,
          chunks(any_chunk, set_value("usage/completion_tokens_details/reasoning_tokens", 0)), "reasoning.counted"),
    Fault("thought-not-counted-beside-stream", "Reasoning is sent again after the stream, and counted as 0 tokens.", "parity.reasoning", None,
          chunks(any_chunk, set_value("usage/completion_tokens_details/reasoning_tokens", 0)), "reasoning.counted"),
    Fault("thought-in-two-fields", "The reasoning is under two names at once.", "reasoning.stream", None,
          chunks(has_reasoning, set_value("choices/*/delta/reasoning", "The user greets me.")), "reasoning.one-field"),
    Fault("thought-in-two-fields-of-body", "The reasoning of a body is under two names.", "reasoning.nonstream", None,
          chunks(any_chunk, set_value("choices/*/message/reasoning", "The user greets me.")), "reasoning.one-field"),
    Fault("thought-though-off", "Reasoning is sent though thinking was turned off.", "reasoning.off", "https://github.com/lobehub/lobehub/pull/7663",
          compose(repeat(has_choice, drop(_ROLE), set_value(_CONTENT, None), set_value(_THOUGHT, "Let me see.")),
               chunks(any_chunk, set_value("usage/completion_tokens_details/reasoning_tokens", 2))), "reasoning.off"),
)

_FINISHES = (
    Fault("finish-key-late", "finish_reason is missing before the end.", "chat.stream", f"{_REQ_LLM}/zai/glm_4_5/streaming.json",
          chunks(has_no_finish_reason, drop(_FINISH)), "finish_reason.key-present"),
    Fault("finish-key-late-in-call", "finish_reason is missing before the end of a tool call.", "tools.parallel", "https://github.com/danny-avila/LibreChat/pull/5563",
          chunks(has_no_finish_reason, drop(_FINISH)), "finish_reason.key-present"),
    Fault("finish-key-missing-once", "The last fragment of a tool call has neither finish_reason nor logprobs.", "tools.auto",
          f"{_VERCEL}/alibaba/src/__fixtures__/alibaba-tool-call.chunks.txt",
          chunks(has_tool_calls, drop(_FINISH), drop("choices/*/logprobs"), only=_LAST), "finish_reason.key-present"),
    Fault("finish-key-missing-in-body", "The choice of a body has no finish_reason.", "chat.nonstream", f"{_HIGRESS}/README.md",
          chunks(any_chunk, drop(_FINISH)), "finish_reason.key-present"),
    Fault("finish-key-never", "No chunk has a finish_reason.", "chat.stream", _SNOWFLAKE, chunks(has_choice, drop(_FINISH)), "finish_reason.key-present"),
    Fault("finish-empty-before-end", "finish_reason is empty before the end.", "chat.stream", "https://github.com/ollama/ollama/issues/4357",
          chunks(has_no_finish_reason, _finish("")), "finish_reason.null-before-end"),
    Fault("finish-empty-in-thought", "finish_reason is empty in every delta of reasoning.", "reasoning.stream", "https://github.com/sgl-project/sglang/issues/3912",
          chunks(has_reasoning, _finish("")), "finish_reason.null-before-end"),
    Fault("finish-false-before-end", "finish_reason is false before the end.", "tools.auto", _CHUNK,
          chunks(has_no_finish_reason, _finish(reason=False)), "finish_reason.null-before-end"),
    Fault("finish-never", "The stream ends without a finish_reason.", "chat.stream", "https://github.com/openai/openai-node/issues/1292",
          remove(has_finish_reason), "finish_reason.given"),
    Fault("finish-null-to-end", "finish_reason stays null to the end.", "tools.auto", "https://github.com/openai/openai-node/issues/1292",
          chunks(has_finish_reason, _finish(None)), "finish_reason.given"),
    Fault("finish-under-other-name", "The reason is sent as finishReason.", "chat.stream", "https://github.com/jakobdylanc/llmcord/issues/84",
          chunks(has_finish_reason, set_value("choices/*/finishReason", "stop"), _finish(None)), "chunk.names"),
    Fault("finish-in-delta", "The reason is in the delta.", "tools.auto", f"{_QIANFAN}/python/qianfan/extensions/openai/adapter.py",
          chunks(has_finish_reason, set_value("choices/*/delta/finish_reason", "tool_calls"), _finish(None)), "chunk.places"),
    Fault("finish-of-one-choice", "Only one of two choices has a finish_reason.", "chat.n2", "https://github.com/sgl-project/sglang/pull/8417",
          chunks(has_finish_reason, _finish(None), only=_FIRST), "finish_reason.given"),
    Fault("finish-null-in-body", "The finish_reason of a body is null.", "chat.nonstream", _BODY, chunks(any_chunk, _finish(None)), "finish_reason.message"),
    Fault("finish-empty-in-body", "The finish_reason of a body is empty.", "chat.nonstream", f"{_HIGRESS}/README.md",
          chunks(any_chunk, _finish("")), "finish_reason.message"),
    Fault("finish-number-in-body", "The finish_reason of a body is a number.", "tools.nonstream", _BODY, chunks(any_chunk, _finish(1)), "finish_reason.message"),
    Fault("finish-twice", "The chunk with the finish_reason is sent twice.", "chat.stream", f"{_PYDANTIC}/test_openrouter/test_openrouter_advisor_tool_stream.yaml",
          repeat(has_finish_reason), "finish_reason.once"),
    Fault("finish-twice-with-text", "The finish_reason is sent with the last text and again by itself.", "chat.stream-usage",
          "https://github.com/sgl-project/sglang/pull/8417",
          chunks(has_content, _finish("stop"), only=_LAST), "finish_reason.once"),
    Fault("finish-twice-in-call", "The finish_reason is sent with the last fragment of a tool call and again by itself.", "tools.auto",
          "https://github.com/sgl-project/sglang/pull/8417",
          chunks(has_tool_calls, _finish("tool_calls"), only=_LAST), "finish_reason.once"),
    Fault("chunk-after-finish", "An empty delta follows the finish_reason.", "chat.stream", _AFTER_FINISH,
          repeat(has_finish_reason, _finish(None), set_value(_CONTENT, "")), "finish_reason.last"),
    Fault("chunk-after-finish-of-call", "An empty delta follows the finish_reason of a tool call.", "tools.parallel", None,
          repeat(has_finish_reason, _finish(None)), "finish_reason.last"),
    *(
        Fault(f"finish-{reason.replace('_', '-').lower()}{where}", f"The finish_reason is {reason}.", on, source,
              chunks(has_finish_reason, _finish(reason)), "finish_reason.vocabulary")
        for reason, where, on, source in (
            ("insufficient_system_resource", "", "chat.stream", "https://api-docs.deepseek.com/api/create-chat-completion"),
            ("insufficient_system_resource", "-of-thought", "reasoning.stream", "https://support.huaweicloud.com/api-pangulm/pangulm_05_0012.html"),
            ("normal", "", "chat.nonstream", f"{_QIANFAN}/javascript/README.md"),
            ("eos", "", "chat.nonstream", f"{_HIGRESS}/README.md"),
            ("sensitive", "", "chat.stream", "https://github.com/promptfoo/promptfoo/pull/9905"),
            ("network_error", "", "chat.long", f"{_DIFY}/zhipuai/models/llm/llm.py"),
            ("error", "", "chat.stream-usage", "https://github.com/damianvtran/local-operator/pull/223"),
            ("null", "-as-text", "chat.stop", "https://github.com/PowerShell/AIShell/issues/350"),
            ("STOP", "-in-capitals", "chat.stream", _CHUNK),
            ("tool_call", "-singular", "tools.nonstream", _CHUNK),
            ("max_tokens", "", "chat.capped", _CHUNK),
        )
    ),
    Fault("finish-null-as-text-throughout", "The finish_reason is the text null before the end.", "chat.stream", f"{_HIGRESS}/provider/provider.go",
          chunks(has_no_finish_reason, _finish("null")), "finish_reason.vocabulary"),
    Fault("finish-stop-with-call", "A tool call ends with stop.", "tools.auto", None,
          chunks(has_finish_reason, _finish("stop")), "finish_reason.tool-calls"),
    Fault("finish-stop-with-call-in-body", "A body with a tool call ends with stop.", "tools.nonstream", _VLLM_CHOICE,
          chunks(any_chunk, _finish("stop")), "finish_reason.tool-calls"),
    Fault("finish-stop-with-required-call", "A required tool call ends with stop.", "tools.required", _VLLM_CHOICE,
          chunks(has_finish_reason, _finish("stop")), "finish_reason.tool-calls"),
    Fault("finish-tool-calls-without-call", "A text ends with tool_calls.", "chat.stream", "https://github.com/vllm-project/vllm/issues/53255",
          chunks(has_finish_reason, _finish("tool_calls"), set_value(_NO_CALL, [])), "finish_reason.tool-calls"),
    Fault("finish-tool-calls-without-call-in-body", "A body without a tool call ends with tool_calls.", "chat.nonstream", "https://github.com/vllm-project/vllm/issues/53255",
          chunks(any_chunk, _finish("tool_calls"), set_value("choices/*/message/tool_calls", [])), "finish_reason.tool-calls"),
    Fault("finish-stop-at-cap", "An answer that the token limit cut ends with stop.", "chat.capped", _REQUEST, chunks(has_finish_reason, _finish("stop")), "finish_reason.length"),
    Fault("finish-length-at-stop", "An answer that a stop sequence ended ends with length.", "chat.stop", _CHUNK,
          chunks(has_finish_reason, _finish("length")), "finish_reason.stop"),
)
# fmt: on

FAULTS = (*_ROLES, *_TEXT, *_THOUGHTS, *_FINISHES)
