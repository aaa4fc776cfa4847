"""
The robust reader of legacy completions: no key is taken for granted, and a text without an end is an error.

Source: written for this project; copy it.
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    finish = None
    for chunk in chunks(question):
        out.usage = getattr(getattr(chunk, "usage", None), "total_tokens", out.usage)  # some send it in every chunk
        for choice in getattr(chunk, "choices", None) or []:  # a chunk with the usage has none
            if getattr(choice, "index", 0):
                continue
            finish = getattr(choice, "finish_reason", None) or finish  # "" is no reason
            text = getattr(choice, "text", None)  # some send null, or leave it out beside the reason
            out.print(text if isinstance(text, str) else "")
    if finish is None:
        raise RuntimeError("the stream ended before the text did")
    out.finish = finish


def chunks(question):
    try:
        yield from client.completions.create(**question, stream=True)
    except ValueError as error:
        raise RuntimeError("an event of the stream is no JSON in UTF-8") from error
