"""Checks the order of the events of a stream of Messages."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.messages.answers import BEGUN, in_chat_form, stream, whole_stream
from harness.checks.registry import Unread, observation, rule
from harness.results import Advice, Level, Problem
from harness.simulate.edits import replace_bytes
from harness.simulate.messages.edits import added, doubled, dropped, moved_last, swapped, typed
from harness.simulate.messages.reference import STREAM, THINKING, TOOL, TWO_TOOLS
from harness.wire.exchange import Exchange
from harness.wire.messages import grammar
from harness.wire.order import OutOfPlace

_IS_STREAM = ("http.stream-asked", "sse.json", "sse.object")
_START, _STOP = typed("content_block_start"), typed("content_block_stop")
_SECOND_START = typed("content_block_start", index=1)
_MORE_TEXT = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " Bye."}}
_LATE_BLOCK = (
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Bye."}},
    {"type": "content_block_stop", "index": 1},
)
_TWICE = Advice(
    "A client that runs a tool when its block stops runs it twice: it orders, deletes or pays twice.",
    "Run a tool once for each `tool_use` id, after message_stop: `if block.id not in done: run(block); done.add(block.id)`.",
)

_CUT = dropped(typed("content_block_stop", index=1))(
    dropped(typed("message_delta"))(dropped(typed("message_stop"))(TOOL))
)
_UNFINISHED = Advice(
    "The SDK raises nothing: `get_final_message()` returns half a text, or a tool call whose input was never finished.",
    'Raise if no stop_reason came, `if message.stop_reason is None: raise RuntimeError("cut")`, and ask again; run no tool of such a message.',
)
"""The impact of a stream that ends before its message does."""


def _broken_off(exchange: Exchange) -> bool:
    """Return whether a stream ends before its message does: without stop reason and end."""
    events = {step.event for step in exchange.message.steps}
    return grammar.DELTA not in events and grammar.STOP not in events


def _breaches(exchange: Exchange, event: str, *states: str) -> Iterator[OutOfPlace]:
    """Yield the events of a type that came in one of these states."""
    return (one for one in exchange.message.breaches if one.step.event == event and one.state in states)


def _first(
    breaches: Iterator[OutOfPlace], words: str, pointer: str = "", advice: Advice | None = None
) -> Iterator[Problem]:
    """Yield a problem for the first of some breaches, with their number."""
    found = list(breaches)
    if found:
        step = found[0].step
        more = f" ({len(found)} times)" if len(found) > 1 else ""
        yield Problem(f"{words.format(index=step.subject)}{more}", ((step.number, pointer),), advice)


@rule(
    "messages.begins", Level.MUST, "The first event, apart from pings, is `message_start`.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM, added(typed("message_start"), {"type": "ping"}, before=True)(STREAM)),
    bad=(
        dropped(typed("message_start"))(STREAM),
        swapped(typed("message_start"))(STREAM),
        replace_bytes(b"message_start", b"message_begin")(STREAM),
    ),
    depends_on=_IS_STREAM,
)  # fmt: skip
def begins(exchange: Exchange) -> Iterator[Problem]:
    """
    The SDK raises "Unexpected event order"; a reader that builds on message_start has no message to add to.

    Instead: Start an empty message at the first event: `message = message or {"content": [], "usage": {}}`.
    """
    known = [step for step in exchange.message.steps if step.event in grammar.MESSAGE.events]
    if not known and any(in_chat_form(exchange.chunk(number)) for number in exchange.message.untyped[:1]):
        raise Unread("messages.event-type")
    if not known:
        yield Problem("no message event came", ((0, ""),))
    elif known[0].event != grammar.START:
        yield Problem(f"the first event is {known[0].event}", ((known[0].number, "/type"),))


@rule(
    "messages.begins-once", Level.MUST, "`message_start` is sent once.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM,),
    bad=(doubled(typed("message_start"))(STREAM), added(typed("content_block_delta"), {"type": "message_start", "message": {"id": "msg_again"}})(STREAM)),
    depends_on=BEGUN,
)  # fmt: skip
def begins_once(exchange: Exchange) -> Iterator[Problem]:
    """
    The SDK raises "Unexpected event order", and readers that start again lose the blocks so far.

    Instead: Skip it if a message has begun: `if message is not None: continue`.
    """
    again = _breaches(exchange, grammar.START, "begun", "told", "ended")
    yield from _first(again, "message_start comes again")


@rule(
    "messages.block-started", Level.MUST, "Every delta and stop belongs to a block that was started.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM, TWO_TOOLS),
    bad=(dropped(_START)(STREAM), dropped(_SECOND_START)(TOOL), dropped(typed("content_block_start", index=1))(THINKING)),
    depends_on=(*BEGUN, "messages.event-keys"),
)  # fmt: skip
def block_started(exchange: Exchange) -> Iterator[Problem]:
    """
    `message.content[event.index]` raises IndexError in the SDK, and Claude Code stops with "Content block not found".

    Instead: Start a block by the type of the first delta: `text_delta` starts text; `input_json_delta` has no id to reply to, so drop it.
    """
    for event in (grammar.BLOCK_DELTA, grammar.BLOCK_STOP):
        unknown = _breaches(exchange, event, "unknown")
        yield from _first(unknown, f"{event} for index {{index}}, but no block was started", "/index")


@rule(
    "messages.block-started-once", Level.MUST, "No two blocks have the same index.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM, TWO_TOOLS),
    bad=(doubled(_START)(STREAM), replace_bytes(b'"index":2', b'"index":1')(TWO_TOOLS)),
    depends_on=(*BEGUN, "messages.event-keys"),
)  # fmt: skip
def block_started_once(exchange: Exchange) -> Iterator[Problem]:
    """
    Readers keep one block per index: if two calls share one, the first takes the arguments of both, and the second runs with `{}`.

    Instead: Keep the blocks in a list, add one at each content_block_start, and append deltas to the last: `blocks[-1]`.
    """
    again = _breaches(exchange, grammar.BLOCK_START, "open", "closed")
    yield from _first(again, "content_block_start for index {index}, which was started before", "/index")


@rule(
    "messages.one-block-open", Level.MUST, "A block starts after the previous one has stopped.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM, TWO_TOOLS, THINKING),
    bad=(
        moved_last(typed("content_block_stop", index=0))(TWO_TOOLS),
        moved_last(typed("content_block_stop", index=0))(THINKING),
        swapped(typed("content_block_stop", index=0))(TOOL),
    ),
    depends_on=(*BEGUN, "messages.block-started-once"),
)  # fmt: skip
def one_block_open(exchange: Exchange) -> Iterator[Problem]:
    """
    Readers that keep one current block (such as Claude Code) add the deltas of one to another, or report "Content block not found".

    Instead: Keep a block for each index and find it by `event.index`, never by "the current one".
    """
    overlapping = exchange.message.overlapping
    for block, still in overlapping[:1]:
        more = f" ({len(overlapping)} times)" if len(overlapping) > 1 else ""
        said = f"block {block.index} starts while block {still.index} is open{more}"
        yield Problem(said, ((block.event, "/index"), (still.event, "/index")))


@rule(
    "messages.block-stopped-once", Level.MUST, "A block stops once.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM, TWO_TOOLS),
    bad=(doubled(_STOP)(STREAM), doubled(typed("content_block_stop", index=1))(TOOL)),
    depends_on=(*BEGUN, "messages.block-started"),
)  # fmt: skip
def block_stopped_once(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that acts when a block stops acts twice.

    Instead: Act after message_stop, on the final blocks.
    """
    again = _breaches(exchange, grammar.BLOCK_STOP, "closed")
    yield from _first(again, "content_block_stop for index {index} comes again", "/index", _TWICE)


@rule(
    "messages.delta-in-time", Level.MUST, "No delta is sent for a block that has stopped.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM, TOOL),
    bad=(added(_STOP, _MORE_TEXT)(STREAM), swapped(typed("content_block_delta", index=0))(dropped(typed("content_block_delta"))(dropped(typed("content_block_delta"))(dropped(typed("content_block_delta"))(STREAM))))),
    depends_on=(*BEGUN, "messages.block-started"),
)  # fmt: skip
def delta_in_time(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients show, store or run a block when it stops: later deltas are lost, or break the JSON of a call that was already parsed.

    Instead: Read every block to message_stop before you use it.
    """
    late = _breaches(exchange, grammar.BLOCK_DELTA, "closed")
    yield from _first(late, "content_block_delta for index {index}, which has stopped", "/index")


@rule(
    "messages.blocks-stopped", Level.MUST, "Every block stops before the `message_delta` with the stop reason.",
    sources.MESSAGES_STREAM, whole_stream,
    good=(STREAM, TWO_TOOLS),
    bad=(dropped(_STOP)(STREAM), dropped(typed("content_block_stop", index=2))(TWO_TOOLS), swapped(_STOP)(STREAM)),
    depends_on=(*BEGUN, "messages.block-started", "messages.block-started-once"),
)  # fmt: skip
def blocks_stopped(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that parse a call, or show a text, when its block stops never do.

    Instead: Take message_delta and the end of the stream as the end of every open block.
    """
    if _broken_off(exchange):
        raise Unread("messages.ends")
    deltas = exchange.message.deltas
    told = deltas[0].event if deltas else None
    in_time = [one for one in exchange.message.blocks if told is None or one.event < told]
    late = [one for one in in_time if one.stopped is None or (told is not None and one.stopped > told)]
    for block in late[:1]:
        said = (
            f"{len(late)} of {len(exchange.message.blocks)} blocks" if len(exchange.message.blocks) > 1 else "the block"
        )
        where = "late" if block.stopped is not None else "never"
        yield Problem(f"{said} stopped {where}, first index {block.index}", ((block.event, "/index"),))


@rule(
    "messages.block-index", Level.MUST, "Blocks are numbered from 0.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM, TWO_TOOLS, THINKING),
    bad=(replace_bytes(b'"index":0', b'"index":1')(STREAM), replace_bytes(b'"index":2', b'"index":3')(TWO_TOOLS)),
    depends_on=(*BEGUN, "messages.event-keys", "messages.block-started", "messages.block-started-once"),
)  # fmt: skip
def block_index(exchange: Exchange) -> Iterator[Problem]:
    """
    `message.content[event.index]` is another block, or raises IndexError: the SDK appends a block and looks it up by index.

    Instead: Map indices to blocks: `blocks[event.index] = block`, and sort by the order of their starts.
    """
    for number, block in enumerate(exchange.message.blocks):
        if block.index != number:
            yield Problem(f"the index of block {number} is {block.index}", ((block.event, "/index"),))
            return


@rule(
    "messages.told-why", Level.MUST, "A `message_delta` states why the message stopped.",
    sources.MESSAGES_STREAM, whole_stream,
    good=(STREAM,),
    bad=(dropped(typed("message_delta"))(STREAM), dropped(typed("message_delta"))(TOOL)),
    depends_on=BEGUN,
)  # fmt: skip
def told(exchange: Exchange) -> Iterator[Problem]:
    """
    stop_reason stays None: an agent loop that continues while it is "tool_use" ends before it runs the tool.

    Instead: Run the tools that were called, whatever stop_reason says: `if any(b.type == "tool_use" for b in content)`.
    """
    if _broken_off(exchange):
        raise Unread("messages.ends")
    if not exchange.message.deltas:
        yield Problem("no message_delta came", ((exchange.message.steps[-1].number, "/type"),))


@rule(
    "messages.no-late-block", Level.MUST, "No block starts after `message_delta`.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM,),
    bad=(added(typed("message_delta"), *_LATE_BLOCK)(STREAM),),
    depends_on=(*BEGUN, "messages.begins-once"),
)  # fmt: skip
def no_late_block(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that stops reading at a stop_reason loses it.

    Instead: Read to message_stop or the end of the stream.
    """
    late = _breaches(exchange, grammar.BLOCK_START, "told", "ended")
    yield from _first(late, "a block starts after message_delta")


@rule(
    "messages.ends", Level.MUST, "A stream ends with `message_stop`.",
    sources.MESSAGES_STREAM, whole_stream,
    good=(STREAM,),
    bad=(dropped(typed("message_stop"))(STREAM), dropped(typed("message_stop"))(TOOL), _CUT),
    depends_on=BEGUN, explained_by=("sse.final-blank-line",),
)  # fmt: skip
def ends(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that wait for it treat the answer as broken off: they ask again, or wait until the connection closes.

    Instead: End at message_stop or when the connection closes; stop_reason says whether the message is complete.
    """
    steps = exchange.message.steps
    if any(step.event == grammar.STOP for step in steps):
        return
    place = ((steps[-1].number, "/type"),)
    if not _broken_off(exchange):
        yield Problem(f"the last event is {steps[-1].event}", place)
        return
    still = exchange.message.open_blocks
    within = f" within block {still[0].index}" if still else ""
    yield Problem(
        f"the stream breaks off{within}, with no stop_reason: the last event is {steps[-1].event}", place, _UNFINISHED
    )


@rule(
    "messages.last", Level.MUST, "`message_stop` is sent once, and nothing follows it.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM,),
    bad=(doubled(typed("message_stop"))(STREAM), swapped(typed("message_delta"))(STREAM), added(typed("message_stop"), {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 14}})(STREAM)),
    depends_on=(*BEGUN, "messages.begins-once"),
)  # fmt: skip
def last(exchange: Exchange) -> Iterator[Problem]:
    """
    Readers return at message_stop: later counts or texts are never seen.

    Instead: Read to the end of the stream and use whatever still comes.
    """
    steps = [step for step in exchange.message.steps if step.event in grammar.MESSAGE.events]
    at = next((n for n, step in enumerate(steps) if step.event == grammar.STOP), len(steps))
    for step in steps[at + 1 :][:1]:
        yield Problem(f"{step.event} comes after message_stop", ((step.number, "/type"),))


@observation(
    "messages.done", "Whether `[DONE]` ends the stream.",
    sources.MESSAGES_REFERENCE, whole_stream,
    good=(STREAM,),
    bad=(replace_bytes(b'{"type":"message_stop"}\n\n', b'{"type":"message_stop"}\n\ndata: [DONE]\n\n')(STREAM),),
    depends_on=("http.stream-asked",),
)  # fmt: skip
def done(exchange: Exchange) -> str:
    """
    Anthropic sends none: `JSON.parse("[DONE]")` raises in a reader that parses all data.

    Instead: End at message_stop, and skip anything after it that is not a JSON object.
    """
    return "yes" if exchange.reading.done else "no"


@observation(
    "messages.ping", "Whether pings are sent.",
    sources.MESSAGES_STREAM, stream,
    good=(STREAM,),
    bad=(dropped(typed("ping"))(STREAM),),
    depends_on=BEGUN,
)  # fmt: skip
def ping(exchange: Exchange) -> str:
    """
    A client with a timeout between events gives up during long reasoning if no event comes.

    Instead: Set the timeout longer than the longest reasoning, and treat pings as activity.
    """
    return "yes" if any(step.event == grammar.PING for step in exchange.message.steps) else "no"
