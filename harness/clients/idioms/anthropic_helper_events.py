"""
The events that the SDK's `.stream()` makes: `text`, `thinking`, and each block as it is whole at `content_block_stop`.

Source: https://github.com/anthropics/anthropic-sdk-python/blob/main/helpers.md
"""

import json

from anthropic import Anthropic

client = Anthropic(max_retries=0)


def read(question, out):
    calls = []
    with client.messages.stream(**question) as stream:
        for event in stream:
            if event.type == "text":
                out.print(event.text)
            elif event.type == "thinking":
                out.think(event.thinking)
            elif event.type == "content_block_stop" and event.content_block.type == "tool_use":
                calls.append([event.content_block.name, json.dumps(event.content_block.input)])
            elif event.type == "message_stop":
                out.finish = event.message.stop_reason
    out.tools = calls or None
