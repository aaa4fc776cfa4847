"""
Adds each piece of text to a string; right only where every delta has text, so not even for OpenAI's last chunk.

Source: https://dev.to/getversyka/your-openai-streaming-loop-works-in-the-demo-it-breaks-on-the-last-chunk-354e
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    answer = ""
    for chunk in client.chat.completions.create(**question, stream=True):
        answer += chunk.choices[0].delta.content
    out.print(answer)
