"""
Asks whether a delta has the attribute `content` and prints it; the SDK's deltas always have it, so None gets printed.

Source: none found
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        delta = chunk.choices[0].delta
        if hasattr(delta, "content"):
            out.print(delta.content)
