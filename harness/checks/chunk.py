"""The object around the choices: id, object, created, model, and the choices themselves."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import answered, request_known, stream
from harness.checks.kinds import counted, differing, place_of, wrong_kinds
from harness.checks.registry import observation, rule
from harness.results import Level, Problem
from harness.simulate.reference import BODY, STREAM, STREAM_USAGE, ask, swap, with_body
from harness.wire.exchange import Exchange

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("http.stream-asked", "http.body-asked", "http.no-error", "chunk.present")
_DONE = b"data: [DONE]\n\n"
_BYTES = STREAM.response.body
_FINISH = _BYTES[_BYTES.rindex(b'"choices"') : _BYTES.rindex(b"}\n\ndata: [DONE]")]
_CHOICE = BODY.response.body.decode()
_CHOICE = _CHOICE[_CHOICE.index('{"index"') : _CHOICE.index("],")]
_TWICE = swap(BODY, _CHOICE, f"{_CHOICE},{_CHOICE}")
_LOGPROBS = ask(logprobs=True)
_TWO = ask(stream=True, n=2)
_PAIRED = swap(
    STREAM,
    '"choices":[{"index":0,"delta":{"content":"你好"}',
    '"choices":[{"index":1,"delta":{"role":"assistant"}},{"index":0,"delta":{"content":"你好"}',
)
_TIERS = {"auto", "default", "flex", "scale", "priority", "fast"}
_EARLIEST = 10**9  # 2001: before that there was no such API, so it is no time of an answer
_CHUNK_KEYS = {"id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint"}
_CHUNK_KEYS |= {"obfuscation", "moderation", "metadata", "request_id", "tool_choice", "input_user"}
_CHOICE_KEYS = {"index", "delta", "message", "logprobs", "finish_reason"}
_LOGPROB_KEYS = {"token", "logprob", "bytes", "top_logprobs"}
_PART_KEYS = {"role", "content", "refusal", "tool_calls", "function_call", "annotations", "audio"}


@rule(
    "chunk.present", MUST, "An answer holds a chunk, or a body, with choices.",
    sources.CHUNK, answered,
    good=(STREAM, BODY),
    bad=(with_body(STREAM, _DONE), with_body(BODY, b"[]"), with_body(BODY, b'{"method":"POST"}')),
    needs=("http.stream-asked", "http.body-asked", "http.no-error"),
)  # fmt: skip
def present(exchange: Exchange) -> Iterator[Problem]:
    """
    The client gets nothing and no exception.

    Instead: Note whether any choice came, and after the loop `if not seen: raise RuntimeError("empty answer")`;
    then retry.
    """
    if not exchange.columns.kinds("/choices").keys() - {"missing"}:
        yield Problem("no chunk has choices" if exchange.streams else "the body has no choices", ((None, 0),))


@rule(
    "chunk.object", MUST, "object is chat.completion.chunk in a stream and chat.completion in a body.",
    sources.CHUNK, answered,
    good=(STREAM, BODY),
    bad=(
        swap(STREAM, '"object":"chat.completion.chunk",', "", 1),
        swap(STREAM, "chat.completion.chunk", "chat.completion"),
        swap(BODY, "chat.completion", "text_completion"),
        swap(STREAM, '"object":"chat.completion.chunk"', '"object":""', 1),
    ),
    needs=_READ,
)  # fmt: skip
def object_name(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that tell chunks from other events by it drop the chunk.

    Instead: Tell a chunk by its choices instead: `if getattr(chunk, "choices", None):`, whatever name the
    object has.
    """
    yield from wrong_kinds(exchange, "/object", {"text", '""'})
    expected = "chat.completion.chunk" if exchange.streams else "chat.completion"
    wrong = {v: seen for v, seen in exchange.columns.values["object"].items() if isinstance(v, str) and v != expected}
    for value, seen in wrong.items():
        where = counted(seen.count, exchange.columns.objects, "chunk")
        yield Problem(f"object is {value!r} in {where}", ((seen.first, "/object"),))


@rule(
    "chunk.id", MUST, "id is a text.",
    sources.CHUNK, answered,
    good=(STREAM, BODY),
    bad=(swap(STREAM, '"id":"chatcmpl-reference",', "", 1), swap(BODY, '"chatcmpl-reference"', "7"), swap(STREAM, '"chatcmpl-reference"', "null")),
    needs=_READ,
)  # fmt: skip
def chunk_id(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients group chunks by id; strict models refuse null.

    Instead: Make an id of your own for each request, `uuid4().hex`, and declare the received one optional, of
    any type.
    """
    yield from wrong_kinds(exchange, "/id", {"text", '""'})


@rule(
    "chunk.id-not-empty", SHOULD, "id is not empty.",
    sources.REFERENCE, answered,
    good=(STREAM, BODY),
    bad=(swap(BODY, "chatcmpl-reference", ""), swap(STREAM, "chatcmpl-reference", "", 1)),
    needs=_READ,
)  # fmt: skip
def id_not_empty(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that file answers under their id file them all under one.

    Instead: Fall back on an id of your own, made once for each answer: `key = chunk.id or fallback`.
    """
    yield from wrong_kinds(
        exchange, "/id", {"text", "missing", "null", "int", "float", "bool", "list", "object", "[]", "{}"}
    )


@rule(
    "chunk.id-constant", MUST, "Each chunk has the same id.",
    sources.CHUNK, stream,
    good=(STREAM,),
    bad=(swap(STREAM, "chatcmpl-reference", "chatcmpl-other", 1),),
    needs=_READ,
)  # fmt: skip
def id_constant(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that start a new message at a new id split one answer.

    Instead: Take all chunks of one request for one message; keep the first id and ignore the others.
    """
    yield from differing(exchange, "id")


@rule(
    "chunk.created", MUST, "created is a whole number of seconds.",
    sources.CHUNK, answered,
    good=(STREAM, BODY),
    bad=(
        swap(STREAM, '"created":1760000000,', "", 1),
        swap(BODY, "1760000000", '"2025-10-09T08:53:20Z"'),
        swap(STREAM, "1760000000", "1760000000123"),
        swap(STREAM, "1760000000", "1760000000.5"),
        swap(BODY, "1760000000", "0"),
    ),
    needs=_READ,
)  # fmt: skip
def created(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode it, others show a date in the far future.

    Instead: Use your own clock, `time.time()`, as the time of the message; leave created out of typed models.
    """
    yield from wrong_kinds(exchange, "/created", {"int"})
    for value, seen in exchange.columns.values["created"].items():
        if isinstance(value, int) and not _EARLIEST <= value < 10**11:
            yield Problem(f"created is {value}, which is no time in seconds", ((seen.first, "/created"),))
            return


@rule(
    "chunk.created-constant", MUST, "Each chunk has the same created.",
    sources.CHUNK, stream,
    good=(STREAM,),
    bad=(swap(STREAM, "1760000000", "1760000001", 1),),
    needs=_READ,
)  # fmt: skip
def created_constant(exchange: Exchange) -> Iterator[Problem]:
    """
    Harmless to most; clients that take created for the message's time see it drift.

    Instead: Keep the first and ignore the rest: `created = created or chunk.created`, or use your own clock.
    """
    yield from differing(exchange, "created")


@rule(
    "chunk.model", MUST, "model is a text.",
    sources.CHUNK, answered,
    good=(STREAM, BODY),
    bad=(swap(STREAM, '"model":"gpt-4o-mini-2024-07-18",', "", 1), swap(BODY, '"gpt-4o-mini-2024-07-18"', "null")),
    needs=_READ,
)  # fmt: skip
def model(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode the chunk; cost tables find no price.

    Instead: Look up prices by the model that the request named: `model = chunk.model or requested`; declare the
    field optional.
    """
    yield from wrong_kinds(exchange, "/model", {"text", '""'})


@rule(
    "chunk.choices", MUST, "choices is a list of objects.",
    sources.CHUNK, answered,
    good=(STREAM_USAGE, BODY),
    bad=(swap(STREAM_USAGE, '"choices":[]', '"choices":null'), swap(STREAM_USAGE, '"choices":[],', ""), with_body(BODY, b'{"id":"a","object":"chat.completion","created":1760000000,"model":"m","choices":{}}'), with_body(STREAM, _BYTES.replace(_FINISH, b'"choices":[null]'))),
    needs=(*_READ, "sse.no-error"),
)  # fmt: skip
def choices(exchange: Exchange) -> Iterator[Problem]:
    """
    `for choice in chunk.choices` and `len(chunk.choices)` raise TypeError on null.

    Instead: Loop over `chunk.choices or []`, and skip what is no choice: `if choice is None: continue`.
    """
    for shape in exchange.columns.shapes:
        odd = [place for place in shape.elements("/choices") if shape.kinds[place] not in {"object", "{}"}]
        if odd:
            yield Problem(f"a choice is {shape.kinds[odd[0]]}, not an object", ((shape.first, odd[0]),))
            break
    yield from wrong_kinds(exchange, "/choices", {"list", "[]"})


@rule(
    "chunk.choices-not-empty", SHOULD, "choices is empty only before the first choice and after the finish.",
    sources.STREAM_OPTIONS, answered,
    good=(STREAM_USAGE, swap(STREAM_USAGE, "data: {", 'data: {"id":"chatcmpl-reference","object":"chat.completion.chunk","created":1760000000,"model":"gpt-4o-mini-2024-07-18","choices":[],"usage":null}\n\ndata: {', 1)),
    bad=(swap(STREAM, '"choices":[{"index":0,"delta":{"content":"! How can I"},"logprobs":null,"finish_reason":null}]', '"choices":[]'), with_body(BODY, b'{"id":"a","object":"chat.completion","created":1760000000,"model":"m","choices":[]}')),
    needs=(*_READ, "chunk.choices"),
)  # fmt: skip
def choices_not_empty(exchange: Exchange) -> Iterator[Problem]:
    """
    `chunk.choices[0]` raises IndexError, in the middle of the text where nobody expects it.

    Instead: Skip chunks without choices: `if not chunk.choices: continue`, after taking `chunk.usage`.
    """
    columns = exchange.columns
    if not columns.choices:
        yield from (Problem("choices is empty throughout", ((number, "/choices"),)) for number in columns.empty[:1])
        return
    begin = min(choice.first_chunk for choice in columns.choices.values())
    finish = max((f.chunk for choice in columns.choices.values() for f in choice.reasons), default=columns.last)
    between = [number for number in columns.empty if begin < number < finish]
    if between:
        yield Problem("choices is empty between the first choice and the finish", ((between[0], "/choices"),))


@rule(
    "chunk.index", MUST, "Every choice has an index of its own, a whole number from 0.",
    sources.CHUNK, answered,
    good=(STREAM, BODY),
    bad=(swap(STREAM, '"index":0,', "", 1), swap(BODY, '"index":0', '"index":"0"'), swap(STREAM, '"index":0', '"index":-1'), _TWICE),
    needs=(*_READ, "chunk.choices"),
)  # fmt: skip
def index(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that keep choices by index raise KeyError or mix the answers of n > 1.

    Instead: Send `n=1` and use the first choice without its index; send several requests to get several
    answers.
    """
    yield from wrong_kinds(exchange, "/choices/*/index", {"int"}, "choice")
    for number in exchange.columns.same_index[:1]:
        yield Problem("two choices of one chunk have the same index", ((number, "/choices"),))
    for number, choice in exchange.columns.choices.items():
        if number < 0:
            yield Problem(
                f"a choice has the index {number}", (place_of(exchange, choice, choice.last_chunk, "/index"),)
            )


@rule(
    "chunk.delta", MUST, "Every choice has a delta in a stream and a message in a body, an object.",
    sources.CHUNK, answered,
    good=(STREAM, BODY),
    bad=(swap(STREAM, '"delta":{}', '"delta":null'), swap(STREAM, '"delta":{},', ""), swap(BODY, '"message":', '"delta":')),
    needs=(*_READ, "chunk.choices"),
)  # fmt: skip
def delta(exchange: Exchange) -> Iterator[Problem]:
    """
    `choice.delta.content` raises AttributeError on null: 6 of 22 client entry points measured break.

    Instead: Note `choice.finish_reason`, then `if choice.delta is None: continue`; treat a body without a
    message as an error.
    """
    yield from wrong_kinds(exchange, "/choices/*/{part}", {"object", "{}"}, "choice")


@rule(
    "chunk.no-message", SHOULD, "A choice has no message in a stream and no delta in a body.",
    sources.REFERENCE, answered,
    good=(STREAM, BODY),
    bad=(swap(STREAM, '"delta":', '"message":{"role":"assistant","content":"你好"},"delta":'), swap(BODY, '"message":', '"delta":{"content":""},"message":')),
    needs=(*_READ, "chunk.choices"),
)  # fmt: skip
def no_message(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that read message before delta, to serve both modes, print the text again and again.

    Instead: Choose by the request, not by what is there: read delta after `stream=True`, message after all
    else.
    """
    other = "message" if exchange.columns.part == "delta" else "delta"
    kinds = exchange.columns.kinds(f"/choices/*/{other}")
    total = sum(seen.count for seen in kinds.values())
    for what, seen in kinds.items():
        if what not in {"missing", "null"}:
            yield Problem(
                f"a {other} stands beside the {exchange.columns.part} in {counted(seen.count, total, 'choice')}",
                ((seen.first, seen.pointer),),
            )


@observation(
    "chunk.vendor-keys", "Keys that the specification does not name.",
    sources.CHUNK, answered,
    good=(STREAM, BODY),
    bad=(swap(STREAM, '"id":', '"x_groq":{},"id":'), swap(BODY, '"role":', '"reasoning_content":"","role":'), swap(_LOGPROBS, '"token":', '"id":7,"token":')),
    needs=_READ,
)  # fmt: skip
def vendor_keys(exchange: Exchange) -> str:
    """
    Legal; decoders set to forbid unknown keys fail.

    Instead: Let decoders ignore unknown keys (pydantic `extra="ignore"`), and read wanted ones by
    `getattr(delta, key, None)`.
    """
    pointers = {pointer for shape in exchange.columns.shapes for pointer in shape.kinds}
    found = {key for pointer in pointers for key in _vendor_key(pointer)} | set(_logprob_keys(exchange))
    return ", ".join(sorted(found)) or "none"


def _vendor_key(pointer: str) -> Iterator[str]:
    match pointer.split("/")[1:]:
        case [key] if key not in _CHUNK_KEYS:
            yield key
        case ["choices", _, key] if key not in _CHOICE_KEYS:
            yield f"choice.{key}"
        case ["choices", _, "delta" | "message" as part, key] if key not in _PART_KEYS:
            yield f"{part}.{key}"


def _logprob_keys(exchange: Exchange) -> Iterator[str]:
    """Yield the keys of a token's probability that the specification does not name; those of the first token are all."""
    for choice in exchange.columns.choices.values():
        for found in choice.logprobs[:1]:
            tokens = found.value.get("content")
            first = tokens[0] if isinstance(tokens, list) and tokens else None
            yield from (
                f"logprobs.{key}" for key in (first if isinstance(first, dict) else ()) if key not in _LOGPROB_KEYS
            )


@rule(
    "chunk.index-in-range", SHOULD, "A choice's index is less than the number of choices asked for.",
    sources.REQUEST, request_known,
    good=(STREAM, BODY),
    bad=(swap(STREAM, '"index":0', '"index":1'), swap(BODY, '"index":0', '"index":3')),
    needs=(*_READ, "chunk.choices", "chunk.index"),
)  # fmt: skip
def index_in_range(exchange: Exchange) -> Iterator[Problem]:
    """
    `answers[choice.index]` raises IndexError.

    Instead: Keep choices in a dict by index.
    """
    asked_for = exchange.request.get("n")
    most = asked_for if type(asked_for) is int else 1
    for number, choice in exchange.columns.choices.items():
        if number >= most:
            place = place_of(exchange, choice, choice.first_chunk, "/index")
            yield Problem(f"a choice has the index {number}, {most} asked for", (place,))
            return


@rule(
    "chunk.logprobs", MUST, "logprobs is an object or null where it is given.",
    sources.CHUNK, answered,
    good=(STREAM, BODY, swap(BODY, '"logprobs":null,', ""), swap(BODY, '"logprobs":null', '"logprobs":{"content":[],"refusal":null}')),
    bad=(swap(STREAM, '"logprobs":null', '"logprobs":[]'), swap(BODY, '"logprobs":null', '"logprobs":""')),
    needs=(*_READ, "chunk.choices"),
)  # fmt: skip
def logprobs(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode the choice.

    Instead: Read it only where it is a dict.
    """
    yield from wrong_kinds(exchange, "/choices/*/logprobs", {"null", "object", "{}", "missing"}, "choice")


@rule(
    "chunk.service-tier", MUST, "service_tier is one that the specification names, or null, where it is given.",
    sources.TIER, answered,
    good=(STREAM, BODY, swap(STREAM, '"service_tier":"default",', ""), swap(BODY, '"default"', "null")),
    bad=(swap(STREAM, '"service_tier":"default"', '"service_tier":""'), swap(BODY, '"default"', '"on_demand"'), swap(BODY, '"default"', "1")),
    needs=_READ,
)  # fmt: skip
def service_tier(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail on the unknown member.

    Instead: Declare it as a plain text.
    """
    for value, seen in exchange.columns.values["service_tier"].items():
        if value is not None and value not in _TIERS:
            where = counted(seen.count, exchange.columns.objects, "chunk")
            yield Problem(f"service_tier is {value!r} in {where}", ((seen.first, "/service_tier"),))
            return


@rule(
    "chunk.fingerprint", SHOULD, "system_fingerprint is a text or null where it is given.",
    sources.CHUNK, answered,
    good=(STREAM, BODY, swap(STREAM, '"fp_reference"', "null")),
    bad=(swap(BODY, '"fp_reference"', "7"), swap(STREAM, '"fp_reference"', '{"id":"fp"}')),
    needs=_READ,
)  # fmt: skip
def fingerprint(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode it.

    Instead: Leave it out of your models: it is deprecated.
    """
    yield from wrong_kinds(exchange, "/system_fingerprint", {"text", '""', "null", "missing"})


@observation(
    "chunk.fingerprint-form", "What stands in system_fingerprint.",
    sources.CHUNK, answered,
    good=(STREAM, BODY),
    bad=(swap(STREAM, '"system_fingerprint":"fp_reference",', ""), swap(BODY, '"fp_reference"', "null"), swap(BODY, '"fp_reference"', '""')),
    needs=_READ,
)  # fmt: skip
def fingerprint_form(exchange: Exchange) -> str:
    """
    It is optional; a program that compares it between answers to notice another backend sees none.

    Instead: Do without: it is deprecated.
    """
    return ", ".join(sorted(exchange.columns.kinds("/system_fingerprint"))) or "missing"


@observation(
    "chunk.choices-together", "Whether the choices of a stream come each in chunks of its own.",
    sources.CHUNK, lambda x: stream(x) or (None if len(x.columns.choices) > 1 else "there is one choice only"),
    good=(_TWO,),
    bad=(_PAIRED,),
    needs=_READ,
)  # fmt: skip
def choices_together(exchange: Exchange) -> str:
    """
    Code that reads `chunk.choices[0]` alone loses the others.

    Instead: Loop over `chunk.choices`, and keep each by its `index`.
    """
    together = any("/choices/1" in shape.kinds for shape in exchange.columns.shapes)
    return "several in a chunk" if together else "each in its own"
