"""
Prints `event.delta.text` of every `content_block_delta`; right while the answer is a text and nothing else.

Source: https://github.com/anthropics/anthropic-sdk-python/issues/1113
"""

from anthropic import Anthropic

client = Anthropic(max_retries=0)


def read(question, out):
    for event in client.messages.create(**question, stream=True):
        if event.type == "content_block_delta":
            out.print(event.delta.text)
