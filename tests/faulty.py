"""Provides the ideal provider with faults in its responses."""

import contextlib

from scripted import Received, Script, ideal_answer, plays

from harness.simulate.reference import replace_in_body
from harness.wire.exchange import Exchange

OBJECT = ('"object":"chat.completion.chunk",', "")
DONE = ("data: [DONE]\n\n", "")
UNASKED = (
    '"finish_reason":"stop"}]}',
    '"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":9,"total_tokens":18}}',
)
"""Usage that was not requested, which breaks a SHOULD."""


def faulty(*edits: tuple[str, str], every: int = 1, of: str = "") -> Script:
    """
    The ideal provider, with texts of its streams replaced, in every so many responses, to requests that contain
    ``of``.
    """

    def answer(request: Received) -> Exchange:
        found = ideal_answer(request)
        for old, new in edits if request.number % every == 0 and of in request.body.decode() else ():
            with contextlib.suppress(ValueError):  # it is no answer of that form
                found = replace_in_body(found, old, new)
        return found

    return plays(answer)
