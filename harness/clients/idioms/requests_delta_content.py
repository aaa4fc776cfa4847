"""
Takes the text of each delta for granted; right where every delta has the key and every chunk a choice, not for OpenAI.

Source: https://github.com/ml-explore/mlx-examples/blob/431f374f63ff4da44b9db0f3df15013a7920b17e/test.py
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
        if line.startswith("data:") and "[DONE]" not in line:
            answer += json.loads(line[5:])["choices"][0]["delta"]["content"]
    out.print(answer)
