"""
Reads a delta as the dict that it was before openai 1.0; never right with openai 1.0 or later.

Source: none found
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        out.print(chunk.choices[0].delta.get("content", ""))
