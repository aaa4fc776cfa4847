"""
Takes all that is not reasoning for text; right where each delta has the key `reasoning_content` and one is not empty.

Source: https://api-docs.deepseek.com/guides/thinking_mode_api_example_streaming
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        delta = chunk.choices[0].delta
        if delta.reasoning_content:
            out.think(delta.reasoning_content)
        else:
            out.print(delta.content)
