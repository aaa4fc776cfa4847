"""
LangChain's ChatAnthropic with another base URL, streamed.

Source: https://docs.langchain.com/oss/python/integrations/chat/anthropic
"""

import functools
import json
import os

os.environ["LANGSMITH_TRACING"] = "false"

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import ToolMessage


@functools.cache
def model(name):
    return ChatAnthropic(model=name, max_tokens=1024, max_retries=0, timeout=8)


def asked(question):
    chat = model(question["model"])
    return chat.bind_tools(question["tools"]) if question.get("tools") else chat


def streamed(chat, messages, out):
    whole = None
    for chunk in chat.stream(messages):
        out.print(chunk.text)
        whole = chunk if whole is None else whole + chunk  # chunks are added up as the documentation does
    return whole


def read(question, out):
    whole = streamed(asked(question), question["messages"], out)
    out.think(*(block.get("reasoning", "") for block in whole.content_blocks if block["type"] == "reasoning"))
    out.finish = whole.response_metadata.get("stop_reason")
    out.usage = whole.usage_metadata and whole.usage_metadata["total_tokens"]
    out.tools = [[call["name"], json.dumps(call["args"], ensure_ascii=False)] for call in whole.tool_calls] or None


def loop(question, out):
    chat, messages = asked(question), list(question["messages"])
    called = streamed(chat, messages, out)
    messages += [called, *(ToolMessage("18 degrees", tool_call_id=call["id"]) for call in called.tool_calls)]
    streamed(chat, messages, out)
