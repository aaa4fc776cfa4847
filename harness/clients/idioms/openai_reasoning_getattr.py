"""
Prints reasoning where the key is there and not empty, else text; right as long as each chunk has a choice with a delta.

Source: https://github.com/openai/openai-agents-python/issues/415
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        delta = chunk.choices[0].delta
        if getattr(delta, "reasoning_content", None):
            out.think(delta.reasoning_content)
        elif delta.content:
            out.print(delta.content)
