"""
The SDK's `.stream()`, its `text_stream` printed; it shows no reasoning and no tool call.

Source: https://github.com/anthropics/anthropic-sdk-python/blob/main/helpers.md
"""

from anthropic import Anthropic

client = Anthropic(max_retries=0)


def read(question, out):
    with client.messages.stream(**question) as stream:
        for text in stream.text_stream:
            out.print(text)
