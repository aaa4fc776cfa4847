"""
The robust reader: no key is taken for granted, and a response without an end is an error.

Source: written for this project; copy it.
"""

from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    calls, finish = {}, None
    for chunk in chunks(question):
        out.usage = getattr(getattr(chunk, "usage", None), "total_tokens", out.usage)  # some send it in every chunk
        for choice in getattr(chunk, "choices", None) or []:  # a chunk with the usage has none
            if getattr(choice, "index", 0):
                continue
            finish = getattr(choice, "finish_reason", None) or finish  # "" is no reason
            delta = getattr(choice, "delta", None)
            out.think(text(delta, "reasoning_content") or text(delta, "reasoning"))
            out.print(text(delta, "content"))
            for piece in getattr(delta, "tool_calls", None) or []:
                if hasattr(piece, "function"):
                    add(calls, piece)
    if finish is None:
        raise RuntimeError("the stream ended before the answer did")
    out.finish = finish
    out.tools = [[call["name"], call["arguments"]] for call in calls.values()] or None


def chunks(question):
    try:
        yield from client.chat.completions.create(**question, stream=True)
    except ValueError as error:
        raise RuntimeError("an event of the stream is no JSON in UTF-8") from error


def text(thing, key):
    value = getattr(thing, key, None)  # some send null, a list or nothing
    return value if isinstance(value, str) else ""


def add(calls, piece):
    """Add a piece to its call: by index; without one, an id begins a call and all else goes on with the last."""
    key = getattr(piece, "index", None)
    if key is None:
        key = len(calls) if piece.id or not calls else next(reversed(calls))
    call = calls.setdefault(key, {"name": "", "arguments": ""})
    call["name"] = call["name"] or text(piece.function, "name")  # repeated by some, so not added
    call["arguments"] += text(piece.function, "arguments")
