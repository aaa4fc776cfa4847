"""
Keeps the latest conversations of OpenAI's Responses in memory, for ``previous_response_id``.

The earlier items are put before the ``input`` of the request; like OpenAI, nothing else is carried over:
https://platform.openai.com/docs/guides/conversation-state.
"""

import orjson

from harness.simulate.responses.answering import NO_PREVIOUS
from harness.wire.dumping import json_text
from harness.wire.exchange import Response
from harness.wire.shapes import Json, as_object, objects_in

_MOST, _LONGEST = 256, 1 << 20


class Conversations:
    """The latest conversations, as lists of items, by the id of their last response."""

    def __init__(self) -> None:
        self._kept: dict[str, list[Json]] = {}

    def whole(self, body: Json) -> Json:
        """Return a request with its whole conversation as ``input``; NO_PREVIOUS stands for an unknown one."""
        earlier = body.get("previous_response_id")
        if earlier is None:
            return body
        items = self._kept.get(str(earlier))
        return body | {"input": NO_PREVIOUS if items is None else [*items, *_items(body)]}

    def keep(self, body: Json, answer: Response) -> None:
        """Store a response with its conversation, unless ``store`` is false or the conversation is longer than 1 MiB."""
        if body.get("store") is False or not answer.is_success or len(answer.body) > _LONGEST:
            return
        told = _told(answer.body)
        items = [*_items(body), *objects_in(told.get("output"))]
        if isinstance(told.get("id"), str) and len(json_text(items)) <= _LONGEST:
            self._kept[told["id"]] = items
            if len(self._kept) > _MOST:
                del self._kept[next(iter(self._kept))]


def _items(body: Json) -> list[Json]:
    asked = body.get("input")
    return [{"role": "user", "content": asked}] if isinstance(asked, str) else objects_in(asked)


def _told(content: bytes) -> Json:
    """Return the response object of a body, or of the last event of a stream; an empty object if it is not JSON."""
    try:
        told = as_object(orjson.loads(content.rpartition(b"data: ")[2]))
    except orjson.JSONDecodeError:
        return {}
    return as_object(told.get("response")) or told
