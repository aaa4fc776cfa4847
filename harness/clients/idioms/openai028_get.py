"""
Asks the delta, a dict in openai 0.28, for text with a default; right where content is absent or text, but never null.

Source: https://sunra.top/en/posts/8a4be489
"""

import os

import openai

openai.api_base = os.environ["OPENAI_BASE_URL"]


def read(question, out):
    answer = ""
    for chunk in openai.ChatCompletion.create(**question, stream=True):
        answer += chunk.choices[0].delta.get("content", "")
    out.print(answer)
