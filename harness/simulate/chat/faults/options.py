"""Legal variants: responses as requested, as another may repeat them, or as a publisher altered them."""

from harness.simulate.chat.faults.between import after, asked
from harness.simulate.edits import any_chunk, chunks, compose, has_choice, has_content, insert, set_value
from harness.simulate.fault import Variant

_GITHUB = "https://github.com"
_USAGE = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
_SAID = "choices/*/message/content"
_PROGRESS = {
    "id": "chatcmpl-reference", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": None}, "finish_reason": None}],
    "prompt_progress": {"total": 237, "cache": 0, "processed": 128, "time_ms": 181},
}  # fmt: skip

# fmt: off
VARIANTS = (
    Variant("usage-all-along-asked", "Usage is sent in every chunk, as requested.", "chat.stream-usage", f"{_GITHUB}/sgl-project/sglang/pull/12241",
            compose(asked(stream_options={"include_usage": True, "continuous_usage_stats": True}), chunks(has_choice, set_value("usage", _USAGE)))),
    Variant("usage-all-along-asked-of-ark", "Usage is sent in every chunk, requested by another name.", "chat.stream-usage", "https://www.volcengine.com/docs/82379/1494384",
            compose(asked(stream_options={"include_usage": True, "chunk_include_usage": True}), chunks(has_choice, set_value("usage", _USAGE)))),
    Variant("usage-asked-by-usage", "Usage is requested by the parameter usage.", "chat.stream-usage", f"{_GITHUB}/OpenRouterTeam/ai-sdk-provider/pull/64",
            compose(asked(stream_options=None, usage={"include": True}), chunks(any_chunk, set_value("provider", "OpenAI")))),
    Variant("stop-kept-asked", "The text ends with the stop sequence, as requested.", "params.stop", f"{_GITHUB}/vllm-project/vllm/pull/1976",
            compose(asked(include_stop_str_in_output=True), chunks(any_chunk, set_value(_SAID, lambda said: f"{said}7")))),
    Variant("progress-asked", "Chunks tell how far the prompt is read, as requested.", "chat.stream", f"{_GITHUB}/ggml-org/llama.cpp/pull/15827",
            compose(asked(return_progress=True), insert(has_choice, _PROGRESS))),
    Variant("think-tags-asked", "The reasoning is in tags in the text, as requested.", "chat.nonstream", "https://reference.langchain.com/python/langchain-groq/chat_models/ChatGroq/reasoning_format",
            compose(asked(reasoning_format="raw"), chunks(any_chunk, set_value(_SAID, "<think>I greet back.</think>Hello!")))),
    Variant("special-tokens-asked", "The text contains the special tokens of the model, as requested.", "chat.stream", f"{_GITHUB}/vllm-project/vllm/issues/893",
            compose(asked(skip_special_tokens=False), chunks(has_content, set_value("choices/*/delta/content", " help?<|im_end|>"), only=slice(-1, None)))),
    Variant("answer-from-cache", "A cache gives the answer to the same question again, with its id and another time.", "chat.nonstream", f"{_GITHUB}/BerriAI/litellm/issues/1328",
            compose(chunks(any_chunk, set_value("created", 1_760_003_600)), after(asked(seed=None), chunks(any_chunk, set_value("created", 1_760_000_000))))),
    Variant("ids-redacted", "Whoever published the recording put words for the id and 0 for the time.", "chat.nonstream",
            f"{_GITHUB}/0xPlaygrounds/rig/blob/b75850e899498647563af2d644ee72d28ac7a69e/tests/cassettes/deepseek/agent/completion_smoke.yaml",
            chunks(any_chunk, set_value("id", "chatcmpl-REDACTED_1"), set_value("created", 0))),
    Variant("model-of-fallback", "Another model answers, of those that the request names.", "chat.stream", "https://openrouter.ai/docs/guides/routing/model-fallbacks",
            compose(asked(models=["z-ai/glm-5-flash"]), chunks(any_chunk, set_value("model", "z-ai/glm-5-flash")))),
    Variant("whole-at-cap", "An answer ends of itself with the last token that it may have.", "chat.nonstream", "https://github.com/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml#L33665", compose(asked(max_tokens=4), chunks(any_chunk, set_value(_SAID, "Good day, friend!")))),
)
# fmt: on
