"""
Lets requests decode the lines; right where the Content-Type names utf-8: without a charset they are read as Latin-1.

Source: none found
"""

import json
import os

import requests

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


def read(question, out):
    response = requests.post(URL, headers=HEADERS, json=question | {"stream": True}, stream=True, timeout=60)
    for line in response.iter_lines(decode_unicode=True):
        if line and line.startswith("data:"):
            data = line[5:].strip()
            if data == "[DONE]":
                break
            chunk = json.loads(data)
            if chunk["choices"]:
                out.print(chunk["choices"][0]["delta"].get("content") or "")
