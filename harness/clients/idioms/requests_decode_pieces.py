"""
Decodes pieces of 64 bytes one by one; right where no piece ends inside a character, so for English.

Source: https://docs.siliconflow.com/en/faqs/stream-mode
"""

import json
import os

import requests

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


def read(question, out):
    stream = ""
    response = requests.post(URL, headers=HEADERS, json=question | {"stream": True}, stream=True, timeout=60)
    for piece in response.iter_content(chunk_size=64):
        stream += piece.decode("utf-8")
    for line in stream.split("\n"):
        if line.startswith("data:") and "[DONE]" not in line:
            chunk = json.loads(line[5:])
            if chunk["choices"]:
                out.print(chunk["choices"][0]["delta"].get("content") or "")
