"""
Starts a new message wherever a delta has a role, and shows the last one; right where the role comes once, at the start.

Source: none found
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    messages = []
    for chunk in client.chat.completions.create(**question, stream=True):
        delta = chunk.choices[0].delta
        if delta.role:
            messages.append({"role": delta.role, "content": ""})
        if delta.content:
            messages[-1]["content"] += delta.content
    out.print(messages[-1]["content"])
