"""
Waits for the whole stream as text, then splits it; right where the Content-Type names utf-8, else read as Latin-1.

Source: none found
"""

import json
import os

import requests

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


def read(question, out):
    response = requests.post(URL, headers=HEADERS, json=question | {"stream": True}, timeout=60)
    for line in response.text.split("\n"):
        if line.startswith("data:") and "[DONE]" not in line:
            chunk = json.loads(line[5:])
            if chunk["choices"]:
                out.print(chunk["choices"][0]["delta"].get("content") or "")
