"""
Takes for text what has no reasoning, with or without the key; right where a delta without reasoning always has text.

Source: none found
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        delta = chunk.choices[0].delta
        if hasattr(delta, "reasoning_content") and delta.reasoning_content:
            out.think(delta.reasoning_content)
        else:
            out.print(delta.content)
