"""
Keeps the first fragment of each call by index and adds the arguments of later ones; right where none of them is null.

Source: none found
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    final_tool_calls = {}
    for chunk in client.chat.completions.create(**question, stream=True):
        if not chunk.choices:
            continue
        delta = chunk.choices[0].delta
        if delta.content:
            out.print(delta.content)
        for tool_call in delta.tool_calls or []:
            index = tool_call.index
            if index not in final_tool_calls:
                final_tool_calls[index] = tool_call
            else:
                final_tool_calls[index].function.arguments += tool_call.function.arguments
    out.tools = [[call.function.name, call.function.arguments] for call in final_tool_calls.values()]
