"""Responds to any request as the ideal provider, in OpenAI's own form."""

from harness.simulate.chat import audio, ideal
from harness.simulate.chat.content import Said
from harness.simulate.chat.mould import Values, moulded
from harness.simulate.chat.other_calls import custom_names
from harness.simulate.frames import frame_of
from harness.wire.dumping import json_text
from harness.wire.exchange import Response
from harness.wire.shapes import Json


def spoken(request: Json, said: Said, prompt: int, seed: str) -> Response:
    """Return the response to a valid request; ``prompt`` is its tokens, and ``seed`` makes the ids."""
    total = prompt + (said.tokens + said.reasoning_tokens) * (request.get("n") or 1)
    values = Values((seed, *said.pieces), (prompt, total))

    def written(values: Values) -> str:
        own, *pieces = values.texts
        words = ideal.Words(said.saying(iter(pieces)), *values.others)
        return ideal.written(request, f"chatcmpl-{own}", words).decode()

    frame = None if _is_more_than_its_words(request) else frame_of(request)
    content = (
        written(values)
        if frame is None
        else moulded(("spoken", frame, said.outline, said.tokens), None, values, written, json_text)
    )
    return ideal.sent(request, content.encode())


def _is_more_than_its_words(request: Json) -> bool:
    """Return whether a response has its content in another form too: probabilities, audio, citations, or parsed JSON."""
    searches = request.get("web_search_options") is not None
    return searches or bool(request.get("logprobs")) or audio.is_spoken(request) or bool(custom_names(request))
