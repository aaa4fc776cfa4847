"""
Takes the lines that start with `data:`, up to `[DONE]`; right where the text has no line separator such as U+2028.

Source: https://github.com/langgenius/dify/pull/39008
"""

import json
import os

import httpx

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


def read(question, out):
    with httpx.stream("POST", URL, headers=HEADERS, json=question | {"stream": True}, timeout=60) as response:
        for line in response.iter_lines():
            if line.startswith("data:"):
                data = line[5:].strip()
                if data == "[DONE]":
                    break
                chunk = json.loads(data)
                if chunk["choices"]:
                    out.print(chunk["choices"][0]["delta"].get("content") or "")
