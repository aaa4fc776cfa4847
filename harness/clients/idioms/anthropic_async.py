"""
`AsyncAnthropic`, its `text_stream`, and the message at the end.

Source: https://github.com/anthropics/anthropic-sdk-python/blob/main/examples/messages_stream.py
"""

from anthropic import AsyncAnthropic


async def read(question, out):
    client = AsyncAnthropic(max_retries=0)
    async with client.messages.stream(**question) as stream:
        async for text in stream.text_stream:
            out.print(text)
        message = await stream.get_final_message()
    out.finish = message.stop_reason
