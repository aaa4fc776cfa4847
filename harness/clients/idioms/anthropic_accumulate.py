"""
Raw events, blocks in a list by their index, `input_json_delta` joined and parsed as the block stops.

Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming
"""

import json

from anthropic import Anthropic

client = Anthropic(max_retries=0)


def read(question, out):
    blocks = []
    for event in client.messages.create(**question, stream=True):
        if event.type == "content_block_start":
            blocks.append(
                {"type": event.content_block.type, "name": getattr(event.content_block, "name", None), "json": ""}
            )
        elif event.type == "content_block_delta":
            block = blocks[event.index]
            if event.delta.type == "text_delta":
                out.print(event.delta.text)
            elif event.delta.type == "input_json_delta":
                block["json"] += event.delta.partial_json
        elif event.type == "content_block_stop":
            block = blocks[event.index]
            if block["type"] == "tool_use":
                block["input"] = json.loads(block["json"] or "{}")
        elif event.type == "message_delta":
            out.finish = event.delta.stop_reason
    calls = [[block["name"], json.dumps(block["input"])] for block in blocks if block["type"] == "tool_use"]
    out.tools = calls or None
