"""
Reads the delta's text as an attribute in openai 0.28; right only where each delta has the key, so not for OpenAI.

Source: none found
"""

import os

import openai

openai.api_base = os.environ["OPENAI_BASE_URL"]


def read(question, out):
    answer = ""
    for chunk in openai.ChatCompletion.create(**question, stream=True):
        answer += chunk.choices[0].delta.content
    out.print(answer)
