"""
The async client, printing the text where choice, delta and text are there; silent on a stream cut short.

Source: https://github.com/scaleway/docs-content/pull/4087/files
"""

from openai import AsyncOpenAI

client = AsyncOpenAI(max_retries=0)


async def read(question, out):
    stream = await client.chat.completions.create(**question, stream=True)
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta and chunk.choices[0].delta.content:
            out.print(chunk.choices[0].delta.content)
