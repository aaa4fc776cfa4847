"""
Takes the lines that start with `data: `, up to `[DONE]`; right where a space follows the colon, which SSE leaves open.

Source: https://mintlify.com/QwenLM/Qwen/api/openai/streaming
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
        if line.startswith("data: "):
            data = line[6:]
            if data == "[DONE]":
                break
            chunk = json.loads(data)
            if chunk["choices"]:
                out.print(chunk["choices"][0]["delta"].get("content") or "")
