"""
LiteLLM with the prefix ``openai/``, its way to any OpenAI-compatible address, streamed.

Source: https://docs.litellm.ai/docs/providers/openai_compatible
"""

import os

os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}  # the list of prices is on the web

import litellm

litellm.suppress_debug_info = True
SETTINGS = {"api_base": os.environ["OPENAI_BASE_URL"], "api_key": os.environ["OPENAI_API_KEY"], "timeout": 8}


def streamed(question, messages, out):
    chunks = []
    asked = {**question, "model": f"openai/{question['model']}", "messages": messages}
    for chunk in litellm.completion(**asked, **SETTINGS, stream=True, num_retries=0, max_retries=0):
        chunks.append(chunk)
        for choice in chunk.choices[:1]:
            out.print(choice.delta.content or "")
            out.think(getattr(choice.delta, "reasoning_content", None) or "")
    return litellm.stream_chunk_builder(chunks, messages=messages)


def read(question, out):
    whole = streamed(question, question["messages"], out)
    [choice, *_] = whole.choices
    out.finish = choice.finish_reason
    if "stream_options" in question:  # unasked it is LiteLLM's own count
        out.usage = whole.usage.total_tokens
    out.tools = [[call.function.name, call.function.arguments] for call in choice.message.tool_calls or ()] or None


def loop(question, out):
    messages = list(question["messages"])
    called = streamed(question, messages, out).choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": "18 degrees"} for call in called.tool_calls]
    streamed(question, [*messages, called, *results], out)
