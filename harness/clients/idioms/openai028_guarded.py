"""
Asks for each key with a default in openai 0.28; right for most streams, silent on one cut short.

Source: https://github.com/simonw/til/blob/646433d282759fd15195d1b4822b4806f1cfa41c/gpt3/python-chatgpt-streaming-api.md
"""

import os

import openai

openai.api_base = os.environ["OPENAI_BASE_URL"]


def read(question, out):
    for chunk in openai.ChatCompletion.create(**question, stream=True):
        if chunk.get("usage"):
            out.usage = chunk["usage"].get("total_tokens")
        if not chunk.get("choices"):
            continue
        delta = chunk["choices"][0].get("delta") or {}
        out.think(delta.get("reasoning_content") or delta.get("reasoning") or "")
        out.print(delta.get("content") or "")
