"""
LangChain's OpenAI, its class for legacy completions, with another base URL, streamed.

Source: https://reference.langchain.com/python/langchain-openai/llms/base/OpenAI
"""

import functools
import os

os.environ["LANGSMITH_TRACING"] = "false"

from langchain_openai import OpenAI


@functools.cache
def model(name):
    return OpenAI(model=name, max_retries=0, timeout=8)


def read(question, out):
    for text in model(question["model"]).stream(question["prompt"]):
        out.print(text)
