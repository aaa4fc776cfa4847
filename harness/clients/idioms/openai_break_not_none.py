"""
Stops at the first finish_reason that is not None; right where that is null until the end and text never comes with it.

Source: none found
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        choice = chunk.choices[0]
        if choice.finish_reason is not None:
            out.finish = choice.finish_reason
            break
        out.print(choice.delta.content or "")
