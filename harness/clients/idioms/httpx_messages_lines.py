"""
Takes the lines that start with `data: `, and prints the text of each `content_block_delta`, up to `message_stop`.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

import json
import os

import httpx

URL = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
HEADERS = {"x-api-key": os.environ["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"}


def read(question, out):
    with httpx.stream("POST", URL, headers=HEADERS, json=question | {"stream": True}, timeout=60) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if line.startswith("data: "):
                event = json.loads(line[6:])
                if event["type"] == "content_block_delta" and event["delta"]["type"] == "text_delta":
                    out.print(event["delta"]["text"])
                elif event["type"] == "message_stop":
                    break
