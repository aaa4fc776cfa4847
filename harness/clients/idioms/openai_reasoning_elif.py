"""
Prints reasoning or else text, whichever is not empty; right where each delta has the key `reasoning_content`.

Source: none found
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        delta = chunk.choices[0].delta
        if delta.reasoning_content:
            out.think(delta.reasoning_content)
        elif delta.content:
            out.print(delta.content)
