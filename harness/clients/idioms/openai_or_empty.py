"""
Prints the text, and nothing where there is none; right as long as each chunk has a choice, so until usage is requested.

Source: https://github.com/devops-testbed/openai-python/commit/532a37d90cdc2fa286c035e279ff6df580f0b8b7
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        out.print(chunk.choices[0].delta.content or "")
