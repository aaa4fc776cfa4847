"""
Converts a request for legacy completions into a chat request.

Content is generated only for chat (``simulate/chat/speaking``); the prompt is the only message.
"""

from typing import Any

from harness.wire.completions.asked import prompts_of
from harness.wire.shapes import Json

_DEFAULT_CAP = 16
"""The default cap in OpenAI's specification."""


def as_chat(body: Json, prompt: str | None = None) -> Json:
    """
    Return the equivalent chat request, of one ``prompt`` or of all together.

    Parameters without an equivalent keep their names: ``suffix``, ``echo``, and the number of ``prompts``.
    """
    prompts = prompts_of(body)
    said = prompt if prompt is not None else "\n".join(one or "" for one in prompts)
    kept = {key: value for key, value in body.items() if key != "prompt"}
    asked: dict[str, Any] = {"max_tokens": _DEFAULT_CAP, **kept}
    if body.get("echo"):
        asked["echo"] = body.get("prompt")  # the echo has to be exactly this prompt
    if "prompt" in body:
        asked |= {"messages": [{"role": "user", "content": said}], "prompts": len(prompts)}
    return asked
