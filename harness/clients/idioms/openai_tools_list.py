"""
Grows a list by index and adds up id, name and arguments; right where the index counts from 0 and a name comes once.

Source: none found
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    tool_calls = []
    for chunk in client.chat.completions.create(**question, stream=True):
        delta = chunk.choices[0].delta if chunk.choices else None
        if delta and delta.content:
            out.print(delta.content)
        elif delta and delta.tool_calls:
            for piece in delta.tool_calls:
                if len(tool_calls) <= piece.index:
                    tool_calls.append({"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
                call = tool_calls[piece.index]
                if piece.id:
                    call["id"] += piece.id
                if piece.function.name:
                    call["function"]["name"] += piece.function.name
                if piece.function.arguments:
                    call["function"]["arguments"] += piece.function.arguments
    out.tools = [[call["function"]["name"], call["function"]["arguments"]] for call in tool_calls]
