"""
Provides small changes to the bytes of an exchange, of which faults and legal variants are composed.

How it works: a change of JSON finds the events of the stream (or the body), parses its targets, and replaces only
these.  So changes of different places, and of JSON and framing, commute.  A change that finds nothing to change
raises ``NothingChanged``.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import orjson

from harness.simulate.reference import with_body, with_header, with_response
from harness.wire.exchange import Exchange, Headers, Reads
from harness.wire.reading import DONE
from harness.wire.shapes import Json, as_object

Change = Callable[[Exchange], Exchange]
Where = Callable[[Json], bool]
Edit = Callable[[Json], None]
"""Changes a parsed chunk in place."""

_GONE = object()


class NothingChanged(ValueError):
    """The exchange does not have the target of a change."""


# The target chunks of a change.


def any_chunk(_chunk: Json) -> bool:
    """Every chunk."""
    return True


def has_choice(chunk: Json) -> bool:
    """Chunks with a choice."""
    return bool(_first(chunk))


def has_no_finish_reason(chunk: Json) -> bool:
    """Chunks with a choice that has no finish_reason yet."""
    return has_choice(chunk) and not has_finish_reason(chunk)


def has_finish_reason(chunk: Json) -> bool:
    """The chunk with the finish_reason."""
    return bool(_first(chunk).get("finish_reason"))


def has_message(chunk: Json) -> bool:
    """Bodies whose first choice has a message."""
    return isinstance(_first(chunk).get("message"), dict)


def has_usage(chunk: Json) -> bool:
    """The chunk with the usage."""
    return bool(chunk.get("usage"))


def has_no_usage(chunk: Json) -> bool:
    """Chunks without usage."""
    return not has_usage(chunk)


def has_content(chunk: Json) -> bool:
    """Chunks with text."""
    return _part(chunk, "content")


def has_reasoning(chunk: Json) -> bool:
    """Chunks with reasoning text."""
    return _part(chunk, "reasoning_content")


def has_tool_calls(chunk: Json) -> bool:
    """Chunks with a tool call, or a piece of one."""
    return _part(chunk, "tool_calls")


def starts_tool_call(chunk: Json) -> bool:
    """Chunks that begin a tool call: with two of id, type and name."""
    return has_tool_calls(chunk) and any(map(_begins, _inner(chunk)["tool_calls"]))


def continues_tool_call(chunk: Json) -> bool:
    """Chunks that continue a tool call."""
    return has_tool_calls(chunk) and not starts_tool_call(chunk)


def _first(chunk: Json) -> Json:
    choices = chunk.get("choices")
    return as_object(choices[0]) if isinstance(choices, list) and choices else {}


def _inner(chunk: Json) -> Json:
    return as_object(_first(chunk).get("delta") or _first(chunk).get("message"))


def _part(chunk: Json, key: str) -> bool:
    return bool(_inner(chunk).get(key))


def _begins(call: Any) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return isinstance(call, dict) and sum(map(bool, (call.get("id"), call.get("type"), name))) > 1


# The edits.


def set_value(path: str, value: Any) -> Edit:
    """Return the edit that sets ``path`` (``choices/*/delta/role``) to ``value``, or to its result for the old one."""
    return lambda chunk: _at(chunk, path, value)


def drop(path: str) -> Edit:
    """Return the edit that removes ``path``."""
    return lambda chunk: _at(chunk, path, _GONE)


def rename(path: str, name: str) -> Edit:
    """Return the edit that gives the key at ``path`` another name, in its place."""
    container, _, key = path.rpartition("/")

    def edit(chunk: Json) -> None:
        for found in _containers(chunk, container.split("/") if container else []):
            if isinstance(found, dict) and key in found:
                pairs = [(name if k == key else k, v) for k, v in found.items()]
                found.clear()
                found.update(pairs)

    return edit


def _at(chunk: Json, path: str, value: Any) -> None:
    *parents, key = path.split("/")
    for found in _containers(chunk, parents):
        if not isinstance(found, dict):
            continue
        if value is _GONE:
            found.pop(key, None)
        elif callable(value):
            # A value that another change has removed, or given another type, is left alone.
            with contextlib.suppress(TypeError, KeyError, AttributeError):
                found[key] = value(found[key])
        else:
            found[key] = copy.deepcopy(value)


def _containers(value: Any, tokens: list[str]) -> Iterator[Any]:
    if not tokens:
        yield value
    elif isinstance(value, list):
        inner = value if tokens[0] == "*" else [one for n, one in enumerate(value) if str(n) == tokens[0]]
        for one in inner:
            yield from _containers(one, tokens[1:])
    elif isinstance(value, dict) and tokens[0] in value:
        yield from _containers(value[tokens[0]], tokens[1:])


# The changes.


def chunks(where: Where, *edits: Edit, only: slice = slice(None)) -> Change:
    """Return the change that applies ``edits`` to the chunks ``where`` selects, or to the ``only`` ones among them."""

    def change(exchange: Exchange) -> Exchange:
        replaced = []
        for start, end, chunk in list(_chosen(exchange, where))[only]:
            edited = copy.deepcopy(chunk)
            for edit in edits:
                edit(edited)
            written = orjson.dumps(edited)
            if written != orjson.dumps(chunk):
                replaced.append((start, end, written))
        return _spliced(exchange, replaced)

    return change


def remove(where: Where, only: slice = slice(None)) -> Change:
    """Return the change that removes the events of chunks."""
    return lambda exchange: _spliced(
        exchange, [(*_event(exchange, start), b"") for start, _, _ in list(_chosen(exchange, where))[only]]
    )


def insert(where: Where, *parts: Json | bytes, only: slice = slice(0, 1), after: bool = False) -> Change:
    """Return the change that inserts ``parts`` before (or ``after``) chunks: a chunk, or the bytes of a block."""
    block = b"".join(part if isinstance(part, bytes) else event(part) for part in parts)

    def change(exchange: Exchange) -> Exchange:
        places = [_event(exchange, start)[int(after)] for start, _, _ in list(_chosen(exchange, where))[only]]
        return _spliced(exchange, [(at, at, block) for at in places])

    return change


def repeat(where: Where, *edits: Edit, only: slice = slice(0, 1)) -> Change:
    """Return the change that repeats chunks, the second time with ``edits``."""

    def change(exchange: Exchange) -> Exchange:
        more = []
        for start, _, chunk in list(_chosen(exchange, where))[only]:
            edited = copy.deepcopy(chunk)
            for edit in edits:
                edit(edited)
            end = _event(exchange, start)[1]
            more.append((end, end, event(edited)))
        return _spliced(exchange, more)

    return change


def before_done(*parts: Json | bytes) -> Change:
    """Return the change that inserts ``parts`` before ``data: [DONE]``."""
    return replace_bytes(
        b"data: " + DONE, b"".join(p if isinstance(p, bytes) else event(p) for p in parts) + b"data: " + DONE
    )


def replace_bytes(old: bytes, new: bytes, times: int = -1) -> Change:
    """Return the change of bytes ``old`` to ``new``, ``times`` times from the left."""

    def change(exchange: Exchange) -> Exchange:
        return _changed(exchange, exchange.response.body.replace(old, new, times))

    return change


def body(make: Callable[[bytes], bytes]) -> Change:
    """Return the change of the body's bytes by ``make``."""
    return lambda exchange: _changed(exchange, make(exchange.response.body))


def header(name: str, value: str | None) -> Change:
    """Return the change that sets a header, or removes it."""

    def change(exchange: Exchange) -> Exchange:
        if exchange.response.headers.get(name) == value:
            raise NothingChanged(name)
        return with_header(exchange, name, value)

    return change


def status(code: int, content: bytes | None = None, media_type: str | None = None) -> Change:
    """Return the change of the status, and of body and content-type if given."""

    def change(exchange: Exchange) -> Exchange:
        changed = with_response(exchange, status=code)
        changed = changed if content is None else with_body(changed, content)
        return changed if media_type is None else with_header(changed, "content-type", media_type)

    return change


def response(**fields: Any) -> Change:
    """Return the change of other fields of a response: ``eof``, ``error``, ``http_version``."""
    return lambda exchange: with_response(exchange, **fields)


def failed_before(code: int) -> Change:
    """Return the change by which a first attempt at the request failed with a status."""
    return lambda exchange: replace(exchange, source=replace(exchange.source, failed_before=code))


def accepting(encodings: str) -> Change:
    """Return the change that sets the request's accept-encoding."""

    def change(exchange: Exchange) -> Exchange:
        kept = [pair for pair in exchange.request.headers.pairs if pair[0].lower() != "accept-encoding"]
        headers = Headers((*kept, ("Accept-Encoding", encodings)))
        return replace(exchange, request=replace(exchange.request, headers=headers))

    return change


def read_at(first: int, each: int) -> Change:
    """
    Return the change that lets a body arrive line by line over HTTP/1.1, as captured by harness.

    ``first`` and ``each`` are the microseconds before the first line and before each other.
    """

    def change(exchange: Exchange) -> Exchange:
        sizes = tuple(map(len, exchange.response.body.splitlines(keepends=True)))
        reads = Reads(sizes, (first, *[each] * (len(sizes) - 1)))
        return with_response(exchange, reads=reads, http_version="HTTP/1.1")

    return change


def pieces(size: int) -> Change:
    """Return the change that lets the body arrive in reads of ``size`` bytes."""

    def change(exchange: Exchange) -> Exchange:
        length = len(exchange.response.body)
        sizes = tuple(min(size, length - start) for start in range(0, length, size))
        return with_response(exchange, reads=Reads(sizes, tuple(range(len(sizes)))))

    return change


def rebuild_stream(make: Callable[[list[Json]], list[Json]]) -> Change:
    """Return the change that replaces the chunks of a stream by what ``make`` makes of them."""

    def change(exchange: Exchange) -> Exchange:
        made = make([chunk for _, _, chunk in _chosen(exchange, any_chunk)])
        return _changed(exchange, b"".join([*map(event, made), b"data: " + DONE + b"\n\n"]))

    return change


def compose(*changes: Change) -> Change:
    """Return the change that applies several, in order."""

    def change(exchange: Exchange) -> Exchange:
        for one in changes:
            exchange = one(exchange)
        return exchange

    return change


def only_if(holds: Callable[[Exchange], bool], change: Change) -> Change:
    """Return ``change``, only for exchanges for which ``holds`` is true."""

    def guarded(exchange: Exchange) -> Exchange:
        if not holds(exchange):
            raise NothingChanged("the exchange is not one that the change is for")
        return change(exchange)

    return guarded


def event(chunk: Json) -> bytes:
    """Return the bytes of an event with ``chunk``."""
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _chosen(exchange: Exchange, where: Where) -> Iterator[tuple[int, int, Json]]:
    """Yield start, end and content of the target chunks of a change."""
    parser, content = exchange.reading.parser, exchange.response.body
    places = [(e.data_at, e.data_at + len(e.data)) for e in parser.events if e.single_line] if parser else []
    for start, end in places if parser else [(exchange.reading.start, len(content))]:
        try:
            chunk = orjson.loads(content[start:end])
        except orjson.JSONDecodeError:
            continue
        if isinstance(chunk, dict) and where(chunk):
            yield start, end, chunk


def _event(exchange: Exchange, data_at: int) -> tuple[int, int]:
    """Return start and end of the event whose data begins at ``data_at``."""
    parser = exchange.reading.parser
    for found in parser.events if parser else ():
        if found.data_at == data_at:
            return found.start, found.end
    raise NothingChanged("a body has no events")


def _spliced(exchange: Exchange, pieces: list[tuple[int, int, bytes]]) -> Exchange:
    """Return the exchange with the bytes from start to end replaced by others, for each of ``pieces``."""
    content = exchange.response.body
    for start, end, new in sorted(pieces, reverse=True):
        content = content[:start] + new + content[end:]
    return _changed(exchange, content)


def _changed(exchange: Exchange, content: bytes) -> Exchange:
    if content == exchange.response.body:
        raise NothingChanged("the change changes nothing")
    return with_body(exchange, content)
