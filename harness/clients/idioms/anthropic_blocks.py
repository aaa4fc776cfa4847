"""
All blocks of a non-streaming response, each by its type.

Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use
"""

import json

from anthropic import Anthropic

client = Anthropic(max_retries=0)


def read(question, out):
    message = client.messages.create(**question)
    out.print(*(block.text for block in message.content if block.type == "text"))
    out.think(*(block.thinking for block in message.content if block.type == "thinking"))
    out.tools = [[one.name, json.dumps(one.input)] for one in message.content if one.type == "tool_use"] or None
    out.finish = message.stop_reason
    out.usage = message.usage.input_tokens + message.usage.output_tokens
