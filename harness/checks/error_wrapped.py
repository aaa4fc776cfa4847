"""Checks for third-party errors within the message of an error, as gateways pass them on."""

import json
import re
from collections.abc import Iterator
from typing import Any

from harness.checks import sources
from harness.checks.applies import error_status
from harness.checks.error_causes import error_within, told_error
from harness.checks.registry import rule
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import error, exchange
from harness.simulate.reference import with_body, with_expected_status, with_response
from harness.wire.exchange import Exchange
from harness.wire.shapes import as_object

_REFUSED = with_expected_status(exchange({"model": "no-such-model", "messages": []}), 404, 400)
_HELD = ("error.not-empty", "error.not-html", "error.not-stream", "error.json")
_PLACES = ("/error/message", "/message", "/detail", "/description", "/error", "/error_msg", "/msg")
_TRACE = re.compile(
    r"Traceback \(most recent call last\)|\bFile \"[^\"\n]+\", line \d+|\n\s+at [\w$.<>/ ]+\([^()\n]+:\d+\)|\bgoroutine \d+ \["
)
_CODE = re.compile(
    r"'NoneType' object|not supported between instances of|\b(list|string|tuple) index out of range|has no attribute '"
    r"|(string|list) indices must be|\bgot an unexpected keyword argument|unhashable type: '|object is not (subscriptable|iterable|callable)"
    r"|Cannot read propert(y|ies) (of|')|\bundefined is not\b|nil pointer dereference|invalid memory address"
    r"|index out of range \[|\bjava\.\w+\.\w*Exception|NullPointerException|thread '.*' panicked|::unwrap\(\)"
    r"|\b(KeyError|TypeError|AttributeError|IndexError|UnboundLocalError|NameError)\b ?[:(]|std::\w+"
    r"|[Oo]ut of range float values are not JSON|\bis not JSON serializable|Body (is unusable|has already been (read|used|consumed))"
    r"|Object reference not set|Cannot destructure property|\bis not a function\b|\bpanic: |assertion failed:|AssertionError"
    r"|GGML_ASSERT|CUDA (error|out of memory)|\bis not (iterable|awaited)\b"
)
"""Messages of a server's code to its developers."""
_OF_PARSING = re.compile(
    r"Expecting value: line \d+ column \d+|[Uu]nexpected end of JSON input|invalid character '.{1,4}' (looking for|after)"
    r"|Unexpected token .{1,40}(is not valid )?JSON|json: cannot unmarshal|EOF while parsing|expected value at line \d+ column \d+"
    r"|\b\d+ validation errors? for [A-Z]\w+|error decoding response body"
)
"""Its messages about invalid JSON: with a 5xx of a third party, since for its own client it sends 400."""

_OF_CODE = Advice(
    "The user reads an exception of the server's code, which says neither what was wrong with the request nor whether to retry.",
    'Show the status instead: `text = f"The server failed with status {error.status_code}."`, and log the rest.',
)
_TRACED = Advice(
    "The user reads the server's code and file paths; the cause, if given, is in the last line.",
    "Show only the last line: `text.strip().splitlines()[-1]`.",
)
_PAGE = re.compile(r".{0,80}<(?:!doctype html|html)\b", re.IGNORECASE | re.DOTALL)
_TAGGED = Advice(
    "The user reads the tags of a proxy's page, and not why the request failed.",
    "Show its title: `re.search(r'<title>(.*?)</title>', text)`, and else the status.",
)
_SERVER_ERROR = 500
_WRAPPED = '{{"error":{{"message":{0},"type":"invalid_request_error","param":null,"code":null}}}}'
_PYTHON = Advice(
    "The user reads a dump, and code can branch only on the status of the outer error.",
    "Parse from the first brace: `inner = ast.literal_eval(text[text.index('{') : text.rindex('}') + 1])`.",
)


def _bad(message: str) -> Exchange:
    return with_body(_REFUSED, _WRAPPED.format(json.dumps(message)).encode())


@rule(
    "error.own-words", Level.SHOULD, "The message of an error is text, not another error as JSON, a stack trace or an exception of the server's code.",
    sources.ERROR, error_status,
    good=(_REFUSED, _bad("Expected an object, such as {}."), with_body(_REFUSED, error(400, 'Invalid JSON: {"messages": [').body)),
    bad=(
        _bad('{"error":{"message":"Rate limit reached.","code":429}}'),
        _bad('litellm.BadRequestError: OpenAIException - {"message":"Invalid schema","code":"invalid_schema"}'),
        _bad("Error code: 400 - {'error': {'message': 'Invalid schema', 'param': None}}"),
        _bad('Traceback (most recent call last):\n  File "/srv/engine.py", line 42, in generate\nValueError: bad'),
        with_response(_bad("<html><head><title>502 Bad Gateway</title></head></html>"), status=502),
        _bad("'>' not supported between instances of 'NoneType' and 'int'"),
        _bad("Out of range float values are not JSON compliant: -inf"),
        with_response(_bad("invalid character '<' looking for beginning of value"), status=502),
        with_body(_REFUSED, b'{"code":"Gateway.Error","description":"{\\"code\\":50508,\\"message\\":\\"System is too busy now.\\"}"}'),
    ),
    depends_on=_HELD,
)  # fmt: skip
def own_words(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads JSON, and the code and type are inside it, not where clients look for them.

    Instead: Parse from the first brace: `inner, _ = json.JSONDecoder().raw_decode(text[text.index("{"):])`, and
    decide by `inner.get("error", inner)`.
    """
    body = exchange.chunk(0)
    for place in _PLACES:
        text = _at(body, place)
        found = _no_words(text, exchange.response.status) if isinstance(text, str) else None
        if found:
            said, advice = found
            yield Problem(f"{place[1:].replace('/', '.')} {said}", ((0, place),), advice)
            return


def _no_words(text: str, status: int) -> tuple[str, Advice | None] | None:
    """Return what a message is instead of words, and the impact; None if it is words."""
    if _TRACE.search(text):
        return "holds a stack trace of the server", _TRACED
    if _PAGE.match(text):
        return "holds an HTML page", _TAGGED
    inner, is_python = error_within(text)
    if inner:
        return f"holds another error: {told_error(inner)}", _PYTHON if is_python else None
    code = _CODE.search(text) or (_OF_PARSING.search(text) if status >= _SERVER_ERROR else None)
    return (f"is an exception of the server's own code: {code[0]}", _OF_CODE) if code else None


def _at(body: Any, place: str) -> Any:
    for key in place[1:].split("/"):
        body = as_object(body).get(key)
    return body
