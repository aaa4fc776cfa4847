"""Checks the choices of a chunk: the list, their index, delta and log probabilities."""

from collections.abc import Iterator
from dataclasses import replace

from harness.checks import sources
from harness.checks.applies import all_of, counts_chunks, request_known, success_status, uncut
from harness.checks.chat.usages import early_usage
from harness.checks.kinds import n_of_m, place_of, wrong_kinds
from harness.checks.registry import observation, rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, STREAM, STREAM_USAGE, ask, replace_in_body, with_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, Occurrences, as_object

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("http.stream-asked", "http.body-asked", "http.no-error", "chunk.present")
_BYTES = STREAM.response.body
_FINISH = _BYTES[_BYTES.rindex(b'"choices"') : _BYTES.rindex(b"}\n\ndata: [DONE]")]
_CHOICE = BODY.response.body.decode()
_CHOICE = _CHOICE[_CHOICE.index('{"index"') : _CHOICE.index("],")]
_TWICE = replace_in_body(BODY, _CHOICE, f"{_CHOICE},{_CHOICE}")
_LOGPROBS = ask(logprobs=True)
_CHUNK_KEYS = {"id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint"}
_CHUNK_KEYS |= {"obfuscation", "moderation", "metadata", "request_id", "tool_choice", "input_user"}
_ENVELOPE = _CHUNK_KEYS - {"usage", "moderation"}
_CHOICE_KEYS = {"index", "delta", "message", "logprobs", "finish_reason"}
_LOGPROB_KEYS = {"token", "logprob", "bytes", "top_logprobs"}
_NO_CHOICE = Advice(
    "In a loop that treats every entry as a choice, `choice.delta.content` raises AttributeError on None.",
    "Skip null entries: `if choice is None: continue`.",
)
_EMPTY_THROUGHOUT = Advice(
    "`choices[0]` raises IndexError, and code that skips chunks without choices shows nothing, without an error.",
    'Note whether a choice came, and retry: `if not seen: raise RuntimeError("empty answer")`.',
)
_NO_MESSAGE = Advice(
    "`choice.message.content` raises AttributeError on None.",
    'Test it first, and retry: `if choice.message is None: raise RuntimeError("no message")`.',
)
_DELTA_BESIDE = Advice(
    "Clients that look for a delta first, to serve both modes, take its text, here often empty, as the answer.",
    "Choose by the request, not by the response: without `stream=True` read `choice.message.content`.",
)
_WHOLE_AGAIN = Advice(
    "Clients that read delta or message, whichever is present, show the whole text twice.",
    'With `stream=True` read only delta: `text += choice.delta.content or "" if choice.delta else ""`.',
)
_COUNTS_CHUNKS = Advice(
    "Clients that keep choices by index get a choice for each token, and none of them is complete.",
    'Use the only choice of each chunk, whatever its index: `text += chunk.choices[0].delta.content or ""`.',
)
_SPLIT = Advice(
    "Clients read `choices[0]`, see text without a call, and the tool is never called.",
    "Take the calls of all choices: `calls = [call for choice in answer.choices for call in choice.message.tool_calls or []]`.",
)
_COUNTING = with_body(
    STREAM,
    b"\n\n".join(
        part.replace(b'"index":0', b'"index":%d' % number) for number, part in enumerate(_BYTES.split(b"\n\n"))
    ),
)
_PART_KEYS = {"role", "content", "refusal", "tool_calls", "function_call", "annotations", "audio"}


@rule(
    "chunk.choices", MUST, "`choices` is an array of objects.",
    sources.CHUNK, success_status,
    good=(STREAM_USAGE, BODY),
    bad=(replace_in_body(STREAM_USAGE, '"choices":[]', '"choices":null'), replace_in_body(STREAM_USAGE, '"choices":[],', ""), with_body(BODY, b'{"id":"a","object":"chat.completion","created":1760000000,"model":"m","choices":{}}'), with_body(STREAM, _BYTES.replace(_FINISH, b'"choices":[null]'))),
    depends_on=(*_READ, "sse.no-error"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def choices(exchange: Exchange) -> Iterator[Problem]:
    """
    `for choice in chunk.choices` and `len(chunk.choices)` raise TypeError on null.

    Instead: Loop over what is there: `for choice in chunk.choices or []:`.
    """
    for shape in exchange.columns.shapes:
        listed = shape.kinds.get("/choices") == "list"
        odd = [one for one in shape.elements("/choices") if listed and shape.kinds[one] not in {"object", "{}"}]
        if odd:
            yield Problem(f"a choice is {shape.kinds[odd[0]]}, not an object", ((shape.first, odd[0]),), _NO_CHOICE)
            break
    yield from wrong_kinds(exchange, "/choices", {"list", "[]"})


@rule(
    "chunk.choices-not-empty", SHOULD, "`choices` is empty only before the first choice and after the last one has ended.",
    sources.STREAM_OPTIONS, success_status,
    good=(STREAM_USAGE, replace_in_body(STREAM_USAGE, "data: {", 'data: {"id":"chatcmpl-reference","object":"chat.completion.chunk","created":1760000000,"model":"gpt-4o-mini-2024-07-18","choices":[],"usage":null}\n\ndata: {', 1)),
    bad=(replace_in_body(STREAM, '"choices":[{"index":0,"delta":{"content":"! How can I"},"logprobs":null,"finish_reason":null}]', '"choices":[]'), with_body(BODY, b'{"id":"a","object":"chat.completion","created":1760000000,"model":"m","choices":[]}')),
    depends_on=_READ, explained_by=("sse.no-error",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def choices_not_empty(exchange: Exchange) -> Iterator[Problem]:
    """
    `chunk.choices[0]` raises IndexError in the middle of the text.

    Instead: Skip chunks without choices: `if not chunk.choices: continue`, after taking `chunk.usage`.
    """
    columns = exchange.columns
    if not columns.choices:
        if columns.kinds("/choices").keys() - {"[]", "missing"}:
            return  # chunk.choices reports what they are
        yield from (
            Problem("choices is empty throughout", ((number, "/choices"),), _EMPTY_THROUGHOUT)
            for number in columns.empty_choices_chunks[:1]
        )
        return
    begin = min(choice.first_chunk for choice in columns.choices.values())
    ends = [finish.chunk for choice in columns.choices.values() for finish in choice.finish_reasons]
    finish = max(ends or (choice.last_chunk for choice in columns.choices.values()))
    early = early_usage(exchange)
    told = early[0].chunk if early else None  # by usage.at-end
    between = [number for number in columns.empty_choices_chunks if begin < number < finish and number != told]
    if between:
        brings = [key for key, value in exchange.chunk(between[0]).items() if value and key not in _ENVELOPE]
        what = f", in a chunk of {brings[0]}" if brings else ""
        yield Problem(f"choices is empty between the first choice and the finish{what}", ((between[0], "/choices"),))


@rule(
    "chunk.index", MUST, "Every choice has its own `index`, an integer of 0 or more.",
    sources.CHUNK, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, '"index":0,', "", 1), replace_in_body(BODY, '"index":0', '"index":"0"'), replace_in_body(STREAM, '"index":0', '"index":-1'), _TWICE),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def index(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that keep choices by index raise KeyError or mix the answers of n > 1.

    Instead: Send `n=1` and use the first choice without its index; send several requests to get several
    answers.
    """
    yield from wrong_kinds(exchange, "/choices/*/index", {"int"}, "choice")
    for number in exchange.columns.duplicate_index_chunks[:1]:
        yield Problem("two choices of one chunk have the same index", ((number, "/choices"),))
    for number, choice in exchange.columns.choices.items():
        if number < 0:
            yield Problem(
                f"a choice has the index {number}", (place_of(exchange, choice, choice.last_chunk, "/index"),)
            )


@rule(
    "chunk.delta", MUST, "Every choice has a `delta` in a stream and a `message` in a body, and it is an object.",
    sources.CHUNK, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, '"delta":{}', '"delta":null'), replace_in_body(STREAM, '"delta":{},', ""), replace_in_body(BODY, '"message":', '"delta":')),
    depends_on=_READ,
)  # fmt: skip
def delta(exchange: Exchange) -> Iterator[Problem]:
    """
    `choice.delta.content` raises AttributeError on null: 6 of 22 client entry points measured break.

    Instead: Note `choice.finish_reason`, then `if choice.delta is None: continue`.
    """
    advice = _NO_MESSAGE if exchange.columns.message_key == "message" else None
    for problem in wrong_kinds(exchange, "/choices/*/{part}", {"object", "{}"}, "choice"):
        yield replace(problem, advice=advice)


@rule(
    "chunk.no-message", SHOULD, "No choice has a `message` in a stream or a `delta` in a body.",
    sources.REFERENCE, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, '"delta":', '"message":{"role":"assistant","content":"你好"},"delta":'), replace_in_body(BODY, '"message":', '"delta":{"content":""},"message":')),
    depends_on=_READ,
)  # fmt: skip
def no_message(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that read message before delta, to serve both modes, print the text again and again.

    Instead: Choose by the request, not by the response: read `delta` with `stream=True`, otherwise `message`.
    """
    other = "message" if exchange.columns.message_key == "delta" else "delta"
    kinds = exchange.columns.kinds(f"/choices/*/{other}")
    total = sum(seen.count for seen in kinds.values())
    for what, seen in kinds.items():
        if what not in {"missing", "null"}:
            yield Problem(
                f"a {other} is sent {_how(exchange, seen)} {n_of_m(seen.count, total, 'choice')}",
                ((seen.first, seen.pointer),),
                _DELTA_BESIDE if other == "delta" else _WHOLE_AGAIN if _says_all_again(exchange, seen) else None,
            )


def _choice_at(exchange: Exchange, seen: Occurrences) -> Json:
    """Return the choice of an occurrence."""
    chosen: Json = exchange.chunk(seen.first)["choices"][int(seen.pointer.split("/")[2])]
    return chosen


def _how(exchange: Exchange, seen: Occurrences) -> str:
    key = exchange.columns.message_key
    there = _choice_at(exchange, seen).get(key) is not None
    again = ", with all of the text once more," if _says_all_again(exchange, seen) else ""
    return f"{'beside' if there else 'in place of'} the {key}{again} in"


def _says_all_again(exchange: Exchange, seen: Occurrences) -> bool:
    """Return whether a message in a stream repeats the text of the deltas."""
    said = _choice_at(exchange, seen)
    text = as_object(said.get("message")).get("content")
    index = said.get("index", 0)
    choice = exchange.columns.choices.get(index) if type(index) is int else None
    return bool(text) and exchange.is_stream and choice is not None and choice.fragments("content").text == text


@observation(
    "chunk.no-choice", "Where chunks without a choice are sent.",
    sources.STREAM_OPTIONS, all_of(success_status, uncut),
    good=(STREAM, STREAM_USAGE, BODY),
    bad=(replace_in_body(STREAM_USAGE, "data: {", 'data: {"id":"chatcmpl-reference","object":"chat.completion.chunk","created":1760000000,"model":"gpt-4o-mini-2024-07-18","choices":[],"usage":null}\n\ndata: {', 1),),
    depends_on=_READ,
    harmful=lambda value: value not in {"nowhere", "with usage"},
)  # fmt: skip
def no_choice(exchange: Exchange) -> str:
    """
    Legal; `chunk.choices[0]` raises IndexError even where no usage was asked for.

    Instead: Skip such chunks: `if not chunk.choices: continue`, after taking `chunk.usage`.
    """
    columns = exchange.columns
    usage = {one.chunk for one in columns.usages}
    bare = [number for number in columns.empty_choices_chunks if number not in usage]
    first = min((choice.first_chunk for choice in columns.choices.values()), default=0)
    if bare:
        return "before the first choice" if bare[0] < first else "after the first choice"
    return "with usage" if columns.empty_choices_chunks else "nowhere"


@observation(
    "chunk.error-null", "Whether `error` is sent where none occurred.",
    sources.CHUNK, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, '"id":', '"error":null,"id":'), replace_in_body(BODY, '"id":', '"error":null,"id":')),
    depends_on=_READ,
    harmful=lambda value: value == "null",
)  # fmt: skip
def error_null(exchange: Exchange) -> str:
    """
    Legal; clients that tell an error by its key take each chunk for one, and raise.

    Instead: Test the value, not the key: `if chunk.get("error"):`.
    """
    return "null" if "null" in exchange.columns.kinds("/error") else "no"


@observation(
    "chunk.vendor-keys", "Fields that the specification does not define.",
    sources.CHUNK, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, '"id":', '"x_groq":{},"id":'), replace_in_body(BODY, '"role":', '"reasoning_content":"","role":'), replace_in_body(_LOGPROBS, '"token":', '"id":7,"token":')),
    depends_on=_READ,
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
    """Yield the unspecified keys of a token's log probability; the first token stands for all."""
    for choice in exchange.columns.choices.values():
        for found in choice.logprobs[:1]:
            tokens = found.value.get("content")
            first = tokens[0] if isinstance(tokens, list) and tokens else None
            yield from (f"logprobs.{key}" for key in as_object(first) if key not in _LOGPROB_KEYS)


@rule(
    "chunk.index-in-range", SHOULD, "The `index` of a choice is less than the number of choices requested.",
    sources.REQUEST, request_known,
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, '"index":0', '"index":1'), replace_in_body(BODY, '"index":0', '"index":3'), _COUNTING),
    depends_on=_READ,
)  # fmt: skip
def index_in_range(exchange: Exchange) -> Iterator[Problem]:
    """
    `answers[choice.index]` raises IndexError.

    Instead: Keep choices in a dict by index.
    """
    asked_for = exchange.request.get("n")
    most = asked_for if type(asked_for) is int and asked_for > 0 else 1
    choices = exchange.columns.choices
    beyond = [choice for number, choice in choices.items() if number >= most]
    for choice in beyond[:1]:
        place = place_of(exchange, choice, choice.first_chunk, "/index")
        said, advice = f"a choice has the index {choice.index}, {most} asked for", None
        if counts_chunks(exchange):
            said = f"the index of a choice counts chunks, to {max(choices)}: 1 choice was asked for"
            advice = _COUNTS_CHUNKS
        elif any(one.tools for one in beyond) and not any(one.tools for one in choices.values() if one not in beyond):
            said = f"the answer is split over choices: the call is in choice {choice.index}, {most} asked for"
            advice = _SPLIT
        yield Problem(said, (place,), advice)


@rule(
    "chunk.logprobs", MUST, "`logprobs`, if present, is an object or `null`.",
    sources.CHUNK, success_status,
    good=(STREAM, BODY, replace_in_body(BODY, '"logprobs":null,', ""), replace_in_body(BODY, '"logprobs":null', '"logprobs":{"content":[],"refusal":null}')),
    bad=(replace_in_body(STREAM, '"logprobs":null', '"logprobs":[]'), replace_in_body(BODY, '"logprobs":null', '"logprobs":""'), replace_in_body(BODY, '"logprobs":null', '"logprobs":{}')),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def logprobs(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode the choice.

    Instead: Read it only where it is a dict.
    """
    yield from wrong_kinds(exchange, "/choices/*/logprobs", {"null", "object", "missing"}, "choice")
