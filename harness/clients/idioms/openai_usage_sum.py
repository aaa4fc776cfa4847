"""
Adds up the usage of all chunks; right where just one chunk has one, wrong where each chunk tells the usage so far.

Source: https://github.com/Continuum-AI-Corp/OrcaRouter-Lite/issues/125
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    total = 0
    for chunk in client.chat.completions.create(**question | {"stream_options": {"include_usage": True}}, stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            out.print(chunk.choices[0].delta.content)
        if chunk.usage:
            total += chunk.usage.total_tokens
    out.usage = total
