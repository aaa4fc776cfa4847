"""Checks the content of each event of a stream of Messages."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import all_of, exact_lines
from harness.checks.messages.answers import BEGUN, CHUNKS_OF_CHAT, answer, in_chat_form, stream, wrong_keys
from harness.checks.registry import observation, rule
from harness.results import Level, Problem
from harness.simulate.edits import chunks, drop, replace_bytes, set_value
from harness.simulate.messages.edits import added, typed
from harness.simulate.messages.reference import BODY, STREAM, THINKING, TOOL
from harness.simulate.reference import with_body
from harness.wire.exchange import Exchange
from harness.wire.messages import grammar
from harness.wire.shapes import as_object

_IS_STREAM = ("http.stream-asked", "sse.json", "sse.object")
_DELTA = typed("content_block_delta")
_ODD = {"type": "content_block_delta", "index": 0, "delta": {"type": "audio_delta", "audio": "eA=="}}


@rule(
    "messages.event-type", Level.MUST, "Each event has a `type`.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM,),
    bad=(
        chunks(typed("message_delta"), drop("type"))(STREAM),
        chunks(_DELTA, set_value("type", None))(STREAM),
        with_body(STREAM, b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hi."}}]}\n\n'),
    ),
    depends_on=_IS_STREAM,
)  # fmt: skip
def event_type(exchange: Exchange) -> Iterator[Problem]:
    """
    Readers choose by `type`: the event is dropped, or raises in typed clients.

    Instead: If type is missing, use the name of the SSE event: `kind = data.get("type") or sse.event`.
    """
    # messages.error-event reports an error without a type.
    untyped = [number for number in exchange.message.untyped if not as_object(exchange.chunk(number)).get("error")]
    for number in untyped[:1]:
        said = f"{len(untyped)} of {exchange.message.count} events" if exchange.message.count > 1 else "the event"
        chats = in_chat_form(exchange.chunk(number))
        form = ": their form is that of chat completions, with the text under choices" if chats else ""
        yield Problem(f"{said} have no type{form}", ((number, ""),), CHUNKS_OF_CHAT if chats else None)


@rule(
    "messages.event-name", Level.MUST, "The name of an SSE event equals its `type`.",
    sources.MESSAGES_STREAM, all_of(stream, exact_lines),
    good=(STREAM,),
    bad=(
        replace_bytes(b"event: content_block_delta\n", b"")(STREAM),
        replace_bytes(b"event: message_delta", b"event: message")(STREAM),
    ),
    depends_on=("http.stream-asked", "messages.event-type"),
)  # fmt: skip
def event_name(exchange: Exchange) -> Iterator[Problem]:
    """
    Anthropic's Python SDK chooses by the name: an event without one is dropped silently, and the answer is empty.

    Instead: Read `type` in the data, not the name of the event; if the SDK shows nothing, read the stream yourself.
    """
    parser = exchange.reading.parser
    named = [(step, parser.events[step.number].type.decode("utf-8", "replace")) for step in exchange.message.steps] if parser else []  # fmt: skip
    # messages.error-event reports an error whose type is its kind.
    wrong = [
        (step, name)
        for step, name in named
        if name != step.event and not (name == "error" and step.event.endswith("_error"))
    ]
    for step, name in wrong[:1]:
        sent = "has no name" if name == "message" else f"is named {name!r}"
        yield Problem(f"{step.event} {sent} ({len(wrong)} of {len(named)} events)", ((step.number, "/type"),))


@rule(
    "messages.event-keys", Level.MUST, "Each event has the fields of its type.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM, TOOL, THINKING),
    bad=(
        chunks(_DELTA, drop("index"))(STREAM),
        chunks(typed("content_block_start"), drop("content_block/type"))(STREAM),
        chunks(typed("content_block_stop"), set_value("index", "0"))(STREAM),
        chunks(typed("message_delta"), drop("delta"))(STREAM),
        chunks(typed("message_start"), set_value("message", None))(STREAM),
    ),
    depends_on=_IS_STREAM,
)  # fmt: skip
def event_keys(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode the event; others raise AttributeError when they read the field.

    Instead: Read with a default, and assign a delta without an index to the last block: `data.get("index", len(blocks) - 1)`.
    """
    for form, keys in grammar.EVENT_KEYS.items():
        for name in [one for one in exchange.message.shapes if one.partition(":")[0] == form]:
            yield from wrong_keys(exchange, name, keys)


@rule(
    "messages.delta-keys", Level.MUST, "Each delta has its text in the field for its type.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM, TOOL, THINKING),
    bad=(
        chunks(_DELTA, set_value("delta/text", None))(STREAM),
        chunks(typed("content_block_delta", "input_json_delta"), set_value("delta/partial_json", {"city": "Paris"}))(TOOL),
        chunks(typed("content_block_delta", "thinking_delta"), drop("delta/thinking"))(THINKING),
    ),
    depends_on=("messages.event-keys",),
)  # fmt: skip
def delta_keys(exchange: Exchange) -> Iterator[Problem]:
    """
    `text += delta.text` raises TypeError on None, and text under another field is lost.

    Instead: Append strings and skip everything else: `text += delta.get("text") or ""`.
    """
    for kind, keys in grammar.DELTA_KEYS.items():
        yield from wrong_keys(exchange, f"{grammar.BLOCK_DELTA}:{kind}", keys)


@rule(
    "messages.delta-kind", Level.MUST, "The type of a delta fits its block.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM, TOOL, THINKING),
    bad=(
        chunks(typed("content_block_start"), set_value("content_block", {"type": "thinking", "thinking": "", "signature": ""}))(STREAM),
        chunks(typed("content_block_delta", "input_json_delta"), set_value("delta", {"type": "text_delta", "text": "{}"}))(TOOL),
        chunks(typed("content_block_delta", "thinking_delta"), set_value("delta", {"type": "text_delta", "text": "hm"}))(THINKING),
    ),
    depends_on=("messages.event-keys", "messages.block-started", "messages.block-started-once"),
)  # fmt: skip
def delta_kind(exchange: Exchange) -> Iterator[Problem]:
    """
    The Python SDK drops such a delta silently; the TypeScript SDK and Claude Code stop with "Content block is not a … block".

    Instead: Choose by the type of the delta, not of the block, and open a block of that type if there is none.
    """
    for block in exchange.message.blocks:
        taken = grammar.DELTAS_OF.get(block.kind)
        wrong = [(number, kind) for number, kind in block.deltas if taken is not None and kind not in taken and kind in grammar.DELTA_KINDS]  # fmt: skip
        for number, kind in wrong[:1]:
            yield Problem(f"{len(wrong)} × {kind} in a block of {block.kind}", ((number, "/delta/type"),))


@rule(
    "messages.keys-once", Level.MUST, "No object of a message has the same key twice.",
    sources.JSON_OBJECTS, answer,
    good=(STREAM, BODY),
    bad=(replace_bytes(b'"index":0,"delta"', b'"index":0,"index":1,"delta"', 1)(STREAM), replace_bytes(b'"type":"text"', b'"type":"text","text":"Bye."', 1)(BODY)),
    depends_on=("http.stream-asked", "http.body-asked", "sse.json", "sse.object"),
)  # fmt: skip
def keys_once(exchange: Exchange) -> Iterator[Problem]:
    """
    Parsers keep the last, the first or none: two clients read two answers.

    Instead: Parse with pairs (`object_pairs_hook`) and keep the first that is not null.
    """
    found = exchange.message.repeated_keys.found
    for number, pointer in found[:1]:
        yield Problem(f"{pointer[1:].replace('/', '.')} occurs twice in {len(found)} objects", ((number, pointer),))


@observation(
    "messages.unknown-events", "Types of events and deltas that Anthropic does not document.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM, TOOL),
    bad=(added(_DELTA, _ODD)(STREAM), added(_DELTA, {"type": "content_block_note", "note": "x"})(STREAM)),
    depends_on=BEGUN,
)  # fmt: skip
def unknown_events(exchange: Exchange) -> str:
    """
    Legal: Anthropic adds types. A client that raises on what it does not know breaks.

    Instead: Ignore events and deltas whose type you do not know.
    """
    events = {step.event for step in exchange.message.steps} - grammar.EVENTS
    deltas = {kind for block in exchange.message.blocks for _, kind in block.deltas} - grammar.DELTA_KINDS
    return ", ".join(sorted(events | deltas)[:8]) or "none"
