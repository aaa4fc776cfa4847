"""
Prints the text of a whole answer; right where there is one: an error answer is a KeyError, a call prints None.

Source: https://github.com/Ste-lla02/llm-study-lab
"""

import os

import requests

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}


def read(question, out):
    response = requests.post(URL, headers=HEADERS, json=question, timeout=60)
    out.print(response.json()["choices"][0]["message"]["content"])
