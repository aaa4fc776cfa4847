"""
Implements an ideal provider: the response to a request in the form of OpenAI's own recordings.

Reasoning text has the form that DeepSeek documents, since OpenAI sends none
(https://api-docs.deepseek.com/guides/thinking_mode).  The texts, ids and counts are made up; equal requests get
equal responses.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from harness.simulate.chat import audio
from harness.simulate.chat.content import CREATED, Call, Said, logprob, prompt_tokens, say
from harness.simulate.chat.other_calls import custom_input, custom_names, uses_older_form
from harness.wire.exchange import CLOSED, OK, Exchange, Headers, Request, Response, Source, include_usage
from harness.wire.shapes import Json

if TYPE_CHECKING:
    from harness.matrix.scenarios import Scenario

MODEL = "gpt-4o-mini"
DATED = "gpt-4o-mini-2024-07-18"
DONE = b"data: [DONE]\n\n"

_URL = "https://api.openai.com/v1/chat/completions"
_SERVER_ERROR = 500
_KINDS: dict[int, tuple[str, str | None]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}
"""Type and code by status, as https://github.com/Huanshere/VideoLingo/issues/34 shows those of 429."""
_SOURCE = Source("reconstructed", note="reference form")
_COMMON = {"created": CREATED, "model": DATED, "service_tier": "default", "system_fingerprint": "fp_reference"}
_TIERS = ("flex", "scale", "priority")
"""Service tiers that a response repeats from its request."""
_LONGEST_PROMPT = 250_000
_TOO_LONG = "context_length_exceeded"
_UNKNOWN = "x_unknown_parameter"


@dataclass(frozen=True, slots=True)
class Words:
    """The content of a response, if it is not the scenario's own, with the tokens of its prompt and in total."""

    said: Said
    prompt: int
    total: int


def recording(scenario: "Scenario") -> list[Exchange]:
    """Return the exchanges of ``scenario`` with the ideal provider."""
    # A single response does not need the table.
    from harness.matrix.scenarios import next_body, request_body, with_expectations

    if scenario.path:
        return with_expectations([models(scenario.path.format(model=MODEL))], scenario)
    thinking = {"reasoning_effort": "medium"} if scenario.thinking else {"reasoning_effort": "none"}
    body = request_body(scenario, MODEL, thinking)
    first = exchange(body, id_="chatcmpl-reference", key=scenario.key, raw=scenario.raw_body)
    if scenario.requests == 1:
        return with_expectations([first], scenario)
    second = next_body(scenario, body, first.completion.messages[0])
    first = _closed(first) if scenario.cancels else first
    return with_expectations([first, exchange(second, id_="chatcmpl-second")], scenario)


def models(path: str) -> Exchange:
    """Return the exchange that lists models, or describes one."""
    one = {"id": path.removeprefix("/models/"), "object": "model", "created": CREATED, "owned_by": "system"}
    listed = {"object": "list", "data": [one | {"id": MODEL}]}
    content = one if path.startswith("/models/") else listed
    request = Request("GET", _URL.replace("/chat/completions", path))
    return Exchange(request, response(orjson.dumps(content), "application/json"), _SOURCE)


def _closed(first: Exchange) -> Exchange:
    """Return a stream that its reader closed after the first event."""
    end = first.response.body.index(b"\n\n") + 2
    return replace(first, response=replace(first.response, body=first.response.body[:end], eof=False, error=CLOSED))


def exchange(body: Json, *, id_: str = "chatcmpl-reference", key: str = "own", raw: bytes | None = None) -> Exchange:
    """Return the exchange of a request: ``raw`` is sent instead of ``body`` if given."""
    headers = Headers((("Content-Type", "application/json"),))
    request = Request("POST", _URL, headers, raw or orjson.dumps(body))
    return Exchange(request, _refusal(request, key) or answer(body, id_), _SOURCE)


def _refusal(request: Request, key: str) -> Response | None:
    """Return the rejection of an invalid request; None if it is valid."""
    body = request.json or {}
    hot = isinstance(body.get("temperature"), str)
    whole_with_options = bool(body.get("stream_options")) and not body.get("stream")
    refusals = (
        (key != "own", error(401, "The key is not valid.", code="invalid_api_key")),
        (request.json is None, error(400, "The body is not JSON.")),
        ("messages" not in body, error(400, "Missing: 'messages'.", "messages", "missing_required_parameter")),
        (body.get("model") not in (MODEL, DATED), error(404, "There is no such model.", code="model_not_found")),
        (hot, error(400, "'temperature' is a text, not a number.", "temperature", "invalid_type")),
        (
            body.get("max_tokens") == 0,
            error(400, "'max_tokens' is 0: too small.", "max_tokens", "integer_below_min_value"),
        ),
        (_UNKNOWN in body, error(400, f"Unknown parameter: '{_UNKNOWN}'.", _UNKNOWN, "unknown_parameter")),
        (whole_with_options, error(400, "'stream_options' is for streams only.", "stream_options")),
        (len(request.body or b"") > _LONGEST_PROMPT, error(400, "The prompt is too long.", "messages", _TOO_LONG)),
    )
    return next((refusal for applies, refusal in refusals if applies), None)


def error(status: int, message: str, param: str | None = None, code: str | None = None) -> Response:
    """Return an error in the specification's form, with OpenAI's type and code for its status."""
    kind, usual = _KINDS.get(status, ("invalid_request_error" if status < _SERVER_ERROR else "server_error", None))
    content = {"error": {"message": message, "type": kind, "param": param, "code": code or usual}}
    return response(orjson.dumps(content), "application/json", status)


def response(body: bytes, media_type: str, status: int = OK) -> Response:
    """Return a response with the headers of the reference."""
    headers = Headers((("Content-Type", media_type), ("x-request-id", "req_reference")))
    return Response(status, headers, body, "OK" if status == OK else "")


def answer(request: Json, id_: str) -> Response:
    """Return the response to a scenario's valid request."""
    return sent(request, written(request, id_))


def sent(request: Json, content: bytes) -> Response:
    """Return the HTTP response that carries the response to a request."""
    return response(content, "text/event-stream; charset=utf-8" if request.get("stream") else "application/json")


def written(request: Json, id_: str, words: Words | None = None) -> bytes:
    """Return the body of the response to a valid request, with the scenario's content, or ``words``."""
    said = words.said if words else say(request, thinks=request.get("reasoning_effort", "none") != "none")
    calls = f"call_{id_.rpartition('-')[2]}_" if words else "call_"  # ids of one conversation are to differ
    prompt = words.prompt if words else prompt_tokens(request)
    choices = [_Choice(request, index, said, calls) for index in range(request.get("n") or 1)]
    common = _COMMON | ({} if request["model"] == MODEL else {"model": request["model"]})
    if request.get("service_tier") in _TIERS:
        common["service_tier"] = request["service_tier"]
    if not request.get("stream"):
        content = {"id": id_, "object": "chat.completion", **common, "choices": [one.whole() for one in choices]}
        return orjson.dumps(content | {"usage": _usage(request, prompt, choices, words)})
    asked = include_usage(request)
    extra = {"usage": None} if asked else {}
    steps = [[one for one in step if one] for step in _in_turn([choice.streamed() for choice in choices])]
    events = [_event(id_, common, [one], **extra) for step in steps for one in step]
    events += [_event(id_, common, [], usage=_usage(request, prompt, choices, words))] if asked else []
    return b"".join([*events, DONE])


def _in_turn(lists: list[list[Json]]) -> list[list[Json | None]]:
    longest = max(map(len, lists))
    return [[one[n] if n < len(one) else None for one in lists] for n in range(longest)]


def _event(id_: str, common: Json, choices: list[Json], **extra: Any) -> bytes:
    chunk = {"id": id_, "object": "chat.completion.chunk", **common, "choices": choices, **extra}
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _usage(request: Json, prompt: int, choices: list["_Choice"], words: Words | None) -> Json:
    reasoning = sum(choice.said.reasoning_tokens for choice in choices)
    completion = sum(choice.said.tokens for choice in choices) + reasoning
    told = ("accepted_prediction_tokens", "rejected_prediction_tokens") if request.get("prediction") else ()
    predicted = dict.fromkeys(told, 0)  # what is said is not what was predicted
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": words.total if words else prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0} | predicted,
    }


def _cited(text: tuple[str, ...]) -> list[Json]:
    """Return the citations of a text for which web search was requested: one, of the whole text."""
    place = {"start_index": 0, "end_index": len("".join(text)), "title": "Example", "url": "https://example.com/"}
    return [{"type": "url_citation", "url_citation": place}] if text else []


Pieces = tuple[str, ...]
"""Fragments of text, as streamed."""


class _Choice:
    """One choice of the response to ``request``, streamed or whole; ids of its calls begin with ``calls``."""

    def __init__(self, request: Json, index: int, said: Said, calls: str) -> None:
        self.index = index
        self._calls = calls
        self._older, self._custom = uses_older_form(request), custom_names(request)
        self.logprobs = bool(request.get("logprobs"))
        self.alternatives = request.get("top_logprobs") or 0
        self.said = said
        self._audio = f"audio_{calls.removeprefix('call_')}{index + 1}" if audio.is_spoken(request) else ""
        self._searches = isinstance(request.get("web_search_options"), dict)
        ends = self.said.forced and self.said.finish == "tool_calls"
        self.finish = "stop" if ends else self.said.finish  # a named tool ends with stop at OpenAI
        if self._older and self.finish == "tool_calls":
            self.finish = "function_call"

    def whole(self) -> Json:
        """Return the choice of a body."""
        message: Json = {"role": "assistant", "content": "".join(self.said.text) if self.said.text else None}
        if self.said.thought:
            message["reasoning_content"] = self.said.thought[0]
        if self._searches:
            message["annotations"] = _cited(self.said.text)
        if self._audio and self.said.text:
            message |= {"content": None, "audio": audio.whole("".join(self.said.text), self._audio)}
        if self._older and self.said.calls:
            message["function_call"] = self._call(0, self.said.calls[0])["function"]
        elif self.said.calls:
            message["tool_calls"] = [self._call(number, call) for number, call in enumerate(self.said.calls)]
        return self._form(
            {"message": message | {"refusal": None}}, self.said.text, self.said.thought[:1], finish=self.finish
        )

    def streamed(self) -> list[Json]:
        """Return the choice of each chunk."""
        if self.said.thought:
            deltas, last = self._thinking()
        elif self.said.calls:
            deltas, last = self._calling(), {}
        elif self._audio:
            first = {"role": "assistant", "content": None, "refusal": None}
            deltas, last = [first, *audio.streamed(self.said.text, self._audio)], {}
        else:
            first = {"role": "assistant", "content": "", "refusal": None}
            deltas, last = [first, *({"content": text} for text in self.said.text)], {}
            last = {"annotations": _cited(self.said.text)} if self._searches else last
        said = [
            [(delta[key],) if delta.get(key) else () for key in ("content", "reasoning_content")] for delta in deltas
        ]
        chunks = [self._form({"delta": delta}, *pieces) for delta, pieces in zip(deltas, said, strict=True)]
        return [*chunks, self._form({"delta": last}, finish=self.finish)]

    def _form(self, inner: Json, text: Pieces = (), thought: Pieces = (), *, finish: str | None = None) -> Json:
        """Return the choice; the probabilities of reasoning are where DeepSeek has them."""
        tokens, thoughts = ([logprob(token, self.alternatives) for token in pieces] for pieces in (text, thought))
        listed = {"content": tokens or None, "refusal": None} | ({"reasoning_content": thoughts} if thoughts else {})
        logprobs = listed if self.logprobs and (tokens or thoughts) else None
        return {"index": self.index, **inner, "logprobs": logprobs, "finish_reason": finish}

    def _thinking(self) -> tuple[list[Json], Json]:
        silent: Json = {"content": None}
        first = {"role": "assistant", **silent, "reasoning_content": ""}
        thought = [{**silent, "reasoning_content": text} for text in self.said.thought]
        if self.said.calls:
            calling = self._calling()
            del calling[0]["role"], calling[0]["refusal"]
            return [first, *thought, *calling], {}
        said = [{"content": text, "reasoning_content": None} for text in self.said.text]
        return [first, *thought, *said], {"content": "", "reasoning_content": None}

    def _calling(self) -> list[Json]:
        deltas: list[Json] = []
        for number, call in enumerate(self.said.calls):
            first: Json = {} if deltas else {"role": "assistant", "content": None, "refusal": None}
            heads, *fragments = self._fragments(number, call)
            deltas += [first | heads, *fragments]
        return deltas

    def _fragments(self, number: int, call: Call) -> list[Json]:
        """Return the deltas of one call: its name first, then its arguments in fragments."""
        kind, given, pieces = self._form_of(call)
        if self._older:
            head: Json = {"function_call": {"name": call.name, given: ""}}
            return [head, *({"function_call": {given: piece}} for piece in pieces)]
        begun = self._call(number, call) | {kind: {"name": call.name, given: ""}}
        rest = [{"tool_calls": [{"index": number, kind: {given: piece}}]} for piece in pieces]
        return [{"tool_calls": [{"index": number, **begun}]}, *rest]

    def _call(self, number: int, call: Call) -> Json:
        kind, given, pieces = self._form_of(call)
        inner = {"name": call.name, given: "".join(pieces)}
        return {"id": f"{self._calls}{number + 1}", "type": kind, kind: inner}

    def _form_of(self, call: Call) -> tuple[str, str, Pieces]:
        """Return the kind of a call, the key of its input, and that in fragments."""
        if call.name in self._custom:
            return "custom", "input", custom_input(call)
        return "function", "arguments", call.pieces
