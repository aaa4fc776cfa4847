"""
LlamaIndex's OpenAILike, its OpenAI class for other addresses, streamed.

Source: https://developers.llamaindex.ai/python/framework-api-reference/llms/openai_like
"""

import functools
import json
import os

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike


def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return f"18 degrees in {city}"


def get_time(zone: str) -> str:
    """Get the time in a zone such as CET."""
    return f"noon in {zone}"


TOOLS = [FunctionTool.from_defaults(get_weather), FunctionTool.from_defaults(get_time)]


@functools.cache
def model(name):
    address, key = os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_API_KEY"]
    does = {"is_chat_model": True, "is_function_calling_model": True}  # neither is taken for granted
    return OpenAILike(model=name, api_base=address, api_key=key, max_retries=0, timeout=8, **does)


def streamed(question, messages, out):
    llm, more = model(question["model"]), {key: question[key] for key in ("stream_options",) if key in question}
    if question.get("tools"):
        responses = llm.stream_chat_with_tools(TOOLS, chat_history=messages, allow_parallel_tool_calls=True, **more)
    else:
        responses = llm.stream_chat(messages, **more)
    last = None
    for last in responses:
        out.print(last.delta or "")
        out.think(last.additional_kwargs.get("thinking_delta", ""))
        out.usage = last.additional_kwargs.get("total_tokens", out.usage)
    calls = llm.get_tool_calls_from_response(last, error_on_no_tool_call=False) if question.get("tools") else []
    return last, calls


def read(question, out):
    _, calls = streamed(question, [ChatMessage(**message) for message in question["messages"]], out)
    out.tools = [[call.tool_name, json.dumps(call.tool_kwargs, ensure_ascii=False)] for call in calls] or None


def loop(question, out):
    messages = [ChatMessage(**message) for message in question["messages"]]
    last, calls = streamed(question, messages, out)
    results = [ChatMessage("18 degrees", role="tool", tool_call_id=call.tool_id) for call in calls]
    streamed(question, [*messages, last.message, *results], out)
