"""
LiteLLM with the prefix ``anthropic/``, which asks in Messages and answers as chat completions, streamed.

Source: https://docs.litellm.ai/docs/providers/anthropic
"""

import os

os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}  # the list of prices is on the web

import litellm

litellm.suppress_debug_info = True
SETTINGS = {"api_base": os.environ["ANTHROPIC_BASE_URL"], "api_key": os.environ["ANTHROPIC_API_KEY"], "timeout": 8}


def streamed(question, messages, out):
    chunks = []
    asked = {**question, "model": f"anthropic/{question['model']}", "messages": messages}
    options = {"stream_options": {"include_usage": True}, "num_retries": 0, "max_retries": 0}
    for chunk in litellm.completion(**asked, **SETTINGS, stream=True, **options):
        chunks.append(chunk)
        for choice in chunk.choices[:1]:
            out.print(choice.delta.content or "")
            out.think(getattr(choice.delta, "reasoning_content", None) or "")
    return litellm.stream_chunk_builder(chunks, messages=messages)


def read(question, out):
    tools = [as_function(tool) for tool in question.get("tools", ())]
    whole = streamed(question | ({"tools": tools} if tools else {}), question["messages"], out)
    [choice, *_] = whole.choices
    out.finish = choice.finish_reason  # in OpenAI's words
    out.usage = whole.usage.total_tokens
    out.tools = [[call.function.name, call.function.arguments] for call in choice.message.tool_calls or ()] or None


def loop(question, out):
    asked, messages = (
        question | {"tools": [as_function(tool) for tool in question["tools"]]},
        list(question["messages"]),
    )
    called = streamed(asked, messages, out).choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": "18 degrees"} for call in called.tool_calls]
    streamed(asked, [*messages, called, *results], out)


def as_function(tool):
    described = {"name": tool["name"], "parameters": tool["input_schema"], "description": tool.get("description", "")}
    return {"type": "function", "function": described}
