"""Checks the message: its id, its role, and its stop reason."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import all_of
from harness.checks.messages.answers import (
    BEGUN,
    IN_CHAT_FORM,
    IN_RESPONSES,
    answer,
    in_chat_form,
    known_request,
    of_kind,
    stream,
    told_why,
    whole,
    wrong_in,
)
from harness.checks.registry import Reason, observation, rule
from harness.results import Advice, Level, Problem
from harness.simulate.edits import chunks, drop, replace_bytes, set_value
from harness.simulate.messages.edits import added, typed
from harness.simulate.messages.reference import BODY, CAPPED, STOPPED, STREAM, THINKING_BODY, TOOL, TOOL_BODY
from harness.simulate.reference import in_archive, with_body
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange
from harness.wire.messages import grammar
from harness.wire.shapes import Json, as_object

_START, _DELTA = typed("message_start"), typed("message_delta")
_OTHER_END = {
    "type": "message_delta",
    "delta": {"stop_reason": "max_tokens", "stop_sequence": None},
    "usage": {"output_tokens": 14},
}
_IN_TIME = (*BEGUN, "messages.told-why")


def _any(_chunk: Json) -> bool:
    return True


def _keys_of(exchange: Exchange, *names: str) -> Iterator[Problem]:
    """Yield the problems with some keys of the message, at its start or as a body."""
    begun = exchange.message.start
    keys = {key: kinds for key, kinds in grammar.MESSAGE_KEYS.items() if key[1:] in names}
    if begun:
        yield from wrong_in(begun.event, begun.pointer, begun.value, keys, "the message")


def _message(exchange: Exchange) -> Reason | None:
    """A message that was begun, as a stream or a body."""
    return answer(exchange) or (None if exchange.message.start else "no message came")


@rule(
    "messages.object", Level.MUST, "A body has the type `message` and the role `assistant`.",
    sources.MESSAGES_API, answer,
    good=(STREAM, BODY),
    bad=(
        with_body(BODY, b'{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hi."}}]}'),
        with_body(BODY, b'{"object":"response","output":[{"type":"message","content":[{"type":"output_text","text":"Hi."}]}]}'),
        chunks(_START, drop("message/type"))(STREAM),
        chunks(_START, set_value("message/role", "user"))(STREAM),
        chunks(_any, set_value("role", None))(BODY),
    ),
    depends_on=("http.body-asked", *BEGUN, "messages.event-keys"),
)  # fmt: skip
def is_message(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode it, and a history that copies the role is refused at the next turn.

    Instead: Write the role yourself: `history.append({"role": "assistant", "content": content})`.
    """
    begun = exchange.message.start
    if begun is None:
        if not exchange.message.errors:
            yield Problem("no message came", ((0, ""),))
        return
    if "type" not in begun.value and in_chat_form(begun.value):
        said = "the response has the format of chat completions: its text is under choices"
        yield Problem(said, ((begun.event, f"{begun.pointer}/choices"),), IN_CHAT_FORM)
        return
    if begun.value.get("object") == "response":
        said = "the response has the format of the Responses API: its text is under output"
        yield Problem(said, ((begun.event, f"{begun.pointer}/object"),), IN_RESPONSES)
        return
    for key, value in (("type", "message"), ("role", "assistant")):
        found = begun.value.get(key)
        if found != value:
            said = f"{key} is {found!r}" if key in begun.value else f"{key} is absent"
            yield Problem(f"{said} in the message", ((begun.event, f"{begun.pointer}/{key}"),))


@rule(
    "messages.id", Level.MUST, "A message has an `id`, a string.",
    sources.MESSAGES_API, _message,
    good=(STREAM, BODY),
    bad=(chunks(_START, drop("message/id"))(STREAM), chunks(_any, set_value("id", 7))(BODY), chunks(_any, set_value("id", ""))(BODY)),
    depends_on=("messages.object",),
)  # fmt: skip
def has_id(exchange: Exchange) -> Iterator[Problem]:
    """
    Logs and stores that key messages by id mix them up, or reject them.

    Instead: Generate your own id if none comes: `message.get("id") or f"local-{uuid4()}"`.
    """
    yield from _keys_of(exchange, "id")


@rule(
    "messages.model", Level.MUST, "A message names its model.",
    sources.MESSAGES_API, _message,
    good=(STREAM, BODY),
    bad=(chunks(_START, drop("message/model"))(STREAM), chunks(_any, set_value("model", ""))(BODY)),
    depends_on=("messages.object",),
)  # fmt: skip
def has_model(exchange: Exchange) -> Iterator[Problem]:
    """
    Cost tables look the model up and find nothing.

    Instead: Keep the model you requested: `message.get("model") or asked`.
    """
    yield from _keys_of(exchange, "model")


@rule(
    "messages.content-list", Level.MUST, "`content` is an array of blocks, empty when a stream begins.",
    sources.MESSAGES_API, _message,
    good=(STREAM, BODY, TOOL_BODY),
    bad=(
        chunks(_START, drop("message/content"))(STREAM),
        chunks(_START, set_value("message/content", [{"type": "text", "text": "x"}]))(STREAM),
        chunks(_any, set_value("content", "How can I help?"))(BODY),
        chunks(_any, set_value("content", ["How can I help?"]))(BODY),
    ),
    depends_on=("messages.object",),
)  # fmt: skip
def content_list(exchange: Exchange) -> Iterator[Problem]:
    """
    `for block in message.content` raises TypeError on None, and iterates over the characters of a string; content in message_start is shown twice.

    Instead: Treat a string as one block: `content if isinstance(content, list) else [{"type": "text", "text": content or ""}]`.
    """
    begun = exchange.message.start
    yield from _keys_of(exchange, "content")
    content = begun.value.get("content") if begun else None
    if not begun or not isinstance(content, list):
        return
    at = (begun.event, f"{begun.pointer}/content")
    if exchange.is_stream and content and exchange.reading.parser:
        yield Problem("content has blocks before any was started", (at,))
    elif any(not isinstance(kind := as_object(one).get("type"), str) or not kind for one in content):
        yield Problem("a block of content has no type", (at,))


@rule(
    "messages.stop-null", Level.MUST, "`stop_reason` and `stop_sequence` are `null` when a stream begins.",
    sources.MESSAGES_API, stream,
    good=(STREAM,),
    bad=(
        chunks(_START, set_value("message/stop_reason", "end_turn"))(STREAM),
        chunks(_START, drop("message/stop_reason"))(STREAM),
        chunks(_START, drop("message/stop_sequence"))(STREAM),
    ),
    depends_on=("messages.object",),
)  # fmt: skip
def stop_null(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode the start; a loop that ends at a stop_reason ends before the first word.

    Instead: Read stop_reason only from message_delta.
    """
    begun = exchange.message.start
    for key in ("stop_reason", "stop_sequence"):
        if begun and begun.value.get(key, 0) is not None:
            said = f"is {begun.value[key]!r}" if key in begun.value else "is absent"
            yield Problem(f"{key} {said} in message_start", ((begun.event, f"{begun.pointer}/{key}"),))


@rule(
    "messages.stop-reason", Level.MUST, "A message has a `stop_reason`, a string.",
    sources.MESSAGES_STOPS, whole,
    good=(STREAM, BODY, TOOL, CAPPED),
    bad=(
        chunks(_DELTA, set_value("delta/stop_reason", None))(STREAM),
        chunks(_DELTA, drop("delta/stop_reason"))(TOOL),
        added(_DELTA, _OTHER_END, before=True)(STREAM),
        chunks(_any, set_value("stop_reason", None))(BODY),
    ),
    depends_on=(*_IN_TIME, "messages.object", "messages.event-keys"),
)  # fmt: skip
def stop_reason(exchange: Exchange) -> Iterator[Problem]:
    """
    A loop that continues while stop_reason is "tool_use" ends, and one that waits for a reason never does.

    Instead: Go by the content: run the tools that were called, and treat the end of the stream as the end of the turn.
    """
    stop = exchange.message.stop
    if stop and not (isinstance(stop.value.get("stop_reason"), str) and stop.value["stop_reason"]):
        found = stop.value.get("stop_reason")
        said = f"is {json_text(found)}" if "stop_reason" in stop.value else "is absent"
        last = exchange.message.deltas[-1] if exchange.message.deltas else None
        if last and isinstance(last.value.get("stop_reason"), str):
            said = "stands beside delta, not in it"
        yield Problem(f"stop_reason {said}", ((stop.event, f"{stop.pointer}/stop_reason"),))
        return
    told = [(one.event, as_object(one.value.get("delta")).get("stop_reason")) for one in exchange.message.deltas]
    given = [(event, reason) for event, reason in told if isinstance(reason, str)]
    for event, reason in given[1:]:
        if reason != given[0][1]:
            yield Problem(
                f"stop_reason is {given[0][1]!r}, and then {reason!r}", ((event, "/delta/stop_reason"),), _TWO_REASONS
            )
            return


_TWO_REASONS = Advice(
    "Clients that act on the first end or ask for the rest, and those that take the last do not.",
    "Act when the stream has ended, on the last one.",
)
_OF_CHAT = Advice(
    "A client that compares with Anthropic's values does not run the tool, or continue after the limit: the value is that of chat completions.",
    'Translate: `{"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}.get(reason, reason)`.',
)


@rule(
    "messages.stop-known", Level.SHOULD, "`stop_reason` is a value that Anthropic documents.",
    sources.MESSAGES_STOPS, told_why,
    good=(STREAM, BODY, TOOL, CAPPED, STOPPED),
    bad=(
        chunks(_DELTA, set_value("delta/stop_reason", "stop"))(STREAM),
        chunks(_any, set_value("stop_reason", "length"))(BODY),
        chunks(_any, set_value("stop_reason", "done"))(BODY),
    ),
    depends_on=("messages.stop-reason",),
)  # fmt: skip
def stop_known(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode it; others do not know the reason, and end.

    Instead: Treat an unknown value as the end of the turn, after running the tools that were called.
    """
    stop = exchange.message.stop
    reason = exchange.turn.stop
    if stop and reason and reason not in grammar.STOP_REASONS and reason != "compaction":
        advice = _OF_CHAT if reason in {"stop", "length", "tool_calls", "function_call", "content_filter"} else None
        yield Problem(f"stop_reason is {reason!r}", ((stop.event, f"{stop.pointer}/stop_reason"),), advice)


@rule(
    "messages.stop-sequence-key", Level.MUST, "`stop_reason` comes with `stop_sequence`, `null` or a string.",
    sources.MESSAGES_API, whole,
    good=(STREAM, BODY, STOPPED),
    bad=(
        chunks(_DELTA, drop("delta/stop_sequence"))(STREAM),
        chunks(_any, drop("stop_sequence"))(BODY),
        chunks(_DELTA, set_value("delta/stop_sequence", 0))(STREAM),
    ),
    depends_on=(*_IN_TIME, "messages.object", "messages.event-keys"),
)  # fmt: skip
def stop_sequence_key(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients (Rust, Swift, Kotlin) fail to decode the event, and the whole answer with it.

    Instead: Declare the field as optional with a default: `stop_sequence: Option<String>` with `#[serde(default)]`.
    """
    stop = exchange.message.stop
    found = stop.value.get("stop_sequence", 0) if stop else None
    if stop and found is not None and not isinstance(found, str):
        said = f"is {found!r}" if "stop_sequence" in stop.value else "is absent"
        yield Problem(f"stop_sequence {said}", ((stop.event, f"{stop.pointer}/stop_sequence"),))


@rule(
    "messages.stop-sequence", Level.MUST, "`stop_sequence` names a sequence exactly when `stop_reason` is `stop_sequence`.",
    sources.MESSAGES_API, told_why,
    good=(STREAM, BODY, STOPPED),
    bad=(
        chunks(_DELTA, set_value("delta/stop_reason", "end_turn"))(STOPPED),
        chunks(_DELTA, set_value("delta/stop_sequence", None))(STOPPED),
        chunks(_any, set_value("stop_sequence", ""))(BODY),
    ),
    depends_on=("messages.stop-reason", "messages.stop-sequence-key"),
)  # fmt: skip
def stop_sequence(exchange: Exchange) -> Iterator[Problem]:
    """
    Code that checks stop_reason for its marker misses it, and treats a part as a whole answer.

    Instead: Check both: `met = stop_sequence or (stop_reason == "stop_sequence" and asked[0])`.
    """
    stop = exchange.message.stop
    value = stop.value.get("stop_sequence") if stop else None
    reason = exchange.turn.stop
    if stop and (value is not None) != (reason == "stop_sequence"):
        yield Problem(
            f"stop_reason is {reason!r}, and stop_sequence {value!r}", ((stop.event, f"{stop.pointer}/stop_sequence"),)
        )


@rule(
    "messages.stop-asked", Level.MUST, "`stop_sequence` is one of the request.",
    sources.MESSAGES_API, all_of(told_why, known_request),
    good=(STOPPED,),
    bad=(chunks(_DELTA, set_value("delta/stop_sequence", "8"))(STOPPED),),
    depends_on=("messages.stop-sequence",),
)  # fmt: skip
def stop_asked(exchange: Exchange) -> Iterator[Problem]:
    """
    Code that branches on which sequence was met takes the wrong branch, or raises KeyError.

    Instead: Look for your own sequences in the text, and treat one you did not send as the end of the turn.
    """
    stop, asked = exchange.message.stop, exchange.request.get("stop_sequences")
    value = stop.value.get("stop_sequence") if stop else None
    if stop and value is not None and value not in (asked if isinstance(asked, list) else [asked]):
        yield Problem(f"stop_sequence {value!r} was not asked for", ((stop.event, f"{stop.pointer}/stop_sequence"),))


_NOT_RUN = Advice(
    "An agent loop that continues while stop_reason is tool_use does not run the tool: the task ends half done.",
    'Go by the blocks: `calls = [b for b in content if b.type == "tool_use"]`, and run them whatever stop_reason says.',
)


@rule(
    "messages.stop-tool-use", Level.MUST, "`stop_reason` is `tool_use` exactly when a tool of the request is called.",
    sources.MESSAGES_STOPS, told_why,
    good=(STREAM, TOOL, TOOL_BODY, CAPPED),
    bad=(
        chunks(_DELTA, set_value("delta/stop_reason", "end_turn"))(TOOL),
        chunks(_DELTA, set_value("delta/stop_reason", "tool_use"))(STREAM),
        chunks(_any, set_value("stop_reason", "end_turn"))(TOOL_BODY),
    ),
    depends_on=("messages.stop-known", "messages.block-started"),
)  # fmt: skip
def stop_tool_use(exchange: Exchange) -> Iterator[Problem]:
    """
    A loop that runs the calls finds none, and asks again with an empty list of results, which is rejected.

    Instead: If nothing was called, end the turn: `if not calls: break`.
    """
    stop, called = exchange.message.stop, of_kind(exchange, "tool_use")
    reason = exchange.turn.stop
    if stop is None:
        return
    at = (stop.event, f"{stop.pointer}/stop_reason")
    if called and reason == "end_turn":
        yield Problem(f"stop_reason is 'end_turn', and tools were called: {len(called)}", (at,), _NOT_RUN)
    elif not called and reason == "tool_use":
        begun = exchange.message.start
        elsewhere = ": the call stands under tool_calls" if begun and begun.value.get("tool_calls") else ""
        yield Problem(f"stop_reason is 'tool_use', and no tool was called{elsewhere}", (at,))


@rule(
    "messages.id-unique", Level.SHOULD, "Every message has its own id.",
    sources.MESSAGES_REFERENCE, _message,
    good=(BODY, in_archive(STREAM, replace_bytes(b"msg_reference1", b"msg_other7")(TOOL))),
    bad=(in_archive(STREAM, TOOL), in_archive(BODY, TOOL_BODY)),
    depends_on=("messages.id",),
)  # fmt: skip
def id_unique(exchange: Exchange) -> Iterator[Problem]:
    """
    Usage summed by id counts two messages as one, as in Claude Code.

    Instead: Key by the header `request-id`, or by your own id.
    """
    for name in exchange.facts.ids if "id" not in exchange.altered else ():
        other = exchange.before.with_id(name)
        if other is not None and not other.altered and not exchange.facts.repeats(other):
            begun = exchange.message.start
            yield Problem(
                "the id is the same as in an earlier message",
                ((begun.event if begun else 0, f"{begun.pointer if begun else ''}/id"),),
            )


@observation(
    "messages.id-form", "The form of a message's id.",
    sources.MESSAGES_REFERENCE, _message,
    good=(STREAM, BODY),
    bad=(replace_bytes(b"msg_reference1", b"chatcmpl-7")(STREAM), replace_bytes(b"msg_reference1", b"7")(BODY)),
    depends_on=("messages.id",),
)  # fmt: skip
def id_form(exchange: Exchange) -> str:
    """
    Legal: an id is any text.  Tools that look for msg_ in logs find nothing.

    Instead: Compare ids as a whole, and do not rely on how they begin.
    """
    begun = exchange.message.start
    name = str(begun.value.get("id")) if begun else ""
    return "msg_" if name.startswith("msg_") else f"{name.partition('_')[0]}_" if "_" in name[:9] else "other"


@observation(
    "messages.more-keys", "Fields of a message that Anthropic does not document.",
    sources.MESSAGES_API, _message,
    good=(STREAM, BODY),
    bad=(chunks(_START, set_value("message/service_tier", "standard"))(STREAM), chunks(_any, set_value("created", 7))(BODY)),
    depends_on=("messages.object",),
)  # fmt: skip
def more_keys(exchange: Exchange) -> str:
    """
    Legal; a client that forbids unknown keys fails to decode the message.

    Instead: Let your models ignore unknown fields (`extra="ignore"`).
    """
    begun = exchange.message.start
    known = {key[1:] for key in grammar.MESSAGE_KEYS} | {"usage", "stop_details", "container", "context_management"}
    return ", ".join(sorted((begun.value.keys() if begun else set()) - known)[:8]) or "none"


@rule(
    "messages.parity", Level.SHOULD, "The same question gives the same kinds of block, streamed or not.",
    sources.MESSAGES_REFERENCE, _message,
    good=(in_archive(STREAM, replace_bytes(b"msg_reference1", b"msg_other7")(BODY)),),
    bad=(in_archive(STREAM, replace_bytes(b"msg_reference1", b"msg_other7")(with_body(BODY, THINKING_BODY.response.body))),),
    depends_on=("messages.object",),
)  # fmt: skip
def parity(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that switches to streaming loses the reasoning, or shows reasoning that it did not request.

    Instead: Read both modes with one function, and expect reasoning in either.
    """
    facts = exchange.facts
    other = exchange.before.counterpart(facts) if facts.answered else None
    if other is None or not other.answered:
        return
    mine, theirs = "thinking" in facts.channels, "thinking" in other.channels
    if mine != theirs:
        here, there = ("the stream", "the body") if exchange.is_stream else ("the body", "the stream")
        begun = exchange.message.start
        with_, without = (here, there) if mine else (there, here)
        yield Problem(f"{with_} has a thought, {without} has none", ((begun.event if begun else 0, ""),))
