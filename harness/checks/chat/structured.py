"""Checks structured output: whether a response requested as JSON is."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

from harness.checks import sources
from harness.checks.applies import (
    complete_answer,
    finish_values,
    guided_schema,
    json_mode,
    success_status,
    texts,
)
from harness.checks.json_schema import schema_error
from harness.checks.kinds import place_of
from harness.checks.registry import CannotJudge, NotApplicable, Reason, observation, rule
from harness.matrix.scenarios import SCENARIOS
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import recording
from harness.simulate.reference import BODY, replace_in_body, with_body, with_request_params
from harness.wire.chat.calls import is_open, refuse
from harness.wire.chat.chunks import Choice
from harness.wire.exchange import Exchange
from harness.wire.shapes import as_object

MUST, SHOULD = Level.MUST, Level.SHOULD

_OBJECT, _STREAMED, _SCHEMA = (
    recording(SCENARIOS[f"json.{name}"])[0] for name in ("object", "object-stream", "schema")
)
_SAID = '{\\"city\\":\\"Lyon\\",\\"population\\":522000}'
_HELD = ("chunk.present", "sse.no-error", "http.complete")
_WHOLE = (*_HELD, "structured.no-fence")
_FENCE = re.compile(r"^\s*```")
_BROKEN = Advice(
    "`json.loads(content)` raises, and there is nothing to strip: the JSON itself is broken, or ends early.",
    "Catch it, `except ValueError:`, and ask again.",
)
_PROSE = Advice(
    "`json.loads(content)` raises at the first character: the answer is prose, and the requested format was ignored.",
    "Use a forced tool with the schema as its parameters, and read `tool_calls[0].function.arguments`.",
)
_NO_NUMBER = Advice(
    "`JSON.parse` and every strict reader raise; Python takes it, and every comparison with NaN is false.",
    "Reject it: `json.loads(content, parse_constant=refuse)`, where `refuse` raises ValueError, and ask again.",
)
_SCALAR = Advice(
    '`answer["city"]` raises TypeError: it is a number, a string or null, not an object.',
    "Test it, and ask again with the keys named in the prompt: `if not isinstance(answer, dict):`.",
)
_WITHIN = Advice(
    "The typed parser behind `response_format` raises: it gets a string instead of an object.",
    "Parse once more if the result is a string: `if isinstance(answer, str): answer = json.loads(answer)`.",
)
_LISTED = Advice(
    "The typed parser behind `response_format` raises: it gets a list instead of an object.",
    "Take the object out of the list: `answer = answer[0] if isinstance(answer, list) else answer`.",
)
_UNDER = Advice(
    "The typed parser behind `response_format` raises: the keys that it needs are one level down.",
    "Take the inner object: `answer = next(iter(answer.values())) if len(answer) == 1 else answer`.",
)
_SHOWN = 60
_EXCUSES = {"length", "content_filter", "tool_calls"}


def _asked(exchange: Exchange) -> Reason | None:
    """A complete response that was requested as JSON."""
    if json_mode(exchange) is None:
        return success_status(exchange) or "JSON was not asked for"
    if finish_values(exchange) & _EXCUSES or not any(texts(exchange)):
        return success_status(exchange) or NotApplicable(
            "the answer was cut short, refused, or calls a tool", "not-present"
        )
    return complete_answer(exchange)


def _bound(exchange: Exchange) -> Reason | None:
    """The same, with a binding schema."""
    return _asked(exchange) or (None if isinstance(_schema(exchange), dict) else "no strict schema was given")


def _schema(exchange: Exchange) -> Any:
    if exchange.request.get("response_format") is None:
        return guided_schema(exchange)
    inner = exchange.request.get("response_format").get("json_schema")
    return inner.get("schema") if isinstance(inner, dict) and inner.get("strict") is True else None


def _spoken(exchange: Exchange) -> Iterator[tuple[Choice, str]]:
    for choice in exchange.columns.choices.values():
        text = choice.fragments("content").text
        if text:
            yield choice, text


def _parsed(text: str) -> Any:
    """Parse like Python, which accepts what orjson rejects: lone surrogates, numbers beyond a double."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            return json.loads(text)
        except RecursionError:
            raise CannotJudge("the JSON is too deep to parse") from None


def _place(exchange: Exchange, choice: Choice) -> tuple[tuple[int, str], ...]:
    return (place_of(exchange, choice, choice.fragments("content").chunks[0], "/{part}/content"),)


@rule(
    "structured.no-fence", MUST, "Requested JSON is not in a code fence.",
    sources.REQUEST, _asked,
    good=(_OBJECT, _STREAMED, _SCHEMA),
    bad=(replace_in_body(_OBJECT, _SAID, f"```json\\n{_SAID}\\n```"), replace_in_body(_SCHEMA, _SAID, f"```\\n{_SAID}\\n```")),
    depends_on=_HELD,
)  # fmt: skip
def no_fence(exchange: Exchange) -> Iterator[Problem]:
    """
    `json.loads(content)` raises at the first character.

    Instead: Remove a fence before parsing: `re.sub(r"^```(?:json)?|```$", "", content.strip())`.
    """
    for choice, text in _spoken(exchange):
        if _FENCE.match(text):
            yield Problem("the JSON is in a code fence", _place(exchange, choice))
            return


@rule(
    "structured.json", MUST, "A response to a request for JSON is JSON.",
    sources.REQUEST, _asked,
    good=(_OBJECT, _STREAMED, _SCHEMA),
    bad=(replace_in_body(_OBJECT, _SAID, f"Here it is: {_SAID}"), replace_in_body(_STREAMED, "522000}", "522000"), with_request_params(BODY, guided_json={"type": "object"}), replace_in_body(_OBJECT, _SAID, f"{{{_SAID}"), replace_in_body(_OBJECT, _SAID, "{'city': 'Lyon'}")),
    depends_on=_WHOLE, explained_by=("finish_reason.tool-calls", "finish_reason.length-due"),
)  # fmt: skip
def is_json(exchange: Exchange) -> Iterator[Problem]:
    """
    `json.loads(content)` raises, and the program gets no JSON.

    Instead: Take the text from the first brace to the last: `content[content.index("{") : content.rindex("}") + 1]`.
    """
    for choice, text in _spoken(exchange):
        try:
            _parsed(text)
        except ValueError as error:
            why = _around(text) or _writing(text) or _missing(text) or error
            yield Problem(f"the text is not JSON: {why}", _place(exchange, choice), _advice_on(text))
            return
        if _has_no_number(text):
            said = "the text is not JSON: NaN or Infinity stands in it, which only Python reads"
            yield Problem(said, _place(exchange, choice), _NO_NUMBER)
            return


def _has_no_number(text: str) -> bool:
    """Return whether only Python accepts a text as JSON, with NaN and Infinity."""
    if "NaN" not in text and "Infinity" not in text:
        return False
    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return True
    return False


def _around(text: str) -> str | None:
    """Return the text around the one object of a text; None if there is none, or only an incomplete one."""
    start = text.find("{")
    try:
        _, end = json.JSONDecoder().raw_decode(text, start) if start >= 0 else (None, 0)
    except (ValueError, RecursionError):
        return None
    before, after = text[:start].strip(), text[end:].strip()
    if not end or not (before or after):
        return None
    if after.startswith("{"):
        return "another object follows the first"
    return f"text stands before it: {before[:_SHOWN]}" if before else f"text follows it: {after[:_SHOWN]}"


def _writing(text: str) -> str | None:
    """Return in which other notation a text is an object: with a brace, or all braces, doubled, or as Python's repr."""
    for said, mended in (("its first brace comes twice", text[1:]), ("its braces come twice", text[1:-1])):
        if text[:2] == "{{" and _is_object(mended):
            return said
    try:
        return "it is written as Python" if isinstance(ast.literal_eval(text.strip()), dict) else None
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _missing(text: str) -> str | None:
    """Return what a text lacks to be an object: its first brace, or its end; or that it has no object at all."""
    bare = text.strip()
    if any(_is_object(ahead + bare) for ahead in ("{", '{"')):
        return "its beginning is missing"
    if "{" not in bare:
        return f"it is prose: {bare[:_SHOWN]}" if _advice_on(bare) is _PROSE else None
    return "it ends before the object does" if bare[0] in "{[" and is_open(bare) else None


def _advice_on(text: str) -> Advice | None:
    """Return the advice on a text without a JSON object; None if there is text around one."""
    if not set(text) & set("{[0123456789"):
        return _PROSE
    try:
        _parsed(text[text.index("{") : text.rindex("}") + 1])
    except ValueError:
        return _BROKEN
    return None


@rule(
    "structured.object", SHOULD, "JSON mode gives an object.",
    sources.REQUEST, lambda x: _asked(x) or (None if json_mode(x) == "json_object" else "a schema was given"),
    good=(_OBJECT, _STREAMED),
    bad=(replace_in_body(_OBJECT, _SAID, f"[{_SAID}]"), replace_in_body(_OBJECT, _SAID, "522000")),
    depends_on=(*_WHOLE, "structured.json"),
)  # fmt: skip
def is_object(exchange: Exchange) -> Iterator[Problem]:
    """
    `answer["city"]` raises TypeError on a list.

    Instead: Say in the prompt which keys the object has, and take the first element of a list.
    """
    for choice, text in _spoken(exchange):
        answer = _parsed(text)
        if not isinstance(answer, dict):
            advice = None if isinstance(answer, list) else _SCALAR
            said = "the text is JSON but not an object"
            if isinstance(answer, str) and _holds_object(answer):
                said, advice = "the text is JSON inside a JSON string", _WITHIN
            yield Problem(said, _place(exchange, choice), advice)
            return


@rule(
    "structured.schema", MUST, "A response to a request with a strict schema matches it.",
    sources.REQUEST, _bound,
    good=(_SCHEMA,),
    bad=(replace_in_body(_SCHEMA, "522000", '\\"522000\\"'), replace_in_body(_SCHEMA, '\\"population\\"', '\\"people\\"'), replace_in_body(_SCHEMA, _SAID, f'{{\\"answer\\":{_SAID}}}'), replace_in_body(_SCHEMA, _SAID, f"[{_SAID}]"), replace_in_body(_SCHEMA, _SAID, '{\\"type\\":\\"object\\",\\"properties\\":{}}')),
    depends_on=(*_WHOLE, "structured.json"),
)  # fmt: skip
def fits_schema(exchange: Exchange) -> Iterator[Problem]:
    """
    The typed parser behind `response_format` raises: the schema was accepted but not enforced.

    Instead: Validate the result, and ask again with the validator's message.
    """
    for choice, text in _spoken(exchange):
        value = _parsed(text)
        wrong = schema_error(value, _schema(exchange))
        if wrong:
            why, advice = _other_object(value, _schema(exchange))
            yield Problem(f"{why}, and {wrong}" if why else wrong, _place(exchange, choice), advice)
            return


def _holds_object(text: str) -> bool:
    try:
        return isinstance(_parsed(text), dict)
    except ValueError:
        return False


def _other_object(value: Any, schema: Any) -> tuple[str | None, Advice | None]:
    """Return where the requested object is instead, or what takes its place, if known."""
    inner = value
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except (ValueError, RecursionError):
            return None, None
        return (
            ("the text is JSON inside a JSON string", _WITHIN) if schema_error(inner, schema) is None else (None, None)
        )
    if isinstance(value, list) and len(value) == 1 and schema_error(value[0], schema) is None:
        return "the object is inside an array", _LISTED
    given = as_object(value)
    if given.get("type") == "object" and isinstance(given.get("properties"), dict):
        return "the schema came back in place of the answer", None
    wraps = [key for key, one in given.items() if isinstance(one, dict) and schema_error(one, schema) is None]
    return (f"the object is under the key {wraps[0]!r} of another", _UNDER) if len(wraps) == 1 else (None, None)


@observation(
    "structured.mode", "The result of the requested mode.",
    sources.REQUEST, lambda x: None if json_mode(x) else "JSON was not asked for",
    good=(_OBJECT, _STREAMED),
    bad=(_SCHEMA, replace_in_body(_OBJECT, _SAID, "Lyon"), with_body(_OBJECT, b""), with_request_params(_OBJECT, response_format={"type": "json_schema"})),
)  # fmt: skip
def mode(exchange: Exchange) -> str:
    """
    If a mode is rejected or ignored, the same program needs another prompt.

    Instead: Keep a prompt that works without the mode, and fall back to it if the mode is rejected.
    """
    name = json_mode(exchange)
    if success_status(exchange):
        return f"{name} refused ({exchange.response.status})"
    try:
        spoken = [_parsed(text) for text in texts(exchange)]
    except ValueError:
        return f"{name}: no JSON"
    return f"{name}: {'JSON' if spoken else 'nothing'}"
