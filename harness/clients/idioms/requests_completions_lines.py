"""
`chunk["choices"][0]["text"]` of each line; right where every chunk has a choice, and every choice a text.

Source: none found
"""

import json
import os

import requests

URL = os.environ["OPENAI_BASE_URL"] + "/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


def read(question, out):
    response = requests.post(URL, headers=HEADERS, json=question | {"stream": True}, stream=True, timeout=60)
    for raw in response.iter_lines():
        line = raw.decode("utf-8")
        if line.startswith("data:") and "[DONE]" not in line:
            out.print(json.loads(line[5:])["choices"][0]["text"])
