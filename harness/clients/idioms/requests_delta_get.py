"""
Asks the delta for text with a default; right where content is absent or text, never null, and each chunk has a choice.

Source: https://gist.github.com/ggorlen/7c944d73e27980544e29aa6de1f2ac54
"""

import json
import os

import requests

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


def read(question, out):
    answer = ""
    response = requests.post(URL, headers=HEADERS, json=question | {"stream": True}, stream=True, timeout=60)
    for raw in response.iter_lines():
        line = raw.decode("utf-8")
        if line.startswith("data: ") and not line.endswith("[DONE]"):
            answer += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
    out.print(answer)
