"""Checks how a response indicates its end and the reason."""

from collections.abc import Iterator
from dataclasses import replace

from harness.checks import sources
from harness.checks.applies import all_of, body, complete_answer, ends_of, stream, success_status, told_apart, uncut
from harness.checks.kinds import absent, place_of, wrong_kinds
from harness.checks.registry import Unread, observation, rule
from harness.matrix.scenarios import SCENARIOS
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import recording
from harness.simulate.reference import (
    BODY,
    STREAM,
    STREAM_USAGE,
    TOOLS,
    TOOLS_BODY,
    replace_in_body,
    replace_last_in_body,
    with_request_params,
)
from harness.wire.chat.chunks import Choice
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.shapes import Kind, Occurrences, as_object

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("chunk.present",)
_WHOLE = (*_READ, "sse.no-error", "http.complete")
_VOCABULARY = {"stop", "length", "tool_calls", "content_filter", "function_call"}
_PLACE = "/choices/*/finish_reason"
_ALL_BUT_EMPTY: set[Kind] = {"missing", "null", "text", "int", "float", "bool", "[]", "list", "{}", "object"}
_NO_TEXT = Advice(
    "`if finish_reason is not None: break` stops there, and so does a test for truth if the value is true or a number.",
    "Only a string marks the end: `if isinstance(choice.finish_reason, str) and choice.finish_reason:`.",
)
_CALLED = Advice(
    'Clients that run tools at `finish_reason == "tool_calls"` never make the call, and show an empty answer.',
    "Decide by the calls, not by the reason: `if calls:` after the loop.",
)
_NOT_CALLED = Advice(
    'Clients that continue at `finish_reason == "tool_calls"` have no call to make: they loop forever, or show nothing.',
    "Decide by the calls, not by the reason: `if not calls:` show the text as the answer.",
)
_FINAL = '"delta":{},"logprobs":null,"finish_reason":"stop"'
_NONE = Occurrences(0, 0, 0)
_SOUND = '"audio":{"id":"audio_1","data":"UklGRgAAAAA="},'
_SOUND_ENDS = replace_in_body(
    replace_in_body(STREAM, '"delta":{"content"', f'"delta":{{{_SOUND}"content"'),
    '"delta":{},"logprobs":null,"finish_reason":"stop"',
    '"delta":{"audio":{"id":"audio_1","expires_at":1760003600}}',
)
_TWO = recording(SCENARIOS["chat.n2"])[0]
_LAST_OF_TWO = '"index":1,"delta":{},"logprobs":null,"finish_reason":"stop"'
_WRONG_INDEX = replace_in_body(_TWO, _LAST_OF_TWO, _LAST_OF_TWO.replace("1", "0", 1))
_OF_ANOTHER = Advice(
    "Clients that wait for the end of each choice wait forever, or treat a complete choice as truncated.",
    "After the loop, close all choices, including those without a reason: `finish = {index: finish.get(index) for "
    "index in texts}`.",
)


@rule(
    "finish_reason.key-present", MUST, "Every choice has the field `finish_reason`.",
    sources.CHUNK, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, ',"finish_reason":null', "", 1), replace_in_body(BODY, ',"finish_reason":"stop"', "")),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def key_present(exchange: Exchange) -> Iterator[Problem]:
    """
    `choice["finish_reason"]` raises KeyError; typed clients fail to decode the chunk.

    Instead: Read it with a default: `choice.get("finish_reason")` in raw JSON; the SDK gives None for a missing
    key.
    """
    sounds = sum(map(_ends_with_sound, exchange.columns.choices.values()))
    if exchange.columns.kinds(_PLACE).get("missing", _NONE).count > sounds:
        yield from absent(exchange, _PLACE, "choice")


def _ends_with_sound(choice: Choice) -> bool:
    """Return whether streamed audio ends like OpenAI's: with its expiry time, and no reason."""
    last = choice.extras[-1] if choice.extras else None
    ends = last is not None and "/delta/" in last.pointer and last.key == "audio" and last.chunk == choice.last_chunk
    return ends and not choice.finish_reasons and "expires_at" in as_object(last.value if last else None)


@rule(
    "finish_reason.null-before-end", MUST, "`finish_reason` is `null` in every chunk before the one that gives the reason.",
    sources.CHUNK, stream,
    good=(STREAM, TOOLS),
    bad=(replace_in_body(STREAM, '"finish_reason":null', '"finish_reason":""'), replace_in_body(STREAM, '"finish_reason":null', '"finish_reason":false', 1)),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def null_before_end(exchange: Exchange) -> Iterator[Problem]:
    """
    `if finish_reason is not None: break` stops at the first chunk: the answer is empty.

    Instead: Test for truth, not for None, `if choice.finish_reason:`, so that an empty string does not end the
    answer.
    """
    yield from wrong_kinds(exchange, _PLACE, _ALL_BUT_EMPTY, "choice")
    for problem in wrong_kinds(exchange, _PLACE, {"null", "text", "missing", '""'}, "choice"):
        yield replace(problem, advice=_NO_TEXT)


@rule(
    "finish_reason.given", SHOULD, "Every choice of a stream ends with a `finish_reason`.",
    sources.REFERENCE, all_of(stream, all_of(complete_answer, told_apart)),
    good=(STREAM, STREAM_USAGE, _SOUND_ENDS),
    bad=(replace_in_body(STREAM, '"finish_reason":"stop"', '"finish_reason":null'), replace_in_body(STREAM, '"finish_reason":"stop"', '"finish_reason":""')),
    depends_on=_READ, explained_by=("sse.json", *_WHOLE, "finish_reason.once", "chunk.names", "chunk.places"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def given(exchange: Exchange) -> Iterator[Problem]:
    """
    It is the only sign that the answer is complete: a truncated stream looks the same.

    Instead: Take [DONE] (which the SDK hides) or usage in the last chunk as the end; if both are absent, mark the
    answer as unfinished.
    """
    choices = exchange.columns.choices.values()
    without = [choice for choice in choices if not choice.finish_reasons and not _ends_with_sound(choice)]
    for choice in without:
        yield Problem(
            f"choice {choice.index} ends without a finish_reason", (place_of(exchange, choice, choice.last_chunk),)
        )
    wanted = exchange.request.get("n")
    if not without and isinstance(wanted, int) and len(choices) < wanted:
        raise Unread("params.n")


@rule(
    "finish_reason.message", MUST, "Every choice of a body has a `finish_reason`, and it is a string.",
    sources.BODY, body,
    good=(BODY,),
    bad=(replace_in_body(BODY, '"finish_reason":"stop"', '"finish_reason":null'), replace_in_body(BODY, '"finish_reason":"stop"', '"finish_reason":""')),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def message(exchange: Exchange) -> Iterator[Problem]:
    """
    An answer truncated at the token limit can't be told from a complete one.

    Instead: Treat the answer as truncated when `usage.completion_tokens` has reached the `max_tokens` of the
    request, otherwise as complete.
    """
    yield from wrong_kinds(exchange, _PLACE, {"text", "missing"}, "choice")


@rule(
    "finish_reason.once", SHOULD, "A choice gives its `finish_reason` once.",
    sources.REFERENCE, stream,
    good=(STREAM,),
    bad=(replace_in_body(STREAM, '" help?"},"logprobs":null,"finish_reason":null', '" help?"},"logprobs":null,"finish_reason":"stop"'), _WRONG_INDEX),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def once(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that close the message at the reason close it twice: callbacks run again and tools are called again.

    Instead: Note it, `finish = choice.finish_reason or finish`, and close the message or run tools once, after
    the loop.
    """
    choices = exchange.columns.choices.values()
    never = [str(choice.index) for choice in choices if not choice.finish_reasons]
    for choice in choices:
        reasons = ends_of(choice)
        if len(reasons) > 1:
            said, advice = f"choice {choice.index} gives {len(reasons)} finish_reasons", None
            if never and len(reasons) == len(never) + 1:
                others = f"choice{'s' * (len(never) > 1)} {' and '.join(never)}"
                said, advice = f"{said}, and {others} none: a finish_reason has the wrong index", _OF_ANOTHER
            yield Problem(said, tuple((f.chunk, f.pointer) for f in reasons[:2]), advice)


@rule(
    "finish_reason.vocabulary", MUST, "`finish_reason` is a value from the specification.",
    sources.CHUNK, success_status,
    good=(STREAM, BODY, TOOLS),
    bad=(replace_in_body(STREAM, '"finish_reason":"stop"', '"finish_reason":"eos"'), replace_in_body(BODY, '"finish_reason":"stop"', '"finish_reason":"STOP"')),
    depends_on=_READ,
)  # fmt: skip
def vocabulary(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail on the unknown member; others treat a failure as success.

    Instead: Map the names you know, `{"eos": "stop", "STOP": "stop"}.get(reason, reason)`, and treat others as
    failures.
    """
    for choice in exchange.columns.choices.values():
        for finish in choice.finish_reasons:
            if finish.value not in _VOCABULARY:
                yield Problem(f"finish_reason is {finish.value!r}", ((finish.chunk, finish.pointer),))
                break


@rule(
    "finish_reason.last", SHOULD, "The chunk with the `finish_reason` is the last one for its choice.",
    sources.REFERENCE, stream,
    good=(STREAM, STREAM_USAGE),
    bad=(replace_in_body(STREAM, "data: [DONE]", 'data: {"id":"chatcmpl-reference","object":"chat.completion.chunk","created":1760000000,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":null}]}\n\ndata: [DONE]'),),
    depends_on=_READ, explained_by=("content.before-finish", "chunk.index"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def last(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that break at the reason miss the later chunk, most often usage.

    Instead: Read on until the stream ends, taking `chunk.usage` and any delta that comes later; use no `break`.
    """
    for choice in exchange.columns.choices.values():
        reasons = [finish.chunk for finish in choice.finish_reasons]
        if reasons and choice.last_chunk > reasons[-1]:
            yield Problem(
                f"choice {choice.index} continues after its finish_reason",
                (place_of(exchange, choice, choice.last_chunk),),
            )


@rule(
    "finish_reason.tool-calls", SHOULD, "`finish_reason` is `tool_calls` exactly when a tool is called.",
    sources.REFERENCE, all_of(success_status, complete_answer),
    good=(TOOLS, STREAM, TOOLS_BODY, with_request_params(replace_last_in_body(TOOLS, '"tool_calls"', '"stop"'), tool_choice={"type": "function"})),
    bad=(replace_last_in_body(TOOLS, '"tool_calls"', '"stop"'), replace_in_body(STREAM, '"stop"', '"tool_calls"'), replace_last_in_body(TOOLS_BODY, '"tool_calls"', '"stop"'), replace_last_in_body(TOOLS, '"tool_calls"', '"function_call"')),
    depends_on=_WHOLE, explained_by=("chunk.names", "chunk.places", "tool_calls.type", "chunk.index-in-range"),
)  # fmt: skip
def tool_calls(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that go by the reason never make the call, or wait for one that does not come.

    Instead: Decide by the calls, not by the reason: after the loop `if calls: run(calls)`, otherwise show the text.
    """
    # OpenAI itself ends a call that tool_choice forced by name with stop.
    forced = isinstance(exchange.request.get("tool_choice"), dict) or exchange.request.json is None
    for choice in exchange.columns.choices.values():
        reason = choice.finish_reasons[-1] if choice.finish_reasons else None
        if reason is None or reason.value in {"length", "content_filter"}:
            continue
        if choice.tools and reason.value == "stop" and not forced:
            yield Problem("a tool is called, and finish_reason is 'stop'", ((reason.chunk, reason.pointer),), _CALLED)
        elif choice.tools and reason.value == "function_call":
            at = (reason.chunk, reason.pointer)
            yield Problem("a tool is called in tool_calls, and finish_reason is 'function_call'", (at,), _OLD_REASON)
        elif not choice.tools and reason.value in {"tool_calls", "function_call"} and not _in_old_form(exchange):
            at = (reason.chunk, reason.pointer)
            yield Problem(f"no tool is called, and finish_reason is {reason.value!r}", (at,), _NOT_CALLED)
    raise Unread("chunk.names")


_OLD_REASON = Advice(
    "Clients that read `function_call` find nothing there, and those that wait for tool_calls never make the call.",
    "Decide by the calls, not by the reason: `if message.tool_calls: run(message.tool_calls)`.",
)


def _in_old_form(exchange: Exchange) -> bool:
    """Return whether a call has the form that preceded tool_calls."""
    return bool(exchange.columns.kinds(f"/choices/*/{exchange.columns.message_key}/function_call").keys() & {"object"})


@observation(
    "finish_reason.form", "The form of `finish_reason` before the end.",
    sources.CHUNK, stream,
    good=(STREAM,),
    bad=(replace_in_body(STREAM, ',"finish_reason":null', ""), replace_in_body(STREAM, '"finish_reason":null', '"finish_reason":""')),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def form(exchange: Exchange) -> str:
    """
    null, missing and "" each break other client code.

    Instead: Use one test for all forms: `if getattr(choice, "finish_reason", None):`, or
    `choice.get("finish_reason")` in raw JSON.
    """
    kinds = exchange.columns.kinds(_PLACE)
    return "/".join(sorted(what for what in kinds if what != "text")) or "single chunk"


@observation(
    "finish_reason.delta", "What the delta beside the `finish_reason` contains.",
    sources.DELTA, all_of(stream, uncut),
    good=(STREAM,),
    bad=(replace_in_body(STREAM, _FINAL, _FINAL.replace("{}", '{"content":""}')), replace_in_body(STREAM, _FINAL, _FINAL.replace("{}", '{"content":"."}'))),
    depends_on=_READ,
    harmful=lambda value: value.startswith("content text") or value.endswith("+ tool_calls"),
)  # fmt: skip
def finish_delta(exchange: Exchange) -> str:
    """
    Clients that skip the delta of the last chunk lose the text or call in it.

    Instead: In every chunk, including the last, handle the delta first and the finish_reason second.
    """
    for shape in exchange.columns.shapes:
        for choice in shape.containers("/choices/*"):
            if shape.kinds.get(f"{choice}/finish_reason") == "text":
                content = shape.kinds.get(f"{choice}/delta/content", "missing")
                calls = " + tool_calls" if shape.kinds.get(f"{choice}/delta/tool_calls") == "list" else ""
                return ("{}" if shape.kinds.get(f"{choice}/delta") == "{}" else f"content {content}") + calls
    return "no finish"
