"""
Reads raw events by the `event:` line, as agents do that dispatch on the name: one without a name, or with another, is passed over.

Source: https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/_streaming.py
"""

import json
import os

import httpx
import httpx_sse

URL = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
HEADERS = {"Authorization": "Bearer " + os.environ["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"}


def read(question, out):
    calls, call, ended = [], None, False
    with httpx.stream("POST", URL, headers=HEADERS, json=question | {"stream": True}, timeout=60) as response:
        if response.status_code != 200:
            raise RuntimeError(f"status {response.status_code}: {response.read()[:500]}")
        for name, data in events(response):
            if name == "error":
                raise RuntimeError(f"the provider says: {data}")
            if name == "content_block_start":
                call = [data["content_block"]["name"], ""] if data["content_block"]["type"] == "tool_use" else None
            elif name == "content_block_delta":
                delta = data["delta"]
                out.print(delta.get("text", ""))
                out.think(delta.get("thinking", ""))
                if call and "partial_json" in delta:
                    call[1] += delta["partial_json"]
            elif name == "content_block_stop" and call:
                calls.append(call)
                call = None
            elif name == "message_delta":
                out.finish = data["delta"]["stop_reason"]
            ended = ended or name == "message_stop"
    if not ended:
        raise RuntimeError("stream ended before message_stop")
    out.tools = calls or None


def events(response):
    for event in httpx_sse.EventSource(response).iter_sse():
        yield event.event, json.loads(event.data)
