"""
Loops over the async client's answer without await; never right: it is a coroutine, and the question is not even sent.

Source: none found
"""

from openai import AsyncOpenAI

client = AsyncOpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        out.print(chunk.choices[0].delta.content or "")
