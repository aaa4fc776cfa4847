"""
Hands on the calls once the finish_reason is "tool_calls"; right where a call ends with that, and not with "stop".

Source: https://how2.sh/posts/how-to-handle-streaming-responses-with-function-calling-in-ai-agents
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    tool_calls = {}
    for chunk in client.chat.completions.create(**question, stream=True):
        if not chunk.choices:
            continue
        delta = chunk.choices[0].delta
        if delta.content:
            out.print(delta.content)
        for piece in delta.tool_calls or []:
            call = tool_calls.setdefault(piece.index, {"name": "", "arguments": ""})
            if piece.function and piece.function.name:
                call["name"] = piece.function.name
            if piece.function and piece.function.arguments:
                call["arguments"] += piece.function.arguments
        if chunk.choices[0].finish_reason == "tool_calls":
            out.tools = [[call["name"], call["arguments"]] for call in tool_calls.values()]
            break
