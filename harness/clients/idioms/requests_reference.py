"""
The robust reader of raw HTTP: bytes are decoded here, no key is taken for granted, an end is needed.

Source: written for this project; copy it.
"""

import json
import os
import re

import requests

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


def read(question, out):
    calls, finish = {}, None
    with requests.post(URL, headers=HEADERS, json=question | {"stream": True}, stream=True, timeout=60) as response:
        if response.status_code != 200:
            raise RuntimeError(f"status {response.status_code}: {response.text[:500]}")
        for chunk in chunks(response):
            if chunk.get("error"):
                raise RuntimeError(f"the provider says: {chunk['error']}")
            if isinstance(chunk.get("usage"), dict):
                out.usage = chunk["usage"].get("total_tokens")  # the last counts: some send it so far in every chunk
            for choice in dicts(chunk.get("choices")):  # a chunk with the usage has none
                if choice.get("index"):
                    continue
                finish = choice.get("finish_reason") or finish  # "" is no reason
                delta = choice.get("delta")
                out.think(text(delta, "reasoning_content") or text(delta, "reasoning"))
                out.print(text(delta, "content"))
                for piece in dicts(delta.get("tool_calls") if isinstance(delta, dict) else None):
                    add(calls, piece)
    if finish is None:
        raise RuntimeError("the stream ended before the answer did")
    out.finish = finish
    out.tools = [[call["name"], call["arguments"]] for call in calls.values()] or None


def chunks(response):
    """Return the JSON objects of the stream; a blank line ends an event, whose data may be in several lines."""
    data = []
    for line in lines(response):
        name, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif not line:
            event, data = b"\n".join(data).decode("utf-8", "replace").strip(), []
            if event == "[DONE]":
                return
            if event.startswith("{"):  # all else is there to keep the connection alive
                try:
                    yield json.loads(event)
                except ValueError as error:
                    raise RuntimeError(f"an event of the stream is no JSON: {event[:500]}") from error


def lines(response):
    """Return the lines as bytes: as text they would be split at U+2028 too, and without a charset be garbled."""
    rest = b""
    for piece in response.iter_content(chunk_size=512):
        *whole, rest = re.split(rb"\r\n|\n|\r(?!\Z)", rest + piece)  # a CR at the end may be half of a CRLF
        yield from whole
    yield from [*rest.splitlines(), b""]  # the last event may lack its blank line


def dicts(value):
    """Return the objects of a list; nothing of what is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(thing, key):
    """Return the text under a key: some send null, a list or nothing there."""
    value = thing.get(key) if isinstance(thing, dict) else None
    return value if isinstance(value, str) else ""


def add(calls, piece):
    """Add a piece to its call: by index; without one, an id begins a call and all else goes on with the last."""
    key = piece.get("index")
    if key is None:
        key = len(calls) if piece.get("id") or not calls else next(reversed(calls))
    call = calls.setdefault(key, {"name": "", "arguments": ""})
    call["name"] = call["name"] or text(piece.get("function"), "name")  # repeated by some, so not added
    call["arguments"] += text(piece.get("function"), "arguments")
