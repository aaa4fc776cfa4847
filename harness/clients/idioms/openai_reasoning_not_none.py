"""
Takes a delta for reasoning unless that is None, else for text; right where reasoning is null, not "", once text comes.

Source: none found
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    answer = ""
    for chunk in client.chat.completions.create(**question, stream=True):
        if not chunk.choices:
            out.usage = chunk.usage.total_tokens
            continue
        delta = chunk.choices[0].delta
        if hasattr(delta, "reasoning_content") and delta.reasoning_content is not None:
            out.think(delta.reasoning_content)
        else:
            answer += delta.content
    out.print(answer)
