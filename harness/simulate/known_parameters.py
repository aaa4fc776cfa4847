"""
Lists the parameters that OpenAI and Anthropic know; a request with another one is rejected by both.

The lists are those of their SDKs.  What OpenAI says: https://github.com/64bit/async-openai/issues/386 (the older words, "Unrecognized
request argument supplied", are still seen in 2026), and in Responses: https://github.com/openai/codex/issues/10834.  Anthropic:
https://github.com/amrit110/oli/issues/7.
"""

from harness.simulate.chat.refusing import Wrong
from harness.wire.shapes import Json

_OF_BOTH = (
    "metadata", "model", "moderation", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_options",
    "prompt_cache_retention", "safety_identifier", "service_tier", "store", "stream", "stream_options", "temperature",
    "tool_choice", "tools", "top_logprobs", "top_p", "user",
)  # fmt: skip
OF_CHAT = frozenset((
    *_OF_BOTH,
    "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens",
    "max_tokens", "messages", "modalities", "n", "prediction", "presence_penalty", "reasoning_effort",
    "response_format", "seed", "stop", "verbosity", "web_search_options",
))  # fmt: skip
OF_RESPONSES = frozenset((
    *_OF_BOTH,
    "access_programs", "background", "context_management", "conversation", "image", "include", "input", "instructions",
    "max_output_tokens", "max_tool_calls", "previous_response_id", "prompt", "reasoning", "text", "truncation",
))  # fmt: skip
OF_MESSAGES = frozenset((
    "billing_policy", "cache_control", "compaction", "container", "context_management", "diagnostics",
    "fallback_credit_token", "fallbacks", "inference_geo", "max_tokens", "mcp_servers", "messages", "metadata", "model",
    "output_config", "output_format", "service_tier", "speed", "stop_sequences", "stream", "system", "temperature",
    "thinking", "thread", "tool_choice", "tools", "top_k", "top_p", "user_profile_id", "workspace_id",
))  # fmt: skip
_LONGEST = 80


def unknown_to_openai(body: Json, known: frozenset[str]) -> Wrong | None:
    """Return the error of the first parameter that is not ``known`` to OpenAI in chat or in Responses."""
    name = next((name[:_LONGEST] for name in body if name not in known and body[name] is not None), None)
    if name is None:
        return None
    return Wrong("params.unknown-key", f"Unknown parameter: '{name}'.", name, "unknown_parameter")


def unknown_to_anthropic(body: Json) -> str | None:
    """Return what Anthropic says of the first parameter of Messages that it does not know."""
    name = next((name[:_LONGEST] for name in body if name not in OF_MESSAGES), None)
    return None if name is None else f"{name}: Extra inputs are not permitted"
