"""
Prints what comes, as it comes; right where each delta has text.

Source: https://docs.siliconflow.com/en/faqs/stream-mode
"""

from openai import OpenAI

client = OpenAI(max_retries=0)  # address and key are in OPENAI_BASE_URL and OPENAI_API_KEY


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        out.print(chunk.choices[0].delta.content)
