"""
`print(chunk.choices[0].text)`; right where every chunk has a choice, and every choice a text.

Source: https://ericlbuehler.github.io/mistral.rs/examples/server/streaming-completion/
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.completions.create(**question, stream=True):
        out.print(chunk.choices[0].text)
