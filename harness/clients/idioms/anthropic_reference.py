"""
The robust reader: events by name, blocks by index, no key taken for granted, an end needed.

Source: written for this project; copy it.
"""

import json

from anthropic import Anthropic

client = Anthropic(max_retries=0)


def read(question, out):
    blocks, calls, counts, stop, ended = {}, [], {}, None, False
    for event in events(question):
        kind = getattr(event, "type", None)
        if kind == "error":
            raise RuntimeError(f"the provider says: {event}")
        if kind in {"message_start", "message_delta"}:
            counts |= numbers(getattr(getattr(event, "message", event), "usage", None))  # later counts replace earlier
        if kind == "message_delta":
            stop = text(event.delta, "stop_reason") or stop
        elif kind == "content_block_start":
            start(blocks, calls, event.index, event.content_block, out)
        elif kind == "content_block_delta":
            add(blocks, getattr(event, "index", None), event.delta, out)
        ended = ended or kind == "message_stop"
    if not (stop or ended):
        raise RuntimeError("the stream ended before the answer did")
    out.finish, out.usage = stop, sum(counts.values()) if counts else None
    out.tools = [[call["name"], call["pieces"] or call["given"]] for call in calls] or None


def events(question):
    try:
        yield from client.messages.create(**question, stream=True)
    except ValueError as error:
        raise RuntimeError("an event of the stream is no JSON") from error


def start(blocks, calls, index, head, out):
    """Begin a block, and show what it begins with; the same start once more begins no other one."""
    block = {"kind": getattr(head, "type", None), "id": text(head, "id"), "name": text(head, "name")}
    if index in blocks and block.items() <= blocks[index].items():
        return
    blocks[index] = block | {"pieces": "", "given": json.dumps(getattr(head, "input", None) or {})}
    if block["kind"] == "tool_use":
        calls.append(blocks[index])
    out.print(text(head, "text"))
    out.think(text(head, "thinking"))


def add(blocks, index, delta, out):
    """Add a piece by what it is, whatever the block: a text may come in an invalid one."""
    if index not in blocks:
        raise RuntimeError(f"a piece of block {index}, which was not started")
    kind = getattr(delta, "type", None)
    if kind == "text_delta":
        out.print(text(delta, "text"))
    elif kind == "thinking_delta":
        out.think(text(delta, "thinking"))
    elif kind == "input_json_delta":
        blocks[index]["pieces"] += text(delta, "partial_json")


def numbers(usage):
    """Return the counts that together are all tokens: what was read from a cache, or put there, is not in the input."""
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    found = {name: getattr(usage, name, None) for name in names}
    return {name: value for name, value in found.items() if isinstance(value, int)}


def text(thing, key):
    value = getattr(thing, key, None)  # some send null, a list or nothing
    return value if isinstance(value, str) else ""
