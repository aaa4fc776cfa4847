"""
What a request for legacy completions asks, said as a chat request says it.

What to answer is worked out once, for chat (``simulate/chat/speaking``); the prompt is the only message.
"""

from typing import Any

from harness.wire.completions.asked import prompts_of
from harness.wire.shapes import Json

_DEFAULT_CAP = 16
"""The cap of a request that names none, in OpenAI's specification."""


def as_chat(body: Json, prompt: str | None = None) -> Json:
    """
    Return the chat request that asks for the same, of one ``prompt`` or of all together.

    What has no like in chat keeps its name: ``suffix``, ``echo``, and how many ``prompts`` there are.
    """
    prompts = prompts_of(body)
    said = prompt if prompt is not None else "\n".join(one or "" for one in prompts)
    kept = {key: value for key, value in body.items() if key != "prompt"}
    asked: dict[str, Any] = {"max_tokens": _DEFAULT_CAP, **kept}
    if body.get("echo"):
        asked["echo"] = body.get("prompt")  # what is echoed has to be this very prompt
    if "prompt" in body:
        asked |= {"messages": [{"role": "user", "content": said}], "prompts": len(prompts)}
    return asked
