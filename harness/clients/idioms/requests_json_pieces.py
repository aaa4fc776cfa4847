"""
Parses whatever arrives as JSON with a `text`; never right: a stream is not JSON, and chat has no such key.

Source: none found
"""

import json
import os

import requests

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


def read(question, out):
    response = requests.post(URL, headers=HEADERS, json=question | {"stream": True}, stream=True, timeout=60)
    for piece in response.iter_content(chunk_size=None, decode_unicode=True):
        if piece:
            chunk = json.loads(piece)
            out.print(chunk["choices"][0]["text"])
