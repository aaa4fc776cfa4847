"""
Prints the text of a whole answer; right where there is one: None is printed where the answer is a call or a refusal.

Source: https://github.com/openai/openai-python/blob/main/README.md
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    completion = client.chat.completions.create(**question)
    out.print(completion.choices[0].message.content)
