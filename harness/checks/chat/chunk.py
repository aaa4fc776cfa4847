"""Checks the object around the choices: id, object, created, model."""

import re
from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import all_of, begun, stream, success_status, unaltered
from harness.checks.json_forms import envelope, form_of_another
from harness.checks.kinds import differing, n_of_m, wrong_kinds
from harness.checks.registry import rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, STREAM, replace_in_body, with_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("http.stream-asked", "http.body-asked", "http.no-error", "chunk.present")
_DONE = b"data: [DONE]\n\n"
_CHOICE = BODY.response.body.decode()
_CHOICE = _CHOICE[_CHOICE.index('{"index"') : _CHOICE.index("],")]
_SHOWN_KEYS = 4
_EARLIEST = 10**9  # 2001: before that there was no such API, so it is not the time of a response
_LATEST = 10**11

_UNMADE = re.compile(r"(?:^|[-_])(?:None|null|undefined|nil|NaN)$")

_EMPTY_BODY = Advice(
    "`answer.choices[0]` raises AttributeError or TypeError, neither of which is one of the SDK's errors.",
    'Test it first, and retry: `if not getattr(answer, "choices", None): raise RuntimeError("empty answer")`.',
)
_WRAPPED = Advice(
    "`answer.choices[0]` raises TypeError: the SDK looks for the answer at the top level, which is an envelope.",
    "Remove the envelope: `raw = client.chat.completions.with_raw_response.create(**asked)`, then "
    '`json.loads(raw.text)["data"]["choices"]`, with the key named here instead of "data".',
)
_FOREIGN = Advice(
    "`answer.choices[0]` raises TypeError on None: the response has the format of another API, which the SDK does not read.",
    'Use the path of the OpenAI API, which most such servers have: `OpenAI(base_url=f"{server}/v1")`.',
)
_TOO_EARLY = Advice(
    "Clients show a date in 1970, and sort the answer before all others.",
    "Use your own clock, `time.time()`, as the time of the message.",
)
_FINER = Advice(
    "The unit is smaller than a second: `datetime.fromtimestamp(created)` raises ValueError, since the year has five digits or more.",
    "Use your own clock, `time.time()`, as the time of the message.",
)


@rule(
    "chunk.present", MUST, "A response contains a chunk, or a body, with `choices`.",
    sources.CHUNK, all_of(success_status, begun),
    good=(STREAM, BODY),
    bad=(with_body(STREAM, _DONE), with_body(BODY, b"[]"), with_body(BODY, b'{"method":"POST"}')),
    depends_on=("http.stream-asked", "http.body-asked", "http.no-error"), explained_by=("sse.no-error",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def present(exchange: Exchange) -> Iterator[Problem]:
    """
    The client gets nothing and no exception.

    Instead: Note whether any choice came, and after the loop `if not seen: raise RuntimeError("empty answer")`;
    then retry.
    """
    if not exchange.columns.kinds("/choices").keys() - {"missing"}:
        if exchange.is_stream:
            said = f"no chunk has choices{_elsewhere(exchange)}"
            yield Problem(said, ((None, 0),), _FOREIGN if form_of_another(exchange) else None)
        else:
            advice = _WRAPPED if envelope(exchange) else _FOREIGN if form_of_another(exchange) else _EMPTY_BODY
            yield Problem(f"the body has no choices{_elsewhere(exchange)}", ((None, 0),), advice)


def _elsewhere(exchange: Exchange) -> str:
    """Return where the choices are instead, one level down, or what other form the response has; nothing if unknown."""
    found, other = envelope(exchange), form_of_another(exchange)
    if found or other:
        return f": they stand in {found}" if found else f": it has the form of {other}"
    return ": it is a list" if not exchange.is_stream and exchange.response.content.lstrip()[:1] == b"[" else ""


@rule(
    "chunk.every", MUST, "Every object in a stream is a chunk.",
    sources.CHUNK, stream,
    good=(STREAM, with_body(STREAM, b": ping\n\n" + STREAM.response.body)),
    bad=(
        with_body(STREAM, b'data: {"type":"keepalive","sequence_number":1}\n\n' + STREAM.response.body),
        with_body(STREAM, b'event: ping\ndata: {"type":"ping"}\n\n' + STREAM.response.body),
        replace_in_body(STREAM, "data: [DONE]", 'data: {"done":true}\n\ndata: [DONE]'),
    ),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def every(exchange: Exchange) -> Iterator[Problem]:
    """
    `chunk.choices[0]` raises TypeError: the SDK makes a chunk of it whose choices are None. Keep-alives should be
    comments, which readers skip.

    Instead: Skip it after reading its usage: `if not chunk.choices: continue`.
    """
    foreign = exchange.columns.foreign
    if foreign:
        number, keys = foreign[0]
        counted = len(foreign) + exchange.columns.chunk_count
        named = ", ".join(keys[:_SHOWN_KEYS])
        yield Problem(
            f"{n_of_m(len(foreign), counted, 'object')} is not a chunk, first one of {named}", ((number, ""),)
        )


@rule(
    "chunk.object", MUST, "`object` is `chat.completion.chunk` in a stream and `chat.completion` in a body.",
    sources.CHUNK, success_status,
    good=(STREAM, BODY),
    bad=(
        replace_in_body(STREAM, '"object":"chat.completion.chunk",', "", 1),
        replace_in_body(STREAM, "chat.completion.chunk", "chat.completion"),
        replace_in_body(BODY, "chat.completion", "text_completion"),
        replace_in_body(STREAM, '"object":"chat.completion.chunk"', '"object":""', 1),
    ),
    depends_on=_READ,
)  # fmt: skip
def object_name(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that tell chunks from other events by it drop the chunk.

    Instead: Recognize a chunk by its choices instead: `if getattr(chunk, "choices", None):`, whatever `object`
    says.
    """
    yield from wrong_kinds(exchange, "/object", {"text", '""'})
    expected = "chat.completion.chunk" if exchange.is_stream else "chat.completion"
    wrong = {v: seen for v, seen in exchange.columns.values["object"].items() if isinstance(v, str) and v != expected}
    for value, seen in wrong.items():
        where = n_of_m(seen.count, exchange.columns.chunk_count, "chunk")
        yield Problem(f"object is {value!r} in {where}", ((seen.first, "/object"),))


@rule(
    "chunk.id", MUST, "`id` is a string.",
    sources.CHUNK, unaltered("id"),
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, '"id":"chatcmpl-reference",', "", 1), replace_in_body(BODY, '"chatcmpl-reference"', "7"), replace_in_body(STREAM, '"chatcmpl-reference"', "null")),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def chunk_id(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients group chunks by id; strict models refuse null.

    Instead: Generate your own id for each request, `uuid4().hex`, and declare the received one optional, of any
    type.
    """
    yield from wrong_kinds(exchange, "/id", {"text", '""'})


@rule(
    "chunk.id-not-empty", SHOULD, "`id` is not empty.",
    sources.REFERENCE, unaltered("id"),
    good=(STREAM, BODY),
    bad=(replace_in_body(BODY, "chatcmpl-reference", ""), replace_in_body(STREAM, "chatcmpl-reference", "", 1), replace_in_body(BODY, "chatcmpl-reference", "chatcmpl-None")),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def id_not_empty(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that store responses by id store them all under one key.

    Instead: Fall back to your own id, generated once per response: `key = chunk.id or fallback`.
    """
    yield from wrong_kinds(
        exchange, "/id", {"text", "missing", "null", "int", "float", "bool", "list", "object", "[]", "{}"}
    )
    for value, seen in exchange.columns.values["id"].items():
        if isinstance(value, str) and _UNMADE.search(value):
            yield Problem(f"id is {value!r}: a placeholder was not filled in", ((seen.first, "/id"),))
            return


@rule(
    "chunk.id-constant", MUST, "All chunks have the same `id`.",
    sources.CHUNK, all_of(stream, unaltered("id")),
    good=(STREAM,),
    bad=(replace_in_body(STREAM, "chatcmpl-reference", "chatcmpl-other", 1),),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def id_constant(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that start a new message at a new id split one answer.

    Instead: Treat all chunks of one request as one message; keep the first id and ignore the others.
    """
    yield from differing(exchange, "id")


@rule(
    "chunk.created", MUST, "`created` is an integer number of seconds.",
    sources.CHUNK, unaltered("created"),
    good=(STREAM, BODY),
    bad=(
        replace_in_body(STREAM, '"created":1760000000,', "", 1),
        replace_in_body(BODY, "1760000000", '"2025-10-09T08:53:20Z"'),
        replace_in_body(STREAM, "1760000000", "1760000000123"),
        replace_in_body(STREAM, "1760000000", "1760000000.5"),
        replace_in_body(BODY, "1760000000", "0"),
    ),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def created(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode it: they declare an integer.

    Instead: Use your own clock, `time.time()`, as the time of the message; leave created out of typed models.
    """
    yield from wrong_kinds(exchange, "/created", {"int"})
    for value, seen in exchange.columns.values["created"].items():
        if isinstance(value, int) and not _EARLIEST <= value < _LATEST:
            advice = _TOO_EARLY if value < _EARLIEST else _FINER
            yield Problem(f"created is {value}, not a time in seconds", ((seen.first, "/created"),), advice)
            return


@rule(
    "chunk.created-constant", MUST, "All chunks have the same `created`.",
    sources.CHUNK, all_of(stream, unaltered("created")),
    good=(STREAM,),
    bad=(replace_in_body(STREAM, "1760000000", "1760000001", 1),),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def created_constant(exchange: Exchange) -> Iterator[Problem]:
    """
    Harmless to most; clients that take created for the message's time see it drift.

    Instead: Keep the first and ignore the rest: `created = created or chunk.created`, or use your own clock.
    """
    yield from differing(exchange, "created")


@rule(
    "chunk.model", MUST, "`model` is a string.",
    sources.CHUNK, unaltered("model"),
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, '"model":"gpt-4o-mini-2024-07-18",', "", 1), replace_in_body(BODY, '"gpt-4o-mini-2024-07-18"', "null")),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def model(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode the chunk; cost tables find no price.

    Instead: Look up prices by the model that the request named: `model = chunk.model or requested`; declare the
    field optional.
    """
    yield from wrong_kinds(exchange, "/model", {"text", '""'})
