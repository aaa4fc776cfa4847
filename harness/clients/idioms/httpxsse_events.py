"""
Reads the events of httpx-sse, up to `[DONE]`; right where the answer is labelled text/event-stream and is whole.

Source: https://github.com/florimondmanca/httpx-sse
"""

import json
import os

import httpx
from httpx_sse import connect_sse

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
client = httpx.Client(headers=HEADERS, timeout=60)


def read(question, out):
    with connect_sse(client, "POST", URL, json=question | {"stream": True}) as source:
        for event in source.iter_sse():
            if event.data == "[DONE]":
                break
            chunk = json.loads(event.data)
            if chunk["choices"]:
                out.print(chunk["choices"][0]["delta"].get("content") or "")
