"""
The SDK helper `.chat.completions.stream()`: text as events, the rest from its final completion; right for OpenAI.

Source: https://github.com/openai/openai-python/blob/main/helpers.md
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    with client.chat.completions.stream(**question) as stream:
        for event in stream:
            if event.type == "content.delta":
                out.print(event.delta)
        completion = stream.get_final_completion()
    out.finish = completion.choices[0].finish_reason
    if completion.usage:
        out.usage = completion.usage.total_tokens
    calls = completion.choices[0].message.tool_calls
    if calls:
        out.tools = [[call.function.name, call.function.arguments] for call in calls]


def loop(question, out):
    functions = [{**tool["function"], "strict": True} for tool in question["tools"]]  # the helper takes no other
    asked = {**question, "tools": [{"type": "function", "function": function} for function in functions]}
    called = streamed(asked, question["messages"], out)
    results = [{"role": "tool", "tool_call_id": call.id, "content": "18 degrees"} for call in called.tool_calls]
    streamed(asked, [*question["messages"], called, *results], out)


def streamed(asked, messages, out):
    with client.chat.completions.stream(**{**asked, "messages": messages}) as stream:
        for event in stream:
            if event.type == "content.delta":
                out.print(event.delta)
        return stream.get_final_completion().choices[0].message
