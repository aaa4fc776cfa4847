"""
Takes the lines that start with `data:`, up to `[DONE]`; right where lines end with a line feed, silent on a cut.

Source: https://github.com/vllm-project/vllm/blob/011841309828ee36ff4c125eb2390b56e1c1bbad/benchmarks/backend_request_func.py
"""

import json
import os

import aiohttp

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


async def read(question, out):
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        async with session.post(URL, json=question | {"stream": True}) as response:
            async for raw in response.content:
                line = raw.decode("utf-8").strip()
                if line.startswith("data:"):
                    data = line[5:].strip()
                    if data == "[DONE]":
                        break
                    chunk = json.loads(data)
                    if chunk["choices"]:
                        out.print(chunk["choices"][0]["delta"].get("content") or "")
