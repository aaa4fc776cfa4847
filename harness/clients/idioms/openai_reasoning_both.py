"""
Prints the text, then the reasoning of each chunk; right where each delta has the key `reasoning_content`, if only null.

Source: https://docs.siliconflow.cn/en/faqs/stream-mode
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        if not chunk.choices:
            continue
        if chunk.choices[0].delta.content:
            out.print(chunk.choices[0].delta.content)
        if chunk.choices[0].delta.reasoning_content:
            out.think(chunk.choices[0].delta.reasoning_content)
