"""
Looks for a message inside the delta; never right, for no provider sends one.

Source: none found
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        out.print(chunk.choices[0].delta.message.content)
