"""
Reads as Claude Code does: blocks in a list by index, a piece of an unknown or another block is an error, a block is whole as it stops.

Source: https://github.com/BerriAI/litellm/issues/13373
"""

import json

from anthropic import Anthropic

client = Anthropic(max_retries=0)
FITS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "tool_use",
}


def read(question, out):
    message, blocks, calls = None, {}, []
    for event in client.messages.create(**question, stream=True):
        if event.type == "message_start":
            message = event.message
        elif event.type == "content_block_start":
            blocks[event.index] = {
                "type": event.content_block.type,
                "name": getattr(event.content_block, "name", ""),
                "said": "",
            }
        elif event.type == "content_block_delta":
            block = blocks.get(event.index)
            if block is None:
                raise LookupError("Content block not found")
            wanted = FITS.get(event.delta.type)
            if wanted and block["type"] != wanted:
                raise LookupError(f"Content block is not a {wanted} block")
            block["said"] += getattr(
                event.delta, {"text": "text", "thinking": "thinking"}.get(wanted, "partial_json"), ""
            )
        elif event.type == "content_block_stop":
            block = blocks.get(event.index)
            if block is None:
                raise LookupError("Content block not found")
            if message is None:
                raise LookupError("Message not found")
            handed_on(block, calls, out)  # a tool runs as its block stops: one that stops twice runs twice
        elif event.type == "message_delta":
            out.finish = event.delta.stop_reason
    if message is None or not blocks:
        raise RuntimeError("Stream ended without receiving any events")
    out.tools = calls or None


def handed_on(block, calls, out):
    if block["type"] == "tool_use":
        calls.append([block["name"], json.dumps(json.loads(block["said"] or "{}"))])
    elif block["type"] == "thinking":
        out.think(block["said"])
    elif block["type"] == "text":
        out.print(block["said"])
