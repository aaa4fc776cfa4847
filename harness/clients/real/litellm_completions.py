"""
LiteLLM's text_completion with the prefix ``text-completion-openai/`` and another base URL, streamed.

Source: https://docs.litellm.ai/docs/text_completion
"""

import os

os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}  # the list of prices is on the web

import litellm

litellm.suppress_debug_info = True
SETTINGS = {"api_base": os.environ["OPENAI_BASE_URL"], "api_key": os.environ["OPENAI_API_KEY"], "timeout": 8}


def read(question, out):
    asked = {**question, "model": f"text-completion-openai/{question['model']}"}
    for chunk in litellm.text_completion(**asked, **SETTINGS, stream=True, num_retries=0, max_retries=0):
        for choice in chunk.choices[:1]:
            out.print(choice.text or "")
            out.finish = choice.finish_reason or out.finish
