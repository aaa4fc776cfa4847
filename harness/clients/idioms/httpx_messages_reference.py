"""
The robust reader of raw HTTP: `type` rather than the name of the event, blocks by index, an end needed.

Source: written for this project; copy it.
"""

import json
import os
import re

import httpx

URL = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
HEADERS = {"x-api-key": os.environ["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"}
COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")


def read(question, out):
    blocks, calls, counts, stop, ended = {}, [], {}, None, False
    with httpx.stream("POST", URL, headers=HEADERS, json=question | {"stream": True}, timeout=60) as response:
        if response.status_code != 200:
            raise RuntimeError(f"status {response.status_code}: {response.read()[:500]}")
        for event in events(response):
            kind, index = event.get("type"), json.dumps(event.get("index"))
            if kind == "error" or "error" in event or str(kind).endswith("_error"):
                raise RuntimeError(f"the provider says: {event}")
            usage = part(event, "usage") or part(part(event, "message"), "usage")
            counts |= {name: usage[name] for name in COUNTS if isinstance(usage.get(name), int)}
            if kind == "message_delta":
                stop = text(part(event, "delta"), "stop_reason") or stop
            elif kind == "content_block_start":
                start(blocks, calls, index, part(event, "content_block"), out)
            elif kind == "content_block_delta" or (kind is None and "delta" in event):
                add(blocks, index, part(event, "delta"), out)
            ended = ended or kind == "message_stop"
    if not (stop or ended):
        raise RuntimeError("the stream ended before the answer did")
    out.finish, out.usage = stop, sum(counts.values()) if counts else None
    out.tools = [[call["name"], call["pieces"] or call["given"]] for call in calls] or None


def events(response):
    """Return the JSON objects of the stream; a blank line ends an event, whose data may be in several lines."""
    data = []
    for line in lines(response):
        name, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif not line:
            whole, data = b"\n".join(data).decode("utf-8", "replace").strip(), []
            if whole.startswith("{"):  # all else, such as [DONE], keeps the connection alive
                try:
                    yield json.loads(whole)
                except ValueError as error:
                    raise RuntimeError(f"an event of the stream is no JSON: {whole[:500]}") from error


def lines(response):
    """Return the lines as bytes: as text they would be split at U+2028 too."""
    rest = b""
    for piece in response.iter_bytes():
        *whole, rest = re.split(rb"\r\n|\n|\r(?!\Z)", rest + piece)  # a CR at the end may be half of a CRLF
        yield from whole
    yield from [*rest.splitlines(), b""]  # the last event may lack its blank line


def start(blocks, calls, index, head, out):
    """Begin a block, and show what it begins with; the same start once more begins no other one."""
    block = {"kind": head.get("type"), "id": text(head, "id"), "name": text(head, "name")}
    if index in blocks and block.items() <= blocks[index].items():
        return
    blocks[index] = block | {"pieces": "", "given": json.dumps(head.get("input") or {})}
    if block["kind"] == "tool_use":
        calls.append(blocks[index])
    out.print(text(head, "text"))
    out.think(text(head, "thinking"))


def add(blocks, index, delta, out):
    """Add a piece by what it is, whatever the block: a text may come in an invalid one."""
    if index not in blocks:
        raise RuntimeError(f"a piece of block {index}, which was not started")
    if delta.get("type") == "text_delta":
        out.print(text(delta, "text"))
    elif delta.get("type") == "thinking_delta":
        out.think(text(delta, "thinking"))
    elif delta.get("type") == "input_json_delta":
        blocks[index]["pieces"] += text(delta, "partial_json")


def part(thing, name):
    value = thing.get(name)
    return value if isinstance(value, dict) else {}


def text(thing, name):
    value = thing.get(name)  # some send null, a list or nothing
    return value if isinstance(value, str) else ""
