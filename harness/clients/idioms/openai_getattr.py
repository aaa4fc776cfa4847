"""
Skips chunks without a choice and asks for each key with a default; right for most streams, silent on one cut short.

Source: https://docs.siliconflow.cn/docs/userguide/capabilities/stream-mode
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        if not chunk.choices:
            continue
        delta = chunk.choices[0].delta
        reasoning_content = getattr(delta, "reasoning_content", None)
        content = getattr(delta, "content", None)
        if reasoning_content:
            out.think(reasoning_content)
        if content:
            out.print(content)
