"""
Takes a delta with the key `reasoning_content` for reasoning; right where that key is absent as soon as text comes.

Source: https://github.com/vllm-project/vllm/blob/0a094d29fd23a9789f8029250129f8d20d8d1c66/examples/online_serving/openai_chat_completion_with_reasoning_streaming.py
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        reasoning_content = None
        content = None
        if hasattr(chunk.choices[0].delta, "reasoning_content"):
            reasoning_content = chunk.choices[0].delta.reasoning_content
        elif hasattr(chunk.choices[0].delta, "content"):
            content = chunk.choices[0].delta.content
        if reasoning_content is not None:
            out.think(reasoning_content)
        elif content is not None:
            out.print(content)
