"""
Takes the lines that start with `data:`, up to `[DONE]`; right where an event is one line; silent on a stream cut short.

Source: none found
"""

import json
import os

import requests

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


def read(question, out):
    response = requests.post(URL, headers=HEADERS, json=question | {"stream": True}, stream=True, timeout=60)
    for raw in response.iter_lines():
        line = raw.decode("utf-8")
        if line.startswith("data:"):
            data = line[5:].strip()
            if data == "[DONE]":
                break
            chunk = json.loads(data)
            if chunk.get("choices"):
                delta = chunk["choices"][0].get("delta") or {}
                out.print(delta.get("content") or "")
