"""
Takes the usage from the last chunk; right where the provider sends one when asked, and sends nothing after it.

Source: none found
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question | {"stream_options": {"include_usage": True}}, stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            out.print(chunk.choices[0].delta.content)
    out.usage = chunk.usage.total_tokens
