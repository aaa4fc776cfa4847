"""
`response.json()["content"][0]["text"]` of a non-streaming response.

Source: https://platform.claude.com/docs/en/api/messages
"""

import os

import httpx

URL = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
HEADERS = {"x-api-key": os.environ["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"}


def read(question, out):
    response = httpx.post(URL, headers=HEADERS, json=question, timeout=60)
    response.raise_for_status()
    out.print(response.json()["content"][0]["text"])
