"""
Responds to a request of Responses as the ideal provider, streaming or not.

The form is that of https://platform.openai.com/docs/api-reference/responses; the content is that of chat.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from harness.simulate.chat import ideal as chat
from harness.simulate.chat.content import CREATED, Call, Said
from harness.simulate.chat.other_calls import as_functions, custom_input
from harness.simulate.chat.prompts import object_of
from harness.simulate.chat.refusing import Wrong, wrong_with
from harness.simulate.chat.speaking import Unanswerable, speak, tokens_of_prompt
from harness.simulate.chat.strictness import refused_by_openai
from harness.simulate.known_parameters import OF_RESPONSES, unknown_to_openai
from harness.simulate.responses.asking import as_chat, customs
from harness.simulate.synthesised import Synthesised, seed_of
from harness.wire.exchange import Response
from harness.wire.shapes import Json, objects_in

_RESTS_ON = "OpenAI's own form of Responses"
_NAMES = {"max_completion_tokens": "max_output_tokens", "response_format": "text.format", "messages": "input"}
_ECHOED: Json = {
    "background": False, "instructions": None, "max_output_tokens": None, "max_tool_calls": None, "metadata": {},
    "parallel_tool_calls": True, "previous_response_id": None, "prompt_cache_key": None, "safety_identifier": None,
    "service_tier": "default", "store": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_logprobs": 0,
    "top_p": 1.0, "truncation": "disabled", "user": None,
}  # fmt: skip
"""The request parameters that a response repeats, with their defaults."""
NO_PREVIOUS: list[Json] = []
"""The input of a request whose ``previous_response_id`` is unknown."""


def answer(body: Json | None, said: Said | None = None) -> Synthesised:
    """
    Return the response to the body of a request; None stands for one that is not a JSON object.

    ``said`` is its content, if that is not to be made for the request.
    """
    return Synthesised(_response(body, said), _RESTS_ON)


def _response(body: Json | None, said: Said | None) -> Response:
    odd = _odd(body)
    if odd or body is None:
        return chat.error(400, odd.message, odd.param, odd.code) if odd else chat.error(400, "The request is wrong.")
    asked = as_chat(body)
    asked.setdefault("model", chat.MODEL)
    wrong = wrong_with(asked) or refused_by_openai(asked)
    if wrong:
        return chat.error(wrong.status, _renamed(wrong.message), _renamed(wrong.param or "") or None, wrong.code)
    try:
        said = said or speak(as_functions(asked), thinks=asked.get("reasoning_effort") not in (None, "none"))
    except Unanswerable as fault:
        return chat.error(400, f"Invalid schema in '{fault.parameter}': {fault}", fault.parameter)
    made = _Made(body, str(asked["model"]), said, tokens_of_prompt(asked))
    if not body.get("stream"):
        return chat.response(orjson.dumps(made.whole()), "application/json")
    return chat.response(b"".join(made.events()), "text/event-stream; charset=utf-8")


def _odd(body: Json | None) -> Wrong | None:
    """Return what is wrong with the form of a request, before it is converted to chat."""
    if body is None:
        return Wrong("", "The body is not a JSON object.")
    if body.get("input") is NO_PREVIOUS:
        what = f"Previous response with id '{str(body.get('previous_response_id'))[:80]}' not found."
        return Wrong("", what, "previous_response_id", "previous_response_not_found")
    if not body.get("input"):
        return Wrong("", "Missing: 'input'.", "input", "missing_required_parameter")
    for name, plain in (("input", str), ("tools", type(None))):
        value = body.get(name)
        if not isinstance(value, plain) and (not isinstance(value, list) or len(objects_in(value)) != len(value)):
            return Wrong("", f"'{name}' is no list of objects.", name, "invalid_type")
    return unknown_to_openai(body, OF_RESPONSES)


def _renamed(text: str) -> str:
    """Return a message about a chat parameter with its name in Responses."""
    for name, here in _NAMES.items():
        text = text.replace(name, here)
    return text


class _Made:
    """One response: the content ``said`` to ``body`` by ``model``, with the prompt tokens."""

    def __init__(self, body: Json, model: str, said: Said, prompt: int) -> None:
        self._seed = seed_of(body)
        self._said = said
        self._customs = {one["name"] for one in customs(body)}
        self._common: Json = {"id": f"resp_{self._seed}", "object": "response", "created_at": CREATED, "model": model}
        self._common |= {key: body[key] if body.get(key) is not None else value for key, value in _ECHOED.items()}
        asked = object_of(body.get("reasoning"))
        self._summary = "".join(said.thought) if asked.get("summary") else ""
        self._common["reasoning"] = {"effort": asked.get("effort"), "summary": asked.get("summary")}
        form = object_of(object_of(body.get("text")).get("format")) or {"type": "text"}
        self._common["text"] = {"format": form, "verbosity": "medium"}
        self._usage = _usage(prompt, said)
        self._cut = said.finish == "length"

    def whole(self) -> Json:
        """Return it in one body."""
        return self._state("incomplete" if self._cut else "completed", self._items(), self._usage)

    def events(self) -> Iterator[bytes]:
        """Yield the events of its stream."""
        for number, event in enumerate(self._told()):
            yield _event({"type": event.pop("type"), "sequence_number": number, **event})

    def _told(self) -> Iterator[Json]:
        for kind in ("created", "in_progress"):
            yield {"type": f"response.{kind}", "response": self._state("in_progress", [], None)}
        for index, item in enumerate(self._items()):
            place = {"output_index": index}
            yield {"type": "response.output_item.added", **place, "item": _begun(item)}
            yield from self._parts(item, {"item_id": item["id"], **place})
            yield {"type": "response.output_item.done", **place, "item": item}
        end = self.whole()
        yield {"type": f"response.{end['status']}", "response": end}

    def _parts(self, item: Json, place: Json) -> Iterator[Json]:
        if item["type"] == "function_call":
            call = self._said.calls[int(item["id"][-2:]) - 1]
            yield from (_of(place, "function_call_arguments.delta", delta=piece) for piece in call.pieces if piece)
            yield _of(place, "function_call_arguments.done", name=call.name, arguments=item["arguments"])
        elif item["type"] == "custom_tool_call":
            call = self._said.calls[int(item["id"][-2:]) - 1]
            yield from (_of(place, "custom_tool_call_input.delta", delta=piece) for piece in custom_input(call))
            yield _of(place, "custom_tool_call_input.done", input=item["input"])
        elif item["type"] == "reasoning" and self._summary:
            place = {**place, "summary_index": 0}
            (part,) = item["summary"]
            yield _of(place, "reasoning_summary_part.added", part=part | {"text": ""})
            yield from (_of(place, "reasoning_summary_text.delta", delta=piece) for piece in self._said.thought)
            yield _of(place, "reasoning_summary_text.done", text=part["text"])
            yield _of(place, "reasoning_summary_part.done", part=part)
        elif item["type"] == "message":
            place = {**place, "content_index": 0}
            (part,) = item["content"]
            yield _of(place, "content_part.added", part=part | {"text": ""})
            yield from (_of(place, "output_text.delta", delta=piece, logprobs=[]) for piece in self._said.text)
            yield _of(place, "output_text.done", text=part["text"], logprobs=[])
            yield _of(place, "content_part.done", part=part)

    def _state(self, status: str, output: list[Json], usage: Json | None) -> Json:
        reason = {"reason": "max_output_tokens"} if status == "incomplete" else None
        return self._common | {
            "status": status, "error": None, "incomplete_details": reason, "output": output, "usage": usage,
        }  # fmt: skip

    def _items(self) -> list[Json]:
        status = "incomplete" if self._cut else "completed"
        summary = [{"type": "summary_text", "text": self._summary}] if self._summary else []
        thought: Json = {"id": f"rs_{self._seed}", "type": "reasoning", "summary": summary}
        calls = [self._call(number, call, status) for number, call in enumerate(self._said.calls, 1)]
        said = [] if calls and not self._said.text else [self._message(status)]
        return [*([thought] if self._said.thought else []), *said, *calls]

    def _message(self, status: str) -> Json:
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": "".join(self._said.text)}
        message = {"id": f"msg_{self._seed}", "type": "message", "status": status, "role": "assistant"}
        return message | {"content": [part]}

    def _call(self, number: int, call: Call, status: str) -> Json:
        if call.name in self._customs:
            ids = {"id": f"ctc_{self._seed}{number:02}", "type": "custom_tool_call", "status": status}
            told = {"call_id": f"call_{self._seed}{number:02}", "name": call.name}
            return ids | told | {"input": "".join(custom_input(call))}
        ids = {"id": f"fc_{self._seed}{number:02}", "type": "function_call", "status": status}
        arguments = "".join(call.pieces)
        return ids | {"arguments": arguments, "call_id": f"call_{self._seed}{number:02}", "name": call.name}


def _of(place: Json, kind: str, **more: Any) -> Json:
    return {"type": f"response.{kind}", **place, **more}


def _begun(item: Json) -> Json:
    """Return an item in its initial state."""
    started: dict[str, Json] = {
        "message": {"status": "in_progress", "content": []},
        "reasoning": {"summary": []},
        "custom_tool_call": {"status": "in_progress", "input": ""},
        "function_call": {"status": "in_progress", "arguments": ""},
    }
    return item | started.get(item["type"], {})


def _usage(prompt: int, said: Said) -> Json:
    tokens = said.tokens + said.reasoning_tokens
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": tokens,
        "output_tokens_details": {"reasoning_tokens": said.reasoning_tokens},
        "total_tokens": prompt + tokens,
    }


def _event(content: Json) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (content["type"].encode(), orjson.dumps(content))
