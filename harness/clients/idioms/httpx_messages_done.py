"""
The loop for chat completions with other keys: it ends at `[DONE]` or with the connection, and looks at no error.

Source: https://github.com/BerriAI/litellm/issues/9729
"""

import json
import os

import httpx

URL = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
HEADERS = {"x-api-key": os.environ["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"}


def read(question, out):
    with httpx.stream("POST", URL, headers=HEADERS, json=question | {"stream": True}, timeout=60) as response:
        for line in response.iter_lines():
            if not line.startswith("data:"):
                continue
            data = line.removeprefix("data:").strip()
            if data == "[DONE]":
                break
            out.print(json.loads(data).get("delta", {}).get("text", ""))
