"""
Masks recordings: every text that people or models wrote is replaced by a made-up one of the same form.

Everything that rules look at stays: bytes around the texts, keys, types, lengths, script, escapes, fragments,
repetition, usage counts, model names, protocol words.  A made-up text has the same length as the original, in
characters and in bytes, so that offsets, sizes and reads stay valid.  ``words`` makes the texts, ``places`` decides
what is a text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from harness.recording.masking.bodies import masked_content, masked_response
from harness.recording.masking.identifiers import masked_request_headers, masked_response_headers, masked_url
from harness.recording.masking.json_strings import tokens_in
from harness.recording.masking.json_texts import Context
from harness.recording.masking.refusals import Repetitions
from harness.recording.masking.words import Vocabulary
from harness.wire.exchange import Exchange, Request
from harness.wire.shapes import as_object, objects_in

NOTE = "texts: replaced"
"""The note of an exchange whose texts were replaced."""

_BYTES_TOLD = re.compile(rb'"bytes"\s*:\s*\[\s*\d')
_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_SCHEMAS = frozenset({"parameters", "schema", "input_schema"})
_TRIES = 8
_DIGITS = frozenset("0123456789")
_FEW = 4
_DEEPEST = 64


def mask_exchanges(exchanges: Sequence[Exchange], seed: str) -> list[Exchange]:
    """
    Return the exchanges of one recording masked; equal texts stay equal across them.

    Equal seeds give equal texts.
    """
    narrow = any(_BYTES_TOLD.search(exchange.response.content) for exchange in exchanges)
    unchanged = {number for exchange in exchanges for number in _bound_numbers(exchange)}
    apart = "".join(sorted({stop for one in exchanges for stop in stops_of(one.request) if stop in _DIGITS})[:_FEW])
    made: list[Exchange] = []
    for attempt in range(_TRIES):
        vocabulary = Vocabulary(f"{seed} {attempt}", narrow=narrow, unchanged=unchanged, apart=apart)
        made = _masked(exchanges, vocabulary)
        if all(map(_stops_alike, exchanges, made)):
            break
    return made


def _masked(exchanges: Sequence[Exchange], vocabulary: Vocabulary) -> list[Exchange]:
    made: dict[int, Exchange] = {}
    for exchange in exchanges:
        for one in (*exchange.earlier, exchange):
            if id(one) not in made:
                made[id(one)] = _exchange(one, vocabulary)
    return [
        replace(made[id(exchange)], earlier=tuple(made[id(one)] for one in exchange.earlier)) for exchange in exchanges
    ]


def _exchange(exchange: Exchange, vocabulary: Vocabulary) -> Exchange:
    request, source = exchange.request, exchange.source
    repetitions = Repetitions(vocabulary, _texts_in(request.json), _names_in(request.json))
    context = Context(vocabulary, repetitions, stops_of(request), _tools_in(exchange))
    response = masked_response(exchange, replace(context, refused=exchange.response.is_error))
    asked = replace(
        request,
        url=masked_url(request.url, vocabulary) if request.url else "",
        headers=masked_request_headers(request.headers, vocabulary),
        body=_request_body(request, replace(context, asked=True)),
    )
    answer = replace(
        response,
        headers=masked_response_headers(response.headers, vocabulary, repetitions),
        error=response.error and repetitions.masked(response.error),
    )
    note = source.note if source.note and NOTE in source.note else "; ".join(filter(None, (source.note, NOTE)))
    return replace(exchange, request=asked, response=answer, source=replace(source, note=note))


def _request_body(request: Request, context: Context) -> bytes | None:
    if not request.body:
        return request.body
    return masked_content(request.body, context, "json" if request.body.lstrip()[:1] in {b"{", b"["} else "text")


def stops_of(request: Request) -> list[str]:
    """Return the stop sequences of ``request``."""
    stop = request.get("stop")
    return [one for one in (stop if isinstance(stop, list) else [stop]) if isinstance(one, str) and one]


def _stops_alike(exchange: Exchange, made: Exchange) -> bool:
    """Return whether the stop sequences occur in the response's texts as they did before."""
    held = [[stop in text for text in _said(one) for stop in stops_of(one.request)] for one in (exchange, made)]
    return held[0] == held[1]


def _said(exchange: Exchange) -> list[str]:
    return [choice.fragments("content").text for choice in exchange.columns.choices.values()]


def _bound_numbers(exchange: Exchange) -> Iterator[str]:
    """Yield the numbers of a response that a schema in its request bounds."""
    schemas = [value for key, value in _members(exchange.request.json) if key in _SCHEMAS]
    if any(key in _BOUNDS for schema in schemas for key, _ in _members(schema)):
        for message in exchange.completion.messages:
            for text in (message.content, *(call.arguments for call in message.tool_calls)):
                for number in (token.raw for token in tokens_in(text or "") if token.is_number):
                    yield from re.findall(r"\d+", number)


def _members(value: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the members of all objects in ``value``, and the elements of lists under an empty key."""
    listed = [("", one) for one in value] if isinstance(value, list) else []
    for key, inner in [*(value.items() if isinstance(value, dict) else listed)] if depth < _DEEPEST else ():
        yield key, inner
        yield from _members(inner, depth + 1)


def _texts_in(asked: Any) -> list[str]:
    return [value for key, value in _members(asked) if isinstance(value, str) and key not in {"model", "role", "type"}]


def _names_in(asked: Any) -> set[str]:
    """Return the words of a request that belong to its form: its keys, and the name of the model."""
    names = {key for key, _ in _members({key: value for key, value in as_object(asked).items() if key != "tools"})}
    model = as_object(asked).get("model")
    return {*names, *as_object(asked)} | ({model} if isinstance(model, str) and model else set())


def _tools_in(exchange: Exchange) -> frozenset[str]:
    functions = [as_object(tool.get("function")) for tool in objects_in(exchange.request.get("tools"))]
    called = [call.name for message in exchange.completion.messages for call in message.tool_calls]
    return frozenset(
        name for name in (*(one.get("name") for one in functions), *called) if isinstance(name, str) and name
    )
