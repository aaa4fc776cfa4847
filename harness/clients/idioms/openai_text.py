"""
Looks for the text under the key `text` of the delta; never right, for no provider calls it so.

Source: none found
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        out.print(chunk.choices[0].delta.text)
