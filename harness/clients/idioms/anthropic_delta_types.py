"""
Raw events, each delta by its type; usage of the beginning and of the end, tools by the block that is open.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from anthropic import Anthropic

client = Anthropic(max_retries=0)


def read(question, out):
    calls, prompt, current = [], 0, None
    for event in client.messages.create(**question, stream=True):
        if event.type == "message_start":
            prompt = event.message.usage.input_tokens
        elif event.type == "content_block_start":
            current = event.content_block
            if current.type == "tool_use":
                calls.append([current.name, ""])
        elif event.type == "content_block_delta":
            if event.delta.type == "text_delta":
                out.print(event.delta.text)
            elif event.delta.type == "thinking_delta":
                out.think(event.delta.thinking)
            elif event.delta.type == "input_json_delta":
                calls[-1][1] += event.delta.partial_json
        elif event.type == "message_delta":
            out.finish = event.delta.stop_reason
            out.usage = prompt + event.usage.output_tokens
    out.tools = calls or None
