"""
Cuts six characters off each line that is not empty; right where every line starts with `data: ` and none is a comment.

Source: https://huggingface.co/spaces/pablocst/ChatGPTwithAPI/commit/70fc8f6481c0b720a07c7d624a48b378c809df84
"""

import json
import os

import requests

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


def read(question, out):
    response = requests.post(URL, headers=HEADERS, json=question | {"stream": True}, stream=True, timeout=60)
    for line in response.iter_lines():
        if line:
            data = line.decode("utf-8")[6:]
            if data == "[DONE]":
                break
            chunk = json.loads(data)
            if chunk["choices"]:
                out.print(chunk["choices"][0]["delta"].get("content") or "")
