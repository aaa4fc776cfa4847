"""
The SDK's `.stream()`, of which `get_final_message()` puts the message together; right for Anthropic.

Source: https://github.com/anthropics/anthropic-sdk-python/blob/main/helpers.md
"""

import json

from anthropic import Anthropic

client = Anthropic(max_retries=0)


def read(question, out):
    give(streamed(question, question["messages"]), out)


def streamed(question, messages):
    with client.messages.stream(**{**question, "messages": messages}) as stream:
        return stream.get_final_message()


def give(message, out):
    for block in message.content:
        if block.type == "text":
            out.print(block.text)
        elif block.type == "thinking":
            out.think(block.thinking)
        elif block.type == "tool_use":
            out.tools = [*(out.tools or ()), [block.name, json.dumps(block.input)]]
    out.finish = message.stop_reason
    out.usage = message.usage.input_tokens + message.usage.output_tokens


def loop(question, out):
    called = streamed(question, question["messages"])
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "18 degrees"}
        for block in called.content
        if block.type == "tool_use"
    ]
    turns = [{"role": "assistant", "content": called.content}, {"role": "user", "content": results}]
    give(streamed(question, [*question["messages"], *turns]), out)
