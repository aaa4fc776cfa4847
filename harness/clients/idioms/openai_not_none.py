"""
Prints the text of a delta unless it is None; right as long as each chunk has a choice, so until usage is requested.

Source: https://github.com/devops-testbed/openai-python/commit/532a37d90cdc2fa286c035e279ff6df580f0b8b7
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        if chunk.choices[0].delta.content is not None:
            out.print(chunk.choices[0].delta.content)
