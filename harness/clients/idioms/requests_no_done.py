"""
Parses each line that starts with `data:`, so also `[DONE]`, which is not JSON; right where the mark is never sent.

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
        if raw:
            line = raw.decode("utf-8")
            if line.startswith("data:"):
                chunk = json.loads(line[5:])
                if chunk["choices"]:
                    out.print(chunk["choices"][0]["delta"].get("content") or "")
