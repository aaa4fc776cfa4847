"""
Prints the text where a chunk has a choice and the choice has text; right as long as a delta is never null.

Source: https://github.com/scaleway/docs-content/pull/4087/files
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            out.print(chunk.choices[0].delta.content)
