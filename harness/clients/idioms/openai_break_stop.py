"""
Stops at the finish_reason "stop"; right where usage comes no later than that, and the answer ends for no other reason.

Source: none found
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question | {"stream_options": {"include_usage": True}}, stream=True):
        if chunk.usage:
            out.usage = chunk.usage.total_tokens
        choice = chunk.choices[0]
        out.print(choice.delta.content or "")
        if choice.finish_reason == "stop":
            break
