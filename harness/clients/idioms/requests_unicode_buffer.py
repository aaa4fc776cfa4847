"""
Cuts decoded text into lines and drops what is not JSON; right where the Content-Type names utf-8, else read as Latin-1.

Source: https://infron.ai/docs/api-reference/llm-model-api/streaming
"""

import json
import os

import requests

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


def read(question, out):
    buffer = ""
    response = requests.post(URL, headers=HEADERS, json=question | {"stream": True}, stream=True, timeout=60)
    for piece in response.iter_content(chunk_size=1024, decode_unicode=True):
        buffer += piece
        while "\n" in buffer:
            line, buffer = buffer.split("\n", 1)
            line = line.strip()
            if line.startswith("data: ") and line != "data: [DONE]":
                try:
                    chunk = json.loads(line[6:])
                except json.JSONDecodeError:
                    continue
                if chunk["choices"]:
                    out.print(chunk["choices"][0]["delta"].get("content") or "")
