"""
Reads the events of sseclient-py, up to `[DONE]`; right for any framing, silent on a stream cut short.

Source: https://www.codingthesmartway.com/stream-responses-from-openai-api-with-python/
"""

import json
import os

import requests
import sseclient

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


def read(question, out):
    response = requests.post(URL, headers=HEADERS, json=question | {"stream": True}, stream=True, timeout=60)
    for event in sseclient.SSEClient(response).events():
        if event.data == "[DONE]":
            break
        chunk = json.loads(event.data)
        if chunk["choices"]:
            out.print(chunk["choices"][0]["delta"].get("content") or "")
