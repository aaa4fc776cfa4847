"""
`message.content[0].text` of a non-streaming response; right if no reasoning or tool call comes first.

Source: https://github.com/anthropics/anthropic-sdk-python/blob/main/README.md
"""

from anthropic import Anthropic

client = Anthropic(max_retries=0)


def read(question, out):
    message = client.messages.create(**question)
    out.print(message.content[0].text)
