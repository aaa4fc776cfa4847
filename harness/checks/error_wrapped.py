"""Errors of somebody else within the message of an error, as gateways hand them on."""

import ast
import json
from collections.abc import Iterator
from typing import Any

from harness.checks import sources
from harness.checks.applies import error_status
from harness.checks.error_causes import CAUSES
from harness.checks.registry import rule
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import error, exchange
from harness.simulate.reference import with_body, with_expected_status
from harness.wire.exchange import Exchange
from harness.wire.shapes import as_object

_REFUSED = with_expected_status(exchange({"model": "no-such-model", "messages": []}), 404, 400)
_HELD = ("error.not-empty", "error.not-html", "error.not-stream", "error.json")
_PLACES = ("/error/message", "/message", "/detail", "/description", "/error", "/error_msg", "/msg")
_SAID = ("message", "msg", "error_msg", "detail", "description", "error")
_NUMBERED = ("status", "status_code", "code", "type")
_READ, _SHOWN = 20_000, 80
_WRAPPED = '{{"error":{{"message":{0},"type":"invalid_request_error","param":null,"code":null}}}}'
_PYTHON = Advice(
    "The user reads a dump, and the status of the outer error is all that code can branch on.",
    "Read what begins with a brace: `inner = ast.literal_eval(text[text.index('{') : text.rindex('}') + 1])`.",
)


def _bad(message: str) -> Exchange:
    return with_body(_REFUSED, _WRAPPED.format(json.dumps(message)).encode())


@rule(
    "error.own-words", Level.SHOULD, "The message of an error is words, and not another error in JSON.",
    sources.ERROR, error_status,
    good=(_REFUSED, _bad("Expected an object, such as {}."), with_body(_REFUSED, error(400, 'Invalid JSON: {"messages": [').body)),
    bad=(
        _bad('{"error":{"message":"Rate limit reached.","code":429}}'),
        _bad('litellm.BadRequestError: OpenAIException - {"message":"Invalid schema","code":"invalid_schema"}'),
        _bad("Error code: 400 - {'error': {'message': 'Invalid schema', 'param': None}}"),
        with_body(_REFUSED, b'{"code":"Gateway.Error","description":"{\\"code\\":50508,\\"message\\":\\"System is too busy now.\\"}"}'),
    ),
    depends_on=_HELD,
)  # fmt: skip
def own_words(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads JSON, and the code and type that tell what to do are in it, not where clients look for them.

    Instead: Read what begins with a brace: `inner, _ = json.JSONDecoder().raw_decode(text[text.index("{"):])`, and decide by
    `inner.get("error", inner)`.
    """
    body = exchange.chunk(0)
    for place in _PLACES:
        text = _at(body, place)
        inner, is_python = _error_within(text) if isinstance(text, str) else (None, False)
        if inner:
            yield Problem(
                f"{place[1:].replace('/', '.')} holds another error: {_told(inner)}",
                ((0, place),),
                _PYTHON if is_python else None,
            )
            return


def told_within(value: Any, depth: int = 6) -> str | None:
    """Return what the first error says that any text of ``value`` holds as JSON; None where none does."""
    if isinstance(value, str):
        inner, _ = _error_within(value)
        return _told(inner) if inner else None
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    told = (told_within(one, depth - 1) for one in inside if depth)
    return next(filter(None, told), None)


def _at(body: Any, place: str) -> Any:
    for key in place[1:].split("/"):
        body = as_object(body).get(key)
    return body


def _error_within(text: str) -> tuple[dict[str, Any] | None, bool]:
    """Return the error that a text holds as JSON, or as Python writes a dict; None where it holds none."""
    start = text.find("{")
    if start < 0 or len(text) > _READ:
        return None, False
    try:
        value, is_python = json.JSONDecoder().raw_decode(text[start:])[0], False
    except (ValueError, RecursionError):
        try:
            value, is_python = ast.literal_eval(text[start : text.rindex("}") + 1]), True
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return None, False
    return (as_object(value), is_python) if _text_of(as_object(value)) else (None, False)


def _text_of(value: dict[str, Any], depth: int = 6) -> str | None:
    """Return what an error says in words, however it is nested."""
    for key in _SAID if depth else ():
        said = value.get(key)
        found = said if isinstance(said, str) else _text_of(as_object(said), depth - 1)
        if found:
            return found
    return None


def _told(inner: dict[str, Any]) -> str:
    """Return the number or kind of an error and its words, and what they tell of where that is known."""
    holders = (inner, *(as_object(inner.get(key)) for key in _SAID))
    number = next(
        (one[key] for one in holders for key in _NUMBERED if isinstance(one.get(key), int | str) and one[key]), None
    )
    words = _text_of(inner) or ""
    cause = next((one.name for one in CAUSES if one.words.search(words)), None)
    return f"{number or 'no code'}, {words[:_SHOWN]}" + (f" ({cause})" if cause else "")
