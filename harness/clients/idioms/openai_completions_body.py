"""
`response.choices[0].text` of a non-streaming response, as DeepSeek's page on filling a gap shows it.

Source: https://api-docs.deepseek.com/guides/fim_completion
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    response = client.completions.create(**question)
    out.print(response.choices[0].text)
    out.finish = response.choices[0].finish_reason
    out.usage = response.usage and response.usage.total_tokens
