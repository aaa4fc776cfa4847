"""
Implements an ideal provider of legacy completions, in the form of OpenAI's specification.

The texts, ids and counts are made up; equal requests get equal responses.
"""

from dataclasses import dataclass, field
from typing import Any

import orjson

from harness.matrix.completions import first_body, second_body
from harness.matrix.scenarios import Scenario, with_expectations
from harness.simulate.chat.content import CREATED
from harness.simulate.chat.ideal import DONE, error, response
from harness.wire.completions.asked import prompts_of
from harness.wire.exchange import Exchange, Headers, Request, Response, Source, include_usage
from harness.wire.shapes import Json

MODEL = "gpt-3.5-turbo-instruct"
URL = "https://api.openai.com/v1/completions"

_SOURCE = Source("reconstructed", note="reference form")
_FEW = 20
_TEXT = (" a bird", ", 一只鸟", ",", " far", " away. 🐦")
_NUMBERS = ("1, 2,", " 3, 4,", " 5, 6, ")
_LONGER = ("1, 2,", " 3, 4,", " 5, 6,", " 7")
_MIDDLE = ("    if n", " < 2:\n", "        return", " n\n")
_BYTES_A_TOKEN = 4
_ALTERNATIVES = "abcd"


@dataclass(frozen=True, slots=True)
class TextSaid:
    """The content of one choice: its ``pieces``, each a token, its finish reason, and its number of tokens."""

    pieces: tuple[str, ...]
    finish: str
    tokens: int


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """A response: its id, the content of each choice, the prompt tokens, the named model, and further keys."""

    id: str
    said: tuple[TextSaid, ...]
    prompt: int
    model: str = MODEL
    keys: Json = field(default_factory=dict)
    usage: Json = field(default_factory=dict)


def recording(scenario: Scenario) -> list[Exchange]:
    """Return the exchanges of ``scenario`` with the ideal provider."""
    body = first_body(scenario, MODEL)
    first = exchange(body, key=scenario.key, raw=scenario.raw_body)
    if scenario.requests == 1:
        return with_expectations([first], scenario)
    return with_expectations([first, exchange(second_body(scenario, body), id_="cmpl-second")], scenario)


def exchange(body: Json, *, id_: str = "cmpl-reference", key: str = "own", raw: bytes | None = None) -> Exchange:
    """Return the exchange of a request: ``raw`` is sent instead of ``body`` if given."""
    request = Request("POST", URL, Headers((("Content-Type", "application/json"),)), raw or orjson.dumps(body))
    return Exchange(request, _refusal(request, key) or _answer(body, id_), _SOURCE)


def _refusal(request: Request, key: str) -> Response | None:
    body = request.json or {}
    refusals = (
        (key != "own", error(401, "The key is not valid.", code="invalid_api_key")),
        (request.json is None, error(400, "The body is not JSON.")),
        ("prompt" not in body, error(400, "Missing: 'prompt'.", "prompt", "missing_required_parameter")),
        (body.get("model") != MODEL, error(404, "There is no such model.", code="model_not_found")),
        (type(body.get("max_tokens")) is not int, error(400, "'max_tokens' is no whole number.", "max_tokens")),
    )
    return next((refusal for applies, refusal in refusals if applies), None)


def _answer(body: Json, id_: str) -> Response:
    prompts = prompts_of(body)
    said = tuple(_said(body, prompt or "") for prompt in prompts for _ in range(body.get("n") or 1))
    return answer(body, TextAnswer(id_, said, sum(prompt_tokens(one or "") for one in prompts)))


def _said(body: Json, prompt: str) -> TextSaid:
    if body.get("suffix"):
        return TextSaid(_MIDDLE, "stop", len(_MIDDLE))
    if "Count" in prompt and body.get("stop"):
        return TextSaid(_NUMBERS, "stop", 9)
    if "Count" in prompt and body["max_tokens"] < _FEW:
        return TextSaid(_LONGER, "length", body["max_tokens"])
    if "Count" in prompt:
        return TextSaid(_LONGER, "stop", 12)
    return TextSaid(_TEXT, "stop", 11)


def prompt_tokens(prompt: str) -> int:
    """Return the number of tokens of a prompt."""
    return 1 + len(prompt.encode("utf-8", "surrogatepass")) // _BYTES_A_TOKEN


def answer(body: Json, told: TextAnswer) -> Response:
    """Return the response to a valid request."""
    common = {"id": told.id, "object": "text_completion", "created": CREATED, "model": told.model, **told.keys}
    prompts, each = prompts_of(body), body.get("n") or 1
    choices = [_TextChoice(body, index, one, prompts[index // each] or "") for index, one in enumerate(told.said)]
    tokens = sum(one.tokens for one in told.said)
    counts = {"prompt_tokens": told.prompt, "completion_tokens": tokens, "total_tokens": told.prompt + tokens}
    usage = counts | told.usage
    if not body.get("stream"):
        whole = common | {"choices": [one.whole() for one in choices], "usage": usage}
        return response(orjson.dumps(whole), "application/json")
    extra: Json = {"usage": None} if include_usage(body) else {}
    events = [common | {"choices": [one]} | extra for one in _in_turn([choice.streamed() for choice in choices])]
    events += [common | {"choices": [], "usage": usage}] if include_usage(body) else []
    return response(b"".join([*map(_event, events), DONE]), "text/event-stream; charset=utf-8")


def _event(chunk: Json) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _in_turn(lists: list[list[Json]]) -> list[Json]:
    """Return the chunks of several choices in turn."""
    longest = max(map(len, lists))
    return [one[n] for n in range(longest) for one in lists if n < len(one)]


class _TextChoice:
    """One choice of the response to a request, streamed or whole."""

    def __init__(self, body: Json, index: int, said: TextSaid, prompt: str) -> None:
        self._index, self._finish = index, said.finish
        self._pieces = (prompt, *said.pieces) if body.get("echo") else said.pieces
        self._begins = 0 if body.get("echo") else len(prompt)
        asked = body.get("logprobs")
        self._alternatives = asked if type(asked) is int else None

    def whole(self) -> Json:
        """Return the choice of a body."""
        return self._form(self._pieces, self._begins, self._finish)

    def streamed(self) -> list[Json]:
        """Return the choice of each chunk: a fragment each, then the end."""
        at, chunks = self._begins, []
        for piece in self._pieces:
            chunks.append(self._form((piece,), at, None))
            at += len(piece)
        return [*chunks, self._form((), at, self._finish)]

    def _form(self, pieces: tuple[str, ...], at: int, finish: str | None) -> Json:
        logprobs = None if self._alternatives is None or not pieces else _logprobs(pieces, at, self._alternatives)
        return {"text": "".join(pieces), "index": self._index, "logprobs": logprobs, "finish_reason": finish}


def _logprobs(pieces: tuple[str, ...], at: int, alternatives: int) -> Json:
    offsets: list[int] = []
    for piece in pieces:
        offsets.append(at)
        at += len(piece)
    return {
        "tokens": list(pieces),
        "token_logprobs": [-0.25] * len(pieces),
        "top_logprobs": [_alternatives(piece, alternatives) for piece in pieces] if alternatives else None,
        "text_offset": offsets,
    }


def _alternatives(token: str, count: int) -> dict[str, Any]:
    others = {f"{token}{letter}": -2.5 - n for n, letter in enumerate(_ALTERNATIVES[: count - 1])}
    return {token: -0.25} | others
