"""
Lets requests decode the lines, as UTF-8 in any case; right where the text has no line separator such as U+2028.

Source: https://jishuzhan.net/article/1946865984182202370
"""

import json
import os

import requests

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


def read(question, out):
    response = requests.post(URL, headers=HEADERS, json=question | {"stream": True}, stream=True, timeout=60)
    response.encoding = "utf-8"
    for line in response.iter_lines(decode_unicode=True):
        if line and line.startswith("data:"):
            data = line[5:].strip()
            if data == "[DONE]":
                break
            chunk = json.loads(data)
            if chunk["choices"]:
                out.print(chunk["choices"][0]["delta"].get("content") or "")
