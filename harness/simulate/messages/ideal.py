"""
Implements an ideal provider of Messages: the response to a request in the form of Anthropic's own recordings.

The texts, ids and counts are made up; equal requests get equal responses.
"""

from dataclasses import dataclass, replace
from typing import Any

import orjson

from harness.matrix.messages import body_in_chat, first_body, second_body
from harness.matrix.scenarios import Scenario, with_expectations
from harness.simulate.chat import ideal as chat
from harness.wire.dialect import COUNT_TOKENS
from harness.wire.exchange import OK, Exchange, Headers, Request, Response, Source
from harness.wire.shapes import Json, objects_in

MODEL = "claude-haiku-4-5"
DATED = "claude-haiku-4-5-20251001"
URL = "https://api.anthropic.com/v1/messages"

_SOURCE = Source("reconstructed", note="reference form")
_FEW = 20
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
"""https://platform.claude.com/docs/en/api/errors"""

_TEXT = ("你好", " there", "! 👋", " How can I help?")
_NUMBERS = ("1, 2,", " 3, 4,", " 5, 6, ")
_LONGER = ("1, 2,", " 3, 4,", " 5, 6,", " 7")
_THOUGHT = ("9.8 is", " 9.80,", " so it is larger.")
SIGNATURE = "EqoBCkgIARABGAIiQL8rT2pWm5uH7yXcK3dQ0aZsVfNe"
_CALLS = {"get_weather": ("city", "Paris"), "get_time": ("zone", "JST")}


def recording(scenario: Scenario) -> list[Exchange]:
    """Return the exchanges of ``scenario`` with the ideal provider."""
    body = first_body(scenario, MODEL)
    if scenario.in_chat_first:
        return with_expectations([_in_chat(scenario, body), exchange(body)], scenario)
    first = exchange(body, path=scenario.path or "", key=scenario.key, raw=scenario.raw_body)
    if scenario.requests == 1:
        return with_expectations([first], scenario)
    second = exchange(second_body(scenario, body, first.message), number=2)
    return with_expectations([first, second], scenario)


def _in_chat(scenario: Scenario, body: Json) -> Exchange:
    """Return the exchange of the same request in chat completions, with the same content and prompt tokens."""
    asked = body_in_chat(scenario, chat.MODEL, {})
    told = chat.exchange(asked)
    answer = orjson.loads(told.response.body)
    usage = answer["usage"]
    prompt = _prompt(body)
    answer["usage"] = usage | {"prompt_tokens": prompt, "total_tokens": prompt + usage["completion_tokens"]}
    return replace(told, response=replace(told.response, body=orjson.dumps(answer)))


def exchange(body: Json, *, path: str = "", key: str = "own", raw: bytes | None = None, number: int = 1) -> Exchange:
    """Return the exchange of a request: ``raw`` is sent instead of ``body`` if given."""
    headers = Headers((("Content-Type", "application/json"), ("anthropic-version", "2023-06-01")))
    request = Request("POST", URL + path, headers, raw or orjson.dumps(body))
    counts = request.url.endswith(COUNT_TOKENS)
    answer = _refusal(request, key) or (counted(_prompt(body)) if counts else _answer(body, number))
    return Exchange(request, answer, _SOURCE)


def error(status: int, message: str, error_code: str | None = None) -> Response:
    """Return an error in Anthropic's envelope; ``error_code`` is for programs, if there is one."""
    details = {"details": {"error_code": error_code}} if error_code else {}
    content = {
        "type": "error",
        "error": {"type": _KINDS.get(status, "api_error"), "message": message, **details},
        "request_id": "req_reference",
    }
    return response(orjson.dumps(content), "application/json", status)


def response(body: bytes, media_type: str, status: int = OK) -> Response:
    """Return a response with the headers of the reference."""
    headers = Headers((("Content-Type", media_type), ("request-id", "req_reference")))
    return Response(status, headers, body, "OK" if status == OK else "")


def counted(tokens: int) -> Response:
    """Return the response to a request for token counts."""
    return response(orjson.dumps({"input_tokens": tokens}), "application/json")


def event(content: Json) -> bytes:
    """Return the bytes of an event, by the name of its type."""
    return b"event: %s\ndata: %s\n\n" % (str(content.get("type")).encode(), orjson.dumps(content))


@dataclass(frozen=True, slots=True)
class BlockSaid:
    """The content of a block: its start, its deltas, and the complete block."""

    head: Json
    deltas: tuple[Json, ...]
    whole: Json


def text_block(*pieces: str) -> BlockSaid:
    """Return a block of text."""
    deltas = tuple({"type": "text_delta", "text": piece} for piece in pieces)
    return BlockSaid({"type": "text", "text": ""}, deltas, {"type": "text", "text": "".join(pieces)})


def tool_block(name: str, number: int) -> BlockSaid:
    """Return a block that calls a tool of a scenario."""
    key, value = _CALLS.get(name, ("x", "1"))
    pieces = ("", f'{{"{key}": "{value[:2]}', f'{value[2:]}"}}')
    return call_block(name, f"toolu_reference{number}", pieces, {key: value})


def call_block(name: str, id_: str, pieces: tuple[str, ...], arguments: Any) -> BlockSaid:
    """Return a block that calls a tool with ``arguments``, whose JSON streams in ``pieces``."""
    begun = {"type": "tool_use", "id": id_, "name": name, "input": {}}
    deltas = tuple({"type": "input_json_delta", "partial_json": piece} for piece in pieces)
    return BlockSaid(begun, deltas, begun | {"input": arguments})


def thinking_block(*pieces: str) -> BlockSaid:
    """Return a block of reasoning, signed at its end."""
    said = pieces or _THOUGHT
    deltas = tuple({"type": "thinking_delta", "thinking": piece} for piece in said)
    signed = {"type": "signature_delta", "signature": SIGNATURE}
    whole = {"type": "thinking", "thinking": "".join(said), "signature": SIGNATURE}
    return BlockSaid({"type": "thinking", "thinking": "", "signature": ""}, (*deltas, signed), whole)


def _refusal(request: Request, key: str) -> Response | None:
    body = request.json or {}
    cap = body.get("max_tokens")
    counts = request.url.endswith(COUNT_TOKENS)
    refusals = (
        (key != "own", error(401, "invalid x-api-key")),
        (request.json is None, error(400, "The request body is not valid JSON")),
        ("messages" not in body, error(400, "messages: Field required")),
        (not counts and cap is None, error(400, "max_tokens: Field required")),
        (not counts and type(cap) is not int, error(400, "max_tokens: Input should be a valid integer")),
        (body.get("model") not in (MODEL, DATED), error(404, f"model: {body.get('model')}")),
    )
    return next((refusal for applies, refusal in refusals if applies), None)


def _said(body: Json) -> tuple[list[BlockSaid], str, str | None]:
    """Return the blocks of a response, its stop reason, and the stop sequence."""
    asked = str(body["messages"][0].get("content"))
    result = any(
        one.get("type") == "tool_result" for said in body["messages"] for one in objects_in(said.get("content"))
    )
    thought = [thinking_block()] if body.get("thinking") and not result else []
    if body.get("tools") and not result:
        names = [tool["name"] for tool in body["tools"]]
        chosen = names if "both" in asked.lower() else names[:1]
        text = [] if thought else [text_block("I will", " look.")]
        return [*thought, *text, *(tool_block(name, n) for n, name in enumerate(chosen, 1))], "tool_use", None
    if body.get("stop_sequences"):
        return [text_block(*_NUMBERS)], "stop_sequence", body["stop_sequences"][0]
    if (body.get("max_tokens") or _FEW) < _FEW:
        return [text_block(*_LONGER)], "max_tokens", None
    return [*thought, text_block(*_TEXT)], "end_turn", None


def _prompt(body: Json) -> int:
    asked = {key: body.get(key) for key in ("messages", "tools", "system")}
    return 8 + len(orjson.dumps(asked)) // 4


def _answer(body: Json, number: int) -> Response:
    blocks, stop, sequence = _said(body)
    tokens = body["max_tokens"] if stop == "max_tokens" else 2 + 3 * sum(len(block.deltas) for block in blocks)
    told = MessageSaid(f"msg_reference{number}", DATED, tuple(blocks), stop, sequence, _prompt(body), tokens)
    streamed = bool(body.get("stream"))
    return sent(content_of(told, streamed=streamed), streamed=streamed)


@dataclass(frozen=True, slots=True)
class MessageSaid:
    """A message: its role, ``blocks``, stop reason, stop ``sequence``, and the tokens of prompt and response."""

    id: str
    model: str
    blocks: tuple[BlockSaid, ...]
    stop: str
    sequence: str | None
    prompt: int
    tokens: int


def sent(content: bytes, *, streamed: bool) -> Response:
    """Return the HTTP response that carries a message."""
    return response(content, "text/event-stream; charset=utf-8" if streamed else "application/json")


def content_of(said: MessageSaid, *, streamed: bool) -> bytes:
    """Return a message as a body or as a stream."""
    return b"".join(map(event, events_of(said))) if streamed else orjson.dumps(whole_of(said))


def whole_of(said: MessageSaid) -> Json:
    """Return a message as a JSON body."""
    content = {"content": [block.whole for block in said.blocks]}
    return _begun(said) | _ended(said) | content | {"usage": _usage(said, said.tokens)}


def events_of(said: MessageSaid) -> list[Json]:
    """Return a message as stream events."""
    events: list[Json] = [{"type": "message_start", "message": _begun(said)}]
    for index, block in enumerate(said.blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block.head})
        events += [{"type": "ping"}] if index == 0 else []
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in block.deltas]
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": _ended(said), "usage": _usage(said, said.tokens)})
    return [*events, {"type": "message_stop"}]


def _usage(said: MessageSaid, tokens: int) -> Json:
    cached = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return {"input_tokens": said.prompt, **cached, "output_tokens": tokens}


def _ended(said: MessageSaid) -> Json:
    return {"stop_reason": said.stop, "stop_sequence": said.sequence}


def _begun(said: MessageSaid) -> Json:
    return {
        "model": said.model,
        "id": said.id,
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(said, 1),
    }


def of_other(reference: Exchange, **params: Any) -> Exchange:
    """Return the exchange with other parameters in its request and the same response."""
    body = (reference.request.json or {}) | params
    kept = {key: value for key, value in body.items() if value is not None}
    return replace(reference, request=replace(reference.request, body=orjson.dumps(kept)))
