"""
Removes `data: ` from each line, also inside the text; right where every line starts with it and the text never has it.

Source: https://docs.siliconflow.cn/en/faqs/stream-mode
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
            data = line.decode("utf-8").replace("data: ", "")
            if data != "[DONE]":
                chunk = json.loads(data)
                if chunk["choices"]:
                    out.print(chunk["choices"][0]["delta"].get("content") or "")
