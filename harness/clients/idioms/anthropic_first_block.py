"""
`message.content[0].text` of an answer in one piece; right where no thought and no call comes first.

Source: https://github.com/anthropics/anthropic-sdk-python/blob/main/README.md
"""

from anthropic import Anthropic

client = Anthropic(max_retries=0)


def read(question, out):
    message = client.messages.create(**question)
    out.print(message.content[0].text)
